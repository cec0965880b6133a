//! The values in the docs are values of the chart.

use serde_json::Value;

use crate::helm::{Helm, SERVED, text};

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
    for page in ["install", "security", "gitops", "runbooks", "running"] {
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
