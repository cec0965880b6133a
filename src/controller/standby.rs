//! What becomes of keys while another replica leads: nothing is done, nothing is forgotten.

use std::collections::HashSet;

use futures::{Stream, StreamExt};
use kube::runtime::controller::ReconcileRequest;
use kube::runtime::reflector::{ObjectRef, Store};

use super::context::Guarded;

type Key = ReconcileRequest<Guarded>;

/// Takes keys until this replica leads, and answers with a key for every object known
/// then; `None` when the keys end before, because the operator stops.
///
/// An error that is final comes at once: it ends a replica, whoever leads.
pub(super) async fn all_keys_at<E>(
    leading: impl Future<Output = ()>,
    keys: &mut (impl Stream<Item = Result<Key, E>> + Unpin),
    store: &Store<Guarded>,
    is_final: impl Fn(&E) -> bool,
) -> Option<Vec<Result<Key, E>>> {
    let mut unlisted = HashSet::new();
    let mut leading = std::pin::pin!(leading);
    loop {
        tokio::select! {
            biased;
            () = &mut leading => break,
            key = keys.next() => match key? {
                // The store shows a list only when it is complete.
                Ok(key) if store.get(&key.obj_ref).is_none() => {
                    unlisted.insert(key.obj_ref);
                }
                Ok(key) => {
                    unlisted.remove(&key.obj_ref);
                }
                Err(error) if is_final(&error) => return Some(vec![Err(error)]),
                Err(_) => {}
            }
        }
    }
    let listed = store.state();
    let listed = listed.iter().map(|object| ObjectRef::from_obj(&**object));
    let all = unlisted.into_iter().chain(listed);
    Some(all.map(|object| Ok(Key::from(object))).collect())
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use kube::core::DeserializeGuard;
    use kube::runtime::reflector::store;
    use kube::runtime::watcher::Event;
    use tokio::sync::oneshot;

    use super::*;
    use crate::api::{IdentityPool, IdentityPoolSpec};

    fn object(name: &str) -> Guarded {
        let mut object = IdentityPool::new(name, IdentityPoolSpec::default());
        object.metadata.namespace = Some("web".to_owned());
        DeserializeGuard(Ok(object))
    }

    fn key(name: &str) -> Key {
        Key::from(ObjectRef::from_obj(&object(name)))
    }

    #[tokio::test]
    async fn every_object_gets_a_key_when_the_term_begins_also_one_of_a_list_under_way() {
        let (store, mut writer) = store();
        writer.apply_watcher_event(&Event::Apply(object("known")));
        let (begin, leads) = oneshot::channel();
        let keys = stream::iter([
            Ok(key("known")),
            Ok(key("half-listed")),
            Ok(key("half-listed")),
            Err(()),
        ]);
        let then_begin = stream::once(async move {
            begin.send(()).expect("somebody waits");
            std::future::pending().await
        });
        let mut keys = Box::pin(keys.chain(then_begin));
        let leading = async { leads.await.expect("it begins") };
        let all = all_keys_at(leading, &mut keys, &store, |()| false).await;
        let all = all.expect("the keys go on").into_iter().flatten();
        let mut names: Vec<String> = all.map(|key| key.obj_ref.name).collect();
        names.sort_unstable();
        assert_eq!(names, ["half-listed", "known"]);
    }

    #[tokio::test]
    async fn what_can_never_work_is_not_kept_until_the_term_begins() {
        let (store, _writer) = store();
        let mut keys = stream::iter([Err("passing"), Err("final")]);
        let never = std::future::pending();
        let all = all_keys_at(never, &mut keys, &store, |error| *error == "final").await;
        let all = all.expect("an answer");
        assert!(matches!(all[..], [Err("final")]), "one error and no key");
    }

    #[tokio::test]
    async fn a_standby_that_is_stopped_begins_nothing() {
        let (store, _writer) = store();
        let mut keys = stream::iter([Ok::<_, ()>(key("known"))]);
        let never = std::future::pending();
        let all = all_keys_at(never, &mut keys, &store, |()| false).await;
        assert!(all.is_none());
    }
}
