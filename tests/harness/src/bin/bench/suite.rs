//! Which measurements are made, in which order.

use std::path::Path;
use std::time::Duration;

use harness::control_plane::ControlPlane;

use crate::Outcome;
use crate::bare::Bare;
use crate::case::{Bench, Case};
use crate::creation::{self, Load};
use crate::memory::Memory;
use crate::scene::Scene;
use crate::table::Table;
use crate::tally::Tally;
use crate::{access, handover, objects, rest, restart, size, throughput};

/// Objects of the warm-up: the apiserver's first are slower.
const WARM_UP: usize = 200;
/// Objects of the smallest measurement of memory.
const FEW: usize = 100;
/// A latency like AWS's.
const USUAL_LATENCY: Duration = Duration::from_millis(50);

/// Makes all measurements, or a few.
pub(crate) async fn measure(binary: &Path, quick: bool) -> Outcome<Table> {
    eprintln!("starting etcd and kube-apiserver");
    let plane = ControlPlane::start().await?;
    objects::install(&plane).await?;
    let bench = Bench {
        bare: warm_up(&plane, binary).await?,
        plane: &plane,
        binary,
        runs: if quick { 1 } else { 3 },
    };
    let (mut table, mut memory) = (Table::default(), Memory::default());
    creations(&bench, quick, &mut table, &mut memory).await?;
    if !quick {
        paced(&bench, &mut table).await?;
    }
    let more = access::creation_rows(&bench).await?;
    table.section(
        format!("{} creations with more than a pool", access::POOLS),
        more,
    );
    let name = format!("a value from elsewhere changes for {} pools", access::POOLS);
    table.section(name, access::reference_rows(&bench).await?);
    let few = at_once(FEW, Duration::ZERO);
    memory.note(few, &bench.runs_of(few).await?);
    table.section("resident memory", memory.rows());
    let periods = if quick { 1 } else { 2 };
    let name = format!("{} pools at rest", rest::POOLS);
    table.section(name, rest::rows(&bench, periods).await?);
    if !quick {
        let rows = restart::rows(&bench, 1000).await?;
        table.section("restart with 1000 pools", rows);
    }
    table.section("change of the leader", handover::rows(&bench, quick).await?);
    let process = vec![restart::start_row(&bench).await?, size::row(binary)?];
    table.section("process", process);
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

async fn creations(
    bench: &Bench<'_>,
    quick: bool,
    table: &mut Table,
    memory: &mut Memory,
) -> Outcome<()> {
    let all = [
        at_once(200, Duration::ZERO),
        at_once(200, USUAL_LATENCY),
        at_once(1000, Duration::ZERO),
    ];
    for case in all.into_iter().take(if quick { 1 } else { all.len() }) {
        let runs = bench.runs_of(case).await?;
        let (count, latency) = (case.load.count, case.latency.as_millis());
        let name = format!("{count} creations, AWS latency {latency} ms");
        table.section(name, throughput::rows(case, &runs));
        memory.note(case, &runs);
    }
    Ok(())
}

async fn paced(bench: &Bench<'_>, table: &mut Table) -> Outcome<()> {
    let every = Duration::from_millis(100);
    let case = Case {
        load: Load { count: 100, every },
        latency: USUAL_LATENCY,
    };
    let runs = bench.runs_of(case).await?;
    let name = format!(
        "10 creations/s, AWS latency {} ms",
        case.latency.as_millis()
    );
    table.section(name, throughput::paced_rows(case, &runs));
    Ok(())
}

const fn at_once(count: usize, latency: Duration) -> Case {
    let load = Load::of(count);
    Case { load, latency }
}

fn notes(bench: &Bench<'_>, table: &mut Table) {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let (runs, period, default) = (bench.runs, rest::PERIOD, rest::DEFAULT_PERIOD);
    table.note(format!(
        "runs of each measurement: {runs}, on {cores} cores shared by etcd, kube-apiserver, fake AWS, operator and clients"
    ));
    table.note("bare client: the same two patches as the operator's, no AWS, no watch, no Events");
    table.note(format!(
        "at rest: measured with --resync-period-seconds={period}; looks × {period}/{default}, the list of each minute as counted"
    ));
    table.note(
        "peers: measured once on 2 cores, see them as a scale; XC: crossplane-contrib/provider-aws, ACK: its user pool controller",
    );
}
