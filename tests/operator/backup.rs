//! The cluster is put back to an earlier state while AWS is not: etcd from a snapshot that was
//! taken before each step of a life, objects from a backup that knows neither uid nor status.
//!
//! In every case: no owner has two pools, no pool is lost, nothing is written to a pool of
//! somebody else, and an object beside it is not touched.

use std::time::Duration;

use futures::future::join_all;
use harness::cognito::{Fault, FaultKind};
use harness::control_plane::{ControlPlane, Revisions};
use identity_pool_operator::api::{IdentityPool, IdentityPoolSpec};
use kube::ResourceExt;
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::rig::{Rig, Running, Setup, condition, pool_id};

const CREATE: &str = "CreateIdentityPool";
const APP: &str = "app";
/// An object that nothing happens to.
const OTHER: &str = "other";
const ORPHANED: &str = "identity_pool_operator_orphaned_pools{region=\"eu-west-1\"} 1";

/// One step of a life; the snapshot is taken before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Create,
    Claim,
    Record,
    Late,
    Edit,
    Rename,
    Roles,
    Delete,
    Recreate,
}

const STEPS: [Step; 9] = [
    Step::Create,
    Step::Claim,
    Step::Edit,
    Step::Rename,
    Step::Roles,
    Step::Delete,
    Step::Recreate,
    // The last: their calls are under way while the snapshot is taken.
    Step::Late,
    Step::Record,
];

/// After so long AWS carries out a call that arrived before the snapshot: later than a restore
/// takes.
const LATE: Duration = Duration::from_secs(40);

/// Short windows, the fake's signature window shorter still; but for a call that is late, long
/// enough for it.
fn windows(step: Option<Step>) -> [Duration; 2] {
    match step {
        Some(Step::Late) => [
            LATE + Duration::from_secs(20),
            LATE + Duration::from_secs(10),
        ],
        _ => [3, 2].map(Duration::from_secs),
    }
}

fn hasty(step: Option<Step>) -> Setup {
    Setup {
        settle_window: windows(step)[0],
        ..Setup::default()
    }
}

/// A world whose AWS honours signatures for less than the settle window.
fn honours(rig: &Rig, step: Option<Step>) {
    rig.fake
        .configure(|settings| settings.signature_window = windows(step)[1]);
}

/// The world of one step.
struct World {
    step: Step,
    rig: Rig,
    operator: Option<Running>,
    other: IdentityPool,
}

impl World {
    /// Everything up to the step.
    async fn before(plane: &ControlPlane, step: Step) -> Self {
        let rig = Rig::on(plane, &format!("{step:?}").to_lowercase()).await;
        honours(&rig, Some(step));
        let mut world = Self {
            step,
            other: IdentityPool::new(OTHER, IdentityPoolSpec::default()),
            rig,
            operator: None,
        };
        world.start().await;
        world.rig.create(OTHER, IdentityPoolSpec::default()).await;
        world.other = world.rig.until_ready(OTHER).await;
        match step {
            Step::Create => {}
            Step::Claim => {
                world.stop().await;
                world.create().await;
            }
            Step::Late => {
                world
                    .rig
                    .fake
                    .inject(Fault::on(CREATE, FaultKind::DelayBefore(LATE)));
                world.create().await;
                world.until(|rig| rig.fake.count(CREATE) == 2).await;
            }
            Step::Record => {
                let slow = FaultKind::DelayAfter(Duration::from_secs(12));
                world.rig.fake.inject(Fault::on(CREATE, slow));
                world.create().await;
                world.until(|rig| rig.fake.executed(CREATE) == 2).await;
            }
            Step::Edit | Step::Rename | Step::Roles | Step::Delete | Step::Recreate => {
                world.create().await;
                world.rig.until_ready(APP).await;
            }
        }
        world
    }

    /// The step, to its end.
    async fn take(&mut self) {
        let rig = &self.rig;
        match self.step {
            Step::Create => self.create().await,
            Step::Claim => {
                self.start().await;
                self.rig.until_ready(APP).await;
                // So that what is restored finds its pool by the owner's tag alone.
                self.rename().await;
            }
            Step::Late => return,
            Step::Record => {}
            Step::Edit => rig.set(APP, "allowClassicFlow", &json!(true)).await,
            Step::Rename => self.rename().await,
            Step::Roles => {
                let roles = json!({ "authenticated": "arn:aws:iam::123456789012:role/user" });
                rig.set(APP, "roles", &roles).await;
            }
            Step::Delete | Step::Recreate => {
                rig.delete(APP).await;
                rig.until_gone(APP).await;
                if self.step == Step::Delete {
                    return;
                }
                self.create().await;
            }
        }
        self.rig.until_ready(APP).await;
    }

