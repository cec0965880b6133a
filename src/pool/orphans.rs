//! Pools of this installation whose objects are no more: a finalizer was removed by force, an
//! etcd was restored to before its object, a policy kept the pool.
//!
//! They are counted and told, and nothing else: whether such a pool may go, only a person
//! knows. What cannot be told from here is left out, so that no operator calls the pools of
//! its neighbours orphans.

use std::collections::HashSet;

use super::settings::PoolId;

/// A pool with an owner tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marked {
    /// Which pool.
    pub id: PoolId,
    /// Its owner tag.
    pub owner: String,
    /// Its source tag.
    pub source: Option<String>,
}

/// Which objects this process sees.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// The installation that it works for.
    pub installation: &'a str,
    /// The namespaces that it watches; none means all.
    pub namespaces: &'a [String],
    /// Whether a selector hides objects in them.
    pub is_selective: bool,
    /// The uids of all objects in sight, whether or not they can be read.
    pub uids: &'a HashSet<String>,
}

/// A pool that no object in sight owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// Which pool.
    pub id: PoolId,
    /// The uid of the object that it belonged to.
    pub uid: String,
    /// The source tag, as it stands on the pool.
    pub source: Option<String>,
}

impl Orphan {
    /// Namespace and name of the object that it belonged to.
    #[must_use]
    pub fn object(&self) -> Option<(&str, &str)> {
        object(self.source.as_deref())
    }

    /// Whether it is one although an object bears the name: the view of the objects may lag
    /// behind, so the apiserver has the last word.
    #[must_use]
    pub fn is_confirmed(&self, uid_found: Option<&str>) -> bool {
        uid_found != Some(self.uid.as_str())
    }
}

/// The orphans among some pools; `None` where a selector hides objects, because an object
/// that is hidden cannot be told from one that is gone.
#[must_use]
pub fn find(pools: Vec<Marked>, sight: Sight<'_>) -> Option<Vec<Orphan>> {
    if sight.is_selective {
        return None;
    }
    let orphan = |pool: Marked| {
        let uid = pool.owner.strip_prefix(sight.installation)?;
        let uid = uid.strip_prefix('/')?.to_owned();
        let lives = sight.uids.contains(&uid);
        let orphan = Orphan {
            id: pool.id,
            uid,
            source: pool.source,
        };
        (!lives && is_in_sight(&orphan, sight.namespaces)).then_some(orphan)
    };
    Some(pools.into_iter().filter_map(orphan).collect())
}

/// Whether an object of the orphan's namespace would be seen.
fn is_in_sight(orphan: &Orphan, namespaces: &[String]) -> bool {
    if namespaces.is_empty() {
        return true;
    }
    orphan
        .object()
        .is_some_and(|(namespace, _)| namespaces.iter().any(|watched| watched == namespace))
}

fn object(source: Option<&str>) -> Option<(&str, &str)> {
    let (namespace, name) = source?.split_once('/')?;
    let is_name = |text: &str| !text.is_empty() && !text.contains('/');
    (is_name(namespace) && is_name(name)).then_some((namespace, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(owner: &str, source: Option<&str>) -> Marked {
        Marked {
            id: PoolId::new("eu-west-1:p"),
            owner: owner.to_owned(),
            source: source.map(str::to_owned),
        }
    }

    /// What is found where the object with uid `alive` lives.
    fn found(pool: Marked, namespaces: &[&str], is_selective: bool) -> Option<usize> {
        let namespaces: Vec<String> = namespaces.iter().map(|it| (*it).to_owned()).collect();
        let sight = Sight {
            installation: "cluster",
            namespaces: &namespaces,
            is_selective,
            uids: &HashSet::from(["alive".to_owned()]),
        };
        find(vec![pool], sight).map(|orphans| orphans.len())
    }

    #[test]
    fn a_pool_of_this_installation_without_its_object_is_an_orphan() {
        for (owner, orphans) in [
            ("cluster/alive", 0),
            ("cluster/gone", 1),
            ("other/gone", 0),
            ("clusters/gone", 0),
            ("cluster", 0),
            ("", 0),
        ] {
            let pool = pool(owner, Some("shop/app"));
            assert_eq!(found(pool, &[], false), Some(orphans), "{owner}");
        }
    }

    #[test]
    fn only_what_is_in_sight_can_be_called_an_orphan() {
        for (source, namespaces, orphans) in [
            (Some("shop/app"), &["shop"][..], 1),
            (Some("shop/app"), &["web", "shop"], 1),
            (Some("shop/app"), &["web"], 0),
            (Some("shop"), &["shop"], 0),
            (Some("/shop/app"), &["shop"], 0),
            (Some("shop/"), &["shop"], 0),
            (None, &["shop"], 0),
            (None, &[], 1),
        ] {
            let pool = pool("cluster/gone", source);
            let says = format!("{source:?} seen from {namespaces:?}");
            assert_eq!(found(pool, namespaces, false), Some(orphans), "{says}");
        }
    }

    #[test]
    fn behind_a_selector_nothing_can_be_told() {
        assert_eq!(
            found(pool("cluster/gone", Some("shop/app")), &[], true),
            None
        );
    }

    #[test]
    fn the_apiserver_has_the_last_word() {
        let orphan = Orphan {
            id: PoolId::new("eu-west-1:p"),
            uid: "u1".to_owned(),
            source: Some("shop/app".to_owned()),
        };
        assert_eq!(orphan.object(), Some(("shop", "app")));
        assert!(!orphan.is_confirmed(Some("u1")), "the view lagged behind");
        assert!(orphan.is_confirmed(Some("u2")), "another has its name");
        assert!(orphan.is_confirmed(None));
    }
}
