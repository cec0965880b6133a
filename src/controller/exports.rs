//! Reads and writes of the `ConfigMaps` that objects export to.
//!
//! No write takes effect on another `ConfigMap` than the one that was read: it is made only where
//! there is none, and merged into or removed by uid and resourceVersion.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, Patch, PostParams, Preconditions};
use kube::{Client, Error, Resource, ResourceExt};
use serde_json::json;

use super::client::whole;
use super::objects::{names_uid, ours};
use crate::api::IdentityPool;
use crate::api::names::{MANAGED_BY_LABEL, OPERATOR};
use crate::pool::export::{Found, Owner, Refusal, Write};

fn api(client: &Client, object: &IdentityPool) -> Api<ConfigMap> {
    Api::namespaced(client.clone(), &object.namespace().unwrap_or_default())
}

/// The `ConfigMap` as the apiserver has it now.
pub(super) async fn read(
    client: &Client,
    object: &IdentityPool,
    name: &str,
) -> Result<Option<Found>, Refusal> {
    let read = whole(api(client, object).get_opt(name)).await;
    read.map(|found| found.map(found_as))
        .map_err(|error| refusal(&error))
}

/// Carries out one write; gives the version that came of it, none where it was removed.
pub(super) async fn write(
    client: &Client,
    object: &IdentityPool,
    write: &Write,
) -> Result<Option<String>, Refusal> {
    let api = api(client, object);
    let written = match write {
        Write::Create { name, data } => {
            let mut map = ConfigMap {
                data: Some(data.clone()),
                ..ConfigMap::default()
            };
            map.metadata.name = Some(name.clone());
            map.metadata.labels = Some([(MANAGED_BY_LABEL.into(), OPERATOR.into())].into());
            map.metadata.owner_references = object.controller_owner_ref(&()).map(|own| vec![own]);
            let by = PostParams {
                field_manager: Some(OPERATOR.to_owned()),
                ..PostParams::default()
            };
            let made = whole(api.create(&by, &map)).await;
            made.map(|map| map.resource_version())
        }
        Write::Patch { name, found, data } => {
            // What was read and is not wanted is taken away; what is there already changes nothing.
            let surplus = found.data.keys().map(|key| (key, None));
            let wanted = data.iter().map(|(key, value)| (key, Some(value)));
            let data: BTreeMap<_, _> = surplus.chain(wanted).collect();
            let patch = Patch::Merge(json!({
                "metadata": {
                    "uid": found.uid,
                    "resourceVersion": found.version,
                    "labels": { MANAGED_BY_LABEL: OPERATOR },
                },
                "data": data,
                "binaryData": null,
            }));
            let patched = whole(api.patch(name, &ours(), &patch)).await;
            patched.map(|map| map.resource_version())
        }
        Write::Delete { name, found } => {
            let only = DeleteParams::default().preconditions(Preconditions {
                uid: Some(found.uid.clone()),
                resource_version: Some(found.version.clone()),
            });
            whole(api.delete(name, &only)).await.map(|_| None)
        }
    };
    written.map_err(|error| refusal(&error))
}

fn found_as(map: ConfigMap) -> Found {
    let controller = map
        .owner_references()
        .iter()
        .find(|owner| owner.controller == Some(true));
    Found {
        uid: map.uid().unwrap_or_default(),
        version: map.resource_version().unwrap_or_default(),
        controller: controller.map(|owner| Owner {
            kind: owner.kind.clone(),
            name: owner.name.clone(),
            uid: owner.uid.clone(),
        }),
        labelled: map
            .labels()
            .get(MANAGED_BY_LABEL)
            .is_some_and(|keeper| keeper == OPERATOR),
        immutable: map.immutable == Some(true),
        binary: map.binary_data.is_some_and(|binary| !binary.is_empty()),
        data: map.data.unwrap_or_default(),
    }
}

/// A namespace that is going takes nothing new, and says so as a prohibition; the object in it
/// is going too.
fn refusal(error: &Error) -> Refusal {
    match error {
        Error::Api(status)
            if status.is_conflict()
                || status.is_already_exists()
                || status.is_not_found()
                || names_uid(status) =>
        {
            Refusal::Stale
        }
        Error::Api(status) if status.is_forbidden() && !is_terminating(status) => {
            Refusal::Forbidden(status.message.clone())
        }
        // Admission policies refuse so.
        Error::Api(status) if status.is_invalid() => Refusal::Forbidden(status.message.clone()),
        other => Refusal::Failed(other.to_string()),
    }
}

fn is_terminating(status: &kube::core::Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes
        .into_iter()
        .any(|cause| cause.reason == "NamespaceTerminating")
}

