//! The rows of resident memory, gathered from runs that were made anyway.

use std::collections::BTreeMap;

use crate::case::{Case, Run};
use crate::row::Row;

/// Figures by the number of objects.
#[derive(Default)]
pub(crate) struct Memory(BTreeMap<usize, Vec<f64>>);

impl Memory {
    /// Takes the figures of a case.
    pub(crate) fn note(&mut self, case: Case, runs: &[Run]) {
        for run in runs {
            self.0.entry(0).or_default().push(run.idle);
            self.0.entry(case.load.count).or_default().push(run.full);
        }
    }

    pub(crate) fn rows(self) -> Vec<Row> {
        let rows = self.0.into_iter().map(|(count, figures)| {
            let what = match count {
                0 => "idle".to_owned(),
                count => format!("{count} objects"),
            };
            let (target, peers) = beside(count);
            Row::new(what, "MiB", figures).target(target).peers(peers)
        });
        rows.collect()
    }
}

/// Target and peers, where there are any.
fn beside(count: usize) -> (&'static str, &'static str) {
    match count {
        0 => ("≤15", "139 (XC), 51 (ACK)"),
        100 => ("", "163 (XC), 57 (ACK)"),
        1000 => ("≤40", "194 (XC), 65 (ACK)"),
        _ => ("", ""),
    }
}
