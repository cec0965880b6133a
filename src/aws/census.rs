//! Which pools an account and region has: one list, shared by all who ask.
//!
//! A list gives ids and names only, so owners are learned by describing pools, each
//! once: tags are remembered by id. Positive answers come from memory at once and
//! are verified by whoever asked; a negative answer needs a full list begun after
//! the instant that the asker names, and every pool in it known. A list or look
//! that was refused or cut is no answer.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;

use super::paced::Paced;
use crate::api::names::{CLAIM_TAG, OWNER_TAG};
use crate::pool::call::{Answer, Call, Failure, FailureKind, Operation};
use crate::pool::moves::Search;
use crate::pool::ownership::Owned;
use crate::pool::settings::{Observed, PoolId};

/// Looks at once while owners are learned; the budget sets the pace.
const LOOKS_AT_ONCE: usize = 4;

/// 600,000 pools: more than any quota; a list that is longer goes in circles.
const MAX_PAGES: usize = 10_000;

/// A full list.
#[derive(Debug)]
pub struct Sweep {
    /// When its first page was asked for.
    pub began: Timestamp,
    /// Ids and names.
    pub pools: BTreeMap<PoolId, String>,
}

/// What is known of a pool's ownership.
#[derive(Clone, Debug)]
struct Known {
    owner: Option<String>,
    claim: Option<String>,
    /// When it was last seen with its tags.
    at: Timestamp,
}

/// The pools of one account and region.
pub struct Census {
    aws: Arc<Paced>,
    known: Mutex<HashMap<PoolId, Known>>,
    /// Held while a list is under way, so that all who wait share the next one.
    latest: tokio::sync::Mutex<Option<Arc<Sweep>>>,
}

