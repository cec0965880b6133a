//! Objects go, and their pools with them, unless somebody would lose by it.

use serde_json::json;

use super::id;
use crate::failure::{Failure, require};
use crate::screen;
use crate::stage::Stage;
use crate::tables::text;

pub(super) async fn delete(stage: &mut Stage) -> Result<(), Failure> {
    stage
        .screen
        .act("Delete both: an empty pool goes at once, one with users in it waits for a person.")
        .await;
    let (web, crash) = (stage.object("web").await?, stage.object("crash").await?);
    stage
        .screen
        .say("First somebody signs in to an application of web's, which makes an identity.");
    sign_in(stage, id(&web)).await?;
    let both = ["delete", "idpool", "web", "crash", "--wait=false"];
    stage.kubectl(&both).await?;
    let gone = ["wait", "--for=delete", "idpool/crash", "--timeout=60s"];
    stage.kubectl(&gone).await?;
    is_gone(stage, id(&crash)).await?;
    stage.wait_for("Stalled", "web").await?;
    stage.screen.say("Look at why the other is still there.");
    let why = r#"jsonpath={.status.conditions[?(@.type=="Stalled")].message}"#;
    stage.kubectl(&["get", "idpool", "web", "-o", why]).await?;
    stage.check(
        stage.fake.pool(id(&web)).is_some(),
        "the pool with users in it is still there",
    )
}

pub(super) async fn decide(stage: &mut Stage) -> Result<(), Failure> {
    stage
        .screen
        .act("Decide that its users may be lost: now it goes too.")
        .await;
    let web = stage.object("web").await?;
    let patch = r#"{"spec":{"deletionPolicy":"Delete"}}"#;
    stage.patch("web", patch).await?;
    let gone = ["wait", "--for=delete", "idpool/web", "--timeout=60s"];
    stage.kubectl(&gone).await?;
    is_gone(stage, id(&web)).await?;
    stage.check(stage.fake.pools().is_empty(), "AWS has no pool left")
}

/// Asks AWS for a pool that it must not know any more.
async fn is_gone(stage: &Stage, id: &str) -> Result<(), Failure> {
    let answer = stage.describe(id).await?;
    let error = text(&answer.body["__type"]);
    screen::show(&format!("{} {error}", answer.status));
    stage.check(
        error == "ResourceNotFoundException",
        "the object is gone, and its pool with it",
    )
}

/// Gets an identity as an application does for a user.
async fn sign_in(stage: &Stage, id: &str) -> Result<(), Failure> {
    let provider = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123";
    let input = json!({ "IdentityPoolId": id, "Logins": { provider: "token" } });
    let answer = stage.cognito("GetId", input).await?;
    let identity = text(&answer.body["IdentityId"]);
    require(!identity.is_empty(), "somebody can sign in")?;
    screen::show(&format!("IdentityId {identity}"));
    Ok(())
}

/// Asks the fake for broken promises.
pub(super) async fn sound(stage: &mut Stage) -> Result<(), Failure> {
    stage
        .screen
        .act("Behind the scene, the fake has watched every call for broken promises.")
        .await;
    let violations = stage.look("violations").await?;
    let violations: Vec<&str> = violations.iter().map(text).collect();
    if !violations.is_empty() {
        let all = violations.join("\n  ");
        return Err(Failure(format!("promises were broken:\n  {all}")));
    }
    screen::show("none");
    stage.check(
        true,
        "no pool was made twice, no other's pool was written to, no owner tag was changed",
    )
}
