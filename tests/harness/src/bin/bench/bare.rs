//! A client that does nothing but the operator's two writes: what the apiserver allows.
//!
//! It writes what the operator under test wrote to a sample object, byte for byte but
//! for uid and resourceVersion, with as many objects under way as the operator has, and
//! hears of an object from the client that made it: it needs neither watch nor AWS.

use futures::channel::mpsc::{self, UnboundedReceiver};
use futures::{StreamExt, TryStreamExt};
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::Outcome;
use crate::creation::{self, Load, Timing};
use crate::scene::{PASSES_AT_ONCE, Scene};

/// What the operator leaves on an object.
pub(crate) struct Bare {
    annotations: Value,
    finalizers: Value,
    status: Value,
}

impl Bare {
    /// Learns from any object of a scene whose operator has done its work.
    pub(crate) async fn learn(scene: &Scene) -> Outcome<Self> {
        let list = scene.api.list(&ListParams::default().limit(1)).await?;
        let sample = list.items.into_iter().next();
        let sample = sample.ok_or("there is no object to learn from")?;
        Ok(Self {
            annotations: json!(sample.annotations()),
            finalizers: json!(sample.finalizers()),
            status: sample.data["status"].clone(),
        })
    }

    /// Creations in a scene without an operator.
    pub(crate) async fn run(&self, scene: &Scene, load: Load) -> Outcome<Timing> {
        let (sender, made) = mpsc::unbounded();
        let created = creation::run(scene, load, Some(sender));
        let (timing, ()) = tokio::try_join!(created, self.write_all(&scene.api, made))?;
        Ok(timing)
    }

    async fn write_all(
        &self,
        api: &Api<DynamicObject>,
        made: UnboundedReceiver<DynamicObject>,
    ) -> Outcome<()> {
        let write = |object| self.write(api, object);
        let written = made.map(Ok).try_for_each_concurrent(PASSES_AT_ONCE, write);
        Ok(written.await?)
    }

    async fn write(
        &self,
        api: &Api<DynamicObject>,
        object: DynamicObject,
    ) -> Result<(), kube::Error> {
        let (name, params) = (object.name_any(), PatchParams::default());
        let mut metadata = precondition(&object);
        metadata["annotations"] = self.annotations.clone();
        metadata["finalizers"] = self.finalizers.clone();
        let claim = Patch::Merge(json!({ "metadata": metadata }));
        let claimed = api.patch(&name, &params, &claim).await?;
        let status = json!({ "metadata": precondition(&claimed), "status": self.status });
        api.patch_status(&name, &params, &Patch::Merge(status))
            .await?;
        Ok(())
    }
}

/// No write over a change that was not seen.
fn precondition(object: &DynamicObject) -> Value {
    json!({ "uid": object.metadata.uid, "resourceVersion": object.metadata.resource_version })
}
