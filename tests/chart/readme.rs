//! The chart's README, whose table is made from `values.yaml`.

use std::process::Command;

use crate::helm::{answer, chart, text, tools};
use crate::space;

#[test]
fn the_readme_equals_what_values_yaml_says() {
    let written = answer(
        Command::new(&tools().helm_docs)
            .args([
                "--dry-run",
                "--sort-values-order=file",
                "--chart-search-root",
            ])
            .arg(chart()),
    );
    let written = written.expect("helm-docs");
    let stored = text("charts/identity-pool-operator/README.md");
    assert!(
        stored.trim() == written.trim(),
        "charts/identity-pool-operator/README.md is not what values.yaml says: run `make generate`"
    );
}

#[test]
fn every_value_is_explained() {
    let page = text("charts/identity-pool-operator/README.md");
    for leaf in space::leaves() {
        let name = leaf.name();
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| {name} |")));
        let row = row.unwrap_or_else(|| panic!("{name} is not in the table"));
        let said = row
            .trim_end_matches([' ', '|'])
            .rsplit('|')
            .next()
            .unwrap_or_default();
        assert!(said.trim().len() > 8, "{name} is not explained: {row}");
    }
}
