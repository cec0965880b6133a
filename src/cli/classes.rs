//! The flags about classes.

use clap::Args;

use crate::controller::ClassScope;

/// Whether there are classes, and which.
#[derive(Debug, Args)]
pub(super) struct ClassFlags {
    /// Look after classes (IdentityPoolClass): accounts, roles, regions and guardrails for tenants
    #[arg(long, env = "CLASSES")]
    classes: bool,
    /// Refuse objects that are of no class: none named, and no default one
    #[arg(long, env = "REQUIRE_CLASS", requires = "classes")]
    require_class: bool,
    /// Label selector of the classes to look after, where several operators share a cluster [default: all]
    #[arg(long, env = "CLASS_SELECTOR", requires = "classes")]
    class_selector: Option<String>,
}

impl ClassFlags {
    /// Which classes are this operator's business, if any.
    pub(super) fn scope(&self) -> Option<ClassScope> {
        self.classes.then(|| ClassScope {
            selector: self.class_selector.clone(),
            is_required: self.require_class,
        })
    }
}
