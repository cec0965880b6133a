//! Who is served next: the more urgent first, and among equals the namespace that was
//! served least recently, so that many calls of one do not delay the few of another.
//!
//! Two exceptions keep it fair. One turn in [`OLDEST`] goes to whoever has waited longest,
//! or a stream of edits would hold up creations for ever. And a namespace that comes fresh
//! may take the last token, which the others leave. Has no clock: `now` is the time since
//! some start.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::pool::urgency::Urgency;

/// One turn in so many is the longest waiter's: enough that nobody starves, few enough that a
/// deletion behind 500 resyncs is not felt to wait.
const OLDEST: u64 = 8;

/// A namespace that was not served for so long is fresh. A person who edits an object now and
/// then always is; a rollout over many objects is once.
const FRESH: Duration = Duration::from_secs(1);

/// Whose call it is: a namespace, or nobody's in particular.
pub(super) type Flow = Arc<str>;

#[derive(Debug)]
struct Waiter<T> {
    /// Place in the order of arrival.
    arrival: u64,
    item: T,
}

type Flows<T> = BTreeMap<Flow, VecDeque<Waiter<T>>>;

/// Those who wait.
#[derive(Debug)]
pub(super) struct Queue<T> {
    by_urgency: BTreeMap<Urgency, Flows<T>>,
    /// When a namespace was served last, of those that were within [`FRESH`] or wait.
    served: HashMap<Flow, Duration>,
    arrivals: u64,
    turns: u64,
}

