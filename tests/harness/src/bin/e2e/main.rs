//! The whole product on a real cluster: the image of the Dockerfile, installed by helm with the chart,
//! run by a kubelet. AWS is the fake Cognito, at an address that pods reach.
//!
//! It needs root and namespaces; without them it says so and succeeds, unless it is told to fail.

mod acts;
mod charts;
mod clock;
mod evidence;
mod failure;
mod scene;

use std::io;
use std::path::PathBuf;
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
    /// The operator, as `cargo build --release` makes it.
    #[arg(long, value_name = "PATH")]
    binary: PathBuf,
    /// Fail where the machine does not permit a node, instead of skipping everything.
    #[arg(long)]
    required: bool,
    /// Keep the cluster until Enter, whatever came out.
    #[arg(long)]
    keep: bool,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    if let Some(obstacle) = node::obstacle() {
        eprintln!("\n*** e2e SKIPPED: {obstacle}. Nothing was installed on a real node. ***\n");
        return ExitCode::from(u8::from(flags.required));
    }
    let mut clock = Clock::default();
    let outcome = run(&flags, &mut clock);
    println!("\n{}", clock.table());
    match outcome {
        Ok(()) => {
            println!("e2e: all of it as promised");
            ExitCode::SUCCESS
        }
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
    let archives = clock.time_blocking("building the images", || {
        let operator = images.operator(&flags.binary, &scene::image(), scene::VERSION)?;
        let sizes = Sizes::of(&flags.binary, &operator)?;
        if std::env::var_os("ANYSIZE").is_none() {
            sizes.within_limits()?;
        }
        println!("{sizes}");
        Ok([images.pause()?.path, operator.path])
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
            // Blocks the runtime, and the fake with it: the pools rest while somebody looks.
            tokio::task::spawn_blocking(|| io::stdin().read_line(&mut String::new())).await??;
        }
        outcome
    })
}
