//! Which requests, or which watch events, a fault or a count is about.

use super::target::{Target, Verb};

/// A description that fits some requests or events; what is not said fits all.
///
/// A watch event has the verb [`Verb::Watch`], the resource of its watch, and the namespace and
/// name of its object; a bookmark has no name.
#[derive(Debug, Clone, Default)]
pub struct Matching {
    verb: Option<Verb>,
    resource: Option<String>,
    subresource: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    containing: Vec<String>,
}

impl Matching {
    /// Fits everything.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// Only this verb.
    #[must_use]
    pub fn verb(verb: Verb) -> Self {
        Self {
            verb: Some(verb),
            ..Self::default()
        }
    }

    /// Only this resource, by its plural name.
    #[must_use]
    pub fn resource(self, resource: impl Into<String>) -> Self {
        let resource = Some(resource.into());
        Self { resource, ..self }
    }

    /// Only this subresource; the empty text is the object itself.
    #[must_use]
    pub fn subresource(self, subresource: impl Into<String>) -> Self {
        let subresource = Some(subresource.into());
        Self {
            subresource,
            ..self
        }
    }

    /// Only this namespace.
    #[must_use]
    pub fn namespace(self, namespace: impl Into<String>) -> Self {
        let namespace = Some(namespace.into());
        Self { namespace, ..self }
    }

    /// Only objects of this name.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        let name = Some(name.into());
        Self { name, ..self }
    }

    /// Only where path, query or body of the request, or the frame of the event, contains this
    /// text; said again, this one too.
    #[must_use]
    pub fn containing(mut self, text: impl Into<String>) -> Self {
        self.containing.push(text.into());
        self
    }

    /// Whether it fits something with this target and these texts.
    pub(super) fn fits(&self, target: &Target, texts: &[&str]) -> bool {
        let same = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found)
        };
        self.verb.is_none_or(|verb| verb == target.verb)
            && same(&self.resource, &target.resource)
            && same(&self.subresource, &target.subresource)
            && same(&self.namespace, &target.namespace)
            && same(&self.name, &target.name)
            && self
                .containing
                .iter()
                .all(|part| texts.iter().any(|text| text.contains(part)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_that_is_said_has_to_fit() {
        let target = Target {
            verb: Verb::Patch,
            resource: "identitypools".to_owned(),
            subresource: "status".to_owned(),
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
        };
        let fits = |matching: Matching| matching.fits(&target, &["one", "two"]);
        let good = Matching::verb(Verb::Patch)
            .resource("identitypools")
            .subresource("status")
            .namespace("shop")
            .name("web")
            .containing("one")
            .containing("two");
        assert!(fits(good.clone()) && fits(Matching::any()));
        for wrong in [
            Matching::verb(Verb::Update),
            good.clone().resource("events"),
            good.clone().subresource(""),
            good.clone().namespace("blog"),
            good.clone().name("app"),
            good.containing("three"),
        ] {
            assert!(!fits(wrong.clone()), "{wrong:?}");
        }
    }
}
