//! Objects go, and their pools with them, unless somebody would lose by it.

use super::id;
use crate::failure::Failure;
use crate::screen;
use crate::stage::Stage;

pub(super) async fn delete(stage: &mut Stage) -> Result<(), Failure> {
    stage
        .screen
        .act("Delete both: an empty pool goes at once, one with users in it waits for a person.");
    let (web, crash) = (stage.object("web").await?, stage.object("crash").await?);
    stage.fake.add_identity(id(&web));
    let both = ["delete", "idpool", "web", "crash", "--wait=false"];
    stage.kubectl(&both).await?;
    let gone = ["wait", "--for=delete", "idpool/crash", "--timeout=60s"];
    stage.kubectl(&gone).await?;
    is_gone(stage, id(&crash)).await?;
    stage.wait_for("Stalled", "web").await?;
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
        .act("Decide that its users may be lost: now it goes too.");
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
    let error = answer.body["__type"].as_str().unwrap_or_default();
    screen::show(&format!("{} {error}", answer.status));
    stage.check(
        error == "ResourceNotFoundException",
        "the object is gone, and its pool with it",
    )
}

/// Asks the fake for broken promises.
pub(super) fn sound(stage: &mut Stage) -> Result<(), Failure> {
    stage
        .screen
        .act("Behind the scene, the fake Cognito has watched every call.");
    let violations = stage.fake.violations();
    if !violations.is_empty() {
        let all = violations.join("\n  ");
        return Err(Failure(format!("promises were broken:\n  {all}")));
    }
    stage.check(
        true,
        "no pool was made twice, no other's pool was written to, no owner tag was changed",
    )
}
