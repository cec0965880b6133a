//! What one pass knows of the values that its object takes from others.

use std::collections::BTreeSet;

use super::resolve::{self, Resolved};
use super::settings::{self, Desired};
use super::sources::{Findings, Source};
use crate::api::{IdentityPool, IdentityPoolSpec};

/// Sources of the spec, what was found there, and the spec with it in place.
#[derive(Clone, Debug, Default)]
pub(super) struct References {
    /// `None` where all values stand in the spec itself.
    sources: Option<BTreeSet<Source>>,
    findings: Option<Findings>,
    resolved: Option<Resolved>,
    /// How often they were read.
    pub(super) reads: u32,
}

impl References {
    /// The spec is another one. What was read counts for the sources that it was read for.
    pub(super) fn note(&mut self, object: Option<&IdentityPool>) {
        let sources = object.and_then(|object| resolve::sources(&object.spec));
        if sources != self.sources {
            self.sources = sources;
            self.findings = None;
        }
        self.resolve(object);
    }

    /// The sources were read.
    pub(super) fn learn(&mut self, findings: Findings, object: Option<&IdentityPool>) {
        self.findings = Some(findings);
        self.resolve(object);
    }

    fn resolve(&mut self, object: Option<&IdentityPool>) {
        let known = object.zip(self.findings.as_ref());
        self.resolved = known.map(|(object, findings)| resolve::resolve(object, findings));
    }

    /// Whether any value comes from elsewhere.
    pub(super) fn exist(&self) -> bool {
        self.sources.is_some()
    }

    /// The sources that have to be read before anything is known.
    pub(super) fn unread(&self) -> Option<&BTreeSet<Source>> {
        self.sources.as_ref().filter(|_| self.resolved.is_none())
    }

    /// Whether every value is there and of the right form.
    pub(super) fn are_complete(&self) -> bool {
        let resolved = self.resolved.as_ref();
        self.sources.is_none() || resolved.is_some_and(Resolved::is_complete)
    }

    /// What is known of what the object asks for; nothing before the sources were read.
    pub(super) fn desired(&self, object: &IdentityPool) -> Option<Desired> {
        if self.sources.is_none() {
            return Some(Desired::of(object));
        }
        let resolved = self.resolved.as_ref()?;
        Some(Desired {
            secrets: resolved.secrets.clone(),
            ..Desired::of(&resolved.object)
        })
    }

    /// What stands for all that was read and all that was not found; nothing before that.
    pub(super) fn fingerprint(&self, object: &IdentityPool) -> Option<String> {
        let Resolved {
            object: _,
            secrets: _,
            missing,
            refused,
        } = self.resolved.as_ref()?;
        let desired = self.desired(object)?.hash();
        let parts = [missing.as_slice(), refused.as_slice()].concat();
        Some(settings::hex(&format!("{desired} {}", parts.join(" ")), 16))
    }

    /// The spec with what was read in place; nothing before the sources were read.
    pub(super) fn spec<'a>(&'a self, object: &'a IdentityPool) -> Option<&'a IdentityPoolSpec> {
        if self.sources.is_none() {
            return Some(&object.spec);
        }
        Some(&self.resolved.as_ref()?.object.spec)
    }

    /// What is missing, in a sentence.
    pub(super) fn missing(&self) -> Option<String> {
        resolve::listed(&self.resolved.as_ref()?.missing)
    }

    /// What is not of the form that its field takes, in a sentence.
    pub(super) fn refused(&self) -> Option<String> {
        resolve::listed(&self.resolved.as_ref()?.refused)
    }
}
