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
mod readme;
mod scene;
mod terminal;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use clock::Clock;
use failure::Failure;
use harness::image::{Images, Sizes};
use harness::node::{self, Node};
use harness::tools::NodeTools;
use scene::Scene;
use tokio::runtime::{self, Runtime};

/// Installs the chart on a real cluster of one node, and looks whether everything is as promised.
#[derive(Parser)]
struct Flags {
    /// Only say whether this machine permits a node.
    #[arg(long)]
    possible: bool,
    /// The operator, as `cargo build --release` makes it.
    #[arg(long, value_name = "PATH", required_unless_present_any = ["possible", "only_node"])]
    binary: Option<PathBuf>,
    /// Open a shell on the cluster at the end, whatever came out.
    #[arg(long)]
    keep: bool,
    /// Only start the cluster, and open a shell on it.
    #[arg(long)]
    shell: bool,
    /// Start a node with this image only, and stay until killed.
    #[arg(long, hide = true, value_name = "ARCHIVE")]
    only_node: Option<PathBuf>,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    if let Some(obstacle) = node::obstacle() {
        if flags.shell {
            eprintln!("no node can be had here: {obstacle}");
        } else {
            eprintln!("\n*** e2e SKIPPED: {obstacle}. Nothing was installed on a real node. ***\n");
        }
        return ExitCode::FAILURE;
    }
    if flags.possible {
        return ExitCode::SUCCESS;
    }
    if let Some(image) = &flags.only_node {
        return told(killed::stay(image));
    }
    let mut clock = Clock::default();
    if flags.shell {
        return told(prepare(&flags, &mut clock).and_then(shell));
    }
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

/// What a cluster is made of: programs, and the archives of the images.
type Parts = (NodeTools, [PathBuf; 2]);

/// Gets all of it, before there is a node: there is no network inside.
fn prepare(flags: &Flags, clock: &mut Clock) -> Result<(Images, Parts), Failure> {
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
    Ok((images, (tools, archives)))
}

fn shell((_images, (tools, archives)): (Images, Parts)) -> Result<(), Failure> {
    runtime()?.block_on(async {
        let scene = Scene::set(Node::start(tools, &archives).await?).await?;
        terminal::open(&scene).await
    })
}

fn run(flags: &Flags, clock: &mut Clock) -> Result<(), Failure> {
    let (_images, (tools, archives)) = prepare(flags, clock)?;
    clock.time_blocking("a cluster that is killed leaves nothing", || {
        killed::leaves_nothing(&archives[0])
    })?;
    clock.time_blocking(
        "the README, from nothing to Ready",
        readme::from_nothing_to_ready,
    )?;
    runtime()?.block_on(async {
        let starting = async { Ok(Node::start(tools, &archives).await?) };
        let node = clock.time("starting the cluster", starting).await?;
        let scene = Scene::set(node).await?;
        let outcome = acts::all(&scene, clock).await;
        if let Err(Failure(why)) = &outcome {
            eprintln!("\ne2e: not as promised: {why}");
            evidence::gather(&scene).await;
        }
        if flags.keep {
            terminal::open(&scene).await?;
        }
        outcome
    })
}

/// One thread: it moves into the network of the node, and everything in it lives there.
fn runtime() -> Result<Runtime, Failure> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime?)
}
