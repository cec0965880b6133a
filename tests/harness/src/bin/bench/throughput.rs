//! The rows of a case of creation.

use std::collections::BTreeSet;

use crate::case::{Case, Run};
use crate::real;
use crate::row::Row;

/// Rows of creations as fast as it goes.
pub(crate) fn rows(case: Case, runs: &[Run]) -> Vec<Row> {
    let mut rows = speed(case, runs);
    rows.extend(cost(case, runs));
    rows
}

/// Rows of creations at a pace that leaves time between them.
pub(crate) fn paced_rows(case: Case, runs: &[Run]) -> Vec<Row> {
    let latency = case.latency.as_secs_f64() * 1000.0;
    let added = |percent| {
        runs.iter()
            .map(move |run| run.timing.percentile(percent) - latency)
    };
    let bare = runs.iter().map(|run| run.bare.percentile(99));
    vec![
        Row::new("create-to-Ready p50 beyond AWS's latency", "ms", added(50)),
        Row::new("create-to-Ready p99 beyond AWS's latency", "ms", added(99)).target("≤50"),
        Row::new("the same by a bare client, without AWS", "ms", bare),
    ]
}

fn speed(case: Case, runs: &[Run]) -> Vec<Row> {
    let beside = beside(case);
    let speeds = runs.iter().map(|run| run.timing.per_second);
    let bare = runs.iter().map(|run| run.bare.per_second);
    let ratios = speeds.clone().zip(bare.clone());
    let ratios = ratios.map(|(operator, bare)| operator / bare);
    let percentile = |percent| runs.iter().map(move |run| run.timing.percentile(percent));
    vec![
        Row::new("objects created and Ready", "1/s", speeds)
            .target(beside.speed)
            .peers(beside.peers_speed),
        Row::new("the same by a bare client", "1/s", bare),
        Row::new("ratio operator/bare client", "", ratios).target(beside.ratio),
        Row::new("create-to-Ready p50", "ms", percentile(50)),
        Row::new("create-to-Ready p99", "ms", percentile(99))
            .target(beside.p99)
            .peers(beside.peers_p99),
    ]
}

/// What stands beside the figures of a case.
#[derive(Default)]
struct Beside {
    speed: &'static str,
    peers_speed: &'static str,
    ratio: &'static str,
    p99: &'static str,
    peers_p99: &'static str,
}

/// Only of an AWS that answers at once: there the operator is the limit.
fn beside(case: Case) -> Beside {
    let prompt = Beside {
        speed: "≥200",
        peers_speed: "4 (XC), 39–200 (ACK)",
        ..Beside::default()
    };
    match case.load.count {
        _ if !case.latency.is_zero() => Beside::default(),
        200 => Beside {
            p99: "≤1500",
            peers_p99: "49000 (XC), 2300–4300 (ACK)",
            ..prompt
        },
        1000 => Beside {
            ratio: "≥0.8",
            ..prompt
        },
        _ => prompt,
    }
}

fn cost(case: Case, runs: &[Run]) -> Vec<Row> {
    let each = |count: usize| real(count) / real(case.load.count);
    let operations: BTreeSet<&str> = runs
        .iter()
        .flat_map(|run| run.spent.calls.keys().map(String::as_str))
        .collect();
    let calls = runs.iter().map(|run| each(run.spent.all_calls()));
    let mut rows = vec![
        Row::new("AWS calls an object", "", calls)
            .target("1")
            .peers("3"),
    ];
    rows.extend(operations.into_iter().map(|operation| {
        let calls = runs.iter().map(|run| each(run.spent.calls_of(operation)));
        Row::new(format!("  {operation}"), "", calls)
    }));
    let writes = runs.iter().map(|run| each(run.spent.writes));
    rows.push(
        Row::new("apiserver writes an object, Events apart", "", writes)
            .target("2")
            .peers("9.5–11.9 with Events (XC), 2 (ACK)"),
    );
    let events = runs.iter().map(|run| each(run.spent.events));
    rows.push(Row::new("Events an object", "", events));
    rows
}
