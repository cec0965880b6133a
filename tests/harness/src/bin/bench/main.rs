//! Measures the operator: throughput, latency, calls, writes, memory.
//!
//! Prints what it measured, beside the target and what peers reach; asserts nothing.
//! Everything runs on this machine, so figures of two machines do not compare, but
//! the bare client that does the same writes in the same run does.

mod bare;
mod creation;
mod objects;
mod rest;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use harness::causes::with_causes;
use harness::control_plane::ControlPlane;
use harness::operator::Operator;
use objects::Scene;
use table::{Row, Table};

/// The result of a measurement, or why there is none.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Measures the operator and prints figures.
#[derive(Parser)]
struct Flags {
    /// The operator's binary; a release build, unless only a rough idea is wanted.
    #[arg(long, value_name = "PATH")]
    operator: PathBuf,
    /// One run of 200 objects, about a minute.
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
    let outcome = tokio::runtime::Runtime::new()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(measure(&flags)));
    match outcome {
        Ok(table) if flags.output == Output::Json => println!("{}", table.json()),
        Ok(table) => println!("{}", table.text()),
        Err(error) => {
            eprintln!("error: {}", with_causes(&*error));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

async fn measure(flags: &Flags) -> Outcome<Table> {
    eprintln!("starting etcd and kube-apiserver");
    let plane = ControlPlane::start().await?;
    objects::install(&plane).await?;
    let mut table = Table::default();
    eprintln!("warm-up");
    creation::run(
        &Scene::new(&plane, &flags.operator, Duration::ZERO).await?,
        50,
    )
    .await?;
    let runs = if flags.quick { 1 } else { 3 };
    let cases: &[(usize, u64)] = if flags.quick {
        &[(200, 0)]
    } else {
        &[(200, 0), (200, 50), (1000, 0)]
    };
    for (count, latency) in cases {
        creations(&plane, flags, &mut table, (*count, *latency), runs).await?;
    }
    memory(&plane, &flags.operator, &mut table, flags.quick).await?;
    rest::rows(&plane, &flags.operator, &mut table, flags.quick).await?;
    start_and_size(&plane, &flags.operator, &mut table, runs).await?;
    Ok(table)
}

async fn creations(
    plane: &ControlPlane,
    flags: &Flags,
    table: &mut Table,
    (count, latency): (usize, u64),
    runs: usize,
) -> Outcome<()> {
    let mut results = Vec::new();
    let mut ratios = Vec::new();
    for run in 1..=runs {
        eprintln!("{count} creations, AWS latency {latency} ms, run {run} of {runs}");
        let bare = bare::run(plane, count).await?;
        let scene = Scene::new(plane, &flags.operator, Duration::from_millis(latency)).await?;
        let measured = creation::run(&scene, count).await?;
        ratios.push(measured.per_second / bare);
        results.push(measured);
    }
    let of = |value: fn(&creation::Measured) -> f64| results.iter().map(value).collect::<Vec<_>>();
    let name = |what: &str| format!("{what}, {count} objects, {latency} ms");
    table.push(
        Row::new(name("created to Ready"), "1/s", of(|m| m.per_second))
            .target("≥200 at 0 ms")
            .peers("4 (XC), 39–200 (ACK)"),
    );
    table.push(Row::new(name("ratio to a bare client"), "", ratios).target("≥0.8 at 0 ms"));
    table.push(Row::new(name("create-to-Ready p50"), "ms", of(|m| m.p50)));
    table.push(
        Row::new(name("create-to-Ready p99"), "ms", of(|m| m.p99))
            .target("≤1500 (200 at once)")
            .peers("49000 (XC), 2300–4300 (ACK)"),
    );
    table.push(
        Row::new(name("AWS calls an object"), "", of(|m| m.calls))
            .target("1")
            .peers("3"),
    );
    table.push(
        Row::new(name("apiserver writes an object"), "", of(|m| m.writes))
            .target("2")
            .peers("9.5–11.9 (XC), 2 (ACK)"),
    );
    Ok(())
}

async fn memory(
    plane: &ControlPlane,
    operator: &Path,
    table: &mut Table,
    quick: bool,
) -> Outcome<()> {
    eprintln!("memory");
    let scene = Scene::new(plane, operator, Duration::ZERO).await?;
    let mib = |scene: &Scene| vec![scene.resident_mib()];
    tokio::time::sleep(Duration::from_secs(2)).await;
    table.push(
        Row::new("resident memory, idle", "MiB", mib(&scene))
            .target("≤15")
            .peers("139 (XC), 51 (ACK)"),
    );
    creation::run(&scene, 100).await?;
    table.push(
        Row::new("resident memory, 100 objects", "MiB", mib(&scene)).peers("163 (XC), 57 (ACK)"),
    );
    if !quick {
        creation::run(&scene, 900).await?;
        table.push(
            Row::new("resident memory, 1,000 objects", "MiB", mib(&scene))
                .target("≤40")
                .peers("194 (XC), 65 (ACK)"),
        );
    }
    Ok(())
}

async fn start_and_size(
    plane: &ControlPlane,
    operator: &Path,
    table: &mut Table,
    runs: usize,
) -> Outcome<()> {
    let mut starts = Vec::new();
    for _ in 0..runs {
        let scene = Scene::without_operator(plane, Duration::ZERO).await?;
        let begun = Instant::now();
        let started: Operator = scene.start(operator, &[])?;
        started.ready().await?;
        starts.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    table.push(Row::new("process start to all objects listed", "ms", starts).target("≤200"));
    #[expect(clippy::cast_precision_loss, reason = "megabytes, for people")]
    let size = std::fs::metadata(operator)?.len() as f64 / 1e6;
    table.push(
        Row::new("binary", "MB", vec![size])
            .target("≤20 (release)")
            .peers("213 (XC), 62 (ACK)"),
    );
    Ok(())
}
