//! The apiserver that the core's tests and the model checker have in memory answers as a real one.
//!
//! Sequences drawn by fixed seeds: people apply, edit, annotate, hold, delete and apply again;
//! operators write claims, statuses and finalizers as they do in production, on what they saw last
//! or some time before, also of an object that is gone. After each step both have to have said the
//! same, and to show the same object. `PROPTEST_CASES=2000` plays more sequences.

mod drawn;
mod glasses;
mod memory;
mod real;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use futures::stream::{self, StreamExt};
use identity_pool_operator::api::IdentityPool;
use identity_pool_operator::pool::moves::Trouble;
use serde_json::Value;

use self::drawn::{Step, Write, step};
use self::glasses::{Glasses, content, version};
use self::memory::{Answer, Memory};
use self::real::Real;
use crate::rig::Rig;

/// Sequences, and steps of each: seconds.
const SEQUENCES: u64 = 60;
const STEPS: usize = 40;
const SIDE_BY_SIDE: usize = 8;

/// Writes that change nothing which can be seen, and yet make a version in the real one, because
/// they change how the object is stored: who manages which field, an empty map in place of none.
/// Only a writer who rests on the version before notices, and reads again. They are writes of
/// people; the operator drops its finalizer only where it has one.
const RENEWED: &[&str] = &[
    "annotate",
    "drop finalizer",
    "erase",
    "finalizers",
    "spec",
    "strip",
];

/// One object's name on both sides.
struct Pair {
    memory: Memory,
    real: Real,
    /// What was seen of it, the latest last.
    seen: Vec<(IdentityPool, IdentityPool)>,
}

impl Pair {
    /// Both answers to a step.
    async fn take(&mut self, step: Step) -> (Answer, Answer) {
        match step {
            Step::Create(spec) => {
                let answer = self.real.create((*spec).clone()).await;
                (self.memory.create(*spec), answer)
            }
            Step::Blindly(write) => {
                let answer = self.real.write(&write).await;
                (self.memory.write(None, &write), answer)
            }
            Step::On(back, write) => {
                let Some((in_memory, real)) = self.seen.iter().rev().nth(back) else {
                    return (Ok(None), Ok(None));
                };
                let answer = self.real.write_on(real, &write).await;
                let mut expected = self.memory.write(Some(in_memory), &write);
                // Production takes it for done: an object that is gone has no finalizer.
                if matches!(write, Write::DropFinalizer) && expected == Err(Trouble::Gone) {
                    expected = Ok(self.memory.object.clone());
                }
                (expected, answer)
            }
        }
    }

    /// Whether the real one made a version of the same, and the one in memory did not.
    fn only_renewed(&self, real: Option<&IdentityPool>) -> bool {
        let Some((in_memory, before)) = self.seen.last() else {
            return false;
        };
        let kept = version(self.memory.object.as_ref()) == version(Some(in_memory));
        let same = real.is_some_and(|real| content(real) == content(before));
        kept && same && version(real) != version(Some(before))
    }

    fn remember(&mut self, real: Option<IdentityPool>) {
        let in_memory = self.memory.object.clone();
        self.seen.extend(in_memory.zip(real));
    }
}

/// Answer and object in memory beside the real ones.
fn apart(in_memory: &(Value, Value), real: &(Value, Value)) -> String {
    let (said, shown) = in_memory;
    format!(
        "in memory: {said}\n     real: {}\nin memory: {shown}\n     real: {}",
        real.0, real.1
    )
}

/// Where both differ first, with the steps that led there.
async fn sequence(
    seed: u64,
    rig: Arc<Rig>,
    renewed: &Mutex<BTreeSet<&'static str>>,
) -> Option<String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut pair = Pair {
        memory: Memory::default(),
        real: Real::new(&rig, format!("app-{seed}")),
        seen: Vec::new(),
    };
    let (mut near, mut far) = (Glasses::new(), Glasses::new());
    let mut steps = String::new();
    for _ in 0..STEPS {
        let uid = pair
            .seen
            .last()
            .and_then(|(_, real)| real.metadata.uid.clone());
        let step = step(&mut random, &uid.unwrap_or_default());
        let _ = write!(steps, "\n  {step:?}");
        let name = step.name();
        let (mut in_memory, real) = pair.take(step).await;
        let there = pair.real.read().await;
        if pair.only_renewed(there.as_ref()) {
            renewed.lock().expect("no panic").insert(name);
            pair.memory.renew();
            in_memory = in_memory.map(|_| pair.memory.object.clone());
        }
        let expected = (
            near.hear(&in_memory),
            near.look(pair.memory.object.as_ref()),
        );
        let found = (far.hear(&real), far.look(there.as_ref()));
        if expected != found {
            return Some(format!("seed {seed}:{steps}\n{}", apart(&expected, &found)));
        }
        pair.remember(there);
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_answers_every_sequence_of_writes_as_a_real_one_does() {
    let asked = std::env::var("PROPTEST_CASES").ok();
    let sequences = asked.and_then(|n| n.parse().ok()).unwrap_or(SEQUENCES);
    let rig = Arc::new(Rig::new("memory").await);
    let renewed = Mutex::default();
    let differences: Vec<String> = stream::iter(0..sequences)
        .map(|seed| sequence(seed, Arc::clone(&rig), &renewed))
        .buffer_unordered(SIDE_BY_SIDE)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    let renewed: Vec<&str> = renewed
        .into_inner()
        .expect("no panic")
        .into_iter()
        .collect();
    assert_eq!(renewed, RENEWED, "neither more nor less");
}
