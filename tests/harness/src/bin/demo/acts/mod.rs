//! The acts, in order. Each shows what a person types and sees, and checks it.

mod begin;
mod crash;
mod edit;
mod end;
mod setting;

use serde_json::Value;

use crate::failure::Failure;
use crate::stage::Stage;

const CREATE: &str = "CreateIdentityPool";

/// Plays them all.
pub(crate) async fn all(stage: &mut Stage) -> Result<(), Failure> {
    if stage.is_guest() {
        setting::on_cluster_of_user(stage).await?;
    } else {
        setting::on_own_cluster(stage).await?;
    }
    setting::start(stage).await?;
    begin::create(stage).await?;
    begin::on_the_wire(stage).await?;
    edit::change(stage).await?;
    edit::rename(stage).await?;
    edit::drift(stage).await?;
    crash::kill(stage).await?;
    crash::recover(stage).await?;
    end::delete(stage).await?;
    end::decide(stage).await?;
    end::sound(stage).await
}

/// The id that an object's status records; empty when none.
fn id(object: &Value) -> &str {
    object["status"]["identityPoolId"]
        .as_str()
        .unwrap_or_default()
}

/// The owner tag that an object's pool carries.
fn owner(stage: &Stage, object: &Value) -> String {
    let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
    format!("{}/{uid}", stage.installation)
}
