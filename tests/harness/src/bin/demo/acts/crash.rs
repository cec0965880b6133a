//! The operator dies between AWS's doing and AWS's answer: the one moment in which
//! a careless client makes a second pool.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{CREATE, id, owner};
use crate::failure::Failure;
use crate::screen::table;
use crate::stage::Stage;
use crate::tables::{self, text};

const MANIFEST: &str = "apiVersion: cognito-identity.dev/v1alpha1
kind: IdentityPool
metadata:
  name: crash
";

const OWNER: &str = "cognito-identity.dev/owner";

/// Long enough to be killed in, short enough not to be an unanswered call.
const ANSWER_TAKES: Duration = Duration::from_secs(10);

pub(super) async fn kill(stage: &mut Stage) -> Result<(), Failure> {
    stage
        .screen
        .act("Kill the operator in the middle of a creation: the pool is made, nobody hears of it.")
        .await;
    let begun = hold_back_answer(stage).await?;
    let earlier = stage.fake.executed(CREATE);
    stage.apply(MANIFEST).await?;
    let made = async || stage.fake.executed(CREATE) == earlier + 1;
    stage.until("AWS has made the pool", made).await?;
    let calls = stage.look("calls").await?;
    show_last_creation(&calls)?;
    stage.kill_operator();
    stage.check(
        begun.elapsed() < ANSWER_TAKES,
        "AWS has carried out the call, and whom it would have answered is dead",
    )?;
    what_is_left(stage).await
}

/// Sets the fault, and returns since when.
async fn hold_back_answer(stage: &Stage) -> Result<Instant, Failure> {
    let seconds = ANSWER_TAKES.as_secs();
    stage.screen.say(&format!(
        "The fault: the next creation is carried out at once, its answer held back for {seconds} s."
    ));
    let kind = json!({ "delayAfter": seconds * 1000 });
    let fault = json!({ "operation": CREATE, "kind": kind });
    stage.pull("faults", fault).await?;
    Ok(Instant::now())
}

fn show_last_creation(calls: &[Value]) -> Result<(), Failure> {
    let call = tables::of_operation(calls, CREATE).pop();
    let call = call.ok_or_else(|| Failure(format!("{CREATE} was not called.")))?;
    let name = text(&call["request"]["IdentityPoolName"]);
    let outcome = text(&call["outcome"]);
    table(&[
        ["LAST CREATION", "OF POOL", "OUTCOME IN AWS"].map(str::to_owned),
        [CREATE, name, outcome].map(str::to_owned),
    ]);
    Ok(())
}

async fn what_is_left(stage: &Stage) -> Result<(), Failure> {
    stage.screen.say(
        "Look at the object: no POOL-ID, but the claim that the operator wrote before the call.",
    );
    stage.kubectl(&["get", "idpool", "crash"]).await?;
    let claim = r"jsonpath={.metadata.annotations.cognito-identity\.dev/claim}";
    stage
        .kubectl(&["get", "idpool", "crash", "-o", claim])
        .await?;
    let object = stage.object("crash").await?;
    stage.check(
        id(&object).is_empty() && claims(&object),
        "the object knows of no pool, but what was begun is on record",
    )?;
    stage
        .screen
        .say("Look at AWS: the pool is there, and its owner tag has the object's uid.");
    let pools = stage.look("pools").await?;
    show_owners(&pools);
    let pools = owned(&pools, &owner(stage, &object));
    stage.check(pools.len() == 1, "AWS has one pool for it")
}

pub(super) async fn recover(stage: &mut Stage) -> Result<(), Failure> {
    stage
        .screen
        .act("Start it again: it searches for what it may have made before it makes anything.")
        .await;
    let owner = owner(stage, &stage.object("crash").await?);
    let orphan = owned(&stage.fake.pools(), &owner);
    let earlier = stage.fake.calls().len();
    stage.start_operator().await?;
    let object = stage.wait_for("Ready", "crash").await?;
    stage.kubectl(&["get", "idpool"]).await?;
    stage
        .screen
        .say("Look at the calls since the start: it has searched, and made nothing.");
    let calls = stage.look("calls").await?;
    tables::calls(calls.get(earlier..).unwrap_or_default());
    stage.screen.say("Look at what there is for it in the end.");
    let pools = owned(&stage.look("pools").await?, &owner);
    let creations = tables::of_operation(&calls, CREATE);
    let creations = creations
        .iter()
        .filter(|call| has_owner(&call["request"], &owner))
        .count();
    table(&[
        ["FOR OWNER", "POOLS", "CreateIdentityPool CALLS"].map(str::to_owned),
        [owner, pools.len().to_string(), creations.to_string()],
    ]);
    stage.check(
        pools.len() == 1 && pools == orphan,
        "there is one pool with its owner tag, the one from before",
    )?;
    stage.check(
        pools[0]["IdentityPoolId"] == id(&object),
        "its id is the one on record now",
    )?;
    stage.check(
        creations == 1,
        "there was one CreateIdentityPool call for it",
    )
}

fn claims(object: &Value) -> bool {
    let claim = object["metadata"]["annotations"]["cognito-identity.dev/claim"].as_str();
    let claim: Option<Value> = claim.and_then(|claim| serde_json::from_str(claim).ok());
    claim.is_some_and(|claim| claim["uid"] == object["metadata"]["uid"])
}

fn show_owners(pools: &[Value]) {
    let row = |pool: &Value| {
        let cells = [&pool["IdentityPoolId"], &pool["IdentityPoolTags"][OWNER]];
        cells.map(|cell| text(cell).to_owned())
    };
    let mut rows = vec![["POOL-ID", "OWNER TAG"].map(str::to_owned)];
    rows.extend(pools.iter().map(row));
    table(&rows);
}

/// The pools whose owner tag says so.
fn owned(pools: &[Value], owner: &str) -> Vec<Value> {
    let pools = pools.iter().filter(|pool| has_owner(pool, owner));
    pools.cloned().collect()
}

/// Whether a pool, or the request for one, has this owner tag.
fn has_owner(pool: &Value, owner: &str) -> bool {
    pool["IdentityPoolTags"][OWNER] == owner
}
