//! Writes that take effect long after the operator has given them up: held on their way for longer
//! than the 10 s that its client waits.

use std::sync::Arc;

use harness::proxy::{Effect, Matching, Verb};
use identity_pool_operator::api::names::FINALIZER;
use kube::ResourceExt;

use super::table::{Case, play};
use super::world::{APP, World};

const CREATE: &str = "CreateIdentityPool";
const DELETE: &str = "DeleteIdentityPool";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_comes_late_undoes_nothing() {
    let cases = vec![
        Case::new("claim/before-the-next-pass", claim_before_the_next_pass),
        Case::new("claim/after-all", claim_after_all),
        Case::new("status/after-all", status_after_all),
        Case::new("finalizer/after-all", finalizer_after_all),
    ];
    play("a_write_that_comes_late_undoes_nothing", cases).await;
}

fn marks() -> Matching {
    Matching::verb(Verb::Patch)
        .resource("identitypools")
        .subresource("")
}

/// The next pass finds a claim that it knows to be its own, and under which nothing was sent.
async fn claim_before_the_next_pass(world: Arc<World>) {
    let operator = world.operator().await;
    let claim = world.strike(marks(), Effect::Hold);
    world.create().await;
    claim.until_struck(1).await;
    let given_up = r#"reconcile_total{outcome="failed"} 1"#;
    world.until(|_| operator.page().contains(given_up)).await;
    claim.release();
    world.settles_in_one_pool().await;
    assert_eq!(world.changes(), [CREATE]);
}

async fn claim_after_all(world: Arc<World>) {
    let _operator = world.operator().await;
    let claim = world.strike(marks(), Effect::Hold);
    world.create().await;
    world.settles_in_one_pool().await;
    claim.release();
    world.refused_without_effect().await;
    world.settles_in_one_pool().await;
    assert_eq!(world.changes(), [CREATE]);
}

async fn status_after_all(world: Arc<World>) {
    let _operator = world.operator().await;
    let status = Matching::verb(Verb::Patch)
        .resource("identitypools")
        .subresource("status");
    let status = world.strike(status, Effect::Hold);
    world.create().await;
    world.settles_in_one_pool().await;
    status.release();
    world.refused_without_effect().await;
    world.settles_in_one_pool().await;
    assert_eq!(world.changes(), [CREATE]);
}

/// The name is another object's by then, and that one's finalizer stays.
async fn finalizer_after_all(world: Arc<World>) {
    let operator = world.operator().await;
    world.create().await;
    world.rig.until_ready(APP).await;
    operator.kill();
    world.age().await;
    let _operator = world.operator().await;
    let finalizer = world.strike(marks(), Effect::Hold);
    world.rig.delete(APP).await;
    world.rig.until_gone(APP).await;
    world.create().await;
    world.rig.until_ready(APP).await;
    finalizer.release();
    world.refused_without_effect().await;
    world.settles_in_one_pool().await;
    assert_eq!(world.changes(), [CREATE, DELETE, CREATE]);
}

impl World {
    /// Waits until the apiserver has refused the late write, and sees that it changed nothing.
    async fn refused_without_effect(&self) {
        let before = self.rig.pools.get(APP).await.expect("object is there");
        self.until(|world| world.refused() == 1).await;
        let after = self.rig.pools.get(APP).await.expect("object is there");
        assert_eq!(after.resource_version(), before.resource_version());
        assert!(after.finalizers().iter().any(|name| name == FINALIZER));
    }
}
