//! How costs grow with the number of objects: the exponent of the power of n that fits best. One is
//! linear; a total that grows with n² would show as two.

use crate::case::Run;
use crate::changes::Batch;
use crate::real;
use crate::row::Row;

/// Fewer objects are done within the time that one takes, and show the noise.
const FROM: usize = 100;

/// Exponents above this are no rounding.
const LINEAR: f64 = 1.05;

/// Runs of one case, by the number of objects.
pub(crate) type ByCount = Vec<(usize, Vec<Run>)>;

/// A total of one run.
type Total = fn(&Run) -> Option<f64>;

const TOTALS: [(&str, Total); 7] = [
    ("time of creations", |run| Some(run.created.timing.seconds)),
    ("processor time of creations", |run| {
        Some(run.created.spent.cpu)
    }),
    ("AWS calls of creations", |run| calls(Some(&run.created))),
    ("apiserver writes of creations", |run| {
        Some(real(run.created.spent.tally.writes))
    }),
    ("resident memory beyond idle", |run| {
        Some(run.full - run.idle)
    }),
    ("time of edits", |run| {
        Some(run.edited.as_ref()?.timing.seconds)
    }),
    ("time of deletions", |run| {
        Some(run.deleted.as_ref()?.timing.seconds)
    }),
];

fn calls(batch: Option<&Batch>) -> Option<f64> {
    batch.map(|batch| real(batch.spent.tally.all_but_lists()))
}

/// An exponent for each total, and how much more each object costs where there are most.
pub(crate) fn rows(all: &ByCount) -> Vec<Row> {
    let mut rows: Vec<Row> = TOTALS
        .iter()
        .map(|(what, total)| {
            let points: Vec<(f64, f64)> = points(all, *total).collect();
            let row = Row::new(format!("exponent of n, {what}"), "", exponent(&points));
            row.at_most(LINEAR)
        })
        .collect();
    let cpu: Vec<(f64, f64)> = points(all, |run| Some(run.created.spent.cpu)).collect();
    if let [(few, least), .., (many, most)] = cpu[..] {
        let ratio = (most / many) / (least / few);
        let what = format!("processor time an object, {many} to {few} objects");
        rows.push(Row::new(what, "", [ratio]).at_most(1.2));
    }
    rows
}

/// Number of objects and median total.
fn points(all: &ByCount, total: Total) -> impl Iterator<Item = (f64, f64)> {
    all.iter()
        .filter(|(count, _)| *count >= FROM)
        .filter_map(move |(count, runs)| {
            let totals = runs.iter().filter_map(total);
            let median = Row::new("", "", totals).median();
            (median > 0.0).then_some((real(*count), median))
        })
}

/// The slope of the line through the logarithms, by least squares; none through one point.
fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    let logs: Vec<(f64, f64)> = points.iter().map(|(n, t)| (n.ln(), t.ln())).collect();
    let many = real(logs.len());
    let mean = |value: fn(&(f64, f64)) -> f64| logs.iter().map(value).sum::<f64>() / many;
    let (x, y) = (mean(|log| log.0), mean(|log| log.1));
    let sum = |value: &dyn Fn(&(f64, f64)) -> f64| logs.iter().map(value).sum::<f64>();
    let spread = sum(&|log| (log.0 - x).powi(2));
    (logs.len() > 1 && spread > 0.0).then(|| sum(&|log| (log.0 - x) * (log.1 - y)) / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_is_that_of_the_power() {
        for power in [0.5, 1.0, 2.0] {
            let points = [10.0_f64, 100.0, 5000.0].map(|n| (n, 3.0 * n.powf(power)));
            let found = exponent(&points).expect("a slope");
            assert!((found - power).abs() < 1e-9, "{found}");
        }
        assert_eq!(exponent(&[(10.0, 1.0)]), None);
    }
}
