//! The values in the docs are values of the chart.

use serde_json::{Value, json};

use crate::helm::{Helm, SERVED, chart, text};

/// The blocks of a page that are values, by their first line.
fn values(page: &str) -> Vec<Value> {
    let page = text(page);
    page.split("```yaml\n# values\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .map(|block| {
            serde_saphyr::from_str(block).unwrap_or_else(|error| panic!("{error}: {block}"))
        })
        .collect()
}

#[test]
fn documented_values_are_accepted() {
    let helm = Helm::offline();
    let mut seen = 0;
    for page in ["docs/install.md", "docs/security.md"] {
        for values in values(page) {
            let rendered = helm.render(&values, SERVED);
            rendered.unwrap_or_else(|error| panic!("{page}: {values}: {error}"));
            seen += 1;
        }
    }
    assert!(seen > 4, "{seen}");
}

/// What a page links to is there: files, and headings in them.
#[test]
fn links_lead_somewhere() {
    let anchor = |title: &str| -> String {
        let title = title.trim_start_matches('#').trim().to_lowercase();
        let kept = title
            .chars()
            .filter(|char| char.is_alphanumeric() || " -_".contains(*char));
        kept.map(|char| if char == ' ' { '-' } else { char })
            .collect()
    };
    let link = regex_lite::Regex::new(r"\]\(([a-zA-Z./_-]*\.(?:md|lua))?(?:#([a-z0-9-]+))?\)")
        .expect("an expression");
    let pages = [
        "install",
        "security",
        "gitops",
        "runbooks",
        "running",
        "multi-tenant",
        "iam",
    ];
    for page in pages {
        let page = format!("docs/{page}.md");
        for found in link.captures_iter(&text(&page)) {
            let file = found.get(1).map_or(page.clone(), |file| {
                match file.as_str().strip_prefix("../") {
                    Some(above) => above.to_owned(),
                    None => format!("docs/{}", file.as_str()),
                }
            });
            let target = text(&file);
            let Some(heading) = found.get(2) else {
                continue;
            };
            let there = target
                .lines()
                .filter(|line| line.starts_with('#'))
                .any(|line| anchor(line) == heading.as_str());
            assert!(there, "{page}: {}", &found[0]);
        }
    }
}

/// The tests that hold the answers to threats are there, where the page says.
#[test]
fn each_threat_has_its_test() {
    let part = regex_lite::Regex::new(r"`(tests/[a-z_/]+\.rs)`: (`[a-z0-9_]+`(?:, `[a-z0-9_]+`)*)");
    let part = part.expect("an expression");
    let page = text("docs/security.md");
    let mut threats = 0;
    for line in page.lines().filter(|line| line.starts_with("| T")) {
        threats += 1;
        let mut tests = 0;
        for found in part.captures_iter(line) {
            let file = text(&found[1]);
            for name in found[2].split(", ").map(|name| name.trim_matches('`')) {
                assert!(
                    file.contains(&format!("fn {name}(")),
                    "{}: {name}",
                    &found[1]
                );
                tests += 1;
            }
        }
        assert!(tests > 0 || line.contains("`make lint`"), "{line}");
    }
    assert_eq!(threats, 14);
}

/// What helm says after an installation with these values.
fn notes(values: &Value) -> String {
    let helm = Helm::offline();
    let file = helm.file("values.json", &values.to_string());
    let chart = chart();
    let said = helm.run(&[
        "install",
        "pools",
        &chart.to_string_lossy(),
        "--dry-run=client",
        "--values",
        &file.to_string_lossy(),
    ]);
    let said = said.unwrap_or_else(|error| panic!("{values}: {error}"));
    said.split("NOTES:").nth(1).expect("notes").to_owned()
}

#[test]
fn risky_settings_are_warned_of_and_no_others() {
    for (values, warning) in [
        (
            json!({ "operator": { "allowAdoption": true } }),
            "operator.allowAdoption",
        ),
        (
            json!({ "guardrails": { "enabled": true, "validationActions": ["Warn"] } }),
            "guardrails.validationActions",
        ),
        (
            json!({ "operator": { "settleWindowSeconds": 359 } }),
            "operator.settleWindowSeconds",
        ),
        (
            json!({ "leaderElection": { "enabled": false }, "replicaCount": 1 }),
            "leaderElection.enabled",
        ),
        (json!({ "replicaCount": 1 }), "replicaCount"),
        (
            json!({ "terminationGracePeriodSeconds": 29 }),
            "terminationGracePeriodSeconds",
        ),
        (
            json!({ "classes": { "enabled": true } }),
            "classes.required",
        ),
        (
            json!({ "rbac": { "references": { "secrets": true } } }),
            "rbac.references.secrets",
        ),
        (
            json!({ "rbac": { "exports": { "enabled": true } } }),
            "rbac.exports.namespaces",
        ),
        (json!({ "crds": { "keep": false } }), "crds.keep"),
        (json!({ "crds": { "enabled": false } }), "crds.enabled"),
        (
            json!({ "aws": { "endpointUrl": "http://fake" } }),
            "aws.endpointUrl",
        ),
        (
            json!({ "aws": { "credentials": { "existingSecret": "aws" } } }),
            "aws.credentials.existingSecret",
        ),
    ] {
        let notes = notes(&values);
        let warnings: Vec<&str> = notes
            .lines()
            .filter(|line| line.starts_with("WARNING"))
            .collect();
        assert_eq!(warnings.len(), 1, "{values}: {notes}");
        assert!(
            warnings[0].starts_with(&format!("WARNING {warning}: ")),
            "{notes}"
        );
    }
    let guarded = json!({ "operator": { "allowAdoption": true, "settleWindowSeconds": 360 },
        "guardrails": { "enabled": true }, "rbac": { "exports": { "enabled": true, "namespaces": ["shop"] } } });
    assert!(!notes(&guarded).contains("WARNING"), "{}", notes(&guarded));
}
