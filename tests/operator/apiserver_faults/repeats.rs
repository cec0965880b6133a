//! Faults that last: a pass ends at the first refusal and comes back after a pause, but goes on at
//! once where only its view of the object was old.

use std::sync::Arc;

use harness::proxy::{Armed, Effect, Ending, Fault, Matching, Refusal, Verb};

use super::table::{Case, play};
use super::world::{APP, World};
use crate::rig::Running;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_that_lasts_is_answered_with_patience() {
    let mut cases = vec![Case::new("status/409-five-times", five_conflicts)];
    for (code, reason) in [
        (429, "TooManyRequests"),
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
        (504, "Timeout"),
    ] {
        let refusal = Refusal::new(code, reason).retry_after(1);
        let again = refusal.clone();
        cases.push(Case::new(format!("claim/{code}-three-times"), |world| {
            three_refusals(world, marks(), again)
        }));
        cases.push(Case::new(format!("status/{code}-three-times"), |world| {
            three_refusals(world, status(), refusal)
        }));
    }
    play("a_fault_that_lasts_is_answered_with_patience", cases).await;
}

fn patch() -> Matching {
    Matching::verb(Verb::Patch).resource("identitypools")
}

fn marks() -> Matching {
    patch().subresource("")
}

fn status() -> Matching {
    patch().subresource("status")
}

fn refuse(world: &World, write: Matching, refusal: Refusal, times: usize) -> Armed {
    let effect = Effect::Unexecuted(Ending::Answer(refusal));
    world.proxy.inject(Fault::on(write, effect).times(times))
}

/// All in one pass: the pool is there, and waiting would not make it more so.
async fn five_conflicts(world: Arc<World>) {
    let operator = world.operator().await;
    let armed = refuse(&world, status(), Refusal::new(409, "Conflict"), 5);
    world.create().await;
    world.rig.until_ready(APP).await;
    assert_eq!((armed.struck(), world.proxy.count(&status())), (5, 6));
    assert_eq!(passes(&operator, "failed"), None);
    world.settles_in_one_pool().await;
    assert_eq!(world.changes(), ["CreateIdentityPool"]);
}

/// One try a pass: neither the client nor the pass repeats a write that failed.
async fn three_refusals(world: Arc<World>, write: Matching, refusal: Refusal) {
    let operator = world.operator().await;
    let armed = refuse(&world, write, refusal, 3);
    world.create().await;
    world.settles_in_one_pool().await;
    assert_eq!(armed.struck(), 3);
    assert_eq!(passes(&operator, "failed").as_deref(), Some("3"));
    assert_eq!(world.changes(), ["CreateIdentityPool"]);
}

/// How many passes ended so, if any did.
fn passes(operator: &Running, outcome: &str) -> Option<String> {
    let line = format!(r#"reconcile_total{{outcome="{outcome}"}} "#);
    let page = operator.page();
    let (_, count) = page.split_once(&line)?;
    count.lines().next().map(str::to_owned)
}
