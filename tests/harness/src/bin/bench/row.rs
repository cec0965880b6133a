//! One figure over all runs, and whether it is as good as it has to be.

use serde_json::{Value, json};

/// Columns of the table.
pub(crate) const HEAD: [&str; 9] = [
    "what", "unit", "min", "median", "max", "last", "target", "", "peers",
];

/// What the design asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Target {
    #[default]
    None,
    AtMost(f64),
    AtLeast(f64),
    Exactly(f64),
}

impl Target {
    fn text(self) -> String {
        match self {
            Self::None => String::new(),
            Self::AtMost(bound) => format!("≤{}", plain(bound)),
            Self::AtLeast(bound) => format!("≥{}", plain(bound)),
            Self::Exactly(value) => plain(value),
        }
    }

    /// Whether a median reaches it.
    fn verdict(self, median: f64) -> &'static str {
        let met = match self {
            Self::None => return "",
            Self::AtMost(bound) => median <= bound,
            Self::AtLeast(bound) => median >= bound,
            // Figures by object are quotients: one stray call in hundreds is not the rule.
            Self::Exactly(value) => (median - value).abs() <= value.abs() * 0.005,
        };
        if met { "met" } else { "MISSED" }
    }
}

/// One figure, with what the design asks for and what others reach.
pub(crate) struct Row {
    what: String,
    unit: &'static str,
    values: Vec<f64>,
    target: Target,
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
            target: Target::None,
            peers: String::new(),
        }
    }

    /// The median has to be no more than this.
    pub(crate) fn at_most(mut self, bound: f64) -> Self {
        self.target = Target::AtMost(bound);
        self
    }

    /// The median has to be no less than this.
    pub(crate) fn at_least(mut self, bound: f64) -> Self {
        self.target = Target::AtLeast(bound);
        self
    }

    /// The median has to be this.
    pub(crate) fn exactly(mut self, value: f64) -> Self {
        self.target = Target::Exactly(value);
        self
    }

    /// What others reach (XC: Crossplane's AWS provider, ACK: its user pool controller).
    pub(crate) fn peers(mut self, peers: impl Into<String>) -> Self {
        self.peers = peers.into();
        self
    }

    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    pub(crate) fn is_missed(&self) -> bool {
        self.target.verdict(self.median()) == "MISSED"
    }

    pub(crate) fn median(&self) -> f64 {
        self.spread()[1]
    }

    fn spread(&self) -> [f64; 3] {
        let last = self.values.len().saturating_sub(1);
        [0, last / 2, last].map(|place| self.values.get(place).copied().unwrap_or(f64::NAN))
    }

    /// Indented, as it stands under a heading; `last`: the median of the last recorded run.
    pub(crate) fn cells(&self, last: Option<f64>) -> [String; 9] {
        let [min, median, max] = self.spread();
        let ratio = last.filter(|last| *last != 0.0).map(|last| median / last);
        [
            format!("  {}", self.what),
            self.unit.to_owned(),
            short(min),
            short(median),
            short(max),
            ratio.map_or_else(String::new, |ratio| format!("×{ratio:.2}")),
            self.target.text(),
            self.target.verdict(median).to_owned(),
            self.peers.clone(),
        ]
    }

    pub(crate) fn json(&self, section: &str) -> Value {
        let [min, median, max] = self.spread();
        json!({
            "section": section, "what": self.what, "unit": self.unit, "runs": self.values,
            "min": min, "median": median, "max": max,
            "target": self.target.text(), "verdict": self.target.verdict(median),
            "peers": self.peers,
        })
    }
}

/// Three digits that say something.
fn short(value: f64) -> String {
    let digits = match value.abs() {
        large if large >= 100.0 => 0,
        middle if middle >= 10.0 => 1,
        small if small >= 0.1 || small == 0.0 => 2,
        _ => 4,
    };
    format!("{value:.digits$}")
}

/// A bound as people write it.
fn plain(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_least_middle_and_most_with_three_digits() {
        let row = Row::new("what", "ms", [1234.5, 0.5, 12.34]);
        assert_eq!(row.cells(None)[2..5], ["0.50", "12.3", "1234"]);
        assert_eq!(row.json("section")["median"], 12.34);
    }

    #[test]
    fn a_target_is_met_or_missed_by_the_median() {
        let row = || Row::new("what", "", [1.0, 2.0, 9.0]);
        for (row, target, verdict) in [
            (row(), "", ""),
            (row().at_most(2.0), "≤2", "met"),
            (row().at_most(1.99), "≤1.99", "MISSED"),
            (row().at_least(2.5), "≥2.5", "MISSED"),
            (row().exactly(2.005), "2", "met"),
            (row().exactly(3.0), "3", "MISSED"),
        ] {
            let cells = row.cells(Some(4.0));
            assert_eq!(cells[5..8], ["×0.50", target, verdict]);
            assert_eq!(row.is_missed(), verdict == "MISSED");
        }
        assert!(Row::new("no run", "", []).at_most(1.0).is_missed());
    }
}
