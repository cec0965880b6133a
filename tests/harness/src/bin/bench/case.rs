//! One case of creation and its runs, each in a scene of its own, each right after a
//! run of the bare client under the same load.

use std::path::Path;
use std::time::Duration;

use harness::control_plane::ControlPlane;

use crate::Outcome;
use crate::bare::Bare;
use crate::creation::{self, Load, Timing};
use crate::scene::Scene;
use crate::tally::Tally;

/// What is created, and how long AWS takes for each call.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) load: Load,
    pub(crate) latency: Duration,
}

/// What one run showed.
pub(crate) struct Run {
    pub(crate) timing: Timing,
    /// The bare client's, just before.
    pub(crate) bare: Timing,
    /// What all objects together took.
    pub(crate) spent: Tally,
    /// Resident memory before the first object, in MiB.
    pub(crate) idle: f64,
    /// Resident memory with all objects, in MiB.
    pub(crate) full: f64,
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
        let (count, latency) = (case.load.count, case.latency.as_millis());
        let mut runs = Vec::new();
        for number in 1..=self.runs {
            let of = self.runs;
            eprintln!("{count} creations, AWS latency {latency} ms, run {number} of {of}");
            runs.push(self.run(case).await?);
        }
        Ok(runs)
    }

    async fn run(&self, case: Case) -> Outcome<Run> {
        let quiet = Scene::new(self.plane, self.binary, Duration::ZERO).await?;
        let bare = self.bare.run(&quiet, case.load).await?;
        let scene = Scene::operated(self.plane, self.binary, case.latency).await?;
        let before = Tally::at_rest(&scene).await;
        let idle = scene.resident_mib();
        let timing = creation::run(&scene, case.load, None).await?;
        let (operator, client) = (timing.per_second, bare.per_second);
        eprintln!("  operator {operator:.0}/s, bare client {client:.0}/s");
        let spent = Tally::at_rest(&scene).await.since(&before);
        Ok(Run {
            timing,
            bare,
            spent,
            idle,
            full: scene.resident_mib(),
        })
    }
}
