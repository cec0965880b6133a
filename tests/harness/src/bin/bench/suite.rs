//! Which measurements are made, in which order.

use std::path::Path;
use std::time::Duration;

use harness::control_plane::ControlPlane;

use crate::Outcome;
use crate::bare::Bare;
use crate::case::{Bench, Case, Run};
use crate::changes::Batch;
use crate::creation::{self, Load};
use crate::growth::ByCount;
use crate::row::Row;
use crate::scene::Scene;
use crate::table::Table;
use crate::tally::Tally;
use crate::versus::{self, Other};
use crate::{
    access, growth, handover, limits, neighbours, objects, rest, restart, size, throughput,
};

/// Objects of the warm-up: the apiserver's first are slower.
const WARM_UP: usize = 200;
/// A latency like AWS's.
const USUAL_LATENCY: Duration = Duration::from_millis(50);
/// Calls that one edit takes: a look and the update. It is recorded in one write.
const EDIT: (f64, f64) = (2.0, 1.0);
/// Calls that one deletion takes: a look, whether there are identities, the deletion. Then the
/// finalizer goes, in one write.
const DELETION: (f64, f64) = (3.0, 1.0);
/// Objects of the largest measurement of memory: ten accounts' worth, or a raised quota.
const MOST: usize = 10_000;

/// How much is measured.
struct Extent {
    runs: usize,
    counts: &'static [usize],
    limits: &'static [u32],
    periods: u32,
}

const WHOLE: Extent = Extent {
    runs: 3,
    counts: &[10, 100, 1000, 5000],
    limits: &[5, 10, 25],
    periods: 2,
};

const QUICK: Extent = Extent {
    runs: 1,
    counts: &[10, 100, 300],
    limits: &[25],
    periods: 1,
};

/// Makes all measurements, or a few.
pub(crate) async fn measure(binary: &Path, quick: bool, other: &Other) -> Outcome<Table> {
    let extent = if quick { QUICK } else { WHOLE };
    eprintln!("starting etcd and kube-apiserver");
    let plane = ControlPlane::start().await?;
    objects::install(&plane).await?;
    let bench = Bench {
        bare: warm_up(&plane, binary).await?,
        plane: &plane,
        binary,
        runs: extent.runs,
    };
    // First: what the command line says of the other may be wrong, and the rest takes minutes.
    let side_by_side = versus::sections(&bench, other).await?;
    let mut table = Table::default();
    creations(&bench, &extent, &mut table).await?;
    if !quick {
        paced(&bench, &mut table).await?;
        let large = Case {
            compares: false,
            goes_on: false,
            ..Case::of(MOST, Duration::ZERO)
        };
        eprintln!("{}", large.name());
        let large = bench.run(large).await?;
        let row = Row::new("resident memory", "MiB", [large.full]).at_most(200.0);
        table.section(format!("{MOST} objects, one run"), vec![row]);
    }
    for (name, rows) in limits::rows(&bench, extent.limits).await? {
        table.section(name, rows);
    }
    let (many, limit) = (neighbours::MANY, neighbours::LIMIT);
    let name = format!("one tenant beside another with {many} objects, {limit} calls/s");
    table.section(name, Box::pin(neighbours::rows(&bench)).await?);
    let more = access::creation_rows(&bench).await?;
    table.section(
        format!("{} creations with more than a pool", access::POOLS),
        more,
    );
    let name = format!("a value from elsewhere changes for {} pools", access::POOLS);
    table.section(name, access::reference_rows(&bench).await?);
    let name = format!("{} pools at rest", rest::POOLS);
    table.section(name, rest::rows(&bench, extent.periods).await?);
    let pools = if quick { 130 } else { 1000 };
    let rows = restart::rows(&bench, pools).await?;
    table.section(format!("restart with {pools} pools"), rows);
    table.section("change of the leader", handover::rows(&bench, quick).await?);
    let mut process = restart::start_rows(&bench).await?;
    process.push(size::row(binary)?);
    table.section("process", process);
    for (name, rows) in side_by_side {
        table.section(name, rows);
    }
    notes(&bench, &mut table);
    Ok(table)
}

/// Nothing is measured yet; what the operator writes is learned.
async fn warm_up(plane: &ControlPlane, binary: &Path) -> Outcome<Bare> {
    eprintln!("warm-up");
    let scene = Scene::operated(plane, binary, Duration::ZERO).await?;
    creation::run(&scene, Load::of(WARM_UP), None).await?;
    Tally::at_rest(&scene).await;
    let bare = Bare::learn(&scene).await?;
    let quiet = Scene::new(plane, binary, Duration::ZERO).await?;
    bare.run(&quiet, Load::of(WARM_UP)).await?;
    Ok(bare)
}

async fn creations(bench: &Bench<'_>, extent: &Extent, table: &mut Table) -> Outcome<()> {
    let mut idle = Vec::new();
    let mut prompt = ByCount::new();
    for latency in [Duration::ZERO, USUAL_LATENCY] {
        for &count in extent.counts {
            let case = Case::of(count, latency);
            let runs = bench.runs_of(case).await?;
            table.section(case.name(), throughput::rows(case, &runs));
            idle.extend(runs.iter().map(|run| run.idle));
            if case.goes_on {
                changes(count, &runs, table);
                prompt.push((count, runs));
            }
        }
    }
    let idle = Row::new("resident memory", "MiB", idle);
    let idle = idle.at_most(15.0).peers("139 (XC), 51 (ACK)");
    table.section("idle", vec![idle]);
    table.section(
        "growth with the number of objects n, AWS latency 0 ms",
        growth::rows(&prompt),
    );
    Ok(())
}

fn changes(count: usize, runs: &[Run], table: &mut Table) {
    let mut section = |what, batch: fn(&Run) -> Option<&Batch>, (calls, writes)| {
        let batches: Vec<&Batch> = runs.iter().filter_map(batch).collect();
        let rows = throughput::change_rows(&batches, calls, writes);
        table.section(format!("{count} {what}, AWS latency 0 ms"), rows);
    };
    section("edits", |run| run.edited.as_ref(), EDIT);
    section("deletions", |run| run.deleted.as_ref(), DELETION);
}

async fn paced(bench: &Bench<'_>, table: &mut Table) -> Outcome<()> {
    let every = Duration::from_millis(100);
    let case = Case {
        load: Load { count: 100, every },
        latency: USUAL_LATENCY,
        compares: true,
        goes_on: false,
    };
    let runs = bench.runs_of(case).await?;
    let name = format!(
        "10 creations/s, AWS latency {} ms",
        case.latency.as_millis()
    );
    table.section(name, throughput::paced_rows(case, &runs));
    Ok(())
}

fn notes(bench: &Bench<'_>, table: &mut Table) {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let (runs, period, default) = (bench.runs, rest::PERIOD, rest::DEFAULT_PERIOD);
    table.note(format!(
        "runs of each measurement: {runs}, on {cores} cores shared by etcd, kube-apiserver, fake AWS, operator and clients"
    ));
    table.note("last: ratio of the median to that of the last recorded run");
    table.note("bare client: the same two patches as the operator's, no AWS, no watch, no Events");
    table.note(format!(
        "at rest: measured with --resync-period-seconds={period}; looks × {period}/{default}, the list of each minute as counted"
    ));
    table.note(
        "peers: measured once on 2 cores, see them as a scale; XC: crossplane-contrib/provider-aws, ACK: its user pool controller",
    );
}
