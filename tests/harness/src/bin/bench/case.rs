//! One case and its runs, each in a scene of its own: objects are created, edited, deleted. Before
//! each run the bare client goes under the same load, where it is to be compared.

use std::path::Path;
use std::time::Duration;

use harness::control_plane::ControlPlane;

use crate::Outcome;
use crate::bare::Bare;
use crate::changes::{self, Batch};
use crate::creation::{self, Load, Timing};
use crate::scene::Scene;
use crate::tally::Spent;

/// What is created, and how long AWS takes for each call.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) load: Load,
    pub(crate) latency: Duration,
    /// Whether the bare client goes before.
    pub(crate) compares: bool,
    /// Whether all objects are then edited, and then deleted.
    pub(crate) goes_on: bool,
}

impl Case {
    /// As many objects as fast as it goes, by an AWS that answers after this time.
    pub(crate) const fn of(count: usize, latency: Duration) -> Self {
        Self {
            load: Load::of(count),
            latency,
            compares: latency.is_zero(),
            goes_on: latency.is_zero(),
        }
    }

    /// The heading.
    pub(crate) fn name(self) -> String {
        let (count, latency) = (self.load.count, self.latency.as_millis());
        format!("{count} creations, AWS latency {latency} ms")
    }
}

/// What one run showed.
pub(crate) struct Run {
    pub(crate) created: Batch,
    /// The bare client's, just before.
    pub(crate) bare: Option<Timing>,
    /// Resident memory before the first object, in MiB.
    pub(crate) idle: f64,
    /// Resident memory with all objects, in MiB.
    pub(crate) full: f64,
    pub(crate) edited: Option<Batch>,
    pub(crate) deleted: Option<Batch>,
}

/// What all runs need.
pub(crate) struct Bench<'a> {
    pub(crate) plane: &'a ControlPlane,
    pub(crate) binary: &'a Path,
    pub(crate) bare: Bare,
    pub(crate) runs: usize,
}

impl Bench<'_> {
    /// All runs of a case.
    pub(crate) async fn runs_of(&self, case: Case) -> Outcome<Vec<Run>> {
        let mut runs = Vec::new();
        for number in 1..=self.runs {
            eprintln!("{}, run {number} of {}", case.name(), self.runs);
            runs.push(self.run(case).await?);
        }
        Ok(runs)
    }

    /// One run of a case.
    pub(crate) async fn run(&self, case: Case) -> Outcome<Run> {
        let bare = if case.compares {
            let quiet = Scene::new(self.plane, self.binary, Duration::ZERO).await?;
            Some(self.bare.run(&quiet, case.load).await?)
        } else {
            None
        };
        let scene = Scene::operated(self.plane, self.binary, case.latency).await?;
        let idle = scene.resident_mib();
        let work = creation::run(&scene, case.load, None);
        let (timing, spent) = Spent::by(&scene, work).await?;
        let client = bare.as_ref().map_or(f64::NAN, |bare| bare.per_second);
        eprintln!(
            "  operator {:.0}/s, bare client {client:.0}/s",
            timing.per_second
        );
        let full = scene.resident_mib();
        let (edited, deleted) = if case.goes_on {
            let edited = changes::edit_all(&scene).await?;
            (Some(edited), Some(changes::delete_all(&scene).await?))
        } else {
            (None, None)
        };
        Ok(Run {
            created: Batch {
                count: case.load.count,
                timing,
                spent,
            },
            bare,
            idle,
            full,
            edited,
            deleted,
        })
    }
}
