//! Everything that is tried, rendered once for all tests: each choice of each value with what it needs to
//! have an effect, on the releases of Kubernetes in turn; the defaults and everything at once on each.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::thread;

use serde_json::{Value, json};

use crate::helm::{Helm, RELEASES};
use crate::space::{self, Leaf};

/// What came of some values.
pub(crate) struct Rendered {
    /// The value that was tried.
    pub(crate) what: String,
    pub(crate) release: &'static str,
    pub(crate) documents: Vec<Value>,
}

/// All that is tried, rendered once for all tests; and what made no difference.
pub(crate) fn all() -> &'static (Vec<Rendered>, Vec<String>) {
    static ALL: OnceLock<(Vec<Rendered>, Vec<String>)> = OnceLock::new();
    ALL.get_or_init(|| {
        let leaves = space::leaves();
        let (first, second) = leaves.split_at(leaves.len() / 2);
        let (mut tried, mut idle) = (Vec::new(), Vec::new());
        // Two at a time: a developer's machine and CI's have two cores.
        thread::scope(|scope| {
            let halves = [first, second].map(|half| scope.spawn(move || try_each(half)));
            for half in halves {
                let (more, none) = half.join().expect("helm runs");
                tried.extend(more);
                idle.extend(none);
            }
        });
        let helm = Helm::offline();
        for release in RELEASES {
            for (what, values) in [("nothing", json!({})), ("everything", space::everything())] {
                let documents = render(&helm, what, &values, release);
                tried.push(Rendered {
                    what: what.to_owned(),
                    release,
                    documents,
                });
            }
        }
        (tried, idle)
    })
}

/// The documents of everything that is tried.
pub(crate) fn rendered() -> Vec<&'static [Value]> {
    all()
        .0
        .iter()
        .map(|rendered| rendered.documents.as_slice())
        .collect()
}

pub(crate) fn render(helm: &Helm, what: &str, values: &Value, release: &str) -> Vec<Value> {
    let rendered = helm.render(values, release);
    rendered.unwrap_or_else(|error| panic!("{what}: {values}: {error}"))
}

/// Renders each choice of each value, and tells those that change nothing.
fn try_each(leaves: &[Leaf]) -> (Vec<Rendered>, Vec<String>) {
    let helm = Helm::offline();
    let (mut tried, mut idle) = (Vec::new(), Vec::new());
    let mut grounds: BTreeMap<(String, &str), Vec<Value>> = BTreeMap::new();
    let mut releases = RELEASES.into_iter().cycle();
    for leaf in leaves {
        for choice in leaf.choices() {
            let release = releases.next().expect("a cycle has no end");
            let what = format!("{}={choice}", leaf.name());
            let mut values = leaf.ground(&choice);
            let ground = grounds
                .entry((values.to_string(), release))
                .or_insert_with(|| {
                    // What goes with a choice may not work without it.
                    helm.render(&values, release).unwrap_or_default()
                });
            space::merge(&mut values, &space::lone(&leaf.path, &choice));
            let documents = render(&helm, &what, &values, release);
            if documents == *ground {
                idle.push(what.clone());
            }
            tried.push(Rendered {
                what,
                release,
                documents,
            });
        }
    }
    (tried, idle)
}
