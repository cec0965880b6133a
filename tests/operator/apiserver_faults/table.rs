//! Plays the rows of a table side by side and says how to repeat the one that fails.

use std::any::Any;
use std::env;
use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};

use super::world::World;

/// Names one case, to play it alone.
const CHOICE: &str = "FAULT_CASE";

/// Worlds at once: most of a case is waiting for the operator's pauses, but each has a runtime.
const SIDE_BY_SIDE: usize = 12;

/// One row.
pub(super) struct Case {
    name: String,
    play: Box<dyn FnOnce(Arc<World>) -> BoxFuture<'static, ()> + Send>,
}

impl Case {
    pub(super) fn new<F>(
        name: impl Into<String>,
        play: impl FnOnce(Arc<World>) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self {
            name: name.into(),
            play: Box::new(|world| Box::pin(play(world))),
        }
    }
}

/// Plays a table, of the test that is named.
pub(super) async fn play(test: &str, cases: Vec<Case>) {
    let chosen = env::var(CHOICE).ok();
    let is_chosen = |case: &Case| chosen.as_ref().is_none_or(|name| *name == case.name);
    let cases: Vec<Case> = cases.into_iter().filter(is_chosen).collect();
    assert!(!cases.is_empty(), "{CHOICE} names no case of {test}");
    let (begun, count) = (Instant::now(), cases.len());
    let failed: Vec<String> = stream::iter(cases)
        .map(attempt)
        .buffer_unordered(SIDE_BY_SIDE)
        .filter_map(std::future::ready)
        .map(|(name, why)| {
            let repeat = format!("{CHOICE}={name} cargo test --test operator {test}");
            format!("{name}: {why}\n  to repeat it: {repeat}")
        })
        .collect()
        .await;
    println!("{test}: {count} cases in {:.1?}", begun.elapsed());
    assert!(
        failed.is_empty(),
        "{} of {count} cases failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

/// The name of a case and why it failed, if it did, with all that was said in its world.
async fn attempt(case: Case) -> Option<(String, String)> {
    let world = Arc::new(World::new().await);
    let played = tokio::spawn((case.play)(Arc::clone(&world))).await;
    let why = played.err()?.try_into_panic().ok()?;
    Some((case.name, format!("{}\n{}", said(&*why), world.trace())))
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default()
}
