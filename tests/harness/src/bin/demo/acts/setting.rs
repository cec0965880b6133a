//! Before the play: the API, a namespace, and a running operator.

use std::path::Path;

use crate::failure::Failure;
use crate::neighbour;
use crate::stage::Stage;

const CRD: &str = "crd/identitypools.cognito-identity.dev";

/// The definitions, seen from the root of the project.
const FILE: &str = "crds/identitypools.yaml";

/// The same, for a demo that is run from elsewhere.
const FILE_FROM_ELSEWHERE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../crds/identitypools.yaml");

pub(super) async fn install(stage: &mut Stage) -> Result<(), Failure> {
    stage
        .screen
        .act("Install the CRD, and make a namespace for the demo.");
    let was_there = stage.quietly(&["get", CRD]).await.is_ok();
    let here = Path::new(FILE).is_file();
    let file = if here { FILE } else { FILE_FROM_ELSEWHERE };
    stage
        .kubectl(&["apply", "--server-side", "-f", file])
        .await?;
    stage
        .kubectl(&["wait", "--for=condition=Established", CRD, "--timeout=30s"])
        .await?;
    // Established is a moment earlier than served.
    let served = async || stage.quietly(&["get", "idpool", "-A"]).await.is_ok();
    stage.until("identity pools can be listed", served).await?;
    stage.enter_namespace().await?;
    if stage.is_guest() && was_there {
        neighbour::nobody_answers(stage).await?;
    }
    Ok(())
}

pub(super) async fn start(stage: &mut Stage) -> Result<(), Failure> {
    stage
        .screen
        .act("Start the operator, a process like any other, for this namespace only.");
    stage.start_operator().await
}
