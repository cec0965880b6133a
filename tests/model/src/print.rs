//! Values that are told apart by a fingerprint, so that a state is small and quickly compared.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};

/// The same in every run: nothing here is random.
pub(crate) fn print_of(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A shared value and its fingerprint.
#[derive(Debug)]
pub(crate) struct Printed<T> {
    value: Arc<T>,
    pub(crate) print: u64,
}

impl<T> Printed<T> {
    pub(crate) fn new(value: T, print: u64) -> Self {
        let value = Arc::new(value);
        Self { value, print }
    }

    pub(crate) fn arc(&self) -> Arc<T> {
        Arc::clone(&self.value)
    }
}

impl<T: Hash> Printed<T> {
    pub(crate) fn of(value: T) -> Self {
        let print = print_of(&value);
        Self::new(value, print)
    }
}

impl<T> Clone for Printed<T> {
    fn clone(&self) -> Self {
        let value = Arc::clone(&self.value);
        Self { value, ..*self }
    }
}

impl<T> Deref for Printed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> PartialEq for Printed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.print == other.print
    }
}

impl<T> Hash for Printed<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.print.hash(state);
    }
}

/// Takes a fingerprint as it is.
#[derive(Default)]
pub(crate) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only fingerprints are hashed");
    }

    fn write_u64(&mut self, print: u64) {
        self.0 = print;
    }
}

type Shard<V> = RwLock<HashMap<u64, V, BuildHasherDefault<AsItIs>>>;

/// What a pure function said to an argument of this fingerprint.
pub(crate) struct Cache<V>(Vec<Shard<V>>);

const SHARDS: u64 = 64;

impl<V: Clone> Cache<V> {
    pub(crate) fn new() -> Self {
        Self((0..SHARDS).map(|_| Shard::default()).collect())
    }

    fn shard(&self, key: u64) -> &Shard<V> {
        let place = usize::try_from(key % SHARDS).unwrap_or_default();
        &self.0[place]
    }

    pub(crate) fn get(&self, key: u64) -> Option<V> {
        let shard = self.shard(key).read();
        shard
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned()
    }

    pub(crate) fn insert(&self, key: u64, value: V) {
        let shard = self.shard(key).write();
        shard
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, value);
    }

    pub(crate) fn or_insert(&self, key: u64, value: impl FnOnce() -> V) -> V {
        self.get(key).unwrap_or_else(|| {
            let value = value();
            self.insert(key, value.clone());
            value
        })
    }

    pub(crate) fn len(&self) -> usize {
        let len = |shard: &Shard<V>| shard.read().unwrap_or_else(PoisonError::into_inner).len();
        self.0.iter().map(len).sum()
    }
}
