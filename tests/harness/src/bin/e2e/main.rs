//! The whole product on a real cluster: the image of the Dockerfile, installed by helm with the chart,
//! run by a kubelet. AWS is the fake Cognito, at an address that pods reach.
//!
//! It needs root and namespaces; `--possible` tells whether they can be had.

mod acts;
mod charts;
mod clock;
mod evidence;
mod failure;
mod killed;
mod scene;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use clock::Clock;
use failure::Failure;
use harness::image::{Images, Sizes};
use harness::node::{self, Node};
use harness::tools::NodeTools;
use scene::Scene;
use tokio::runtime;

/// Installs the chart on a real cluster of one node, and looks whether everything is as promised.
#[derive(Parser)]
struct Flags {
    /// Only say whether this machine permits a node.
    #[arg(long)]
    possible: bool,
    /// The operator, as `cargo build --release` makes it.
    #[arg(long, value_name = "PATH", required_unless_present_any = ["possible", "only_node"])]
    binary: Option<PathBuf>,
    /// Keep the cluster until Enter, whatever came out.
    #[arg(long)]
    keep: bool,
    /// Start a node with this image only, and stay until killed.
    #[arg(long, hide = true, value_name = "ARCHIVE")]
    only_node: Option<PathBuf>,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    if let Some(obstacle) = node::obstacle() {
        eprintln!("\n*** e2e SKIPPED: {obstacle}. Nothing was installed on a real node. ***\n");
        return ExitCode::FAILURE;
    }
    if flags.possible {
        return ExitCode::SUCCESS;
    }
    if let Some(image) = &flags.only_node {
        return told(killed::stay(image));
    }
    let mut clock = Clock::default();
    let outcome = run(&flags, &mut clock);
    println!("\n{}", clock.table());
    told(outcome.map(|()| println!("e2e: all of it as promised")))
}

fn told(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(why)) => {
            eprintln!("e2e FAILED: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Flags, clock: &mut Clock) -> Result<(), Failure> {
    // Before the node: there is no network inside.
    clock.time_blocking("installing Debian packages", || {
        Ok(node::install_packages()?)
    })?;
    let tools = clock.time_blocking("finding the programs of the cluster", || {
        Ok(NodeTools::find_or_build()?)
    })?;
    let images = Images::new()?;
    let binary = flags.binary.as_deref().unwrap_or(Path::new(""));
    let archives = clock.time_blocking("building the images", || {
        let operator = images.operator(binary, &scene::image(), scene::VERSION)?;
        let sizes = Sizes::of(binary, &operator)?;
        println!("{sizes}");
        sizes.within_limits()?;
        Ok([images.pause()?.path, operator.path])
    })?;
    clock.time_blocking("a cluster that is killed leaves nothing", || {
        killed::leaves_nothing(&archives[0])
    })?;
    // One thread: it moves into the network of the node, and everything in it lives there.
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let starting = async { Ok(Node::start(tools, &archives).await?) };
        let node = clock.time("starting the cluster", starting).await?;
        let scene = Scene::set(node).await?;
        let outcome = acts::all(&scene, clock).await;
        if let Err(Failure(why)) = &outcome {
            eprintln!("\ne2e: not as promised: {why}");
            evidence::gather(&scene).await;
        }
        if flags.keep {
            println!("\n{}", scene.how_to_enter());
            // A thread of its own: the fake goes on answering.
            tokio::task::spawn_blocking(|| io::stdin().read_line(&mut String::new())).await??;
        }
        outcome
    })
}
