//! Every field of the CRD, from the schema itself: changed, removed and given again one at a
//! time, then by chains of such edits. After each edit that the apiserver takes, AWS and the
//! exported `ConfigMap` are what an object made with that very spec gets.
//!
//! A failing chain is printed; `LEAVES_SEED=n cargo test --test operator leaves` repeats it.

mod bases;
mod document;
mod schema;
mod subject;

use std::collections::BTreeSet;

use bases::Base;
use document::{Document, Edit};
use fastrand::Rng;
use futures::future::join_all;
use subject::Subject;

/// Edits of a chain, and chains that run side by side in one world.
const EDITS: usize = 50;
const CHAINS: usize = 4;

/// Fields that no edit here can show, and where they are shown.
const ELSEWHERE: [(&str, &str); 4] = [
    (
        "adopt",
        "about a pool that is there before the object: adoption.rs",
    ),
    ("className", "about what a class says: classes.rs"),
    ("region", "frozen from the first claim on: creation.rs"),
    (
        "developerProviderName",
        "AWS can neither change nor clear it: settings.rs, references.rs",
    ),
];

/// What changes only together with another field: `Rules` needs rules, `Token` has none.
const NEVER_ALONE: &str = "roleMappings[].type";

fn is_shown_elsewhere(path: &str) -> bool {
    ELSEWHERE.iter().any(|(field, _)| path.starts_with(field))
}

/// What became of the edits.
#[derive(Debug, Default)]
struct Tally {
    changed: BTreeSet<String>,
    removed: BTreeSet<String>,
    /// The apiserver refused to be without these, in the state that they were in.
    needed: BTreeSet<String>,
    /// Pairs of edits in a row that both took effect.
    pairs: BTreeSet<(String, String)>,
    edits: usize,
    refused: usize,
}

impl Tally {
    fn count(&mut self, path: &str, edit: Edit, accepted: bool) {
        self.edits += 1;
        self.refused += usize::from(!accepted);
        let kept = match (edit, accepted) {
            (Edit::Change, true) => &mut self.changed,
            (Edit::Remove, true) => &mut self.removed,
            (Edit::Remove, false) => &mut self.needed,
            (Edit::Change, false) | (Edit::Restore, _) => return,
        };
        kept.insert(path.to_owned());
    }

    fn join(&mut self, other: Self) {
        self.changed.extend(other.changed);
        self.removed.extend(other.removed);
        self.needed.extend(other.needed);
        self.pairs.extend(other.pairs);
        self.edits += other.edits;
        self.refused += other.refused;
    }
}

/// One node after the other: changed and put back, removed and given again.
async fn singles(subject: &mut Subject<'_>, base: &Document) -> Tally {
    let mut tally = Tally::default();
    for node in base.nodes().filter(|node| !is_shown_elsewhere(&node.path)) {
        for edit in [Edit::Change, Edit::Restore, Edit::Remove, Edit::Restore] {
            let Some(wanted) = subject.document.edited(base, node, edit) else {
                continue;
            };
            let accepted = subject.become_like(wanted).await;
            tally.count(&node.path, edit, accepted);
            assert!(
                accepted || edit != Edit::Restore,
                "{} was there, and cannot be given again",
                node.path
            );
        }
    }
    tally
}

/// A chain of edits, each of a node drawn by lot.
async fn chain(subject: &mut Subject<'_>, base: &Document, seed: u64) -> Tally {
    let mut tally = Tally::default();
    let mut random = Rng::with_seed(seed);
    let nodes: Vec<_> = base
        .nodes()
        .filter(|node| !is_shown_elsewhere(&node.path))
        .collect();
    let mut last = None;
    while tally.edits - tally.refused < EDITS {
        let node = nodes[random.usize(..nodes.len())];
        let edit = if !subject.document.has(node) {
            Edit::Restore
        } else if random.bool() {
            Edit::Change
        } else {
            Edit::Remove
        };
        let Some(wanted) = subject.document.edited(base, node, edit) else {
            continue;
        };
        let accepted = subject.become_like(wanted).await;
        tally.count(&node.path, edit, accepted);
        if accepted {
            let this = format!("{edit:?} {}", node.pointer);
            if let Some(last) = last.replace(this.clone()) {
                tally.pairs.insert((last, this));
            }
        }
    }
    tally
}

fn seed() -> u64 {
    let given = std::env::var("LEAVES_SEED").ok();
    given
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..1 << 40))
}

async fn all_edits_of(base: Base) {
    let world = base.world().await;
    let document = Document::of(&base.spec());
    let mut first = Subject::new(&world, "app", document.clone()).await;
    let begun = std::time::Instant::now();
    let mut tally = singles(&mut first, &document).await;
    println!(
        "{base:?}: {} edits one at a time in {:?}",
        tally.edits,
        begun.elapsed()
    );
    for path in document.leaves().filter(|path| !is_shown_elsewhere(path)) {
        assert!(
            tally.changed.contains(&path) || path == NEVER_ALONE,
            "{path} was never changed"
        );
        assert!(
            tally.removed.contains(&path) || tally.needed.contains(&path),
            "{path} was never removed"
        );
    }
    let seed = seed();
    println!("{base:?}: chains {seed} to {}", seed + CHAINS as u64 - 1);
    let chains = (0..CHAINS).map(async |n| {
        let name = format!("chain-{n}");
        let mut subject = Subject::new(&world, &name, document.clone()).await;
        chain(&mut subject, &document, seed + n as u64).await
    });
    for chain in join_all(chains).await {
        tally.join(chain);
    }
    println!("{base:?}: all in {:?}", begun.elapsed());
    println!(
        "{base:?}: {} edits, {} of them refused at apply; {} pairs in a row",
        tally.edits,
        tally.refused,
        tally.pairs.len()
    );
    assert!(tally.pairs.len() >= 170, "three worlds make 500 pairs");
    world.rig.fake.assert_sound();
}

#[tokio::test]
async fn each_field_with_a_value_of_its_own() {
    all_edits_of(Base::Plain).await;
}

#[tokio::test]
async fn each_field_with_a_value_from_a_config_map_or_a_secret() {
    all_edits_of(Base::FromMaps).await;
}

#[tokio::test]
async fn each_field_with_a_value_from_an_object() {
    all_edits_of(Base::FromObjects).await;
}

#[test]
fn no_field_of_the_schema_is_forgotten() {
    let mut tried: BTreeSet<String> = BTreeSet::new();
    for base in [Base::Plain, Base::FromMaps, Base::FromObjects] {
        tried.extend(Document::of(&base.spec()).leaves());
    }
    let forgotten: Vec<String> = schema::leaves()
        .into_iter()
        .filter(|path| !tried.contains(path) && !is_shown_elsewhere(path))
        .collect();
    assert_eq!(
        forgotten,
        Vec::<String>::new(),
        "give them a value in bases.rs"
    );
}
