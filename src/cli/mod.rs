//! The command line: what can be asked of the binary.

mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::api;

/// Flags or credentials that do not work; the shell's usual code for misuse.
const EXIT_MISUSE: u8 = 2;

/// Keeps Amazon Cognito identity pools equal to their Kubernetes objects.
#[derive(Debug, Parser)]
#[command(name = "identity-pool-operator", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the operator.
    Run(Box<run::Flags>),
    /// Print the custom resource definitions as YAML.
    Crd,
    /// Print the documentation page of condition reasons.
    #[command(hide = true)]
    Reasons,
}

fn crds() -> Result<(), run::Error> {
    print!("{}", api::crds::crds_yaml()?);
    Ok(())
}

/// Runs what the arguments ask for.
#[must_use]
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(flags) => run::run(*flags),
        Command::Crd => crds(),
        Command::Reasons => {
            print!("{}", api::condition::reasons_page());
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("identity-pool-operator: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
