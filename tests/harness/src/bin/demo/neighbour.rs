//! Keeps the demo off a cluster where somebody else uses identity pools: another
//! operator would make what the demo applies on a real account, and the definition is theirs.
//!
//! First it only looks. An operator without objects is not seen that way, so it is asked
//! next, with an object that is suspended from the start: no operator may call AWS for it,
//! and every operator that looks after its namespace writes its status.

use std::time::{Duration, Instant};

use harness::project;

use crate::failure::Failure;
use crate::stage::{OWN_CLUSTER, Stage};

/// What the operator's image is called, whoever has built it.
const IMAGE: &str = "identity-pool-operator";

const PODS: [&str; 5] = [
    "get",
    "pods",
    "-A",
    "--field-selector=status.phase!=Succeeded,status.phase!=Failed",
    r#"-o=jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name} {.spec.containers[*].image}{"\n"}{end}"#,
];

const OBJECTS: [&str; 4] = [
    "get",
    "identitypools.cognito-identity.dev",
    "-A",
    r#"-o=jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}{"\n"}{end}"#,
];

/// It watches, and writes a status within a fraction of it.
const WATCHER_ANSWERS_IN: Duration = Duration::from_secs(5);

/// It has waited for the definition, and looks for it again after 60 s at the latest: kube's
/// default backoff is 30 s and as much again by chance.
const WAITER_ANSWERS_IN: Duration = Duration::from_secs(65);

/// Whether the definition is there. Fails when somebody uses it; changes nothing.
pub(crate) async fn look(stage: &Stage) -> Result<bool, Failure> {
    no_operator_in_a_pod(stage).await?;
    if !stage.has_definition().await? {
        stage
            .screen
            .tick("the CRD is not there, so there are no IdentityPools");
        return Ok(false);
    }
    no_objects(stage).await?;
    same_definition(stage).await?;
    Ok(true)
}

async fn no_operator_in_a_pod(stage: &Stage) -> Result<(), Failure> {
    let pods = stage.quietly(&PODS).await?;
    let operator = pods.lines().find_map(|line| {
        let (pod, images) = line.split_once(' ')?;
        images.contains(IMAGE).then_some(pod)
    });
    if let Some(pod) = operator {
        return Err(refusal(&format!(
            "pod {pod} of this cluster runs another operator"
        )));
    }
    stage.screen.tick("no pod runs another operator");
    Ok(())
}

async fn no_objects(stage: &Stage) -> Result<(), Failure> {
    let objects = stage.quietly(&OBJECTS).await?;
    if let Some(first) = objects.lines().next() {
        let count = objects.lines().count();
        return Err(refusal(&format!(
            "this cluster has IdentityPools ({count}, the first is {first})"
        )));
    }
    stage.screen.tick("there are no IdentityPools");
    Ok(())
}

/// The definition of others is neither replaced nor, unless it is this one, good for a demo.
async fn same_definition(stage: &Stage) -> Result<(), Failure> {
    let crds = project::crds();
    let file = project::from_here(&crds).to_string_lossy();
    let diff = ["diff", "--server-side", "-f", &file];
    if stage.quietly(&diff).await.is_err() {
        return Err(refusal(&format!(
            "the CRD of this cluster differs from {file} (see `kubectl diff --server-side -f {file}`)"
        )));
    }
    stage
        .screen
        .tick("the CRD is there, in this version; it stays");
    Ok(())
}

/// Fails when another operator answers. One that was waiting for the definition takes longer.
pub(crate) async fn ask(stage: &mut Stage, definition_is_new: bool) -> Result<(), Failure> {
    let patience = if definition_is_new {
        WAITER_ANSWERS_IN
    } else {
        WATCHER_ANSWERS_IN
    };
    let seconds = patience.as_secs();
    stage.screen.say(&format!(
        "Is another operator at work, outside of any pod? It would write a status to this in {seconds} s."
    ));
    stage.make_probe().await?;
    let begun = Instant::now();
    while begun.elapsed() < patience {
        if stage.probe_has_answer().await? {
            return Err(refusal("another operator is at work on this cluster"));
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    stage.remove_probe().await?;
    stage.screen.tick("no other operator answers");
    Ok(())
}

fn refusal(what: &str) -> Failure {
    Failure(format!(
        "{what}, and the demo is played only where nobody else uses identity pools.\n{OWN_CLUSTER}"
    ))
}
