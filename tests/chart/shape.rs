//! What a release is: what it brings unasked, what it never grants, how its pods find each other.

use serde_json::{Value, json};

use crate::helm::{Helm, RELEASES, SERVED, chart, documents, of_kind, only, text};
use crate::tried::rendered;

fn by_default() -> Vec<Value> {
    Helm::offline()
        .render(&json!({}), SERVED)
        .expect("rendered")
}

#[test]
fn unasked_it_brings_what_it_needs_and_no_more() {
    let documents = by_default();
    let mut kinds: Vec<&str> = documents
        .iter()
        .filter_map(|document| document["kind"].as_str())
        .collect();
    kinds.sort_unstable();
    let expected = [
        "ClusterRole",
        "ClusterRole",
        "ClusterRole",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "CustomResourceDefinition",
        "Deployment",
        "Pod",
        "PodDisruptionBudget",
        "Role",
        "RoleBinding",
        "Service",
        "ServiceAccount",
    ];
    assert_eq!(kinds, expected);
    let test = only(&documents, "Pod");
    assert_eq!(test["metadata"]["annotations"]["helm.sh/hook"], "test");
}

/// A DNS label, which every kind of object takes for a name.
fn is_label(text: &str) -> bool {
    let plain = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit();
    text.len() <= 63
        && text.starts_with(|char: char| char.is_ascii_lowercase())
        && text.ends_with(plain)
        && text.chars().all(|char| plain(char) || char == '-')
}

#[test]
fn whatever_a_release_is_called_its_objects_have_names() {
    let helm = Helm::offline();
    let chart = chart();
    let chart = chart.to_string_lossy();
    let longest = "r".repeat(53);
    let ending_in_a_hyphen = format!("{}-x", "r".repeat(51));
    for release in [
        "a",
        "a.b.c",
        "identity-pool-operator-2",
        &longest,
        &ending_in_a_hyphen,
    ] {
        let rendered = helm.run(&["template", release, &chart]).expect("rendered");
        for document in documents(&rendered) {
            let metadata = &document["metadata"];
            let name = metadata["name"].as_str().expect("a name");
            let is_named = is_label(name) || document["kind"] == "CustomResourceDefinition";
            assert!(is_named, "{release}: {name}");
            for (label, value) in metadata["labels"].as_object().expect("labels") {
                let value = value.as_str().expect("text");
                assert!(value.len() <= 63, "{release}: {name}: {label}={value}");
            }
        }
    }
}

/// The members of a rule's list, for all rules of a release.
fn granted(documents: &[Value], list: &str) -> Vec<String> {
    let roles = ["ClusterRole", "Role"]
        .into_iter()
        .flat_map(|kind| of_kind(documents, kind));
    let all = roles.flat_map(|role| role["rules"].as_array().expect("rules"));
    let members = all.flat_map(|rule| rule[list].as_array().into_iter().flatten());
    members
        .map(|member| member.as_str().expect("text").to_owned())
        .collect()
}

#[test]
fn no_rule_has_a_wildcard_and_secrets_are_read_when_asked_for_only() {
    let secrets = granted(&by_default(), "resources").contains(&"secrets".to_owned());
    assert!(!secrets);
    for documents in rendered() {
        for list in ["apiGroups", "resources", "verbs"] {
            assert!(
                !granted(documents, list)
                    .iter()
                    .any(|member| member.contains('*'))
            );
        }
    }
}

#[test]
fn roles_for_people_grant_neither_status_nor_adoption() {
    for documents in rendered() {
        for role in of_kind(documents, "ClusterRole") {
            let labels = role["metadata"]["labels"].as_object().expect("labels");
            if labels.keys().any(|label| label.contains("aggregate-to-")) {
                let rules = role["rules"].to_string();
                assert!(
                    !rules.contains("status") && !rules.contains("adopt"),
                    "{rules}"
                );
            }
        }
    }
}

#[test]
fn scheduling_terms_without_a_selector_get_that_of_the_pods_and_others_are_kept() {
    let ours = json!({ "matchLabels": {
        "app.kubernetes.io/name": "identity-pool-operator", "app.kubernetes.io/instance": "pools" } });
    let theirs = json!({ "matchLabels": { "app": "other" } });
    let term = |selector: Option<&Value>| {
        let mut term = json!({ "topologyKey": "zone" });
        if let Some(selector) = selector {
            term["labelSelector"] = selector.clone();
        }
        term
    };
    let both = [term(None), term(Some(&theirs))];
    let affinity = json!({
        "requiredDuringSchedulingIgnoredDuringExecution": both,
        "preferredDuringSchedulingIgnoredDuringExecution": both.clone().map(|term| json!({ "weight": 1, "podAffinityTerm": term })),
    });
    let spread = both.clone().map(|mut term| {
        term["maxSkew"] = json!(1);
        term
    });
    let values = json!({ "affinity": { "podAffinity": affinity, "podAntiAffinity": affinity },
        "topologySpreadConstraints": spread });
    let documents = Helm::offline().render(&values, SERVED).expect("rendered");
    let deployment = only(&documents, "Deployment");
    assert_eq!(deployment["spec"]["selector"], ours);
    let pod = &deployment["spec"]["template"]["spec"];
    let selectors = |terms: &Value| -> Vec<Value> {
        let terms = terms.as_array().expect("terms").iter();
        let terms = terms.map(|term| {
            if term["podAffinityTerm"].is_null() {
                term
            } else {
                &term["podAffinityTerm"]
            }
        });
        terms.map(|term| term["labelSelector"].clone()).collect()
    };
    let expected = [ours, theirs];
    for kind in ["podAffinity", "podAntiAffinity"] {
        for when in ["required", "preferred"] {
            let terms =
                &pod["affinity"][kind][format!("{when}DuringSchedulingIgnoredDuringExecution")];
            assert_eq!(selectors(terms), expected, "{kind} {when}");
        }
    }
    assert_eq!(selectors(&pod["topologySpreadConstraints"]), expected);
    for kind in ["Service", "PodDisruptionBudget"] {
        let selector = &only(&documents, kind)["spec"]["selector"];
        let labels = if selector["matchLabels"].is_null() {
            selector
        } else {
            &selector["matchLabels"]
        };
        assert_eq!(*labels, expected[0]["matchLabels"], "{kind}");
    }
}

#[test]
fn names_fit_whatever_the_release_is_called() {
    let helm = Helm::offline();
    let values = helm.file("values.json", &crate::space::everything().to_string());
    // The longest that helm takes.
    let release = "r".repeat(53);
    let rendered = helm.run(&[
        "template",
        &release,
        &chart().to_string_lossy(),
        "--values",
        &values.to_string_lossy(),
        "--kube-version",
        SERVED,
    ]);
    for document in documents(&rendered.expect("rendered")) {
        let name = document["metadata"]["name"].as_str().expect("a name");
        assert!(name.len() <= 63, "{} {name}", document["kind"]);
        for (label, value) in document["metadata"]["labels"]
            .as_object()
            .into_iter()
            .flatten()
        {
            assert!(
                value.as_str().is_some_and(|value| value.len() <= 63),
                "{label}: {value}"
            );
        }
    }
}

#[test]
fn it_is_for_the_releases_that_are_tested() {
    let chart: Value =
        serde_saphyr::from_str(&text("charts/identity-pool-operator/Chart.yaml")).expect("YAML");
    assert_eq!(chart["kubeVersion"], format!(">={}.0-0", RELEASES[0]));
    let refused = Helm::offline()
        .render(&json!({}), "1.30")
        .expect_err("too old");
    assert!(refused.contains("1.31.0"), "{refused}");
}
