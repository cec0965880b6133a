//! What is measured: every alert has a runbook and a test, and alerts and dashboard ask for what the
//! operator exports and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use harness::tools::debian;
use identity_pool_operator::pool::call::{FailureKind, Operation};
use identity_pool_operator::pool::rest::Outcome;
use identity_pool_operator::telemetry::metrics::{Metrics, Readiness};
use regex_lite::Regex;
use serde_json::{Value, json};

use crate::helm::{Helm, SERVED, answer, only, text};

/// The page of an operator to which everything has happened.
fn page() -> String {
    let metrics = Metrics::default();
    let moment = Duration::from_millis(20);
    for outcome in [Outcome::Applied, Outcome::Failed] {
        metrics.pass_begun();
        metrics.pass_ended(outcome, Some("Throttled"), moment);
    }
    let failures = [
        FailureKind::Throttled,
        FailureKind::Unanswered,
        FailureKind::Refused,
    ];
    for failure in failures.map(Some).into_iter().chain([None]) {
        metrics.aws_called(Operation::CreateIdentityPool, failure, moment);
    }
    metrics.apiserver_written("status");
    metrics.watch_broke();
    metrics.undecodable();
    metrics.drift_corrected("roles");
    metrics.orphaned("eu-west-1", 1);
    for kind in ["read", "write"] {
        metrics
            .budget("123456789012", "eu-west-1", kind)
            .waited(kind, "person", moment);
    }
    metrics.leads(true);
    metrics.lease_changed_hands();
    metrics.knows_identity();
    metrics.page(Readiness::default())
}

/// The series of a page: name, and the labels with the values that it shows.
fn exported() -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
    let sample = Regex::new(r"^([a-z_]+)(?:\{([^}]*)\})? ").expect("an expression");
    let label = Regex::new(r#"([a-z]+)="([^"]*)""#).expect("an expression");
    let mut series: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for line in page().lines().filter(|line| !line.starts_with('#')) {
        let found = sample.captures(line).unwrap_or_else(|| panic!("{line}"));
        let labels = series.entry(found[1].to_owned()).or_default();
        let listed = found.get(2).map_or("", |labels| labels.as_str());
        for pair in label.captures_iter(listed) {
            labels
                .entry(pair[1].to_owned())
                .or_default()
                .insert(pair[2].to_owned());
        }
    }
    series
}

