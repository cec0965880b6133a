//! What once stopped the operator, or made it run hot: lists that replace a watch, conflicts
//! without end, answers that stall, a watch that cannot be resumed, a finalizer refused.

use std::sync::Arc;
use std::time::Duration;

use harness::proxy::{Effect, Ending, Fault, Matching, Refusal, Verb};
use identity_pool_operator::api::IdentityPoolSpec;
use serde_json::json;

use super::table::{Case, play};
use super::world::{APP, World};

const OTHER: &str = "other";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_once_stopped_it_stops_it_no_more() {
    let cases = vec![
        Case::new("relist/new", relist_new),
        Case::new("relist/deleted", relist_deleted),
        Case::new("relist/edited", relist_edited),
        Case::new("conflict/for-ever", conflict_for_ever),
        Case::new("conflict/stale-reads", stale_reads),
        Case::new("answer/stalls-in-its-body", stalled_body),
        Case::new("watch/410-by-status", gone_by_status),
        Case::new("deletion/young-and-finalizer-refused", young_deletion),
    ];
    play("lessons", cases).await;
}

fn watch() -> Matching {
    Matching::verb(Verb::Watch).resource("identitypools")
}

fn patch() -> Matching {
    Matching::verb(Verb::Patch).resource("identitypools")
}

/// Holds back the end of the list that follows a 410, long enough for the queue to run.
async fn slow_relist(world: &World, instead_of: Matching, change: impl Future<Output = ()>) {
    let gone = world.strike(instead_of, Effect::Gone);
    let end = world.strike(watch().containing("initial-events-end"), Effect::HoldEvents);
    change.await;
    gone.until_struck(1).await;
    end.until_struck(1).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    end.release();
}

/// An object that the operator first sees in a relist is created as any other.
async fn relist_new(world: Arc<World>) {
    let _operator = world.operator().await;
    slow_relist(&world, watch().name(APP), world.create()).await;
    world.until(|world| !world.changes().is_empty()).await;
    world.settles_in_one_pool().await;
}

/// A deletion that the operator first sees in a relist is carried out.
async fn relist_deleted(world: Arc<World>) {
    let _operator = world.operator().await;
    world.create().await;
    world.rig.until_ready(APP).await;
    let mark = watch().name(APP).containing("deletionTimestamp");
    slow_relist(&world, mark, world.rig.delete(APP)).await;
    world.rig.until_gone(APP).await;
}

/// An edit that the operator first sees in a relist is applied.
async fn relist_edited(world: Arc<World>) {
    let _operator = world.operator().await;
    world.create().await;
    world.rig.until_ready(APP).await;
    let edit = json!({ "spec": { "allowUnauthenticatedIdentities": true } });
    let edited = watch()
        .name(APP)
        .containing(r#""allowUnauthenticatedIdentities":true"#);
    let change = async { drop(world.rig.patch(APP, edit).await) };
    slow_relist(&world, edited, change).await;
    world.until(|world| world.changes().len() == 2).await;
}

/// An apiserver (or an admission webhook) that answers every write with 409 is asked with pauses.
async fn conflict_for_ever(world: Arc<World>) {
    let _operator = world.operator().await;
    let conflict = Effect::Unexecuted(Ending::Answer(Refusal::new(409, "Conflict")));
    world
        .proxy
        .inject(Fault::on(patch().subresource("status"), conflict).always());
    world.create().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(world.writes() < 100, "{} writes in 5 s", world.writes());
}

/// Whoever reads the past and is refused waits for the present.
async fn stale_reads(world: Arc<World>) {
    let operator = world.operator().await;
    let claim = world.strike(patch().subresource(""), Effect::Hold);
    tokio::join!(world.create(), async {
        claim.until_struck(1).await;
        world.proxy.freeze().await.expect("a revision");
        claim.release();
    });
    world.rig.until_ready(APP).await;
    operator.kill();
    let _operator = world.operator().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(world.writes() < 100, "{} writes in 5 s", world.writes());
}

/// An answer that stops coming after its head ends the pass as one that never came.
async fn stalled_body(world: Arc<World>) {
    let _operator = world.operator().await;
    let (piece, pause) = (10, Duration::from_secs(3600));
    let stall = Effect::SlowBody { piece, pause };
    let armed = world.strike(patch().subresource("status"), stall);
    world.create().await;
    armed.until_struck(1).await;
    world.rig.until_ready(APP).await;
    world.rig.look(APP).await;
}

/// A watch whose revision is refused by the status of the answer is begun anew with a list.
async fn gone_by_status(world: Arc<World>) {
    let _operator = world.operator().await;
    let resumed = watch().containing("allowWatchBookmarks=true&resourceVersion=");
    let gone = Effect::Unexecuted(Ending::Answer(Refusal::new(410, "Expired")));
    world.proxy.inject(Fault::on(resumed, gone).always());
    world.strike(watch().name(OTHER), Effect::CutEvents);
    world.rig.create(OTHER, IdentityPoolSpec::default()).await;
    world.rig.until_ready(OTHER).await;
}

/// Who has deleted the pool itself does not wait for it to show up, when the finalizer is dropped
/// by the next pass.
async fn young_deletion(world: Arc<World>) {
    let _operator = world.operator().await;
    world.create().await;
    world.rig.until_ready(APP).await;
    let refusal = Refusal::new(503, "ServiceUnavailable");
    let refused = Effect::Unexecuted(Ending::Answer(refusal));
    world.strike(patch().subresource(""), refused);
    world.rig.delete(APP).await;
    world.rig.until_gone(APP).await;
}
