//! Shows the whole life of an identity pool to a person, and fails when any of it
//! is not as promised.
//!
//! Real parts: kubectl, a kube-apiserver over etcd, the operator's binary as a
//! process that can be killed. AWS is the fake Cognito, also on a cluster of the
//! user's own, so that a demo never touches an account.

mod acts;
mod failure;
mod kubectl;
mod neighbour;
mod screen;
mod stage;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use failure::Failure;
use harness::control_plane::ControlPlane;
use kubectl::Kubectl;
use stage::Stage;
use tokio::signal::unix::{SignalKind, signal};

/// Shows the whole life of an identity pool.
#[derive(Parser)]
struct Flags {
    /// The operator's binary.
    #[arg(long, value_name = "PATH")]
    operator: PathBuf,
    /// Use the cluster of this kubeconfig instead of starting one.
    #[arg(long, value_name = "PATH")]
    kubeconfig: Option<PathBuf>,
    /// Use this context of the kubeconfig instead of starting a cluster.
    #[arg(long)]
    context: Option<String>,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    let begun = Instant::now();
    let outcome = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::of(&error))
        .and_then(|runtime| runtime.block_on(show(flags)));
    match outcome {
        Ok(()) => {
            println!("\nAs promised, in {:.0} s.", begun.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(Failure(why)) => {
            eprintln!("\nThe demo failed: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn show(flags: Flags) -> Result<(), Failure> {
    let own = flags.kubeconfig.is_none() && flags.context.is_none();
    let mut stage = if own {
        println!("Starting etcd and kube-apiserver …");
        let plane = ControlPlane::start().await;
        Stage::of_our_own(plane.map_err(|error| Failure::of(&error))?, flags.operator).await
    } else {
        let kubectl = Kubectl::of_user(flags.kubeconfig, flags.context);
        Stage::on_cluster_of_user(kubectl, flags.operator).await
    };
    stage.introduce();
    let played = tokio::select! {
        played = acts::all(&mut stage) => played,
        stopped = stop() => stopped,
    };
    let played = played.map_err(|Failure(why)| Failure(format!("{why}{}", stage.where_to_look())));
    if own {
        return played;
    }
    // What was made on somebody's cluster goes whatever happened, and the first failure counts.
    let tidied = stage.tidy_up().await;
    played.and(tidied)
}

/// Ends with the first signal that asks the demo to end.
async fn stop() -> Result<(), Failure> {
    let on = |kind| signal(kind).map_err(|error| Failure::of(&error));
    let (mut interrupt, mut terminate) =
        (on(SignalKind::interrupt())?, on(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Err(Failure("it was stopped.".to_owned()))
}