    /// What has to come of it once the snapshot is back.
    async fn recovers(&self) {
        let rig = &self.rig;
        let made = rig.fake.count(CREATE);
        match self.step {
            Step::Create => {
                self.until_orphaned().await;
                rig.until_gone(APP).await;
                self.create().await;
                self.is_offered_the_orphan().await;
                assert_eq!(rig.fake.count(CREATE), made);
            }
            Step::Claim | Step::Record | Step::Late | Step::Edit | Step::Rename | Step::Roles => {
                rig.until_ready(APP).await;
                let object = rig.look(APP).await;
                let pool = rig.pool_of(APP).await;
                let name = object.status.and_then(|status| status.identity_pool_name);
                assert_eq!(pool["IdentityPoolName"].as_str(), name.as_deref());
                assert_ne!(pool["IdentityPoolName"], "renamed");
                assert_ne!(pool["AllowClassicFlow"], true);
                assert_eq!(rig.fake.count(CREATE), made);
            }
            Step::Delete => {
                self.is_told_that_the_pool_is_gone().await;
                assert_eq!(rig.fake.count(CREATE), made);
                rig.set(APP, "onExternalDeletion", &json!("Recreate")).await;
                rig.until_ready(APP).await;
                assert_eq!(rig.fake.count(CREATE), made + 1);
            }
            Step::Recreate => {
                self.is_told_that_the_pool_is_gone().await;
                self.until_orphaned().await;
                rig.set(APP, "onExternalDeletion", &json!("Recreate")).await;
                self.is_offered_the_orphan().await;
                assert_eq!(rig.fake.count(CREATE), made);
            }
        }
        self.is_sound().await;
    }

