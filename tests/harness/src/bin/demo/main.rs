//! Shows the whole life of an identity pool to a person, and fails when any of it
//! is not as promised.
//!
//! Real parts: kubectl, a kube-apiserver over etcd, the operator's binary as a
//! process that can be killed. AWS is the fake Cognito, also on a cluster of the
//! user's own, so that a demo never touches an account.

mod acts;
mod stage;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use harness::causes::with_causes;
use harness::cognito::FakeCognito;
use harness::control_plane::ControlPlane;
use harness::scratch::Scratch;
use stage::{Failure, Kubectl, Stage};

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
        .map_err(|error| Failure(format!("no runtime: {error}")))
        .and_then(|runtime| runtime.block_on(show(&flags)));
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

async fn show(flags: &Flags) -> Result<(), Failure> {
    let own = flags.kubeconfig.is_none() && flags.context.is_none();
    let plane = if own {
        println!("Starting etcd and kube-apiserver …");
        let started = ControlPlane::start().await;
        Some(started.map_err(|error| Failure(with_causes(&error)))?)
    } else {
        None
    };
    let kubectl = match &plane {
        Some(plane) => Kubectl::of(plane),
        None => Kubectl::of_user(flags.kubeconfig.clone(), flags.context.clone()),
    };
    let fake = FakeCognito::start().await;
    let scratch = Scratch::new().map_err(|error| Failure(with_causes(&error)))?;
    let mut stage = Stage::new(kubectl, fake, flags.operator.clone(), scratch);
    let outcome = acts::all(&mut stage).await;
    if !own {
        stage.tidy_up();
    }
    outcome
}
