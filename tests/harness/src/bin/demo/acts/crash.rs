//! The operator dies between AWS's doing and AWS's answer: the one moment in which
//! a careless client makes a second pool.

use std::time::Duration;

use harness::cognito::{Fault, FaultKind};
use serde_json::Value;

use super::{CREATE, id, owner};
use crate::failure::{Failure, require};
use crate::screen;
use crate::stage::Stage;

const MANIFEST: &str = "apiVersion: cognito-identity.dev/v1alpha1
kind: IdentityPool
metadata:
  name: crash
";

/// Long enough to be killed in, short enough not to be an unanswered call.
const ANSWER_TAKES: Duration = Duration::from_secs(10);

pub(super) async fn kill(stage: &mut Stage) -> Result<(), Failure> {
    stage.screen.act(
        "Kill the operator in the middle of a creation: AWS has made the pool, nobody has heard.",
    );
    let earlier = stage.fake.executed(CREATE);
    let slow = FaultKind::DelayAfter(ANSWER_TAKES);
    stage.fake.inject(Fault::on(CREATE, slow));
    stage.apply(MANIFEST).await?;
    let made = async || stage.fake.executed(CREATE) == earlier + 1;
    stage.until("AWS has made the pool", made).await?;
    stage.kill_operator();
    let object = stage.object("crash").await?;
    let claim = "jsonpath={.metadata.annotations.cognito-identity\\.dev/claim}";
    stage.kubectl(&["get", "idpool"]).await?;
    stage
        .kubectl(&["get", "idpool", "crash", "-o", claim])
        .await?;
    stage.check(
        id(&object).is_empty() && claims(&object),
        "the object knows of no pool, but what was begun is on record",
    )?;
    let pools = owned(stage, &object);
    require(pools.len() == 1, "AWS has one pool for it")?;
    let pool = pools[0]["IdentityPoolId"].as_str().unwrap_or_default();
    let pool = stage.describe(pool).await?.body;
    screen::show(&format!("{pool:#}"));
    stage.check(
        pool["IdentityPoolId"].is_string(),
        "AWS knows it all the same",
    )
}

pub(super) async fn recover(stage: &mut Stage) -> Result<(), Failure> {
    stage
        .screen
        .act("Start it again: it searches for what it may have made before it makes anything.");
    let orphan = owned(stage, &stage.object("crash").await?);
    stage.start_operator().await?;
    let object = stage.wait_for("Ready", "crash").await?;
    stage.kubectl(&["get", "idpool"]).await?;
    let pools = owned(stage, &object);
    let one = pools.len() == 1 && pools[0]["IdentityPoolId"] == orphan[0]["IdentityPoolId"];
    stage.check(
        one,
        "there is one pool with its owner tag, the one from before",
    )?;
    stage.check(
        pools[0]["IdentityPoolId"] == id(&object),
        "its id is the one on record now",
    )?;
    let name = pools[0]["IdentityPoolName"].clone();
    let calls = stage
        .fake
        .count_where(|call| call.operation == CREATE && call.request["IdentityPoolName"] == name);
    stage.check(calls == 1, "there was one CreateIdentityPool call for it")
}

fn claims(object: &Value) -> bool {
    let claim = object["metadata"]["annotations"]["cognito-identity.dev/claim"].as_str();
    let claim: Option<Value> = claim.and_then(|claim| serde_json::from_str(claim).ok());
    claim.is_some_and(|claim| claim["uid"] == object["metadata"]["uid"])
}

/// The pools whose owner tag names an object.
fn owned(stage: &Stage, object: &Value) -> Vec<Value> {
    let owner = owner(stage, object);
    let mut pools = stage.fake.pools();
    pools.retain(|pool| pool["IdentityPoolTags"]["cognito-identity.dev/owner"] == owner.as_str());
    pools
}
