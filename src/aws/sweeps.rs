//! Full lists of the pools of an account and region, shared by all who ask.
//!
//! An asker names an instant: only a list begun after it is an answer, because only
//! such a list shows what was there then. At most one list is under way. Whoever it
//! serves waits for it and shares its end, a failure too; whoever it does not serve
//! waits for its end, and then shares the next one.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use jiff::{SignedDuration, Timestamp};

use super::budget::Asker;
use super::complete::no_list;
use super::paced::Paced;
use crate::pool::call::{Answer, Call, DEADLINE, Failure, FailureKind, Operation};
use crate::pool::settings::PoolId;
use crate::pool::urgency::Urgency;

/// 600,000 pools: more than any quota; a list that is longer goes in circles.
const MAX_PAGES: usize = 10_000;

/// Times that a page is asked for. The budget slows down at each throttle, so one that is
/// throttled as often will be for a while.
const MOST_TRIES: u32 = 4;

/// An instant ahead of the clock by more than this was read from a clock that has
/// been set back since. Two readings in order are never as far apart the wrong way.
const AHEAD: SignedDuration = SignedDuration::from_secs(1);

/// How far wall clock and monotonic clock may drift apart between two looks at a list
/// before the wall clock counts as set. Slewing takes half an hour for it.
const DRIFT: SignedDuration = SignedDuration::from_secs(1);

/// A full list.
#[derive(Debug)]
pub struct Sweep {
    /// When its first page was asked for.
    pub began: Timestamp,
    /// Ids and names.
    pub pools: BTreeMap<PoolId, String>,
}

/// A list under way or at its end.
type List = Shared<BoxFuture<'static, Result<Arc<Sweep>, Failure>>>;

/// The list that was begun last.
struct Latest {
    began: Timestamp,
    /// The same instant by a clock that nobody sets.
    since: Instant,
    list: List,
}

impl Latest {
    /// Whether it was begun after an instant, by the clock that the instant is from.
    fn serves(&self, after: Timestamp, now: Timestamp) -> bool {
        let by_wall = now.duration_since(self.began);
        let passed = SignedDuration::try_from(self.since.elapsed()).unwrap_or(SignedDuration::MAX);
        let set = by_wall.saturating_sub(passed).abs() > DRIFT;
        self.began > after && !set
    }
}

/// What an asker does next.
enum Turn {
    /// Take the end of this list.
    Share(List),
    /// Wait for the end of this list, which was begun too early, and look again.
    After(List),
    /// Wait until the clock has passed the instant.
    Early(SignedDuration),
}

/// The lists of one account and region.
pub(super) struct Sweeps {
    aws: Arc<Paced>,
    now: fn() -> Timestamp,
    latest: Mutex<Option<Latest>>,
}

impl Sweeps {
    pub(super) fn new(aws: Arc<Paced>) -> Self {
        Self {
            aws,
            now: Timestamp::now,
            latest: Mutex::default(),
        }
    }

