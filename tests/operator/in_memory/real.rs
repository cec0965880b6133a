//! The real apiserver, written to as people do and as the operator does.

use identity_pool_operator::api::names::{CLAIM_ANNOTATION, RECONCILE_AT_ANNOTATION};
use identity_pool_operator::api::{IdentityPool, IdentityPoolSpec};
use identity_pool_operator::controller::objects;
use identity_pool_operator::pool::moves::Trouble;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::drawn::Write;
use super::memory::Answer;
use crate::rig::Rig;

/// One name in it.
pub(super) struct Real {
    client: kube::Client,
    api: Api<IdentityPool>,
    name: String,
}

impl Real {
    pub(super) fn new(rig: &Rig, name: String) -> Self {
        Self {
            client: rig.client.clone(),
            api: rig.pools.clone(),
            name,
        }
    }

    pub(super) async fn create(&self, spec: IdentityPoolSpec) -> Answer {
        let object = IdentityPool::new(&self.name, spec);
        let created = self.api.create(&PostParams::default(), &object).await;
        created.map(Some).map_err(|error| trouble(&error))
    }

    /// As the operator writes, by the code that it runs.
    pub(super) async fn write_on(&self, seen: &IdentityPool, write: &Write) -> Answer {
        let client = &self.client;
        let written = match write {
            Write::Claim(claim) => objects::write_claim(client, seen, claim).await,
            Write::Status(status) => objects::write_status(client, seen, status).await,
            Write::DropFinalizer => {
                objects::drop_finalizer(client, seen).await?;
                return Ok(self.read().await);
            }
            other => panic!("an operator does not {other:?}"),
        };
        written.map(|object| Some((*object).clone()))
    }

    /// As people and others write.
    pub(super) async fn write(&self, write: &Write) -> Answer {
        let written = match write {
            // What is left out of a merge stays.
            Write::Spec(spec) => {
                let name = &spec.identity_pool_name;
                let mut spec = json!(spec);
                spec["identityPoolName"] = json!(name);
                self.patch(json!({ "spec": spec })).await
            }
            Write::Annotate(at) => self.annotate(RECONCILE_AT_ANNOTATION, json!(at)).await,
            Write::Strip => self.annotate(CLAIM_ANNOTATION, Value::Null).await,
            Write::Finalizers(names) => {
                self.patch(json!({ "metadata": { "finalizers": names } }))
                    .await
            }
            Write::Erase => {
                let (params, gone) = (PatchParams::default(), json!({ "status": null }));
                let patch = Patch::Merge(gone);
                self.api.patch_status(&self.name, &params, &patch).await
            }
            Write::Delete => {
                let deleted = self.api.delete(&self.name, &DeleteParams::default()).await;
                deleted.map_err(|error| trouble(&error))?;
                return Ok(self.read().await);
            }
            other => panic!("a person does not {other:?}"),
        };
        written.map_err(|error| trouble(&error))?;
        // An object whose last finalizer went is answered once more.
        Ok(self.read().await)
    }

    async fn annotate(&self, key: &str, value: Value) -> kube::Result<IdentityPool> {
        let annotations = json!({ key: value });
        self.patch(json!({ "metadata": { "annotations": annotations } }))
            .await
    }

    async fn patch(&self, patch: Value) -> kube::Result<IdentityPool> {
        let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
        self.api.patch(&self.name, &params, &patch).await
    }

    pub(super) async fn read(&self) -> Option<IdentityPool> {
        self.api.get_opt(&self.name).await.expect("an answer")
    }
}

fn trouble(error: &kube::Error) -> Trouble {
    match error {
        kube::Error::Api(status) if status.is_not_found() => Trouble::Gone,
        other => Trouble::Failed(other.to_string()),
    }
}
