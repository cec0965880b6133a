//! The rows of a case: how fast, and at what cost for each object.

use std::collections::BTreeSet;

use crate::case::{Case, Run};
use crate::changes::Batch;
use crate::real;
use crate::row::Row;

/// Rows of creations as fast as it goes.
pub(crate) fn rows(case: Case, runs: &[Run]) -> Vec<Row> {
    let created: Vec<&Batch> = runs.iter().map(|run| &run.created).collect();
    let mut rows = speed(case, runs, &created);
    rows.extend(cost(&created, 1.0, 2.0));
    let events = created
        .iter()
        .map(|batch| real(batch.spent.tally.events) / real(batch.count));
    rows.push(Row::new("Events an object", "", events));
    let memory = Row::new("resident memory", "MiB", runs.iter().map(|run| run.full));
    rows.push(match case.load.count {
        1000 => memory.at_most(40.0).peers("194 (XC), 65 (ACK)"),
        100 => memory.peers("163 (XC), 57 (ACK)"),
        _ => memory,
    });
    rows
}

/// Rows of a change of all objects.
pub(crate) fn change_rows(batches: &[&Batch], calls: f64, writes: f64) -> Vec<Row> {
    let mut rows = latencies(batches);
    rows.extend(cost(batches, calls, writes));
    rows
}

/// Rows of creations at a pace that leaves time between them.
pub(crate) fn paced_rows(case: Case, runs: &[Run]) -> Vec<Row> {
    let latency = case.latency.as_secs_f64() * 1000.0;
    let added = |percent| {
        let timings = runs.iter().map(|run| &run.created.timing);
        timings.map(move |timing| timing.percentile(percent) - latency)
    };
    let bare = runs.iter().filter_map(|run| run.bare.as_ref());
    let bare = bare.map(|bare| bare.percentile(99));
    vec![
        Row::new("create-to-Ready p50 beyond AWS's latency", "ms", added(50)),
        Row::new("create-to-Ready p99 beyond AWS's latency", "ms", added(99)).at_most(50.0),
        Row::new("the same by a bare client, without AWS", "ms", bare),
    ]
}

fn speed(case: Case, runs: &[Run], created: &[&Batch]) -> Vec<Row> {
    let mut rows = latencies(created);
    let seconds = created.iter().map(|batch| batch.timing.seconds);
    let count = case.load.count;
    if case.latency.is_zero() {
        let [speed, _, p99] = &mut rows[..] else {
            return rows;
        };
        bound(count, speed, p99);
        let bare = |run: &Run| Some(run.bare.as_ref()?.per_second);
        let ratio = |run: &Run| Some(run.created.timing.per_second / bare(run)?);
        rows.push(Row::new(
            "the same by a bare client",
            "1/s",
            runs.iter().filter_map(bare),
        ));
        let ratio = Row::new(
            "ratio operator/bare client",
            "",
            runs.iter().filter_map(ratio),
        );
        rows.push(if count == 1000 {
            ratio.at_least(0.8)
        } else {
            ratio
        });
    } else if count == 1000 {
        rows.push(Row::new("first request to last Ready", "s", seconds).at_most(10.0));
    }
    rows
}

/// Of an AWS that answers at once: there the operator is the limit.
fn bound(count: usize, speed: &mut Row, p99: &mut Row) {
    let take = |row: &mut Row| std::mem::replace(row, Row::new("", "", []));
    if count == 1000 {
        *speed = take(speed).at_least(200.0);
    }
    if count >= 1000 {
        *speed = take(speed).peers("4 (XC), 39–200 (ACK)");
    }
    if count == 200 {
        *p99 = take(p99).peers("49000 (XC), 2300–4300 (ACK)");
    }
}

fn latencies(batches: &[&Batch]) -> Vec<Row> {
    let speeds = batches.iter().map(|batch| batch.timing.per_second);
    let percentile = |percent| {
        let timings = batches.iter().map(|batch| &batch.timing);
        timings.map(move |timing| timing.percentile(percent))
    };
    vec![
        Row::new("objects done", "1/s", speeds),
        Row::new("request to done p50", "ms", percentile(50)),
        Row::new("request to done p99", "ms", percentile(99)),
    ]
}

fn cost(batches: &[&Batch], calls: f64, writes: f64) -> Vec<Row> {
    let each = |batch: &Batch, count: usize| real(count) / real(batch.count);
    let tallies = batches.iter().map(|batch| &batch.spent.tally);
    let operations: BTreeSet<&str> = tallies
        .flat_map(|tally| tally.calls.keys().map(String::as_str))
        .collect();
    let all = batches
        .iter()
        .map(|batch| each(batch, batch.spent.tally.all_but_lists()));
    let mut rows =
        vec![Row::new("AWS calls an object, the account's list apart", "", all).exactly(calls)];
    rows.extend(operations.into_iter().map(|operation| {
        let calls = batches
            .iter()
            .map(|batch| each(batch, batch.spent.tally.calls_of(operation)));
        Row::new(format!("  {operation}"), "", calls)
    }));
    let written = batches
        .iter()
        .map(|batch| each(batch, batch.spent.tally.writes));
    let cpu = batches
        .iter()
        .map(|batch| batch.spent.cpu * 1000.0 / real(batch.count));
    rows.push(Row::new("apiserver writes an object, Events apart", "", written).exactly(writes));
    rows.push(Row::new("processor time an object", "ms", cpu));
    rows
}
