//! The flags of the binary and the arguments of the container: a new flag cannot be forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::{Value, json};

use crate::helm::{Helm, SERVED, answer, only, text};
use crate::tried::rendered;

/// Flags that a pod has no use for.
const NOT_FOR_PODS: [&str; 2] = [
    // A pod has no kubeconfig.
    "context", "help",
];

/// Flags whose default is another in the chart, and why.
const OTHERWISE: [&str; 2] = [
    // A pod that ends is started again and again; a person at a terminal wants to know at once.
    "wait-for-aws",
    // People read a terminal; in a cluster machines read.
    "log-format",
];

/// Each flag, with its default where it has one.
fn flags() -> BTreeMap<String, Option<String>> {
    let binary = env!("CARGO_BIN_EXE_identity-pool-operator");
    let help = answer(Command::new(binary).args(["run", "--help"])).expect("help");
    let mut flags = BTreeMap::new();
    let mut current = None;
    for line in help.lines().map(str::trim) {
        let words = line
            .split_once("--")
            .filter(|(before, _)| before.len() <= 4);
        if let Some((_, flag)) = words {
            let flag = flag.split([' ', '[', '=']).next().unwrap_or_default();
            current = Some(flag.to_owned());
            flags.insert(flag.to_owned(), None);
        }
        let default = line
            .split_once("[default: ")
            .and_then(|(_, rest)| rest.split_once(']'));
        if let (Some(flag), Some((default, _))) = (&current, default) {
            flags.insert(flag.clone(), Some(default.to_owned()));
        }
    }
    flags
}

/// The arguments of a Deployment, with their values.
fn arguments(documents: &[Value]) -> BTreeMap<String, String> {
    let container = &only(documents, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    let arguments = container["args"].as_array().expect("arguments").iter();
    arguments
        .filter_map(|argument| argument.as_str()?.strip_prefix("--"))
        .map(|argument| argument.split_once('=').unwrap_or((argument, "true")))
        .map(|(flag, value)| (flag.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn every_flag_can_be_reached_by_a_value() {
    let flags = flags();
    assert!(flags.contains_key("settle-window-seconds"), "{flags:?}");
    let reached: BTreeSet<String> = rendered()
        .iter()
        .flat_map(|documents| arguments(documents).into_keys())
        .collect();
    let forgotten: Vec<_> = flags
        .keys()
        .filter(|flag| !reached.contains(*flag) && !NOT_FOR_PODS.contains(&flag.as_str()))
        .collect();
    assert!(
        forgotten.is_empty(),
        "no value of the chart sets them: {forgotten:?}"
    );
    let unknown: Vec<_> = reached
        .iter()
        .filter(|flag| !flags.contains_key(*flag))
        .collect();
    assert!(
        unknown.is_empty(),
        "the binary does not know them: {unknown:?}"
    );
}

#[test]
fn the_defaults_are_those_of_the_binary() {
    let rendered = Helm::offline()
        .render(&json!({}), SERVED)
        .expect("rendered");
    let flags = flags();
    for (flag, value) in arguments(&rendered) {
        let default = flags[&flag].as_ref();
        if !OTHERWISE.contains(&flag.as_str()) {
            assert_eq!(Some(&value), default, "--{flag}");
        }
    }
}

#[test]
fn the_chart_is_of_the_version_of_the_operator() {
    let chart: Value =
        serde_saphyr::from_str(&text("charts/identity-pool-operator/Chart.yaml")).expect("YAML");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(chart["version"], version);
    assert_eq!(chart["appVersion"], version);
}
