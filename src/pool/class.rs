//! Which class an object is of, and what that means for a pass.
//!
//! A class is as the catalogue shows it when the pass begins. What changes meanwhile ends the
//! pass before it changes anything in AWS.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::guardrails::Fences;
use super::settings;
use crate::api::identity_pool_class::selects;
use crate::api::{
    ClassDefaults, DeletionPolicy, DriftPolicy, IdentityPoolClassSpec, OnRevocation, Reason,
};

/// Where a class leads, as AWS itself said.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Home {
    /// Twelve digits.
    pub account_id: String,
    /// Partition of the account: `aws`, `aws-cn`, …
    pub partition: String,
    /// Region of objects that name none.
    pub region: String,
}

/// A class that can be used.
#[derive(Clone, Debug)]
pub struct Class {
    /// Its name.
    pub name: String,
    /// Where it leads.
    pub home: Home,
    pub(super) fences: Fences,
    pub(super) defaults: ClassDefaults,
    pub(super) on_revocation: OnRevocation,
    /// Changes with all that a pass rests on.
    version: String,
}

impl Class {
    /// Reads what a class says. `edition` tells it from what it said before.
    ///
    /// # Errors
    /// What cannot be read, in a sentence.
    pub fn read(
        name: &str,
        spec: &IdentityPoolClassSpec,
        home: Home,
        edition: &str,
    ) -> Result<Self, String> {
        let fences = Fences::read(spec.guardrails.clone().unwrap_or_default())?;
        Ok(Self {
            version: format!("{name} {edition} {} {}", home.account_id, home.region),
            name: name.to_owned(),
            home,
            fences,
            defaults: spec.defaults.clone().unwrap_or_default(),
            on_revocation: spec.on_revocation.unwrap_or_default(),
        })
    }
}

impl Class {
    /// Most pools in a namespace.
    #[must_use]
    pub fn most_pools(&self) -> Option<usize> {
        self.fences.most_pools()
    }
}

/// Why a class cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bar {
    /// The reason, for a condition.
    pub reason: Reason,
    /// A sentence or two.
    pub message: String,
}

impl Bar {
    /// Puts the two together.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

/// A class as the catalogue has it.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Whether its annotation says that it is the default.
    pub is_default: bool,
    /// Namespaces that may use it.
    pub allowed: Option<LabelSelector>,
    /// The class, or why it cannot be used.
    pub class: Result<Arc<Class>, Bar>,
}

/// How far the classes are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Listing {
    /// All of them are.
    #[default]
    Complete,
    /// They are being listed.
    Awaited,
    /// The apiserver does not list them, and why.
    Refused(String),
    /// The operator does not look after classes.
    Ignored,
}

/// All classes.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Whether these are all.
    pub listing: Listing,
    /// By name.
    pub offers: BTreeMap<String, Offer>,
    /// Whether an object without a class is refused.
    pub is_required: bool,
}

/// What an object is to its class.
#[derive(Clone, Debug, Default)]
pub enum Membership {
    /// It has none: the operator's own credentials, account and region.
    #[default]
    Unclassed,
    /// It is of one.
    Member {
        /// Of which.
        class: Arc<Class>,
        /// Whether the class takes objects of this namespace.
        is_admitted: bool,
        /// Other objects of the class in the namespace that have a pool before this one may.
        siblings: usize,
    },
    /// It can be of none.
    Barred(Bar),
}

impl Membership {
    /// Changes with all that a pass rests on.
    #[must_use]
    pub fn version(&self) -> String {
        match self {
            Self::Unclassed => String::new(),
            Self::Member {
                class, is_admitted, ..
            } => format!("{} {is_admitted}", class.version),
            Self::Barred(Bar { reason, message }) => {
                format!("{reason} {}", settings::hex(message, 8))
            }
        }
    }

    /// The class, where the object is of one.
    #[must_use]
    pub fn class(&self) -> Option<&Arc<Class>> {
        match self {
            Self::Member { class, .. } => Some(class),
            Self::Unclassed | Self::Barred(_) => None,
        }
    }

    /// The same with so many objects before it.
    #[must_use]
    pub fn after(self, others: usize) -> Self {
        match self {
            Self::Member {
                class, is_admitted, ..
            } => Self::Member {
                class,
                is_admitted,
                siblings: others,
            },
            other => other,
        }
    }

    fn defaults(&self) -> Option<&ClassDefaults> {
        self.class().map(|class| &class.defaults)
    }

    pub(super) fn tags(&self) -> Option<&BTreeMap<String, String>> {
        self.defaults().map(|defaults| &defaults.identity_pool_tags)
    }

