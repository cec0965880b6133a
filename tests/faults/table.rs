//! The table at the end: how many cases of each kind, and what became of pools.

use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use crate::case::Played;
use crate::logs;

/// What became of one case.
pub(crate) struct Outcome {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    /// Pools that were made.
    pub(crate) created: usize,
    pub(crate) played: Played,
    /// Broken promises, each as a sentence.
    pub(crate) broken: Vec<String>,
    /// Why it failed, if it did.
    pub(crate) failed: Option<String>,
}

#[derive(Default)]
struct Row {
    cases: usize,
    idle: usize,
    failed: usize,
    created: usize,
    duplicates: usize,
    lost: usize,
    foreign: usize,
    worst: (Duration, String),
}

/// All cases so far.
#[derive(Default)]
pub(crate) struct Report {
    rows: BTreeMap<&'static str, Row>,
    pub(crate) took: Duration,
}

/// What a broken promise is called in the table, by words of its sentence.
const DUPLICATE: &[&str] = &["second pool", "twice under claim"];
const FOREIGN: &[&str] = &["which is foreign", "no owner tag", "the owner"];
/// How the comparison of two ends begins when pools are missing.
pub(crate) const LOST: &str = "pools are lost";

impl Report {
    pub(crate) fn add(&mut self, outcome: Outcome) {
        let row = self.rows.entry(outcome.kind).or_default();
        let count = |words: &[&str]| {
            let says = |sentence: &&String| words.iter().any(|word| sentence.contains(word));
            outcome.broken.iter().filter(says).count()
        };
        row.cases += 1;
        row.idle += usize::from(!outcome.played.met && outcome.failed.is_none());
        row.failed += usize::from(outcome.failed.is_some());
        row.created += outcome.created;
        row.duplicates += count(DUPLICATE);
        row.lost += count(&[LOST]);
        row.foreign += count(FOREIGN);
        if outcome.played.recovered > row.worst.0 {
            row.worst = (outcome.played.recovered, outcome.name);
        }
    }

    fn total(&self, of: impl Fn(&Row) -> usize) -> usize {
        self.rows.values().map(of).sum()
    }

    /// Cases so far.
    pub(crate) fn cases(&self) -> usize {
        self.total(|row| row.cases)
    }

    /// Those of them that failed.
    pub(crate) fn failed(&self) -> usize {
        self.total(|row| row.failed)
    }

    /// Failure when any case failed, or the log tells what it may not.
    pub(crate) fn exit_code(&self) -> ExitCode {
        if self.failed() == 0 && logs::so_far().1.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = [
            "cases",
            "failed",
            "no occasion",
            "pools made",
            "duplicates",
            "lost",
            "foreign writes",
        ];
        write!(f, "{:<14}", "")?;
        for column in columns {
            write!(f, "{column:>15}")?;
        }
        writeln!(f, "  worst time to recover")?;
        for (kind, row) in &self.rows {
            write!(f, "{kind:<14}")?;
            for figure in [
                row.cases,
                row.failed,
                row.idle,
                row.created,
                row.duplicates,
                row.lost,
                row.foreign,
            ] {
                write!(f, "{figure:>15}")?;
            }
            writeln!(f, "  {:.1?} {}", row.worst.0, row.worst.1)?;
        }
        let (cases, failed) = (self.cases(), self.failed());
        let (lines, wrong) = logs::so_far();
        for line in &wrong {
            writeln!(f, "in the log: {line}")?;
        }
        writeln!(
            f,
            "{lines} lines of log, {} with a panic or a secret",
            wrong.len()
        )?;
        write!(f, "{cases} cases in {:.0?}, {failed} failed", self.took)
    }
}