#[cfg(test)]
mod tests {
    use harness::control_plane::{ControlPlane, Namespace};
    use k8s_openapi::api::core::v1::Namespace as Space;

    use super::*;
    use crate::api::IdentityPoolSpec;

    /// An object with a namespace of its own. Nobody collects garbage here.
    async fn object(prefix: &str) -> (Client, IdentityPool) {
        let client = ControlPlane::shared()
            .await
            .client()
            .await
            .expect("a client");
        let space = Namespace::create(&client, prefix)
            .await
            .expect("a namespace");
        let mut object = IdentityPool::new("app", IdentityPoolSpec::default());
        object.metadata.namespace = Some(space.name().to_owned());
        object.metadata.uid = Some("11111111-2222-3333-4444-555555555555".to_owned());
        (client, object)
    }

    fn create() -> Write {
        Write::Create {
            name: "map".to_owned(),
            data: [("a", "1"), ("b", "2")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        }
    }

    fn patch(found: &Found) -> Write {
        Write::Patch {
            name: "map".to_owned(),
            found: found.clone(),
            data: BTreeMap::from([("b".to_owned(), "3".to_owned())]),
        }
    }

    fn delete(found: &Found) -> Write {
        Write::Delete {
            name: "map".to_owned(),
            found: found.clone(),
        }
    }

    #[tokio::test]
    async fn only_the_very_config_map_that_was_read_is_changed_or_removed() {
        let (client, object) = object("versions").await;
        let read = async || read(&client, &object, "map").await.expect("read");
        let write = async |wanted: Write| write(&client, &object, &wanted).await;
        assert_eq!(read().await, None);
        write(create()).await.expect("made");
        assert_eq!(write(create()).await, Err(Refusal::Stale), "it is there");
        let first = read().await.expect("there");
        assert_eq!(
            first.controller.as_ref().map(|it| it.uid.clone()),
            object.uid()
        );
        assert!(first.labelled && !first.immutable && !first.binary);
        let second = write(patch(&first)).await.expect("changed");
        let now = read().await.expect("there");
        assert_eq!(second.as_ref(), Some(&now.version));
        assert_eq!(now.data, BTreeMap::from([("b".to_owned(), "3".to_owned())]));
        // What was read first is no more.
        assert_eq!(write(patch(&first)).await, Err(Refusal::Stale));
        assert_eq!(write(delete(&first)).await, Err(Refusal::Stale));
        assert_eq!(read().await, Some(now.clone()));
        write(delete(&now)).await.expect("removed");
        assert_eq!(write(delete(&now)).await, Err(Refusal::Stale), "it is gone");
        // Another one of the same name is another one.
        write(create()).await.expect("made");
        assert_eq!(write(patch(&now)).await, Err(Refusal::Stale));
        assert_eq!(write(delete(&now)).await, Err(Refusal::Stale));
        let other = read().await.expect("there");
        let forged = Found {
            version: other.version.clone(),
            ..now
        };
        assert_eq!(
            write(patch(&forged)).await,
            Err(Refusal::Stale),
            "by uid too"
        );
        assert_eq!(
            write(delete(&forged)).await,
            Err(Refusal::Stale),
            "by uid too"
        );
        assert_eq!(read().await, Some(other));
    }

    #[tokio::test]
    async fn a_prohibition_is_told_from_a_namespace_that_is_going() {
        let (client, object) = object("refusals").await;
        let stranger = ControlPlane::shared().await.client_for("nobody", &[]).await;
        let stranger = stranger.expect("a client");
        let refused = write(&stranger, &object, &create()).await;
        assert!(
            matches!(&refused, Err(Refusal::Forbidden(said)) if said.contains("cannot create")),
            "{refused:?}"
        );
        write(&client, &object, &create()).await.expect("made");
        let mut found = read(&client, &object, "map")
            .await
            .expect("read")
            .expect("there");
        // What the apiserver finds invalid is no matter of time either.
        found.data.clear();
        let broken = Write::Patch {
            name: "map".to_owned(),
            found,
            data: BTreeMap::from([("no key".to_owned(), String::new())]),
        };
        let refused = write(&client, &object, &broken).await;
        assert!(matches!(refused, Err(Refusal::Forbidden(_))), "{refused:?}");
        let spaces: Api<Space> = Api::all(client.clone());
        let name = object.namespace().expect("a namespace");
        spaces
            .delete(&name, &DeleteParams::default())
            .await
            .expect("going");
        let late = Write::Create {
            name: "late".to_owned(),
            data: BTreeMap::new(),
        };
        let refused = write(&client, &object, &late).await;
        assert!(matches!(refused, Err(Refusal::Failed(_))), "{refused:?}");
    }
}
