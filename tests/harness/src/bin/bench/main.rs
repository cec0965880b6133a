//! Measures the operator: throughput, latency, calls, writes, memory.
//!
//! Prints what it measured, beside the target and what peers reach; asserts nothing.
//! Everything runs on this machine, so figures of two machines do not compare, but
//! the bare client that does the same writes in the same run does.

mod access;
mod bare;
mod case;
mod creation;
mod handover;
mod memory;
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

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use harness::causes::with_causes;
use harness::operator;
use table::Table;

/// The result of a measurement, or why there is none.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Measures the operator that is built beside this program, and prints figures.
#[derive(Parser)]
struct Flags {
    /// One run of 200 objects and one resync period at rest, little more than a minute.
    #[arg(long)]
    quick: bool,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
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
    let flags = Flags::parse();
    match measure(flags.quick) {
        Ok(table) if flags.output == Output::Json => println!("{}", table.json()),
        Ok(table) => print!("{}", table.text()),
        Err(error) => {
            eprintln!("error: {}", with_causes(&*error));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn measure(quick: bool) -> Outcome<Table> {
    let operator = operator::built_beside()?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(suite::measure(&operator, quick))
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark")]
fn real(count: usize) -> f64 {
    count as f64
}
