//! Measures the operator: throughput, latency, calls, writes, memory.
//!
//! Prints what it measured, beside the target and what peers reach; asserts nothing.
//! Everything runs on this machine, so figures of two machines do not compare, but
//! the bare client that does the same writes in the same run does.

mod access;
mod bare;
mod case;
mod changes;
mod creation;
mod growth;
mod handover;
mod limits;
mod neighbours;
mod objects;
mod ready;
mod rest;
mod restart;
mod row;
mod scene;
mod size;
mod suite;
mod table;
mod tally;
mod throughput;
mod versus;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use harness::causes::with_causes;
use harness::operator;
use table::Recorded;
use versus::Other;

/// The result of a measurement, or why there is none.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Measures the operator that is built beside this program, and prints figures.
#[derive(Parser)]
struct Flags {
    /// One run of each with few objects, about four minutes.
    #[arg(long)]
    quick: bool,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    /// A run to compare with, as `-o json` printed it; it need not exist.
    #[arg(long, default_value = "docs/performance.json")]
    compare: PathBuf,
    /// Where to keep this run, for the next to be compared with.
    #[arg(long)]
    record: Option<PathBuf>,
    #[command(flatten)]
    other: Other,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A table for people.
    #[default]
    Table,
    /// For programs.
    Json,
}

fn main() -> ExitCode {
    match print(&Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

fn print(flags: &Flags) -> Outcome<()> {
    // Before the minutes that the measurements take.
    let recorded = Recorded::read(&flags.compare)?;
    let operator = operator::built_beside()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let table = runtime.block_on(suite::measure(&operator, flags.quick, &flags.other))?;
    if let Some(path) = &flags.record {
        std::fs::write(path, table.json() + "\n")?;
    }
    match flags.output {
        Output::Json => println!("{}", table.json()),
        Output::Table => print!("{}", table.text(&recorded)),
    }
    Ok(())
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark")]
fn real(count: usize) -> f64 {
    count as f64
}
