//! Builds the operator's image where nothing can be pulled, and says how large it is.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{error, fs};

use clap::Parser;
use harness::causes::with_causes;
use harness::image::{Images, Sizes};
use harness::node;

/// Builds the operator's image with a binary that is there already.
#[derive(Parser)]
struct Flags {
    /// The binary, as `cargo build --release` makes it.
    #[arg(long, value_name = "PATH")]
    binary: PathBuf,
    /// Where the OCI archive is written to.
    #[arg(long, value_name = "PATH")]
    output: PathBuf,
    /// The name in it.
    #[arg(long, default_value = concat!("localhost/identity-pool-operator:", env!("CARGO_PKG_VERSION")))]
    name: String,
}

fn main() -> ExitCode {
    match build(&Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

fn build(flags: &Flags) -> Result<(), Box<dyn error::Error>> {
    node::install_packages()?;
    let images = Images::new()?;
    let archive = images.operator(&flags.binary, &flags.name, env!("CARGO_PKG_VERSION"))?;
    let sizes = Sizes::of(&flags.binary, &archive)?;
    fs::create_dir_all(flags.output.parent().unwrap_or(Path::new(".")))?;
    fs::copy(&archive.path, &flags.output)?;
    println!("{} in {}\n{sizes}", flags.name, flags.output.display());
    Ok(sizes.within_limits()?)
}
