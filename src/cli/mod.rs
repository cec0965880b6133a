//! The command line: what can be asked of the binary.

mod aws;
mod classes;
mod cluster;
mod election;
mod flags;
mod policy;
mod probe;
mod run;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::api;
use crate::aws::policy as iam;

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
    Run(Box<flags::Flags>),
    /// Print the custom resource definitions as YAML.
    Crd {
        /// Only the one of this file of crds/ [default: all]
        #[arg(hide = true)]
        file: Option<String>,
    },
    /// Print the AWS IAM policy that the operator needs, as JSON.
    IamPolicy(Box<policy::Flags>),
    /// Ask an operator's page, such as `http://host:8080/metrics`: exit code 0 if it answers 200.
    Probe {
        /// What to ask
        url: String,
    },
    /// Print the documentation page of condition reasons.
    #[command(hide = true)]
    Reasons,
    /// Print the documentation page of AWS permissions.
    #[command(hide = true)]
    IamPage,
}

fn crds(only: Option<&str>) -> Result<(), run::Error> {
    let Some(only) = only else {
        print!("{}", api::crds::crds_yaml()?);
        return Ok(());
    };
    let files = api::crds::files()?;
    let texts = files.iter().filter(|(name, _)| *name == only);
    texts.for_each(|(_, text)| print!("{text}"));
    Ok(())
}

fn page() -> Result<(), run::Error> {
    print!("{}", iam::page()?);
    Ok(())
}

/// Ends with what was asked for (help, version), or with what is wrong in one line: the
/// parser's own answer goes on with the usage, and a log has it in pieces.
fn refuse(error: &clap::Error) -> ExitCode {
    let help = ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if !error.use_stderr() || error.kind() == help {
        error.exit();
    }
    let answer = error.render().to_string();
    let lines = answer.lines().map(str::trim);
    let said: Vec<&str> = lines
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"))
        .filter(|line| !line.is_empty())
        .collect();
    let said = said.join("; ");
    let said = said.trim_start_matches("error: ");
    eprintln!("identity-pool-operator: {said}");
    ExitCode::from(EXIT_MISUSE)
}

/// Runs what the arguments ask for.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let result = match cli.command {
        Command::Run(flags) => run::run(*flags),
        Command::Crd { file } => crds(file.as_deref()),
        Command::IamPolicy(flags) => policy::print(*flags),
        Command::Probe { url } => probe::probe(&url).map_err(run::Error::from),
        Command::Reasons => {
            print!("{}", api::condition::reasons_page());
            Ok(())
        }
        Command::IamPage => page(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("identity-pool-operator: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
