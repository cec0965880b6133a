//! Whose pool is it: the owner tag decides, nothing else.
//!
//! Status is a hint that anybody with access to it can forge; the tag lives where
//! the pool lives. No mutating call goes to a pool whose tag does not name us.

use super::settings::{PoolId, Tags};
use crate::api::names::{CLAIM_TAG, OWNER_TAG, SOURCE_TAG};

/// A pool that bears an owner tag, as far as a search knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owned {
    /// Which pool.
    pub id: PoolId,
    /// Its claim tag.
    pub claim: Option<String>,
}

/// What the tags of a pool say about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership<'a> {
    /// It is this object's.
    Ours,
    /// It says another owner.
    Other(&'a str),
    /// It has no owner tag.
    Nobody,
}

/// The value of the owner tag of an object's pool.
#[must_use]
pub fn owner_of(installation: &str, uid: &str) -> String {
    format!("{installation}/{uid}")
}

/// Reads the verdict from a pool's tags.
#[must_use]
pub fn verdict<'a>(tags: &'a Tags, owner: &str) -> Ownership<'a> {
    match tags.get(OWNER_TAG) {
        Some(tag) if tag == owner => Ownership::Ours,
        Some(other) => Ownership::Other(other),
        None => Ownership::Nobody,
    }
}

/// The owner that a pool's tags name, for people: the object, and whether it is one of this
/// installation, for only then can it be found in this cluster.
pub(super) fn described(tags: &Tags, owner: &str, installation: &str) -> String {
    let object = tags.get(SOURCE_TAG).map_or_else(
        || "an object that no tag names".to_owned(),
        |source| format!("IdentityPool {source}"),
    );
    let here = owner
        .split_once('/')
        .is_some_and(|(theirs, _)| theirs == installation);
    let whose = if here { "this" } else { "another" };
    format!("{object} of {whose} installation (its tag {OWNER_TAG} says {owner})")
}

/// The three tags that mark a pool as an object's.
#[must_use]
pub fn own_tags(owner: &str, source: &str, claim: &str) -> Tags {
    Tags::from([
        (OWNER_TAG.to_owned(), owner.to_owned()),
        (SOURCE_TAG.to_owned(), source.to_owned()),
        (CLAIM_TAG.to_owned(), claim.to_owned()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_owner_tag_makes_a_pool_ours() {
        let ours = own_tags("cluster/u1", "ns/pool", "c");
        assert_eq!(verdict(&ours, "cluster/u1"), Ownership::Ours);
        assert_eq!(verdict(&ours, "cluster/u2"), Ownership::Other("cluster/u1"));
        assert_eq!(verdict(&ours, "other/u1"), Ownership::Other("cluster/u1"));
        assert_eq!(verdict(&Tags::new(), "cluster/u1"), Ownership::Nobody);
    }

    #[test]
    fn an_owner_is_named_as_people_know_it() {
        let tags = own_tags("cluster/u1", "shop/app", "c");
        assert_eq!(
            described(&tags, "cluster/u1", "cluster"),
            "IdentityPool shop/app of this installation (its tag cognito-identity.dev/owner says \
             cluster/u1)"
        );
        let bare = described(&Tags::new(), "else/u1", "cluster");
        assert!(bare.starts_with("an object that no tag names of another installation"));
    }
}
