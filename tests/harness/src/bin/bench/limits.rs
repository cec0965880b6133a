//! Creations in an account that allows few calls: how much of the limit is used, and how many calls
//! are in vain. A limit has to be found first; the time until then counts apart.

use std::time::Duration;

use futures::future::try_join_all;
use harness::cognito::{Call, Outcome as Became};
use jiff::SignedDuration;

use crate::case::Bench;
use crate::creation::{self, Load};
use crate::row::Row;
use crate::scene::Scene;
use crate::tally::Tally;
use crate::{Outcome, real};

/// Seconds of full use that each limit is given.
const SECONDS: usize = 60;

/// Within this the limit is found: from 50 calls a second down to 5 takes four halvings.
const FINDING: SignedDuration = SignedDuration::from_secs(10);

/// A latency like AWS's.
const LATENCY: Duration = Duration::from_millis(50);

/// What one account showed.
struct Seen {
    used: f64,
    refused: f64,
    refused_in_all: f64,
    writes: f64,
}

/// Rows for each limit, in calls a second. Accounts are apart, so they are measured side by side.
pub(crate) async fn rows(bench: &Bench<'_>, limits: &[u32]) -> Outcome<Vec<(String, Vec<Row>)>> {
    let mut runs = Vec::new();
    for number in 1..=bench.runs {
        eprintln!(
            "accounts with limits of {limits:?}/s, run {number} of {}",
            bench.runs
        );
        runs.push(try_join_all(limits.iter().map(|limit| account(bench, *limit))).await?);
    }
    let sections = limits.iter().enumerate().map(|(place, limit)| {
        let of = |value: fn(&Seen) -> f64| runs.iter().map(move |run| value(&run[place]));
        let rows = vec![
            Row::new(
                "share of the limit that is used, once found",
                "%",
                of(|seen| seen.used),
            )
            .at_least(90.0),
            Row::new(
                "share of calls throttled, once found",
                "%",
                of(|seen| seen.refused),
            )
            .at_most(2.0),
            Row::new(
                "share of calls throttled, finding it included",
                "%",
                of(|seen| seen.refused_in_all),
            ),
            Row::new(
                "apiserver writes an object, Events apart",
                "",
                of(|seen| seen.writes),
            ),
        ];
        (format!("an account that allows {limit} calls/s"), rows)
    });
    Ok(sections.collect())
}

async fn account(bench: &Bench<'_>, limit: u32) -> Outcome<Seen> {
    let scene = Scene::operated(bench.plane, bench.binary, LATENCY).await?;
    scene
        .fake
        .configure(|settings| settings.account_rate = Some(limit.into()));
    scene.fake.reset_journal();
    let count = SECONDS * usize::try_from(limit)?;
    creation::run(&scene, Load::of(count), None).await?;
    let writes = Tally::now(&scene).await.writes;
    let calls = scene.fake.calls();
    let begun = calls.first().ok_or("nothing was called")?.at;
    let found = begun + FINDING;
    let last = calls.last().map_or(found, |call| call.at);
    let later: Vec<&Call> = calls.iter().filter(|call| call.at >= found).collect();
    let seconds = last.duration_since(found).as_secs_f64();
    Ok(Seen {
        used: 100.0 * executed(&later) / (f64::from(limit) * seconds),
        refused: throttled(&later),
        refused_in_all: throttled(&calls.iter().collect::<Vec<_>>()),
        writes: real(writes) / real(count),
    })
}

fn executed(calls: &[&Call]) -> f64 {
    real(calls.iter().filter(|call| call.executed).count())
}

fn throttled(calls: &[&Call]) -> f64 {
    let refused = |call: &&&Call| matches!(call.outcome, Became::Refused(_));
    100.0 * real(calls.iter().filter(refused).count()) / real(calls.len())
}
