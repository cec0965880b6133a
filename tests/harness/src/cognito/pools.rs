//! The store of identity pools: the only truth of the fake.
//!
//! A pool is its wire JSON, so a member that the fake does not know survives
//! a round trip. Ids are unique over all accounts and regions, but a pool is
//! seen only from its own [`Scope`]. All changes of a pool's JSON go through
//! [`Pools::edit`], which keeps the index of owner tags true.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use serde_json::{Map, Value};

/// Tag that names the owner of a pool: `<installation id>/<object uid>`.
pub(super) const OWNER_TAG: &str = "cognito-identity.dev/owner";

/// A JSON object.
pub(super) type Object = Map<String, Value>;

/// The account and region that a pool lives in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Scope {
    pub(super) account: String,
    pub(super) region: String,
}

/// What the monitors hold a pool to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Judged by its owner tag.
    Tagged,
    /// Made by others, whatever its tags say.
    Foreign,
    /// The test expects its owner to change.
    HandedOver,
}

/// One live pool and what hangs on it.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    pub(super) scope: Scope,
    pub(super) wire: Object,
    pub(super) roles: Object,
    pub(super) role_mappings: Object,
    pub(super) principal_tags: BTreeMap<String, Value>,
    pub(super) identities: Vec<Value>,
    pub(super) made: Instant,
    pub(super) standing: Standing,
}

impl Pool {
    pub(super) fn new(scope: Scope, wire: Object) -> Self {
        Self {
            scope,
            wire: normalized(wire),
            roles: Object::new(),
            role_mappings: Object::new(),
            principal_tags: BTreeMap::new(),
            identities: Vec::new(),
            made: Instant::now(),
            standing: Standing::Tagged,
        }
    }

    pub(super) fn id(&self) -> &str {
        self.text("IdentityPoolId")
    }

    pub(super) fn name(&self) -> &str {
        self.text("IdentityPoolName")
    }

    pub(super) fn owner(&self) -> Option<&str> {
        self.wire.get("IdentityPoolTags")?.get(OWNER_TAG)?.as_str()
    }

    fn text(&self, member: &str) -> &str {
        self.wire.get(member).and_then(Value::as_str).unwrap_or("")
    }
}

/// A deleted pool that `ListIdentityPools` may still show.
#[derive(Debug)]
pub(super) struct Ghost {
    pub(super) scope: Scope,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) made: Instant,
    pub(super) gone: Instant,
}

/// All pools of all accounts and regions.
#[derive(Debug, Default)]
pub(super) struct Pools {
    by_id: HashMap<String, Pool>,
    by_scope: HashMap<Scope, BTreeSet<String>>,
    by_owner: HashMap<(Scope, String), BTreeSet<String>>,
    ghosts: Vec<Ghost>,
}

impl Pools {
    /// The pool as seen from `scope`.
    pub(super) fn get(&self, scope: &Scope, id: &str) -> Option<&Pool> {
        self.by_id.get(id).filter(|pool| pool.scope == *scope)
    }

    /// The pool wherever it lives.
    pub(super) fn find(&self, id: &str) -> Option<&Pool> {
        self.by_id.get(id)
    }

    /// Access to everything of a pool but its wire JSON's owner tag, which
    /// only [`Pools::edit`] may touch.
    pub(super) fn find_mut(&mut self, id: &str) -> Option<&mut Pool> {
        self.by_id.get_mut(id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Pool> {
        self.by_id.values()
    }

    pub(super) fn in_scope(&self, scope: &Scope) -> impl Iterator<Item = &Pool> {
        let ids = self.by_scope.get(scope).into_iter().flatten();
        ids.filter_map(|id| self.by_id.get(id))
    }

    pub(super) fn count(&self, scope: &Scope) -> usize {
        self.by_scope.get(scope).map_or(0, BTreeSet::len)
    }

    /// A live pool of `scope` with this owner tag.
    pub(super) fn owned_by(&self, scope: &Scope, owner: &str) -> Option<&str> {
        let key = (scope.clone(), owner.to_owned());
        self.by_owner.get(&key)?.first().map(String::as_str)
    }

    pub(super) fn insert(&mut self, pool: Pool) {
        let id = pool.id().to_owned();
        self.index_owner(&pool, &id);
        self.by_scope
            .entry(pool.scope.clone())
            .or_default()
            .insert(id.clone());
        self.by_id.insert(id, pool);
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<Pool> {
        let pool = self.by_id.remove(id)?;
        self.unindex_owner(&pool, id);
        if let Some(ids) = self.by_scope.get_mut(&pool.scope) {
            ids.remove(id);
        }
        self.ghosts.push(Ghost {
            scope: pool.scope.clone(),
            id: id.to_owned(),
            name: pool.name().to_owned(),
            made: pool.made,
            gone: Instant::now(),
        });
        Some(pool)
    }

    /// Changes a pool's wire JSON; its id stays what it is.
    pub(super) fn edit<T>(&mut self, id: &str, change: impl FnOnce(&mut Object) -> T) -> Option<T> {
        let mut pool = self.by_id.remove(id)?;
        self.unindex_owner(&pool, id);
        let result = change(&mut pool.wire);
        pool.wire = normalized(std::mem::take(&mut pool.wire));
        pool.wire.insert("IdentityPoolId".to_owned(), id.into());
        self.index_owner(&pool, id);
        self.by_id.insert(id.to_owned(), pool);
        Some(result)
    }

    /// Forgets pools that were deleted before `horizon`.
    pub(super) fn forget_ghosts(&mut self, horizon: Instant) {
        self.ghosts.retain(|ghost| ghost.gone > horizon);
    }

    /// The deleted pools of `scope` that are not forgotten yet.
    pub(super) fn ghosts(&self, scope: &Scope) -> impl Iterator<Item = &Ghost> {
        self.ghosts
            .iter()
            .filter(move |ghost| ghost.scope == *scope)
    }

    fn index_owner(&mut self, pool: &Pool, id: &str) {
        if let Some(owner) = pool.owner() {
            let key = (pool.scope.clone(), owner.to_owned());
            self.by_owner.entry(key).or_default().insert(id.to_owned());
        }
    }

    fn unindex_owner(&mut self, pool: &Pool, id: &str) {
        let Some(owner) = pool.owner() else { return };
        let key = (pool.scope.clone(), owner.to_owned());
        if let Some(ids) = self.by_owner.get_mut(&key) {
            ids.remove(id);
            if ids.is_empty() {
                self.by_owner.remove(&key);
            }
        }
    }
}

/// Wire JSON as AWS answers it: no nulls, and of the empty collections only
/// the tags are shown.
fn normalized(mut wire: Object) -> Object {
    wire.retain(|_, value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    });
    wire.entry("IdentityPoolTags")
        .or_insert_with(|| Value::Object(Object::new()));
    wire
}