    /// For a minute after its claim a pool that AWS does not show is thought late.
    async fn is_told_that_the_pool_is_gone(&self) {
        let told = async {
            loop {
                let object = self.rig.look(APP).await;
                let status = object.status.unwrap_or_default();
                match condition(&status, "Ready").as_str() {
                    "False/PoolGone" => return,
                    other => assert_eq!(other, "False/NotYetVisible"),
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let told = tokio::time::timeout(Duration::from_secs(120), told).await;
        assert!(told.is_ok(), "{:?}: waited in vain", self.step);
    }

    /// The pool that is left is not taken silently, but when a person says so.
    async fn is_offered_the_orphan(&self) {
        let rig = &self.rig;
        rig.until_condition(APP, "Stalled", "True/PreviousPoolFound")
            .await;
        for pool in rig.fake.pools() {
            rig.fake
                .expect_handover(pool["IdentityPoolId"].as_str().expect("an id"));
        }
        rig.set(APP, "adopt", &json!({ "previous": true })).await;
        rig.until_ready(APP).await;
    }

    /// One pool for each object and none besides, and the other object is as it was.
    async fn is_sound(&self) {
        let rig = &self.rig;
        for name in [APP, OTHER] {
            let object = rig.until_ready(name).await;
            assert_eq!(rig.pools_owned_by(&object), [pool_id(&object)], "{name}");
        }
        assert_eq!(rig.fake.pools().len(), 2);
        let other = rig.pools.get(OTHER).await.expect("object is there");
        assert_eq!(other.status, self.other.status);
        rig.fake.assert_sound();
    }

    async fn until_orphaned(&self) {
        let operator = self.operator.as_ref().expect("an operator");
        self.until(|_| operator.page().contains(ORPHANED)).await;
    }

    /// Waits for more than a minute, in which the pools are listed.
    async fn until(&self, so: impl Fn(&Rig) -> bool) {
        let met = async {
            while !so(&self.rig) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let met = tokio::time::timeout(Duration::from_secs(120), met).await;
        assert!(met.is_ok(), "{:?}: waited in vain", self.step);
    }

    async fn rename(&self) {
        let name = json!("renamed");
        self.rig.set(APP, "identityPoolName", &name).await;
    }

    async fn create(&self) {
        self.rig.create(APP, IdentityPoolSpec::default()).await;
    }

    async fn start(&mut self) {
        let operator = self.rig.operator_with(hasty(Some(self.step))).await;
        operator.listed().await;
        self.operator = Some(operator);
    }

    async fn stop(&mut self) {
        if let Some(operator) = self.operator.take() {
            operator.stop().await;
        }
    }
}

/// Plays every step, with one snapshot and one restore for all of them.
async fn play(restarted: bool, revisions: Revisions) {
    let mut plane = ControlPlane::start().await.expect("a control plane");
    let mut worlds = Vec::new();
    for step in STEPS {
        worlds.push(World::before(&plane, step).await);
    }
    let backup = plane.back_up().await.expect("a backup");
    join_all(worlds.iter_mut().map(World::take)).await;
    if restarted {
        join_all(worlds.iter_mut().map(World::stop)).await;
    }
    plane.restore(&backup, revisions).await.expect("restored");
    if restarted {
        join_all(worlds.iter_mut().map(World::start)).await;
    }
    for world in &worlds {
        println!("{:?}", world.step);
        world.recovers().await;
    }
}

#[tokio::test]
async fn a_restored_etcd_under_operators_that_run_on_costs_no_pool() {
    play(false, Revisions::Bumped).await;
}

#[tokio::test]
async fn a_restored_etcd_whose_revisions_repeat_costs_no_pool_when_operators_restart() {
    play(true, Revisions::Repeat).await;
}

/// What a backup tool keeps of an object: no uid, no status, no finalizer.
fn kept(object: &IdentityPool) -> IdentityPool {
    let mut kept = IdentityPool::new(&object.name_any(), object.spec.clone());
    kept.metadata
        .annotations
        .clone_from(&object.metadata.annotations);
    kept.metadata.labels.clone_from(&object.metadata.labels);
    kept
}

/// The object is lost without its pool and made anew from its backup.
async fn restored_from_objects(rig: &Rig, changes: Value) {
    let object = rig.pools.get(APP).await.expect("object is there");
    rig.delete(APP).await;
    rig.patch(APP, json!({ "metadata": { "finalizers": null } }))
        .await;
    rig.until_gone(APP).await;
    let mut kept = serde_json::to_value(kept(&object)).expect("JSON");
    kept["spec"]["adopt"] = changes;
    let kept = serde_json::from_value(kept).expect("an object");
    let made = rig.pools.create(&PostParams::default(), &kept).await;
    made.expect("accepted");
}

#[tokio::test]
async fn an_object_that_comes_back_with_its_claim_but_another_uid_is_offered_its_pool() {
    let rig = Rig::new("velero").await;
    honours(&rig, None);
    let operator = rig.operator_with(hasty(None)).await;
    operator.listed().await;
    rig.create(APP, IdentityPoolSpec::default()).await;
    let before = pool_id(&rig.until_ready(APP).await);
    operator.stop().await;
    restored_from_objects(&rig, Value::Null).await;
    let _operator = rig.operator_with(hasty(None)).await;
    rig.until_condition(APP, "Stalled", "True/PreviousPoolFound")
        .await;
    assert_eq!(rig.fake.count(CREATE), 1);
    rig.fake.expect_handover(&before);
    rig.set(APP, "adopt", &json!({ "previous": true })).await;
    let object = rig.until_ready(APP).await;
    assert_eq!(rig.pools_owned_by(&object), [before]);
    assert_eq!((rig.fake.count(CREATE), rig.fake.pools().len()), (1, 1));
    rig.fake.assert_sound();
}

#[tokio::test]
async fn a_backup_whose_manifests_agree_beforehand_gets_its_pool_back_by_itself() {
    let rig = Rig::new("velero-agreed").await;
    honours(&rig, None);
    let operator = rig.operator_with(hasty(None)).await;
    operator.listed().await;
    rig.create(APP, IdentityPoolSpec::default()).await;
    let before = pool_id(&rig.until_ready(APP).await);
    operator.stop().await;
    rig.fake.expect_handover(&before);
    restored_from_objects(&rig, json!({ "previous": true })).await;
    let _operator = rig.operator_with(hasty(None)).await;
    let object = rig.until_ready(APP).await;
    assert_eq!(rig.pools_owned_by(&object), [before]);
    assert_eq!((rig.fake.count(CREATE), rig.fake.pools().len()), (1, 1));
    rig.fake.assert_sound();
}
