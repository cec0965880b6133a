//! What is compared: two sides agree when the same things are alike on both.

use std::collections::HashMap;
use std::hash::Hash;

use identity_pool_operator::api::IdentityPool;
use identity_pool_operator::pool::moves::Trouble;
use serde_json::{Value, json};

use super::memory::Answer;

/// Numbers what is alike.
struct Numbers<T>(HashMap<T, usize>);

impl<T: Hash + Eq> Numbers<T> {
    fn of(&mut self, thing: T) -> usize {
        let next = self.0.len();
        *self.0.entry(thing).or_insert(next)
    }
}

/// An object with uids and versions in numbers.
pub(super) struct Glasses {
    uids: Numbers<String>,
    versions: Numbers<String>,
}

/// What is the same whatever the version.
pub(super) fn content(object: &IdentityPool) -> Value {
    let meta = &object.metadata;
    json!([
        meta.generation,
        meta.deletion_timestamp.is_some(),
        meta.finalizers,
        meta.annotations,
        object.spec,
        object.status
    ])
}

/// Its version, if it is there.
pub(super) fn version(object: Option<&IdentityPool>) -> Option<&String> {
    object?.metadata.resource_version.as_ref()
}

impl Glasses {
    pub(super) fn new() -> Self {
        Self {
            uids: Numbers(HashMap::new()),
            versions: Numbers(HashMap::new()),
        }
    }

    pub(super) fn look(&mut self, object: Option<&IdentityPool>) -> Value {
        let Some(object) = object else {
            return Value::Null;
        };
        let meta = &object.metadata;
        json!({
            "uid": self.uids.of(meta.uid.clone().unwrap_or_default()),
            "version": self.versions.of(meta.resource_version.clone().unwrap_or_default()),
            "generation": meta.generation,
            "going": meta.deletion_timestamp.is_some(),
            "finalizers": meta.finalizers,
            "annotations": meta.annotations,
            "spec": object.spec,
            "status": object.status,
        })
    }

    pub(super) fn hear(&mut self, answer: &Answer) -> Value {
        match answer {
            Ok(object) => self.look(object.as_ref()),
            Err(Trouble::Stale) => json!("stale"),
            Err(Trouble::Gone) => json!("gone"),
            // In other words.
            Err(Trouble::Failed(_)) => json!("refused"),
        }
    }
}
