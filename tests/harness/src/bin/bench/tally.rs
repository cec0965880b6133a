//! What the operator has done so far: AWS calls by the fake's journal, writes to the
//! apiserver by the operator's own metrics, Events apart.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Outcome;
use crate::scene::Scene;

/// The calls of a look at one pool.
const LOOK: [&str; 2] = ["DescribeIdentityPool", "GetIdentityPoolRoles"];
/// Two tallies this far apart that are equal mean that the operator has come to rest.
const QUIET: Duration = Duration::from_millis(700);
/// It is waited for no longer than so many times.
const PATIENCE: usize = 40;

/// Counts since the start of a scene.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// By operation.
    pub(crate) calls: BTreeMap<String, usize>,
    pub(crate) writes: usize,
    pub(crate) events: usize,
}

impl Tally {
    /// As it stands.
    pub(crate) async fn now(scene: &Scene) -> Self {
        let mut tally = Self::default();
        for call in scene.fake.calls() {
            *tally.calls.entry(call.operation).or_default() += 1;
        }
        let page = match &scene.operator {
            Some(operator) => operator.metrics().await,
            None => String::new(),
        };
        let writes = |label: &str| sum(&page, "apiserver_writes_total", label);
        tally.events = writes("{write=\"event\"}");
        tally.writes = writes("") - tally.events;
        tally
    }

    /// As it stands once nothing is under way: Events are filed behind the passes.
    pub(crate) async fn at_rest(scene: &Scene) -> Self {
        let mut last = Self::now(scene).await;
        for _ in 0..PATIENCE {
            tokio::time::sleep(QUIET).await;
            let now = Self::now(scene).await;
            if now == last {
                break;
            }
            last = now;
        }
        last
    }

    /// All calls.
    pub(crate) fn all_calls(&self) -> usize {
        self.calls.values().sum()
    }

    /// All calls but those that list the account, which come by the minute.
    pub(crate) fn all_but_lists(&self) -> usize {
        self.all_calls() - self.calls_of("ListIdentityPools")
    }

    /// Calls that look at one pool.
    pub(crate) fn looks(&self) -> usize {
        LOOK.iter().map(|call| self.calls_of(call)).sum()
    }

    /// Calls of one operation.
    pub(crate) fn calls_of(&self, operation: &str) -> usize {
        self.calls.get(operation).copied().unwrap_or(0)
    }

    /// What came after an earlier tally of the same operator.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let calls = self.calls.iter().map(|(operation, count)| {
            let count = count - earlier.calls_of(operation);
            (operation.clone(), count)
        });
        Self {
            calls: calls.filter(|(_, count)| *count > 0).collect(),
            writes: self.writes - earlier.writes,
            events: self.events - earlier.events,
        }
    }
}

/// What one piece of work took of everybody.
pub(crate) struct Spent {
    pub(crate) tally: Tally,
    /// Processor time of the operator, in seconds.
    pub(crate) cpu: f64,
}

impl Spent {
    /// Does the work, and waits until nothing of it is under way.
    pub(crate) async fn by<T>(
        scene: &Scene,
        work: impl Future<Output = Outcome<T>>,
    ) -> Outcome<(T, Self)> {
        let (before, cpu) = (Tally::at_rest(scene).await, scene.cpu_seconds());
        let result = work.await?;
        let tally = Tally::at_rest(scene).await.since(&before);
        let cpu = scene.cpu_seconds() - cpu;
        Ok((result, Self { tally, cpu }))
    }
}

/// The sum of a counter over the labels that begin so.
pub(crate) fn sum(page: &str, counter: &str, labels: &str) -> usize {
    let start = format!("identity_pool_operator_{counter}{labels}");
    let lines = page.lines().filter(|line| line.starts_with(&start));
    lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_summed_over_the_labels_asked_for() {
        let page = "identity_pool_operator_apiserver_writes_total{write=\"claim\"} 3\n\
                    identity_pool_operator_apiserver_writes_total{write=\"event\"} 4\n\
                    identity_pool_operator_reconcile_in_flight 5\n";
        assert_eq!(sum(page, "apiserver_writes_total", ""), 7);
        let events = sum(page, "apiserver_writes_total", "{write=\"event\"}");
        assert_eq!((events, sum(page, "reconcile_in_flight", "")), (4, 5));
    }
}
