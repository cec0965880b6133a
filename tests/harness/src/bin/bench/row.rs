//! One figure over all runs.

use serde_json::{Value, json};

/// Columns of the table.
pub(crate) const HEAD: [&str; 7] = ["what", "unit", "min", "median", "max", "target", "peers"];

/// One figure, with what the design asks for and what others reach.
pub(crate) struct Row {
    what: String,
    unit: &'static str,
    values: Vec<f64>,
    target: String,
    peers: String,
}

impl Row {
    pub(crate) fn new(
        what: impl Into<String>,
        unit: &'static str,
        values: impl IntoIterator<Item = f64>,
    ) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Self {
            what: what.into(),
            unit,
            values,
            target: String::new(),
            peers: String::new(),
        }
    }

    /// What the design asks for.
    pub(crate) fn target(mut self, target: impl Into<String>) -> Self {
        self.target = target.into();
        self
    }

    /// What others reach (XC: Crossplane's AWS provider, ACK: its user pool controller).
    pub(crate) fn peers(mut self, peers: impl Into<String>) -> Self {
        self.peers = peers.into();
        self
    }

    fn spread(&self) -> [f64; 3] {
        let last = self.values.len().saturating_sub(1);
        [0, last / 2, last].map(|place| self.values.get(place).copied().unwrap_or(f64::NAN))
    }

    /// Indented, as it stands under a heading.
    pub(crate) fn cells(&self) -> [String; 7] {
        let [min, median, max] = self.spread().map(short);
        let (what, unit) = (format!("  {}", self.what), self.unit.to_owned());
        [
            what,
            unit,
            min,
            median,
            max,
            self.target.clone(),
            self.peers.clone(),
        ]
    }

    pub(crate) fn json(&self, section: &str) -> Value {
        let [min, median, max] = self.spread();
        json!({
            "section": section, "what": self.what, "unit": self.unit, "runs": self.values,
            "min": min, "median": median, "max": max,
            "target": self.target, "peers": self.peers,
        })
    }
}

/// Three digits that say something.
fn short(value: f64) -> String {
    let digits = match value.abs() {
        large if large >= 100.0 => 0,
        middle if middle >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_least_middle_and_most_with_three_digits() {
        let row = Row::new("what", "ms", [1234.5, 0.5, 12.34]);
        assert_eq!(row.cells()[2..5], ["0.50", "12.3", "1234"]);
        assert_eq!(row.json("section")["median"], 12.34);
    }
}
