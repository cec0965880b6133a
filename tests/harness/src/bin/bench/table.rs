//! The figures as one aligned table for people, or as JSON; beside them those of the last
//! recorded run, which is such JSON.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::Outcome;
use crate::row::{HEAD, Row};

/// Columns of figures, which stand at the right.
const FIGURES: std::ops::Range<usize> = 2..6;

/// All figures, by section, and what one must know to read them.
#[derive(Default)]
pub(crate) struct Table {
    sections: Vec<(String, Vec<Row>)>,
    notes: Vec<String>,
}

/// The medians of a recorded run, by section and figure.
#[derive(Default)]
pub(crate) struct Recorded(HashMap<(String, String), f64>);

impl Recorded {
    /// Reads a run; without such a file there is none.
    pub(crate) fn read(path: &Path) -> Outcome<Self> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(format!("{}: {error}", path.display()).into()),
        };
        let run: Value = serde_json::from_str(&text)
            .map_err(|error| format!("{} is no recorded run: {error}", path.display()))?;
        Ok(Self::of(&run))
    }

    fn of(run: &Value) -> Self {
        let rows = run["rows"].as_array().into_iter().flatten();
        let text = |row: &Value, key| row[key].as_str().map(str::to_owned);
        let medians = rows.filter_map(|row| {
            let key = (text(row, "section")?, text(row, "what")?);
            Some((key, row["median"].as_f64()?))
        });
        Self(medians.collect())
    }

    fn median(&self, section: &str, row: &Row) -> Option<f64> {
        let key = (section.to_owned(), row.what().to_owned());
        self.0.get(&key).copied()
    }
}

impl Table {
    pub(crate) fn section(&mut self, name: impl Into<String>, rows: Vec<Row>) {
        self.sections.push((name.into(), rows));
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    pub(crate) fn text(&self, recorded: &Recorded) -> String {
        let mut lines = vec![HEAD.map(str::to_owned)];
        for (name, rows) in &self.sections {
            let mut heading = [const { String::new() }; HEAD.len()];
            heading[0].clone_from(name);
            lines.push(heading);
            lines.extend(rows.iter().map(|row| row.cells(recorded.median(name, row))));
        }
        let widest = |column: usize| {
            lines
                .iter()
                .map(|cells| cells[column].chars().count())
                .max()
        };
        let widths: Vec<usize> = (0..HEAD.len()).filter_map(widest).collect();
        let lines = lines.iter().map(|cells| line(cells, &widths));
        let notes = self.notes.iter().cloned().chain(self.missed());
        let notes = notes.map(|note| format!("- {note}"));
        let all: Vec<String> = lines.chain([String::new()]).chain(notes).collect();
        all.join("\n") + "\n"
    }

    /// What has to be explained.
    fn missed(&self) -> Option<String> {
        let rows = self.sections.iter().flat_map(|(name, rows)| {
            let missed = rows.iter().filter(|row| row.is_missed());
            missed.map(move |row| format!("{name}: {}", row.what().trim()))
        });
        let missed: Vec<String> = rows.collect();
        (!missed.is_empty()).then(|| format!("missed: {}", missed.join("; ")))
    }

    pub(crate) fn json(&self) -> String {
        let rows = self
            .sections
            .iter()
            .flat_map(|(name, rows)| rows.iter().map(|row| row.json(name)));
        let rows = Value::Array(rows.collect());
        format!("{:#}", json!({ "rows": rows, "notes": self.notes }))
    }
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let cells = cells.iter().zip(widths).enumerate();
    let padded = cells.map(|(column, (cell, &width))| {
        if FIGURES.contains(&column) {
            format!("{cell:>width$}")
        } else {
            format!("{cell:<width$}")
        }
    });
    let line = padded.collect::<Vec<_>>().join("  ");
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_run_stands_beside_the_next_as_a_ratio() {
        let table = |value| {
            let mut table = Table::default();
            let row = Row::new("speed", "1/s", [value]).at_least(15.0);
            table.section("creations", vec![row]);
            table
        };
        let recorded = serde_json::from_str(&table(10.0).json()).expect("JSON");
        let text = table(20.0).text(&Recorded::of(&recorded));
        assert!(text.contains("×2.00") && text.contains("met"), "{text}");
        let text = table(5.0).text(&Recorded::default());
        assert!(!text.contains('×'), "{text}");
        assert!(text.contains("- missed: creations: speed"), "{text}");
    }
}
