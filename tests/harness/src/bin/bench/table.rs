//! The figures as one aligned table for people, or as JSON.

use serde_json::{Value, json};

use crate::row::{HEAD, Row};

/// Columns of figures, which stand at the right.
const FIGURES: std::ops::Range<usize> = 2..5;

/// All figures, by section, and what one must know to read them.
#[derive(Default)]
pub(crate) struct Table {
    sections: Vec<(String, Vec<Row>)>,
    notes: Vec<String>,
}

impl Table {
    pub(crate) fn section(&mut self, name: impl Into<String>, rows: Vec<Row>) {
        self.sections.push((name.into(), rows));
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    pub(crate) fn text(&self) -> String {
        let mut lines = vec![HEAD.map(str::to_owned)];
        for (name, rows) in &self.sections {
            let mut heading = [const { String::new() }; HEAD.len()];
            heading[0].clone_from(name);
            lines.push(heading);
            lines.extend(rows.iter().map(Row::cells));
        }
        let widest = |column: usize| {
            lines
                .iter()
                .map(|cells| cells[column].chars().count())
                .max()
        };
        let widths: Vec<usize> = (0..HEAD.len()).filter_map(widest).collect();
        let lines = lines.iter().map(|cells| line(cells, &widths));
        let notes = self.notes.iter().map(|note| format!("- {note}"));
        let all: Vec<String> = lines.chain([String::new()]).chain(notes).collect();
        all.join("\n") + "\n"
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