    /// The deletion policy of objects that name none, if the class has a say in it: what it does
    /// not allow it cannot mean.
    pub(super) fn deletion_policy(&self) -> Option<DeletionPolicy> {
        let class = self.class()?;
        let kept = (!class.fences.allows_deletion()).then_some(DeletionPolicy::Retain);
        class.defaults.deletion_policy.or(kept)
    }

    pub(super) fn drift_policy(&self) -> Option<DriftPolicy> {
        self.defaults()?.drift_policy
    }

    pub(super) fn resync_period_seconds(&self) -> Option<i32> {
        self.defaults()?.resync_period_seconds
    }
}

impl Catalogue {
    /// The name of the class that an object is of which names this one or none.
    ///
    /// # Errors
    /// When there is more than one default.
    pub fn name_for<'a>(&'a self, asked: Option<&'a str>) -> Result<Option<&'a str>, Bar> {
        if asked.is_some() {
            return Ok(asked);
        }
        match self.defaults()[..] {
            [] if self.is_required => Err(Bar::new(
                Reason::ClassRequired,
                "spec.className names no class, there is no default one, and the operator refuses \
                 objects without (--require-class). Set spec.className to a class that takes this \
                 namespace.",
            )),
            [] => Ok(None),
            [only] => Ok(Some(only)),
            ref several => Err(several_defaults(several)),
        }
    }

    /// The classes that say they are the default.
    #[must_use]
    pub fn defaults(&self) -> Vec<&str> {
        let all = self.offers.iter().filter(|(_, offer)| offer.is_default);
        all.map(|(name, _)| name.as_str()).collect()
    }

    /// What an object of a namespace with these labels is.
    #[must_use]
    pub fn membership(&self, asked: Option<&str>, labels: &BTreeMap<String, String>) -> Membership {
        if let Some(bar) = self.unlisted(asked) {
            return Membership::Barred(bar);
        }
        let name = match self.name_for(asked) {
            Ok(Some(name)) => name,
            Ok(None) => return Membership::Unclassed,
            Err(bar) => return Membership::Barred(bar),
        };
        let Some(offer) = self.offers.get(name) else {
            return Membership::Barred(self.unknown(name));
        };
        let class = match &offer.class {
            Ok(class) => Arc::clone(class),
            Err(bar) => return Membership::Barred(bar.clone()),
        };
        let admits = |selector| selects(selector, labels);
        match offer.allowed.as_ref().map_or(Ok(false), admits) {
            Ok(is_admitted) => Membership::Member {
                class,
                is_admitted,
                siblings: 0,
            },
            Err(why) => Membership::Barred(Bar::new(
                Reason::InvalidClass,
                format!(
                    "Class {name} cannot be used: spec.allowedNamespaces is no selector: {why}."
                ),
            )),
        }
    }

    /// Before the classes are known nobody can tell that an object has none: there may be a default.
    fn unlisted(&self, asked: Option<&str>) -> Option<Bar> {
        let unknown = |why: &str| {
            let begin = "It is not known yet which classes there are";
            Bar::new(Reason::ClassNotReady, format!("{begin}{why}."))
        };
        match (&self.listing, asked) {
            (Listing::Complete, _) | (Listing::Ignored, None) => None,
            (Listing::Awaited, _) => Some(unknown("")),
            (Listing::Refused(why), _) => Some(unknown(&format!(": {why}"))),
            (Listing::Ignored, Some(name)) => Some(Bar::new(
                Reason::UnknownClass,
                format!(
                    "spec.className is {name:?}, but the operator does not look after classes. Run it \
                     with --classes, or remove spec.className."
                ),
            )),
        }
    }

    fn unknown(&self, name: &str) -> Bar {
        let names: Vec<&str> = self.offers.keys().map(String::as_str).collect();
        let there = match &names[..] {
            [] => "there is none at all".to_owned(),
            some => format!("there are {}", some.join(", ")),
        };
        Bar::new(
            Reason::UnknownClass,
            format!(
                "spec.className is {name:?}, but there is no such IdentityPoolClass: {there}. Correct \
                 it, or have the class made."
            ),
        )
    }
}

/// The sentence about more than one default.
#[must_use]
pub fn several_defaults(names: &[&str]) -> Bar {
    Bar::new(
        Reason::SeveralDefaultClasses,
        format!(
            "{} classes say that they are the default: {}. None of them is; take the annotation \
             cognito-identity.dev/is-default-class off all but one, or set spec.className.",
            names.len(),
            names.join(", ")
        ),
    )
}
