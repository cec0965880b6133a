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

use super::budget::{Budget, Kind};
use super::port::Cognito;
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
    cognito: Arc<dyn Cognito>,
    budget: Arc<Budget>,
    known: Mutex<HashMap<PoolId, Known>>,
    /// Held while a list is under way, so that all who wait share the next one.
    latest: tokio::sync::Mutex<Option<Arc<Sweep>>>,
}

impl Census {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(cognito: Arc<dyn Cognito>, budget: Arc<Budget>) -> Self {
        Self {
            cognito,
            budget,
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
        match self.ask(Call::ListIdentityPools { next_token }).await? {
            Answer::Page {
                entries,
                next_token,
            } => Ok((entries, next_token)),
            _ => Err(no_answer("the list is no list")),
        }
    }

    async fn ask(&self, call: Call) -> Result<Answer, Failure> {
        let permit = self.budget.acquire(Kind::Read).await;
        let result = self.cognito.call(call).await;
        let throttled = result
            .as_ref()
            .is_err_and(|failure| failure.kind == FailureKind::Throttled);
        self.budget.observe(permit.kind(), throttled);
        result
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
                began: Timestamp::now(),
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
            began: sweep.began,
            found: self.known_owned(owner),
        })
    }

    /// Learns the tags of a pool; one that is gone meanwhile is nobody's.
    async fn learn(&self, id: PoolId) -> Result<(), Failure> {
        match self
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