/// The next in line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) urgency: Urgency,
    flow: Flow,
    /// Whether it may take what the others leave.
    pub(super) is_fresh: bool,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Self {
            by_urgency: BTreeMap::new(),
            served: HashMap::new(),
            arrivals: 0,
            turns: 0,
        }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        let flows = self.by_urgency.values().flat_map(BTreeMap::values);
        flows.map(VecDeque::len).sum()
    }

    pub(super) fn join(&mut self, urgency: Urgency, flow: Flow, item: T) {
        let arrival = self.arrivals;
        self.arrivals += 1;
        let flows = self.by_urgency.entry(urgency).or_default();
        flows
            .entry(flow)
            .or_default()
            .push_back(Waiter { arrival, item });
    }

    /// Who is next, as long as nobody joins.
    pub(super) fn head(&self, now: Duration) -> Option<Head> {
        let (urgency, flow) = if self.turns % OLDEST == OLDEST - 1 {
            self.oldest()?
        } else {
            self.most_urgent()?
        };
        Some(Head {
            urgency,
            is_fresh: urgency == Urgency::Person && self.is_fresh(flow, now),
            flow: Arc::clone(flow),
        })
    }

    fn oldest(&self) -> Option<(Urgency, &Flow)> {
        let all = self.by_urgency.iter().flat_map(|(urgency, flows)| {
            let heads = flows
                .iter()
                .filter_map(|(flow, line)| Some((flow, line.front()?)));
            heads.map(|(flow, waiter)| (waiter.arrival, *urgency, flow))
        });
        let oldest = all.min_by_key(|(arrival, ..)| *arrival);
        oldest.map(|(_, urgency, flow)| (urgency, flow))
    }

    fn most_urgent(&self) -> Option<(Urgency, &Flow)> {
        let (urgency, flows) = self.by_urgency.first_key_value()?;
        let first = flows.iter().min_by_key(|(flow, line)| {
            let arrival = line.front().map(|waiter| waiter.arrival);
            (self.served.get(*flow), arrival)
        });
        first.map(|(flow, _)| (*urgency, flow))
    }

    fn is_fresh(&self, flow: &Flow, now: Duration) -> bool {
        let lately = |at: &Duration| now.saturating_sub(*at) < FRESH;
        !self.served.get(flow).is_some_and(lately)
    }

    /// The one at the head.
    pub(super) fn first(&self, head: &Head) -> Option<&T> {
        let line = self.by_urgency.get(&head.urgency)?.get(&head.flow)?;
        line.front().map(|waiter| &waiter.item)
    }

    /// Takes the next out of the line, whose turn it is.
    pub(super) fn serve(&mut self, head: &Head, now: Duration) -> Option<T> {
        self.turns += 1;
        self.served
            .retain(|_, at| now.saturating_sub(*at) < FRESH * 2);
        self.served.insert(Arc::clone(&head.flow), now);
        self.remove(head)
    }

    /// Takes the next out of the line, who waits no more.
    pub(super) fn remove(&mut self, head: &Head) -> Option<T> {
        let flows = self.by_urgency.get_mut(&head.urgency)?;
        let line = flows.get_mut(&head.flow)?;
        let waiter = line.pop_front()?;
        if line.is_empty() {
            flows.remove(&head.flow);
        }
        if flows.is_empty() {
            self.by_urgency.remove(&head.urgency);
        }
        Some(waiter.item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    fn queue(waiting: &[(Urgency, &str, u32)]) -> Queue<u32> {
        let mut queue = Queue::new();
        for (urgency, flow, item) in waiting {
            queue.join(*urgency, Arc::from(*flow), *item);
        }
        queue
    }

    fn serve(queue: &mut Queue<u32>, now: Duration) -> Option<u32> {
        let head = queue.head(now)?;
        queue.serve(&head, now)
    }

    fn served(queue: &mut Queue<u32>) -> Vec<u32> {
        std::iter::from_fn(|| serve(queue, NOW)).collect()
    }

    #[test]
    fn the_more_urgent_goes_first_whenever_it_came() {
        let mut queue = queue(&[
            (Urgency::Resync, "a", 4),
            (Urgency::Drift, "a", 3),
            (Urgency::Creation, "a", 2),
            (Urgency::Person, "a", 1),
        ]);
        assert_eq!(served(&mut queue), [1, 2, 3, 4]);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn namespaces_take_turns_and_within_one_the_order_is_that_of_arrival() {
        let all = [("a", 1), ("a", 2), ("a", 3), ("b", 10), ("c", 20)];
        let mut queue = queue(&all.map(|(flow, item)| (Urgency::Person, flow, item)));
        let mut order = Vec::new();
        for second in 100..105 {
            order.extend(serve(&mut queue, Duration::from_secs(second)));
        }
        assert_eq!(order, [1, 10, 20, 2, 3]);
    }

    #[test]
    fn one_who_comes_to_500_of_another_namespace_is_next() {
        let mut queue = Queue::new();
        for item in 0..500 {
            queue.join(Urgency::Person, Arc::from("many"), item);
        }
        assert_eq!(serve(&mut queue, NOW), Some(0));
        queue.join(Urgency::Person, Arc::from("one"), 1000);
        let head = queue.head(NOW).expect("they wait");
        assert!(head.is_fresh, "it may have the last token");
        assert_eq!(queue.serve(&head, NOW), Some(1000));
        let head = queue.head(NOW).expect("they wait");
        assert!(!head.is_fresh, "they have to leave it");
    }

    #[test]
    fn nobody_starves() {
        let mut queue = queue(&[(Urgency::Resync, "patient", 7)]);
        for item in 0..100 {
            queue.join(Urgency::Person, Arc::from("busy"), 100 + item);
        }
        let place = served(&mut queue).iter().position(|item| *item == 7);
        assert_eq!(place, Some(7), "one turn in eight");
    }

    #[test]
    fn only_a_person_takes_what_is_left_for_the_fresh() {
        for urgency in [Urgency::Creation, Urgency::Drift, Urgency::Resync] {
            let queue = queue(&[(urgency, "a", 1)]);
            assert!(!queue.head(NOW).expect("it waits").is_fresh);
        }
    }

    #[test]
    fn one_who_gave_up_is_taken_out_without_a_turn() {
        let all = [("a", 1), ("a", 2), ("b", 3)];
        let mut queue = queue(&all.map(|(flow, item)| (Urgency::Person, flow, item)));
        let head = queue.head(NOW).expect("they wait");
        assert_eq!(queue.first(&head), Some(&1));
        assert_eq!(queue.remove(&head), Some(1));
        assert_eq!(served(&mut queue), [2, 3]);
    }

    #[test]
    fn namespaces_of_the_past_are_forgotten() {
        let mut queue = Queue::new();
        for second in 0..100 {
            queue.join(Urgency::Person, format!("n-{second}").into(), 0);
            serve(&mut queue, Duration::from_secs(second));
        }
        assert!(queue.served.len() < 4, "{:?}", queue.served);
    }
}
