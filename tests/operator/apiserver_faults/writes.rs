//! Every request that the life of an object takes, with everything that can become of a request.
//!
//! The settle window is the usual 420 s throughout: no case may need it, because the fate of the
//! call to AWS is never in doubt.

use std::sync::Arc;
use std::time::Duration;

use harness::proxy::{Effect, Ending, Matching, Refusal, Verb};
use serde_json::json;

use super::table::{Case, play};
use super::world::{APP, World};

/// What a user does.
#[derive(Clone, Copy, Debug)]
enum Act {
    Create,
    Update,
    Rename,
    Delete,
}

impl Act {
    async fn perform(self, world: &World) {
        match self {
            Self::Create => world.create().await,
            Self::Update => {
                let spec = json!({ "allowUnauthenticatedIdentities": true });
                world.rig.patch(APP, json!({ "spec": spec })).await;
            }
            Self::Rename => {
                let spec = json!({ "identityPoolName": "renamed" });
                world.rig.patch(APP, json!({ "spec": spec })).await;
            }
            Self::Delete => world.rig.delete(APP).await,
        }
    }

    /// The one call that carries it out.
    fn call(self) -> &'static str {
        match self {
            Self::Create => "CreateIdentityPool",
            Self::Update | Self::Rename => "UpdateIdentityPool",
            Self::Delete => "DeleteIdentityPool",
        }
    }

    /// Writes to the object when nothing goes wrong.
    fn writes(self) -> usize {
        match self {
            Self::Create => 2,
            Self::Update | Self::Rename | Self::Delete => 1,
        }
    }
}

/// The requests of each act, in their order.
fn requests() -> [(&'static str, Act, Matching); 7] {
    let patch = || Matching::verb(Verb::Patch).resource("identitypools");
    let status = || patch().subresource("status");
    let marks = || patch().subresource("");
    let read = Matching::verb(Verb::Get).resource("identitypools");
    let event = Matching::verb(Verb::Create).resource("events");
    [
        ("create/claim", Act::Create, marks()),
        ("create/status", Act::Create, status()),
        ("create/event", Act::Create, event),
        ("update/status", Act::Update, status()),
        ("rename/status", Act::Rename, status()),
        ("delete/read", Act::Delete, read),
        ("delete/finalizer", Act::Delete, marks()),
    ]
}

/// What can become of a request.
pub(super) fn effects() -> Vec<(&'static str, Effect)> {
    let answer = |code, reason: &str| Ending::Answer(Refusal::new(code, reason));
    let throttled = Refusal::new(429, "TooManyRequests").retry_after(1);
    let slow = Effect::SlowBody {
        piece: 400,
        pause: Duration::from_millis(50),
    };
    vec![
        ("409", Effect::Unexecuted(answer(409, "Conflict"))),
        ("429", Effect::Unexecuted(Ending::Answer(throttled))),
        ("500", Effect::Unexecuted(answer(500, "InternalError"))),
        ("503", Effect::Unexecuted(answer(503, "ServiceUnavailable"))),
        ("504", Effect::Unexecuted(answer(504, "Timeout"))),
        ("refused", Effect::Unexecuted(Ending::Cut)),
        ("reset", Effect::Unexecuted(Ending::Reset)),
        ("unanswered-cut", Effect::Unanswered(Ending::Cut)),
        ("unanswered-reset", Effect::Unanswered(Ending::Reset)),
        ("unanswered-504", Effect::Unanswered(answer(504, "Timeout"))),
        ("half-answered", Effect::CutBody(100)),
        ("slowly-executed", Effect::Delay(Duration::from_secs(1))),
        ("slowly-answered", slow),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_survives_every_fault_of_the_apiserver() {
    let mut cases = Vec::new();
    for (request, act, matching) in requests() {
        for (fault, effect) in effects() {
            let matching = matching.clone();
            let name = format!("{request}/{fault}");
            cases.push(Case::new(name, move |world| {
                struck_once(world, act, matching, effect)
            }));
        }
    }
    play("every_request_survives_every_fault_of_the_apiserver", cases).await;
}

async fn struck_once(world: Arc<World>, act: Act, matching: Matching, effect: Effect) {
    let mut operator = world.operator().await;
    if !matches!(act, Act::Create) {
        world.create().await;
        world.rig.until_ready(APP).await;
    }
    if matches!(act, Act::Delete) {
        operator.kill();
        world.age().await;
        operator = world.operator().await;
    }
    world.rig.fake.reset_journal();
    world.proxy.reset_journal();
    let armed = world.strike(matching, effect);
    act.perform(&world).await;
    armed.until_struck(1).await;
    let look = match act {
        Act::Delete => {
            world.settles_in_none().await;
            0
        }
        Act::Create | Act::Update | Act::Rename => {
            world.settles_in_one_pool().await;
            1
        }
    };
    assert_eq!(world.changes(), [act.call()]);
    // What is struck is done once more; another pass may rest on what is not the latest.
    let (writes, accepted) = (world.writes(), world.accepted());
    let most = act.writes() + look + armed.struck();
    assert!(
        writes <= most + 2 && accepted <= most,
        "{accepted} of {writes} writes"
    );
    drop(operator);
}
