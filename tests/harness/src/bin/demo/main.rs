//! Shows the whole life of an identity pool to a person, and fails when any of it
//! is not as promised.
//!
//! Real parts: kubectl, a kube-apiserver over etcd, the operator's binary as a
//! process that can be killed. AWS is the fake Cognito, also on a cluster of the
//! user's own, so that a demo never touches an account.

mod acts;
mod curtain;
mod failure;
mod kubectl;
mod neighbour;
mod screen;
mod stage;
mod tables;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use curtain::Curtain;
use failure::Failure;
use harness::control_plane::ControlPlane;
use harness::{operator, tools};
use kubectl::Kubectl;
use screen::{Screen, line};
use stage::Stage;
use tokio::signal::unix::{SignalKind, signal};

/// Shows the whole life of an identity pool, with the operator that is built beside this program.
#[derive(Parser)]
struct Flags {
    /// Use the cluster of this kubeconfig instead of starting one.
    #[arg(long, value_name = "PATH")]
    kubeconfig: Option<PathBuf>,
    /// Use this context of the kubeconfig instead of starting a cluster.
    #[arg(long)]
    context: Option<String>,
    /// Do not wait for Enter between acts; without a terminal nobody waits anyway.
    #[arg(long)]
    no_wait: bool,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    let outcome = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::of(&error))
        .and_then(|runtime| runtime.block_on(show(flags)));
    match outcome {
        Ok(()) => {
            line(
                "\nAll of it as promised. To try it by hand: `make cluster` and `make fake` say how.",
            );
            ExitCode::SUCCESS
        }
        Err(Failure(why)) => {
            eprintln!("\nThe demo did not come to its end: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn show(flags: Flags) -> Result<(), Failure> {
    let mut stage = set(flags).await?;
    stage.introduce().await?;
    let played = tokio::select! {
        played = acts::all(&mut stage) => played,
        stopped = stop() => stopped,
    };
    // What was made on somebody's cluster goes whatever happened.
    let tidied = if stage.is_guest() {
        stage.tidy_up().await
    } else {
        Ok(())
    };
    let failures: Vec<String> = [played, tidied]
        .into_iter()
        .filter_map(|outcome| outcome.err().map(|Failure(why)| why))
        .collect();
    if failures.is_empty() {
        stage.forget_log();
        return Ok(());
    }
    let log = stage.where_to_look();
    Err(Failure(format!("{}{log}", failures.join("\nAnd: "))))
}

/// Sets the stage: on a cluster of the demo's own, unless another is named.
async fn set(flags: Flags) -> Result<Stage, Failure> {
    let operator = operator::built_beside().map_err(|error| Failure::of(&error))?;
    let screen = Screen::new(Curtain::new(!flags.no_wait));
    if flags.kubeconfig.is_none() && flags.context.is_none() {
        line("Starting etcd and kube-apiserver …");
        let plane = ControlPlane::start().await;
        let plane = plane.map_err(|error| Failure::of(&error))?;
        return Ok(Stage::of_our_own(plane, screen, operator).await);
    }
    let program = tokio::task::spawn_blocking(tools::any_kubectl).await;
    let program = program.map_err(|error| Failure::of(&error))?;
    let program = program.map_err(|error| Failure::of(&error))?;
    let kubectl = Kubectl::of_user(program, flags.kubeconfig, flags.context);
    Ok(Stage::on_cluster_of_user(kubectl, screen, operator).await)
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
