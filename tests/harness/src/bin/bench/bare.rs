//! A client that does nothing but the same writes: what the apiserver allows.

use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};
use harness::control_plane::ControlPlane;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use crate::Outcome;
use crate::objects::{AT_ONCE, Scene, object};

/// Objects a second: created, then a patch of the metadata and one of the status, as
/// the operator makes them.
pub(crate) async fn run(plane: &ControlPlane, count: usize) -> Outcome<f64> {
    let scene = Scene::without_operator(plane, Duration::ZERO).await?;
    let begun = Instant::now();
    let one = |n: usize| write(&scene, n);
    let written = futures::stream::iter((0..count).map(one)).buffer_unordered(AT_ONCE);
    written.try_collect::<Vec<()>>().await?;
    #[expect(clippy::cast_precision_loss, reason = "counts of a benchmark")]
    let count = count as f64;
    Ok(count / begun.elapsed().as_secs_f64())
}

async fn write(scene: &Scene, n: usize) -> Result<(), kube::Error> {
    let name = format!("bare-{n}");
    let params = PatchParams::default();
    let made = scene
        .api
        .create(&PostParams::default(), &object(&name))
        .await?;
    let claim =
        "a claim is about as long as this: 01a20cfe-5f0f-702c-a22d-cf4440e234ce, and so on and on";
    let metadata = json!({ "metadata": {
        "uid": made.metadata.uid,
        "resourceVersion": made.metadata.resource_version,
        "finalizers": ["cognito-identity.dev/finalizer"],
        "annotations": { "cognito-identity.dev/claim": claim },
    }});
    let marked = scene
        .api
        .patch(&name, &params, &Patch::Merge(metadata))
        .await?;
    let condition = |kind: &str| {
        json!({
            "type": kind, "status": "True", "reason": "InSync", "message": "The pool equals the spec.",
            "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1,
        })
    };
    let kinds = ["Ready", "Reconciling", "Stalled", "Drifted", "Advisory"];
    let status = json!({
        "metadata": { "resourceVersion": marked.metadata.resource_version },
        "status": { "observedGeneration": 1, "identityPoolId": "eu-west-1:0f7a3d63-95a1-4b0e-9a0c-6c1c0a7de3f1",
            "conditions": kinds.map(condition) },
    });
    scene
        .api
        .patch_status(&name, &params, &Patch::Merge(status))
        .await?;
    Ok(())
}