impl Census {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(aws: Arc<Paced>) -> Self {
        Self {
            aws,
            known: Mutex::default(),
            latest: tokio::sync::Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<PoolId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest full list that began after an instant. Askers share lists: one that
    /// is under way serves those who asked for no later beginning.
    ///
    /// # Errors
    /// When a page could not be had.
    pub async fn sweep_after(&self, after: Timestamp) -> Result<Arc<Sweep>, Failure> {
        let mut latest = self.latest.lock().await;
        if let Some(sweep) = latest.as_ref().filter(|sweep| sweep.began > after) {
            return Ok(Arc::clone(sweep));
        }
        let sweep = Arc::new(self.sweep(after).await?);
        self.forget_unlisted(&sweep);
        *latest = Some(Arc::clone(&sweep));
        Ok(sweep)
    }

    async fn sweep(&self, after: Timestamp) -> Result<Sweep, Failure> {
        while Timestamp::now() <= after {
            // Somebody asks for a list that begins in the future; clocks have a resolution.
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        let began = Timestamp::now();
        let mut pools = BTreeMap::new();
        let mut token = None;
        let mut seen = HashSet::new();
        loop {
            let (entries, next) = self.page(token).await?;
            pools.extend(entries);
            let Some(next) = next else {
                return Ok(Sweep { began, pools });
            };
            if !seen.insert(next.clone()) || seen.len() > MAX_PAGES {
                return Err(no_answer("the list goes in circles"));
            }
            token = Some(next);
        }
    }

    async fn page(
        &self,
        next_token: Option<String>,
    ) -> Result<(Vec<(PoolId, String)>, Option<String>), Failure> {
        match self.aws.ask(Call::ListIdentityPools { next_token }).await? {
            Answer::Page {
                entries,
                next_token,
            } => Ok((entries, next_token)),
            _ => Err(no_answer("the list is no list")),
        }
    }

    /// The pools with an owner tag. Lists begun at or before `after` do not count;
    /// pools that `recorded` claims for another object are not looked at.
    ///
    /// # Errors
    /// When the list or a look could not be had: then there is no answer.
    pub async fn search(
        &self,
        owner: &str,
        after: Timestamp,
        recorded: impl Fn(&PoolId) -> bool,
    ) -> Result<Search, Failure> {
        let found = self.known_owned(owner);
        if !found.is_empty() {
            return Ok(Search {
                list_began: None,
                found,
            });
        }
        let sweep = self.sweep_after(after).await?;
        let unknown: Vec<PoolId> = {
            let known = self.known();
            let pools = sweep.pools.keys();
            pools
                .filter(|id| !known.contains_key(*id) && !recorded(id))
                .cloned()
                .collect()
        };
        futures::stream::iter(unknown.into_iter().map(|id| self.learn(id)))
            .buffer_unordered(LOOKS_AT_ONCE)
            .try_collect::<()>()
            .await?;
        Ok(Search {
            list_began: Some(sweep.began),
            found: self.known_owned(owner),
        })
    }

    /// Learns the tags of a pool; one that is gone meanwhile is nobody's.
    async fn learn(&self, id: PoolId) -> Result<(), Failure> {
        match self
            .aws
            .ask(Call::DescribeIdentityPool { id: id.clone() })
            .await
        {
            Ok(Answer::Pool(observed)) => self.note_pool(&observed),
            Ok(_) => return Err(no_answer("a pool is described as something else")),
            Err(failure) if failure.kind == FailureKind::NotFound => self.note_gone(&id),
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    /// A pool was seen with its tags: created, updated or described.
    pub fn note_pool(&self, observed: &Observed) {
        let tag = |key: &str| observed.tags.get(key).cloned();
        let known = Known {
            owner: tag(OWNER_TAG),
            claim: tag(CLAIM_TAG),
            at: Timestamp::now(),
        };
        self.known().insert(observed.id.clone(), known);
    }

    /// A pool is certainly gone.
    pub fn note_gone(&self, id: &PoolId) {
        self.known().remove(id);
    }

    /// The pools with an owner tag, as far as is known without asking.
    #[must_use]
    pub fn known_owned(&self, owner: &str) -> Vec<Owned> {
        let known = self.known();
        let ours = known
            .iter()
            .filter(|(_, known)| known.owner.as_deref() == Some(owner));
        ours.map(|(id, known)| Owned {
            id: id.clone(),
            claim: known.claim.clone(),
        })
        .collect()
    }

    /// Whether a pool is in a list, or was seen since the list began: lists lag behind.
    #[must_use]
    pub fn exists(&self, id: &PoolId, sweep: &Sweep) -> bool {
        sweep.pools.contains_key(id)
            || self
                .known()
                .get(id)
                .is_some_and(|known| known.at >= sweep.began)
    }

    /// Tags of pools that are no longer listed are forgotten, but not those of pools
    /// that were seen since: a list may lag behind our own creations by a minute.
    fn forget_unlisted(&self, sweep: &Sweep) {
        const LAG: jiff::SignedDuration = jiff::SignedDuration::from_secs(120);
        self.known().retain(|id, known| {
            sweep.pools.contains_key(id) || sweep.began.duration_since(known.at) < LAG
        });
    }
}

fn no_answer(what: &str) -> Failure {
    Failure {
        operation: Operation::ListIdentityPools,
        kind: FailureKind::Unanswered,
        code: "Unreadable".to_owned(),
        message: what.to_owned(),
        request_id: None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt;
    use futures::future::BoxFuture;
    use jiff::SignedDuration;

    use super::*;
    use crate::aws::port::Cognito;
    use crate::pool::settings::{Settings, Tags};

    /// An account whose list has pages of two.
    #[derive(Default)]
    struct Account {
        pools: Mutex<BTreeMap<PoolId, Tags>>,
        lists: AtomicUsize,
        looks: AtomicUsize,
        denied: Mutex<Option<Operation>>,
        circular: bool,
    }

    impl Account {
        fn with(owners: &[(&str, &str)]) -> Arc<Self> {
            let tags = |owner: &str| Tags::from([(OWNER_TAG.to_owned(), owner.to_owned())]);
            let pools = owners
                .iter()
                .map(|(id, owner)| (PoolId::new(*id), tags(owner)))
                .collect();
            Arc::new(Self {
                pools: Mutex::new(pools),
                ..Self::default()
            })
        }

        fn page(&self, token: Option<&str>) -> Answer {
            self.lists.fetch_add(1, Ordering::Relaxed);
            let from: usize = token.and_then(|token| token.parse().ok()).unwrap_or(0);
            let pools = self.pools.lock().expect("no panic");
            let entries = pools
                .keys()
                .skip(from)
                .take(2)
                .map(|id| (id.clone(), "a".to_owned()))
                .collect();
            let next = if self.circular {
                Some("0".to_owned())
            } else {
                None
            };
            let more = (from + 2 < pools.len()).then(|| (from + 2).to_string());
            Answer::Page {
                entries,
                next_token: next.or(more),
            }
        }
    }

    impl Cognito for Account {
        fn call(&self, call: Call) -> BoxFuture<'_, Result<Answer, Failure>> {
            let operation = call.operation();
            let denied = *self.denied.lock().expect("no panic") == Some(operation);
            let fails = |kind| {
                Err(Failure {
                    kind,
                    ..no_answer("as the test wants it")
                })
            };
            let result = match call {
                _ if denied => fails(FailureKind::Denied),
                Call::ListIdentityPools { next_token } => Ok(self.page(next_token.as_deref())),
                Call::DescribeIdentityPool { id } => {
                    self.looks.fetch_add(1, Ordering::Relaxed);
                    let tags = self.pools.lock().expect("no panic").get(&id).cloned();
                    match tags {
                        Some(tags) => Ok(Answer::Pool(Observed {
                            id,
                            settings: Settings::default(),
                            tags,
                        })),
                        None => fails(FailureKind::NotFound),
                    }
                }
                _ => fails(FailureKind::Refused),
            };
            async move { result }.boxed()
        }

        fn clock_offset(&self) -> Option<SignedDuration> {
            None
        }
    }

    fn census(account: &Arc<Account>) -> Census {
        Census::new(Arc::new(
            Paced::new(Arc::clone(account) as Arc<dyn Cognito>),
        ))
    }

    fn ids(search: &Search) -> Vec<&str> {
        search.found.iter().map(|owned| owned.id.as_str()).collect()
    }

    const NOBODY_ELSE: fn(&PoolId) -> bool = |_| false;

    #[tokio::test]
    async fn one_list_of_all_pages_serves_all_who_ask_together() {
        let account = Account::with(&[("a", "x"), ("b", "x"), ("c", "x"), ("d", "x"), ("e", "x")]);
        let census = census(&account);
        let after = Timestamp::now();
        let sweeps = futures::future::join_all((0..10).map(|_| census.sweep_after(after))).await;
        for sweep in sweeps {
            assert_eq!(sweep.expect("a list").pools.len(), 5);
        }
        assert_eq!(account.lists.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_list_begun_before_the_instant_does_not_count() {
        let account = Account::with(&[("a", "x")]);
        let census = census(&account);
        let first = census
            .sweep_after(Timestamp::UNIX_EPOCH)
            .await
            .expect("a list");
        let second = census.sweep_after(first.began).await.expect("a list");
        assert!(second.began > first.began);
        assert_eq!(account.lists.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn owners_are_learned_once() {
        let account = Account::with(&[("a", "x"), ("b", "y"), ("c", "z")]);
        let census = census(&account);
        let found = census
            .search("y", Timestamp::now(), NOBODY_ELSE)
            .await
            .expect("an answer");
        assert_eq!(ids(&found), ["b"]);
        let none = census
            .search("w", Timestamp::now(), NOBODY_ELSE)
            .await
            .expect("an answer");
        assert!(none.found.is_empty());
        assert_eq!(account.looks.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn pools_that_other_objects_record_are_not_looked_at() {
        let account = Account::with(&[("a", "x"), ("b", "y")]);
        let census = census(&account);
        let recorded = |id: &PoolId| id.as_str() == "a";
        census
            .search("w", Timestamp::now(), recorded)
            .await
            .expect("an answer");
        assert_eq!(account.looks.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_refused_page_or_look_is_no_answer() {
        for operation in [
            Operation::ListIdentityPools,
            Operation::DescribeIdentityPool,
        ] {
            let account = Account::with(&[("a", "x")]);
            *account.denied.lock().expect("no panic") = Some(operation);
            let census = census(&account);
            let failure = census.search("w", Timestamp::now(), NOBODY_ELSE).await;
            assert_eq!(failure.expect_err("no answer").kind, FailureKind::Denied);
        }
    }

    #[tokio::test]
    async fn a_list_that_goes_in_circles_is_no_answer() {
        let mut account = Account::with(&[("a", "x")]);
        Arc::get_mut(&mut account).expect("not shared yet").circular = true;
        assert!(
            census(&account)
                .sweep_after(Timestamp::now())
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn our_own_creation_is_known_before_it_is_listed() {
        let account = Account::with(&[]);
        let census = census(&account);
        let tags = Tags::from([(OWNER_TAG.to_owned(), "me".to_owned())]);
        let made = Observed {
            id: PoolId::new("new"),
            settings: Settings::default(),
            tags,
        };
        let before = census
            .sweep_after(Timestamp::UNIX_EPOCH)
            .await
            .expect("a list");
        census.note_pool(&made);
        assert!(census.exists(&made.id, &before));
        let found = census
            .search("me", Timestamp::now(), NOBODY_ELSE)
            .await
            .expect("an answer");
        assert_eq!(ids(&found), ["new"]);
        census.note_gone(&made.id);
        assert!(!census.exists(&made.id, &before));
        let none = census
            .search("me", Timestamp::now(), NOBODY_ELSE)
            .await
            .expect("an answer");
        assert!(none.found.is_empty());
    }
}
