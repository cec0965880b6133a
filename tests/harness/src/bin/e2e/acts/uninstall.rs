//! The release goes, and what people made with it stays until they delete it.

use std::time::Duration;

use super::objects::{self, OBJECTS};
use crate::failure::{Failure, require};
use crate::scene::{NAMESPACE, RELEASE, Scene};

const CRD: &str = "identitypools.cognito-identity.dev";

/// Everything that a release may have made.
const KINDS: &str = "deploy,pods,svc,sa,pdb,role,rolebinding,clusterrole,clusterrolebinding";

/// Without a thought for the objects: definition, objects and pools stay, and helm says so.
pub(crate) async fn what_is_left(scene: &Scene) -> Result<(), Failure> {
    let said = scene
        .helm("uninstall", &["--wait", "--timeout=90s"])
        .await?;
    require(
        said.contains(CRD),
        &format!("helm names what it keeps: {said}"),
    )?;
    nothing_of_the_release(scene).await?;
    scene.kubectl(&format!("get crd {CRD}")).await?;
    for (namespace, name) in OBJECTS {
        scene.pool(namespace, name).await?;
    }
    objects::one_creation_each(scene)
}

/// The same release again: its definition and its pools are taken up as they are.
pub(crate) async fn again(scene: &Scene) -> Result<(), Failure> {
    scene.helm_with_chart("install", &scene.chart).await?;
    objects::set_tag(scene, "installed again").await?;
    let changed = async || Ok(objects::tag(scene).await? == "installed again");
    scene
        .until("the change is in AWS", Duration::from_secs(60), changed)
        .await?;
    objects::one_creation_each(scene)
}

/// As docs/install.md has it: objects, release, definition. Then nothing is left, in AWS neither.
pub(crate) async fn in_order(scene: &Scene) -> Result<(), Failure> {
    scene
        .kubectl("delete idpool --all --all-namespaces --timeout=60s")
        .await?;
    let pools = scene.fake.pools();
    require(
        pools.is_empty(),
        &format!("unused pools go with their objects: {pools:?}"),
    )?;
    scene
        .helm("uninstall", &["--wait", "--timeout=90s"])
        .await?;
    nothing_of_the_release(scene).await?;
    scene
        .kubectl(&format!("delete crd {CRD} --timeout=60s"))
        .await?;
    scene
        .kubectl(&format!("delete namespace {NAMESPACE} shop --timeout=60s"))
        .await?;
    Ok(())
}

/// Pods need a moment more than helm waits.
async fn nothing_of_the_release(scene: &Scene) -> Result<(), Failure> {
    let line = format!("get {KINDS} -A -o name -l app.kubernetes.io/instance={RELEASE}");
    let nothing = async || Ok(scene.kubectl(&line).await?.is_empty());
    let what = "nothing of the release is left";
    scene.until(what, Duration::from_secs(60), nothing).await?;
    Ok(())
}
