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
    vec![
        Row::new("create-to-Ready p50 beyond AWS's latency", "ms", added(50)),
        Row::new("create-to-Ready p99 beyond AWS's latency", "ms", added(99)).target("≤50"),
    ]
}

/// Targets are for an AWS that answers at once: there the operator is the limit.
fn speed(case: Case, runs: &[Run]) -> Vec<Row> {
    let prompt = case.latency.is_zero();
    let target = |text: &'static str| if prompt { text } else { "" };
    let percentile = |percent| runs.iter().map(move |run| run.timing.percentile(percent));
    let speeds = runs.iter().map(|run| run.timing.per_second);
    let ratios = runs.iter().map(|run| run.ratio);
    let p99 = Row::new("create-to-Ready p99", "ms", percentile(99));
    let p99 = if case.load.count == 200 && prompt {
        p99.target("≤1500").peers("49000 (XC), 2300–4300 (ACK)")
    } else {
        p99
    };
    vec![
        Row::new("objects created and Ready", "1/s", speeds)
            .target(target("≥200"))
            .peers(target("4 (XC), 39–200 (ACK)")),
        Row::new("by a bare client's throughput", "", ratios).target(target("≥0.8")),
        Row::new("create-to-Ready p50", "ms", percentile(50)),
        p99,
    ]
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
