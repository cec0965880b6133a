//! The apiserver in memory.

use identity_pool_operator::api::names::{CLAIM_ANNOTATION, RECONCILE_AT_ANNOTATION};
use identity_pool_operator::api::{IdentityPool, IdentityPoolSpec};
use identity_pool_operator::pool::moves::Trouble;
use jiff::Timestamp;

use super::drawn::Write;
use crate::apiserver::{Change, changed, fresh, tested};

/// What is stored under one name.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) object: Option<IdentityPool>,
    versions: u32,
    uids: u32,
}

/// The object after a write; none, once it is gone.
pub(super) type Answer = Result<Option<IdentityPool>, Trouble>;

impl Memory {
    /// A version in which nothing else is new.
    pub(super) fn renew(&mut self) {
        if let Some(object) = &mut self.object {
            self.versions += 1;
            object.metadata.resource_version = Some(self.versions.to_string());
        }
    }

    pub(super) fn create(&mut self, spec: IdentityPoolSpec) -> Answer {
        if self.object.is_some() {
            return Err(Trouble::Failed("there is one".to_owned()));
        }
        self.versions += 1;
        self.uids += 1;
        let (uid, version) = (format!("u{}", self.uids), self.versions.to_string());
        self.object = Some(fresh(&uid, &version, spec));
        Ok(self.object.clone())
    }

    pub(super) fn write(&mut self, seen: Option<&IdentityPool>, write: &Write) -> Answer {
        if let Some(seen) = seen {
            tested(self.object.as_ref(), seen)?;
        }
        let stored = self.object.as_ref().ok_or(Trouble::Gone)?;
        let change = match write {
            Write::Claim(claim) => Change::Claim(claim),
            Write::Status(status) => Change::Status(Some(status)),
            Write::DropFinalizer => Change::DropFinalizer,
            Write::Spec(spec) => Change::Spec(spec),
            Write::Annotate(value) => Change::Annotation(RECONCILE_AT_ANNOTATION, value.as_deref()),
            Write::Strip => Change::Annotation(CLAIM_ANNOTATION, None),
            Write::Finalizers(names) => Change::Finalizers(names),
            Write::Erase => Change::Status(None),
            Write::Delete => Change::Delete(Timestamp::UNIX_EPOCH),
        };
        let versions = &mut self.versions;
        let after = changed(stored, &change, || {
            *versions += 1;
            versions.to_string()
        })?;
        self.object.clone_from(&after);
        Ok(after)
    }
}
