//! Watches that lose, delay and repeat events, break, or cannot be had.

use std::sync::Arc;
use std::time::Duration;

use harness::proxy::{Armed, Effect, Ending, Fault, Matching, Refusal, Verb};
use identity_pool_operator::api::IdentityPoolSpec;
use serde_json::json;

use super::table::{Case, play};
use super::world::{APP, World};

/// An object of which a test only wants to hear that its event came.
const OTHER: &str = "other";

fn watch() -> Matching {
    Matching::verb(Verb::Watch).resource("identitypools")
}

fn events() -> Matching {
    watch().name(APP)
}

fn events_of(kind: &str) -> Matching {
    events().containing(format!(r#""type":"{kind}""#))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_of_a_watch_makes_a_second_pool() {
    let mut cases = vec![
        Case::new("new/dropped-until-edited", new_dropped_until_edited),
        Case::new("new/held-while-edited", new_held_while_edited),
        Case::new("new/held-while-deleted", new_held_while_deleted),
        Case::new("new/held-while-recreated", new_held_while_recreated),
        Case::new("new/cut", |world| new_struck(world, Effect::CutEvents)),
        Case::new("new/gone-until-edited", new_gone_until_edited),
        Case::new("life/duplicated", life_duplicated),
        Case::new("own-writes/dropped", own_writes_dropped),
        Case::new("own-writes/held-while-edited", own_writes_held_while_edited),
        Case::new("known/gone-then-edited", known_gone_then_edited),
        Case::new("deletion/dropped-until-asked", deletion_dropped),
        Case::new("deletion/held", deletion_held),
        Case::new("resume/gone", resume_gone),
        Case::new("list/cut", |world| list_struck(world, Effect::CutEvents)),
        Case::new("list/gone", |world| list_struck(world, Effect::Gone)),
        Case::new("list/duplicated", |world| {
            list_struck(world, Effect::DuplicateEvents)
        }),
    ];
    for (fault, effect) in refusals() {
        let name = format!("start/{fault}");
        cases.push(Case::new(name, |world| start_refused(world, effect)));
    }
    play("no_fault_of_a_watch_makes_a_second_pool", cases).await;
}

/// What can become of the request for a watch.
fn refusals() -> Vec<(&'static str, Effect)> {
    let answer = |code, reason: &str| {
        let refusal = Refusal::new(code, reason).retry_after(1);
        Effect::Unexecuted(Ending::Answer(refusal))
    };
    vec![
        ("429", answer(429, "TooManyRequests")),
        ("500", answer(500, "InternalError")),
        ("503", answer(503, "ServiceUnavailable")),
        ("504", answer(504, "Timeout")),
        ("cut", Effect::Unexecuted(Ending::Cut)),
        ("reset", Effect::Unexecuted(Ending::Reset)),
        // Beyond the deadline of the operator's client.
        ("silence", Effect::Delay(Duration::from_secs(12))),
    ]
}

impl World {
    /// Makes an object, and has the operator get an error in place of its event and list everything
    /// anew.
    async fn relist_instead_of(&self, name: &str) {
        let gone = self.strike(watch().name(name), Effect::Gone);
        // Nobody minds a bookmark that comes twice; it tells when the list is complete.
        let complete = watch().containing("initial-events-end");
        let complete = self
            .proxy
            .inject(Fault::on(complete, Effect::DuplicateEvents));
        self.rig.create(name, IdentityPoolSpec::default()).await;
        gone.until_struck(1).await;
        complete.until_struck(1).await;
    }

    async fn edit(&self) {
        let spec = json!({ "allowUnauthenticatedIdentities": true });
        self.rig.patch(APP, json!({ "spec": spec })).await;
    }

    /// Waits until the operator has dealt with an object that was made after all others.
    async fn until_dealt_with(&self) {
        self.rig.create(OTHER, IdentityPoolSpec::default()).await;
        self.rig.until_ready(OTHER).await;
    }

    fn hold(&self, matching: Matching) -> Armed {
        let fault = Fault::on(matching, Effect::HoldEvents);
        self.proxy.inject(fault.always())
    }
}

async fn new_dropped_until_edited(world: Arc<World>) {
    let _operator = world.operator().await;
    let armed = world.strike(events(), Effect::DropEvents);
    world.create().await;
    armed.until_struck(1).await;
    world.edit().await;
    world.settles_after_one_creation().await;
}

async fn new_held_while_edited(world: Arc<World>) {
    let _operator = world.operator().await;
    let armed = world.hold(events());
    world.create().await;
    armed.until_struck(1).await;
    world.edit().await;
    armed.release();
    world.settles_after_one_creation().await;
    let pool = world.rig.pool_of(APP).await;
    assert_eq!(
        pool["AllowUnauthenticatedIdentities"], true,
        "the edit counts"
    );
}

async fn new_held_while_deleted(world: Arc<World>) {
    let _operator = world.operator().await;
    let armed = world.hold(events());
    world.create().await;
    armed.until_struck(1).await;
    // Nothing holds an object that no operator has marked.
    world.rig.delete(APP).await;
    world.rig.until_gone(APP).await;
    armed.release();
    world.until_dealt_with().await;
    assert_eq!(world.rig.fake.pools().len(), 1, "the other one's");
    assert_eq!(world.changes(), ["CreateIdentityPool"]);
}

async fn new_held_while_recreated(world: Arc<World>) {
    let _operator = world.operator().await;
    let armed = world.hold(events());
    world.create().await;
    armed.until_struck(1).await;
    world.rig.delete(APP).await;
    world.rig.until_gone(APP).await;
    world.create().await;
    armed.release();
    world.settles_after_one_creation().await;
}

async fn new_struck(world: Arc<World>, effect: Effect) {
    let _operator = world.operator().await;
    let armed = world.strike(events(), effect);
    world.create().await;
    armed.until_struck(1).await;
    world.settles_after_one_creation().await;
}

async fn life_duplicated(world: Arc<World>) {
    let operator = world.operator().await;
    let fault = Fault::on(events(), Effect::DuplicateEvents);
    let armed = world.proxy.inject(fault.always());
    world.create().await;
    world.settles_in_one_pool().await;
    world.edit().await;
    world.settles_in_one_pool().await;
    operator.kill();
    world.age().await;
    let _operator = world.operator().await;
    world.rig.delete(APP).await;
    world.settles_in_none().await;
    assert!(armed.struck() >= 6, "only {} events", armed.struck());
    let once = [
        "CreateIdentityPool",
        "UpdateIdentityPool",
        "DeleteIdentityPool",
    ];
    assert_eq!(world.changes(), once);
}

/// What the operator knows of its own writes, it has from their answers.
async fn own_writes_dropped(world: Arc<World>) {
    let _operator = world.operator().await;
    let fault = Fault::on(events_of("MODIFIED"), Effect::DropEvents);
    let armed = world.proxy.inject(fault.times(2));
    world.create().await;
    world.rig.until_ready(APP).await;
    armed.until_struck(2).await;
    world.edit().await;
    world.settles_in_one_pool().await;
    assert_eq!(
        world.changes(),
        ["CreateIdentityPool", "UpdateIdentityPool"]
    );
}

async fn own_writes_held_while_edited(world: Arc<World>) {
    let _operator = world.operator().await;
    let armed = world.hold(events_of("MODIFIED"));
    world.create().await;
    world.rig.until_ready(APP).await;
    armed.until_struck(1).await;
    world.edit().await;
    armed.release();
    world.settles_in_one_pool().await;
    assert_eq!(
        world.changes(),
        ["CreateIdentityPool", "UpdateIdentityPool"]
    );
}

async fn new_gone_until_edited(world: Arc<World>) {
    let _operator = world.operator().await;
    world.relist_instead_of(APP).await;
    world.edit().await;
    world.settles_in_one_pool().await;
    assert_eq!(world.rig.fake.count("CreateIdentityPool"), 1);
}

async fn known_gone_then_edited(world: Arc<World>) {
    let _operator = world.operator().await;
    world.create().await;
    world.rig.until_ready(APP).await;
    world.relist_instead_of(OTHER).await;
    world.edit().await;
    world.rig.until_ready(APP).await;
    let pool = world.rig.pool_of(APP).await;
    assert_eq!(
        pool["AllowUnauthenticatedIdentities"], true,
        "the edit counts"
    );
    world.rig.fake.assert_sound();
}

async fn deletion_dropped(world: Arc<World>) {
    let _operator = world.operator().await;
    world.create().await;
    world.rig.until_ready(APP).await;
    let mark = events_of("MODIFIED").containing("deletionTimestamp");
    let armed = world.strike(mark, Effect::DropEvents);
    world.rig.delete(APP).await;
    armed.until_struck(1).await;
    world.rig.ask(APP).await;
    world.settles_in_none().await;
}

async fn deletion_held(world: Arc<World>) {
    let _operator = world.operator().await;
    world.create().await;
    world.rig.until_ready(APP).await;
    let armed = world.hold(events().containing("deletionTimestamp"));
    world.rig.delete(APP).await;
    armed.until_struck(1).await;
    armed.release();
    world.settles_in_none().await;
}

/// A proxy on the way, or an apiserver without a cache, refuses an old revision by the status
/// instead of by an event.
async fn resume_gone(world: Arc<World>) {
    let _operator = world.operator().await;
    let gone = Effect::Unexecuted(Ending::Answer(Refusal::new(410, "Expired")));
    let armed = world.proxy.inject(Fault::on(watch(), gone).times(2));
    world.strike(events(), Effect::CutEvents);
    world.create().await;
    armed.until_struck(2).await;
    world.settles_after_one_creation().await;
}

/// The object is there before the operator.
async fn list_struck(world: Arc<World>, effect: Effect) {
    world.create().await;
    world.until_cached().await;
    let fault = Fault::on(events_of("ADDED"), effect);
    let armed = world.proxy.inject(fault.times(2));
    let _operator = world.operator().await;
    assert!(armed.struck() >= 1);
    world.settles_after_one_creation().await;
}

async fn start_refused(world: Arc<World>, effect: Effect) {
    let armed = world.strike(watch(), effect);
    let _operator = world.operator().await;
    assert_eq!(armed.struck(), 1);
    world.create().await;
    world.settles_after_one_creation().await;
}
