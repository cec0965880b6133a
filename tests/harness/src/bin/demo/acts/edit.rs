//! The pool follows the spec, whoever changes which of the two.

use serde_json::json;

use super::id;
use crate::failure::Failure;
use crate::stage::Stage;
use crate::tables;

const GUESTS: &str = "AllowUnauthenticatedIdentities";

const EVENTS: [&str; 5] = [
    "get",
    "events",
    "--field-selector=reason=DriftCorrected",
    "-o",
    "custom-columns=REASON:.reason,OBJECT:.involvedObject.name,MESSAGE:.message",
];

pub(super) async fn change(stage: &mut Stage) -> Result<(), Failure> {
    stage
        .screen
        .act("Change it: no more guests, and no Facebook. A line that goes here goes in AWS.")
        .await;
    let patch =
        r#"{"spec":{"allowUnauthenticatedIdentities":false,"supportedLoginProviders":null}}"#;
    stage.patch("web", patch).await?;
    let object = stage.wait_for("Ready", "web").await?;
    let pool = stage.describe(id(&object)).await?.body;
    tables::members_of(&pool, &[GUESTS, "SupportedLoginProviders"]);
    let logins = pool["SupportedLoginProviders"].as_object();
    stage.check(
        pool[GUESTS] == false && logins.is_none_or(serde_json::Map::is_empty),
        "neither guests nor Facebook are let in",
    )?;
    stage.check(
        pool["OpenIdConnectProviderARNs"][0].is_string() && pool["SamlProviderARNs"][0].is_string(),
        "what was not changed is still there",
    )
}

pub(super) async fn rename(stage: &mut Stage) -> Result<(), Failure> {
    stage
        .screen
        .act("Rename it: the pool keeps its id, so applications and their users stay with it.")
        .await;
    let before = stage.object("web").await?;
    let patch = r#"{"spec":{"identityPoolName":"shop web 2"}}"#;
    stage.patch("web", patch).await?;
    let object = stage.wait_for("Ready", "web").await?;
    let pool = stage.describe(id(&object)).await?.body;
    tables::members_of(&pool, &["IdentityPoolId", "IdentityPoolName"]);
    stage.check(
        id(&before) == id(&object) && pool["IdentityPoolName"] == "shop web 2",
        "same pool, new name",
    )
}

pub(super) async fn drift(stage: &mut Stage) -> Result<(), Failure> {
    stage
        .screen
        .act(
            "Change it behind the operator's back, as in the console; the next look puts it right.",
        )
        .await;
    let object = stage.object("web").await?;
    let id = id(&object);
    let before = stage.fake.pool(id);
    let let_guests_in = json!({ "pool": id, "set": { GUESTS: true } });
    stage.pull("tamper", let_guests_in).await?;
    let tampered = stage.describe(id).await?.body;
    tables::members_of(&tampered, &[GUESTS]);
    stage.check(tampered[GUESTS] == true, "guests are let in")?;
    stage
        .screen
        .say("The operator looks every half hour; this asks for a look now.");
    let look = "cognito-identity.dev/reconcile-at=now";
    stage.kubectl(&["annotate", "idpool/web", look]).await?;
    let looked = "--for=jsonpath={.status.lastHandledReconcileAt}=now";
    stage
        .kubectl(&["wait", looked, "idpool/web", "--timeout=60s"])
        .await?;
    let after = stage.describe(id).await?.body;
    tables::members_of(&after, &[GUESTS]);
    stage.check(before == Some(after), "the pool is as in the spec again")?;
    let field = "allowUnauthenticatedIdentities";
    let told = async || {
        let events = stage.quietly(&EVENTS).await;
        events.is_ok_and(|events| events.contains(field))
    };
    stage.until("an Event tells of it", told).await?;
    stage.kubectl(&EVENTS).await?;
    stage.check(true, "an Event names the field that was changed")
}
