//! Everything that can go wrong, one thing at a time, on a real apiserver and with the real SDK on
//! the wire: whatever it was, the end is that of the run without faults.
//!
//! `cargo test --test faults` plays every case and prints a table; with an argument, the cases
//! whose names contain it; with `soak`, cases at random. Several hundred worlds share one apiserver: each has a namespace, a
//! fault proxy, a fake Cognito and operators of its own.

mod aws;
mod case;
mod client;
mod clock;
mod corruption;
mod crash;
mod current;
mod logs;
mod oracle;
mod pause;
mod process;
mod reference;
#[path = "../shared/rig.rs"]
#[allow(dead_code, reason = "the operator's own tests use all of it")]
mod rig;
mod run;
mod snapshot;
mod soak;
mod table;
mod workloads;
mod world;

use std::process::ExitCode;

use table::Report;
use workloads::WORKLOADS;

fn main() -> ExitCode {
    logs::listen();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let chosen = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let report = runtime.block_on(play(chosen.as_deref()));
    println!("{report}");
    runtime.shutdown_background();
    report.exit_code()
}

async fn play(chosen: Option<&str>) -> Report {
    if chosen == Some(soak::KIND) {
        let references = reference::references(WORKLOADS.to_vec()).await;
        return case::play(soak::Plan::of_environment().cases(references)).await;
    }
    if let Some(seed) = chosen.and_then(soak::seed) {
        let references = reference::references(WORKLOADS.to_vec()).await;
        return case::play(std::iter::once(soak::case(&references, seed))).await;
    }
    let references = reference::references(workloads::chosen(chosen)).await;
    let mut cases = process::long_cases(&references);
    cases.extend(crash::cases(&references));
    cases.extend(process::cases(&references));
    cases.extend(pause::cases(&references));
    cases.extend(clock::cases(&references));
    cases.extend(corruption::cases());
    cases.extend(aws::cases(&references));
    case::play(case::choose(cases, chosen).into_iter()).await
}
