//! Before the play: a cluster that nobody else uses, the API, and a running operator.

use harness::project;

use crate::failure::Failure;
use crate::neighbour;
use crate::stage::{CRD, Stage};

/// On a cluster of the demo's own there is nobody.
pub(super) async fn on_own_cluster(stage: &mut Stage) -> Result<(), Failure> {
    stage
        .screen
        .act("Install the CRD, and make a namespace for the demo.")
        .await;
    install(stage).await?;
    stage.enter_namespace().await
}

/// On somebody's cluster the demo looks before it changes anything.
pub(super) async fn on_cluster_of_user(stage: &mut Stage) -> Result<(), Failure> {
    stage
        .screen
        .act("Look first: does anybody else use identity pools on this cluster?")
        .await;
    let definition_was_there = neighbour::look(stage).await?;
    if !definition_was_there {
        stage.makes_definition();
        install(stage).await?;
    }
    neighbour::ask(stage, !definition_was_there).await?;
    stage
        .screen
        .act("Make a namespace for the demo; whatever it does happens there.")
        .await;
    stage.enter_namespace().await
}

async fn install(stage: &Stage) -> Result<(), Failure> {
    let crds = project::crds();
    let file = project::from_here(&crds).to_string_lossy();
    stage
        .kubectl(&["apply", "--server-side", "-f", &file])
        .await?;
    stage
        .kubectl(&["wait", "--for=condition=Established", CRD, "--timeout=30s"])
        .await?;
    // Established is a moment earlier than served.
    let served = async || stage.quietly(&["get", "idpool", "-A"]).await.is_ok();
    stage.until("identity pools can be listed", served).await
}

pub(super) async fn start(stage: &mut Stage) -> Result<(), Failure> {
    stage
        .screen
        .act("Start the operator, a process like any other, for this namespace only.")
        .await;
    stage.start_operator().await
}
