//! Operators that are shown the past: the replica of the apiserver that they read from stands still
//! while the cluster goes on.

use std::sync::Arc;

use harness::proxy::{Effect, Matching, Verb};
use identity_pool_operator::api::{IdentityPoolSpec, OnExternalDeletion};
use kube::ResourceExt;

use super::table::{Case, play};
use super::world::{APP, World};

const CREATE: &str = "CreateIdentityPool";
const DELETE: &str = "DeleteIdentityPool";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_shown_the_past_makes_no_second_pool_and_touches_no_new_object() {
    let cases = vec![
        Case::new("creation/unseen", creation_unseen),
        Case::new("creation/after-the-claim", creation_after_the_claim),
        Case::new("creation/restart-before-the-claim", |world| {
            creation_restart(world, marks())
        }),
        Case::new("creation/restart-before-the-record", |world| {
            creation_restart(world, status())
        }),
        Case::new("deletion/unseen", deletion_unseen),
        Case::new("deletion/recreated", deletion_recreated),
        Case::new("deletion/recreated-and-restarted", recreated_and_restarted),
        Case::new(
            "deletion/recreated-beside-another",
            recreated_beside_another,
        ),
        Case::new("deletion/restart-in-the-life-before", life_before),
    ];
    play(
        "who_is_shown_the_past_makes_no_second_pool_and_touches_no_new_object",
        cases,
    )
    .await;
}

fn marks() -> Matching {
    Matching::verb(Verb::Patch).subresource("")
}

fn status() -> Matching {
    Matching::verb(Verb::Patch).subresource("status")
}

impl World {
    async fn freeze(&self) {
        self.proxy.freeze().await.expect("a revision");
    }

    /// Stops time just before a write of the operator takes effect.
    async fn freeze_before(&self, write: Matching) {
        let armed = self.strike(write.resource("identitypools"), Effect::Hold);
        armed.until_struck(1).await;
        self.freeze().await;
        armed.release();
    }

    /// Waits until the operator has acted on the past and was refused.
    async fn until_refused(&self) {
        let before = self.refused();
        self.until(|world| world.refused() > before).await;
    }

    async fn create_long_ago(&self, spec: IdentityPoolSpec) {
        self.rig.create(APP, spec).await;
        self.rig.until_ready(APP).await;
        self.age().await;
    }
}

async fn creation_unseen(world: Arc<World>) {
    let _operator = world.operator().await;
    world.freeze().await;
    world.create().await;
    world.proxy.thaw();
    world.settles_in_one_pool().await;
    assert_eq!(world.changes(), [CREATE]);
}

/// What the operator needs to know it has from the answers to its own writes.
async fn creation_after_the_claim(world: Arc<World>) {
    let _operator = world.operator().await;
    tokio::join!(world.freeze_before(marks()), world.create());
    world.rig.until_ready(APP).await;
    world.proxy.thaw();
    world.settles_in_one_pool().await;
    assert_eq!(world.changes(), [CREATE]);
}

/// A new operator is shown an object without claim, or without record, that has a pool.
async fn creation_restart(world: Arc<World>, write: Matching) {
    let operator = world.operator().await;
    tokio::join!(world.freeze_before(write), world.create());
    world.rig.until_ready(APP).await;
    operator.kill();
    let _operator = world.operator().await;
    world.until_refused().await;
    world.proxy.thaw();
    world.settles_in_one_pool().await;
    assert_eq!(world.changes(), [CREATE]);
}

async fn deletion_unseen(world: Arc<World>) {
    let _operator = world.operator().await;
    world.create().await;
    world.rig.until_ready(APP).await;
    world.freeze().await;
    world.rig.delete(APP).await;
    world.proxy.thaw();
    world.settles_in_none().await;
}

async fn deletion_recreated(world: Arc<World>) {
    let _operator = world.operator().await;
    world.create_long_ago(IdentityPoolSpec::default()).await;
    tokio::join!(world.freeze_before(marks()), world.rig.delete(APP));
    world.rig.until_gone(APP).await;
    world.create().await;
    world.proxy.thaw();
    world.settles_in_one_pool().await;
    assert_eq!(world.changes(), [CREATE, DELETE, CREATE]);
}

/// A new operator is shown the old object, which is being deleted and has no pool any more, and
/// lets go of it while its name is the new object's.
async fn recreated_and_restarted(world: Arc<World>) {
    let operator = world.operator().await;
    world.create_long_ago(IdentityPoolSpec::default()).await;
    tokio::join!(world.freeze_before(marks()), world.rig.delete(APP));
    world.rig.until_gone(APP).await;
    operator.kill();
    world.create().await;
    let _operator = world.operator().await;
    world.until_refused().await;
    assert_eq!(world.changes(), [CREATE, DELETE]);
    world.proxy.thaw();
    world.settles_in_one_pool().await;
    assert_eq!(world.changes(), [CREATE, DELETE, CREATE]);
}

/// The same, but another operator, which is not behind, has made the new object's pool already.
async fn recreated_beside_another(world: Arc<World>) {
    let operator = world.operator().await;
    world.create_long_ago(IdentityPoolSpec::default()).await;
    tokio::join!(world.freeze_before(marks()), world.rig.delete(APP));
    world.rig.until_gone(APP).await;
    operator.kill();
    let _fresh = world.rig.operator().await;
    world.create().await;
    let before = world.rig.until_ready(APP).await;

    let _stale = world.operator().await;
    world.until_refused().await;
    let after = world.rig.pools.get(APP).await.expect("object is there");
    assert_eq!(after.resource_version(), before.resource_version());
    world.proxy.thaw();
    world.settles_in_one_pool().await;
    assert_eq!(world.changes(), [CREATE, DELETE, CREATE]);
}

/// A new operator is shown the old object as it was when it had its pool, and is told to replace a
/// pool that is gone.
async fn life_before(world: Arc<World>) {
    let operator = world.operator().await;
    let spec = IdentityPoolSpec {
        on_external_deletion: OnExternalDeletion::Recreate,
        ..IdentityPoolSpec::default()
    };
    world.create_long_ago(spec).await;
    let then = world.proxy.revision().await.expect("a revision");
    world.rig.delete(APP).await;
    world.rig.until_gone(APP).await;
    operator.kill();
    world.create().await;

    world.proxy.freeze_at(then);
    let _operator = world.operator().await;
    world.until_refused().await;
    assert_eq!(world.changes(), [CREATE, DELETE]);
    world.proxy.thaw();
    world.settles_in_one_pool().await;
    assert_eq!(world.changes(), [CREATE, DELETE, CREATE]);
}