/// What is looked at here is all that the operator registers.
#[test]
fn no_metric_is_forgotten() {
    let registered = Regex::new(r#"registry\.register\(\s*"([a-z_]+)""#).expect("an expression");
    let source = text("src/telemetry/metrics.rs");
    let page = exported();
    let mut seen = 0;
    for found in registered.captures_iter(&source) {
        let name = format!("identity_pool_operator_{}", &found[1]);
        let shown = page.keys().any(|series| series.starts_with(&name));
        assert!(shown, "{name}: let it happen in `page`");
        seen += 1;
    }
    assert!(seen > 12, "{seen}");
}

/// What an expression asks for that is not exported.
fn unknown(expression: &str) -> Vec<String> {
    let exported = exported();
    let selector =
        Regex::new(r"(identity_pool_operator_[a-z_]+)(?:\{([^}]*)\})?").expect("an expression");
    let matcher = Regex::new(r#"([a-z]+)(=~|!=|=)"([^"]*)""#).expect("an expression");
    let mut unknown = Vec::new();
    for found in selector.captures_iter(expression) {
        let Some(labels) = exported.get(&found[1]) else {
            unknown.push(found[1].to_owned());
            continue;
        };
        let listed = found.get(2).map_or("", |labels| labels.as_str());
        for pair in matcher
            .captures_iter(listed)
            .filter(|pair| &pair[1] != "namespace")
        {
            let known = labels
                .get(&pair[1])
                .is_some_and(|values| values.contains(&pair[3]));
            if !known {
                unknown.push(found[0].to_owned());
            }
        }
    }
    let grouped = Regex::new(r"by \(([a-z, ]+)\)").expect("an expression");
    let names: BTreeSet<&str> = exported
        .values()
        .flat_map(BTreeMap::keys)
        .map(String::as_str)
        .collect();
    for found in grouped.captures_iter(expression) {
        let labels = found[1].split(", ").filter(|label| *label != "namespace");
        unknown.extend(
            labels
                .filter(|label| !names.contains(label))
                .map(str::to_owned),
        );
    }
    unknown
}

/// The rules as the chart brings them to the namespace `idp`.
fn rules() -> Vec<Value> {
    let values = json!({ "metrics": { "prometheusRule": { "enabled": true } } });
    let rendered = Helm::offline().render(&values, SERVED).expect("rendered");
    let text = only(&rendered, "PrometheusRule").to_string();
    let text = text.replace("\\\"identity-pool-operator\\\"", "\\\"idp\\\"");
    let rule: Value = serde_json::from_str(&text).expect("JSON");
    rule["spec"]["groups"].as_array().expect("groups").clone()
}

fn alerts() -> Vec<Value> {
    let rules = rules().into_iter();
    rules
        .flat_map(|group| group["rules"].as_array().cloned().expect("rules"))
        .collect()
}

#[test]
fn alerts_ask_for_what_is_exported() {
    for alert in alerts() {
        let expression = alert["expr"].as_str().expect("an expression");
        assert!(expression.contains("namespace=\"idp\""), "{expression}");
        assert_eq!(
            unknown(expression),
            Vec::<String>::new(),
            "{}",
            alert["alert"]
        );
    }
}

#[test]
fn the_dashboard_asks_for_what_is_exported_and_shows_all_of_it() {
    let dashboard: Value =
        serde_json::from_str(&text("charts/identity-pool-operator/files/dashboard.json"))
            .expect("JSON");
    let mut shown = String::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        assert!(
            panel["description"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{}",
            panel["title"]
        );
        for target in panel["targets"].as_array().expect("targets") {
            let expression = target["expr"].as_str().expect("an expression");
            assert_eq!(
                unknown(expression),
                Vec::<String>::new(),
                "{}",
                panel["title"]
            );
            shown.push_str(expression);
        }
    }
    let shown = |name: &str| {
        let base = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end));
        shown.contains(base.unwrap_or(name))
    };
    let hidden: Vec<_> = exported().into_keys().filter(|name| !shown(name)).collect();
    assert!(hidden.is_empty(), "no panel shows {hidden:?}");
}

#[test]
fn every_alert_has_a_runbook_under_the_address_that_it_names() {
    let page = text("docs/runbooks.md");
    let anchors: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(|title| format!("docs/runbooks.md#{}", title.to_lowercase()))
        .collect();
    let named: BTreeSet<String> = alerts()
        .iter()
        .map(|alert| {
            alert["annotations"]["runbook_url"]
                .as_str()
                .expect("an address")
                .to_owned()
        })
        .collect();
    assert_eq!(anchors, named);
}

#[test]
fn every_alert_has_a_story_in_which_it_fires_and_one_in_which_it_does_not() {
    let stories: Value = serde_saphyr::from_str(&text("tests/chart/alerts.yaml")).expect("YAML");
    let (mut fires, mut silent) = (BTreeSet::new(), BTreeSet::new());
    for story in stories["tests"].as_array().expect("stories") {
        for check in story["alert_rule_test"].as_array().expect("checks") {
            let alert = check["alertname"].as_str().expect("a name").to_owned();
            let expected = check["exp_alerts"]
                .as_array()
                .is_some_and(|alerts| !alerts.is_empty());
            if expected { &mut fires } else { &mut silent }.insert(alert);
        }
    }
    let all: BTreeSet<String> = alerts()
        .iter()
        .map(|alert| alert["alert"].as_str().expect("a name").to_owned())
        .collect();
    assert_eq!(fires, all);
    assert_eq!(silent, all);
}

#[test]
fn promtool_sees_the_alerts_fire() {
    let promtool = match debian::promtool() {
        Ok(promtool) => promtool,
        Err(error) => {
            eprintln!("NOT TESTED: the alerts, for want of promtool: {error}");
            return;
        }
    };
    let helm = Helm::offline();
    let rules = helm.file("rules.yaml", &json!({ "groups": rules() }).to_string());
    let stories = text("tests/chart/alerts.yaml").replace("rules.yaml", &rules.to_string_lossy());
    let stories = helm.file("stories.yaml", &stories);
    let verdict = answer(Command::new(promtool).args(["test", "rules"]).arg(stories));
    verdict.unwrap_or_else(|error| panic!("{error}"));
}
