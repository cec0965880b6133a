//! The figures as a table for people, or as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// One figure over all runs.
pub(crate) struct Row {
    what: String,
    unit: &'static str,
    values: Vec<f64>,
    target: &'static str,
    peers: &'static str,
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, unit: &'static str, mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self {
            what: what.into(),
            unit,
            values,
            target: "",
            peers: "",
        }
    }

    /// What the design asks for.
    pub(crate) fn target(self, target: &'static str) -> Self {
        Self { target, ..self }
    }

    /// What others reach, as measured on a machine of this size (XC: Crossplane's
    /// AWS provider, ACK: its user pool controller).
    pub(crate) fn peers(self, peers: &'static str) -> Self {
        Self { peers, ..self }
    }

    fn at(&self, part: usize) -> f64 {
        let place = (self.values.len().saturating_sub(1) * part).div_ceil(2);
        self.values.get(place).copied().unwrap_or(f64::NAN)
    }

    fn cells(&self) -> [String; 7] {
        let [least, middle, most] = [0, 1, 2].map(|part| short(self.at(part)));
        [
            self.what.clone(),
            self.unit.to_owned(),
            least,
            middle,
            most,
            self.target.to_owned(),
            self.peers.to_owned(),
        ]
    }
}

/// Three digits that say something.
fn short(value: f64) -> String {
    if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// All figures.
#[derive(Default)]
pub(crate) struct Table(Vec<Row>);

impl Table {
    pub(crate) fn push(&mut self, row: Row) {
        self.0.push(row);
    }

    pub(crate) fn text(&self) -> String {
        let head = ["what", "unit", "min", "median", "max", "target", "peers"].map(str::to_owned);
        let lines: Vec<[String; 7]> = std::iter::once(head)
            .chain(self.0.iter().map(Row::cells))
            .collect();
        let width = |column: usize| {
            lines
                .iter()
                .map(|cells| cells[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..7).map(width).collect();
        let mut text = String::new();
        for cells in &lines {
            let mut line = String::new();
            for (column, cell) in cells.iter().enumerate() {
                let width = widths[column];
                // Writing to a string cannot fail.
                let _ = if (2..5).contains(&column) {
                    write!(line, "{cell:>width$}  ")
                } else {
                    write!(line, "{cell:<width$}  ")
                };
            }
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text
    }

    pub(crate) fn json(&self) -> String {
        let row = |row: &Row| {
            json!({
                "what": row.what, "unit": row.unit, "runs": row.values, "min": row.at(0),
                "median": row.at(1), "max": row.at(2), "target": row.target, "peers": row.peers,
            })
        };
        format!("{:#}", Value::Array(self.0.iter().map(row).collect()))
    }
}