    /// The newest full list that was begun after an instant.
    ///
    /// # Errors
    /// When a page could not be had, or the instant lies in the future.
    pub(super) async fn after(&self, after: Timestamp) -> Result<Arc<Sweep>, Failure> {
        loop {
            match self.turn(after) {
                Turn::Share(list) => return list.await,
                // Its end, good or bad, is the answer to somebody else's question.
                Turn::After(list) => drop(list.await),
                Turn::Early(by) if by > AHEAD => {
                    return Err(no_answer("the clock was set back; the list is put off"));
                }
                Turn::Early(by) => {
                    let pause = by.unsigned_abs() + Duration::from_millis(1);
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    fn turn(&self, after: Timestamp) -> Turn {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.now)();
        if let Some(held) = latest.as_ref() {
            let serves = held.serves(after, now);
            match held.list.peek() {
                None | Some(Ok(_)) if serves => return Turn::Share(held.list.clone()),
                None => return Turn::After(held.list.clone()),
                Some(_) => {}
            }
        }
        if now <= after {
            return Turn::Early(after.duration_since(now));
        }
        let list = sweep(Arc::clone(&self.aws), now).boxed().shared();
        *latest = Some(Latest {
            began: now,
            since: Instant::now(),
            list: list.clone(),
        });
        Turn::Share(list)
    }
}

/// Reads all pages.
async fn sweep(aws: Arc<Paced>, began: Timestamp) -> Result<Arc<Sweep>, Failure> {
    let mut pools = BTreeMap::new();
    let mut token = None;
    let mut seen = HashSet::new();
    loop {
        let (entries, next) = page(&aws, token).await?;
        pools.extend(entries);
        let Some(next) = next else {
            return Ok(Arc::new(Sweep { began, pools }));
        };
        if !seen.insert(next.clone()) || seen.len() > MAX_PAGES {
            return Err(no_answer("the list goes in circles"));
        }
        token = Some(next);
    }
}

type Page = (Vec<(PoolId, String)>, Option<String>);

/// Asks for one page; again where it was throttled, because the pages before it would have
/// to be read anew otherwise.
async fn page(aws: &Paced, next_token: Option<String>) -> Result<Page, Failure> {
    let page = Call::ListIdentityPools { next_token };
    // Somebody may wait for it whose call would come first.
    let asker = || Asker::everybody(Urgency::Person);
    let mut answer = aws.ask(page.clone(), DEADLINE, asker()).await;
    for _ in 1..MOST_TRIES {
        match answer {
            Err(failure) if failure.kind == FailureKind::Throttled => {
                answer = aws.ask(page.clone(), DEADLINE, asker()).await;
            }
            _ => break,
        }
    }
    match answer? {
        Answer::Page {
            entries,
            next_token,
        } => Ok((entries, next_token)),
        _ => Err(no_answer("the list is no list")),
    }
}

fn no_answer(what: &str) -> Failure {
    no_list(Operation::ListIdentityPools, what)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::future::join_all;

    use super::*;
    use crate::aws::scripted::Account;
    use crate::pool::call::FailureKind;

    const LIST: Operation = Operation::ListIdentityPools;

    thread_local! {
        /// How far this test's clock is set wrong.
        static WRONG: Cell<SignedDuration> = const { Cell::new(SignedDuration::ZERO) };
    }

    fn wrong_clock() -> Timestamp {
        Timestamp::now() + WRONG.get()
    }

    fn sweeps(account: &Arc<Account>) -> Sweeps {
        Sweeps {
            now: wrong_clock,
            ..Sweeps::new(account.paced())
        }
    }

    #[tokio::test]
    async fn one_list_of_all_pages_serves_all_who_ask_together() {
        let account = Account::with(&[("a", "x"), ("b", "x"), ("c", "x"), ("d", "x"), ("e", "x")]);
        let sweeps = sweeps(&account);
        let after = Timestamp::now();
        for sweep in join_all((0..10).map(|_| sweeps.after(after))).await {
            assert_eq!(sweep.expect("a list").pools.len(), 5);
        }
        assert_eq!(account.count(LIST), 3, "three pages of two");
    }

    #[tokio::test]
    async fn a_list_begun_at_or_before_the_instant_does_not_count() {
        let account = Account::with(&[("a", "x")]);
        let sweeps = sweeps(&account);
        let first = sweeps.after(Timestamp::UNIX_EPOCH).await.expect("a list");
        let second = sweeps.after(first.began).await.expect("a list");
        assert!(second.began > first.began);
        assert_eq!(account.count(LIST), 2);
    }

    #[tokio::test]
    async fn those_whom_a_list_under_way_does_not_serve_share_the_next() {
        let account = Account::with(&[("a", "x")]);
        let sweeps = sweeps(&account);
        account.hold();
        let mut first = Box::pin(sweeps.after(Timestamp::UNIX_EPOCH));
        assert!(first.as_mut().now_or_never().is_none());
        let late = Timestamp::now();
        let mut others = Box::pin(join_all((0..10).map(|_| sweeps.after(late))));
        assert!(others.as_mut().now_or_never().is_none());
        account.release();
        for sweep in others.await {
            assert!(sweep.expect("a list").began > late);
        }
        assert!(first.await.expect("a list").began <= late);
        assert_eq!(account.count(LIST), 2);
    }

    #[tokio::test]
    async fn a_failed_list_fails_all_who_wait_for_it_and_nobody_later() {
        let account = Account::with(&[("a", "x")]);
        let sweeps = sweeps(&account);
        account.refuse(Some(LIST));
        account.hold();
        let after = Timestamp::now();
        let mut all = Box::pin(join_all((0..10).map(|_| sweeps.after(after))));
        assert!(all.as_mut().now_or_never().is_none());
        account.release();
        for sweep in all.await {
            assert_eq!(sweep.expect_err("refused").kind, FailureKind::Denied);
        }
        assert_eq!(account.count(LIST), 1);
        account.refuse(None);
        sweeps.after(after).await.expect("a list");
    }

    #[tokio::test]
    async fn a_throttled_page_is_asked_for_again_and_not_the_pages_before_it() {
        let account = Account::with(&[("a", "x"), ("b", "x"), ("c", "x")]);
        let sweeps = sweeps(&account);
        account.throttle(MOST_TRIES - 1);
        let sweep = sweeps.after(Timestamp::UNIX_EPOCH).await.expect("a list");
        assert_eq!(sweep.pools.len(), 3);
        assert_eq!(account.count(LIST), 5, "two pages, and three times nothing");
        account.throttle(MOST_TRIES);
        let failure = sweeps.after(Timestamp::now()).await.expect_err("throttled");
        assert_eq!(failure.kind, FailureKind::Throttled);
    }

    #[tokio::test]
    async fn a_list_goes_on_when_the_one_who_began_it_gives_up() {
        let account = Account::with(&[("a", "x")]);
        let sweeps = sweeps(&account);
        account.hold();
        let mut first = Box::pin(sweeps.after(Timestamp::UNIX_EPOCH));
        assert!(first.as_mut().now_or_never().is_none());
        let mut second = Box::pin(sweeps.after(Timestamp::UNIX_EPOCH));
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        account.release();
        second.await.expect("a list");
        assert_eq!(account.count(LIST), 1);
    }

    #[tokio::test]
    async fn a_list_from_before_the_clock_was_set_does_not_count() {
        let account = Account::with(&[("a", "x")]);
        let sweeps = sweeps(&account);
        WRONG.set(SignedDuration::from_mins(10));
        sweeps.after(Timestamp::UNIX_EPOCH).await.expect("a list");
        WRONG.set(SignedDuration::ZERO);
        let asked = Timestamp::now();
        let sweep = sweeps.after(asked).await.expect("a list");
        assert!(sweep.began < asked + SignedDuration::from_mins(1));
        assert_eq!(account.count(LIST), 2);
    }

    #[tokio::test]
    async fn an_instant_far_ahead_of_the_clock_is_not_waited_for() {
        let account = Account::with(&[]);
        let hour = SignedDuration::from_hours(1);
        let asked = sweeps(&account).after(Timestamp::now() + hour).await;
        assert_eq!(asked.expect_err("put off").kind, FailureKind::Unanswered);
        assert_eq!(account.count(LIST), 0);
    }

    #[tokio::test]
    async fn a_list_that_goes_in_circles_is_no_answer() {
        let account = Account::circular(&[("a", "x")]);
        assert!(sweeps(&account).after(Timestamp::now()).await.is_err());
    }
}
