//! Which pools an account and region has, and whose they are.
//!
//! A list gives ids and names only, so owners are learned by describing pools, each
//! once. Positive answers come from memory at once and are verified by whoever
//! asked; a negative one needs a full list begun after the instant that the asker
//! names, and every pool in it seen. A list or look that was refused or cut is no
//! answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};

use super::budget::Asker;
use super::owners::Owners;
use super::paced::Paced;
pub use super::sweeps::Sweep;
use super::sweeps::Sweeps;
use crate::pool::call::{Answer, Call, DEADLINE, Failure, FailureKind, Operation};
use crate::pool::moves::Search;
use crate::pool::orphans::Marked;
use crate::pool::ownership::Owned;
use crate::pool::settings::{Observed, PoolId};
use crate::pool::urgency::Urgency;

/// Looks at once while owners are learned; the budget sets the pace.
const LOOKS_AT_ONCE: usize = 4;

/// From this age on no list says which pools there are. Lists come by the minute where objects have
/// pools, so one is this old only in a region where none has yet.
const STALE: SignedDuration = SignedDuration::from_mins(2);

/// From when on a list counts.
fn fresh_enough(after: Timestamp, now: Timestamp) -> Timestamp {
    now.checked_sub(STALE)
        .map_or(after, |stale| after.max(stale))
}

/// The pools of one account and region.
pub struct Census {
    aws: Arc<Paced>,
    sweeps: Sweeps,
    owners: Owners,
    /// Held while owners are learned: those who search at the same time need the same
    /// looks.
    learning: tokio::sync::Mutex<()>,
}

impl Census {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(aws: Arc<Paced>) -> Self {
        Self {
            sweeps: Sweeps::new(Arc::clone(&aws)),
            aws,
            owners: Owners::default(),
            learning: tokio::sync::Mutex::default(),
        }
    }

    /// The newest full list that was begun after an instant. Askers share lists: one
    /// that is under way serves those who asked for no later beginning.
    ///
    /// # Errors
    /// When a page could not be had, or the instant lies in the future.
    pub async fn sweep_after(&self, after: Timestamp) -> Result<Arc<Sweep>, Failure> {
        let sweep = self.sweeps.after(after).await?;
        self.owners.forget_unlisted(&sweep);
        Ok(sweep)
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
        let remembered = self.remembered(owner).await?;
        if !remembered.is_empty() {
            return Ok(Search {
                list_began: None,
                found: remembered,
            });
        }
        let sweep = self.sweep_after(after).await?;
        let _turn = self.learning.lock().await;
        let mut unseen = self.owners.unseen(&sweep);
        unseen.retain(|id| !recorded(id));
        self.learn(unseen).await?;
        Ok(Search {
            list_began: Some(sweep.began),
            found: self.owners.owned(owner),
        })
    }

    /// The pools of a name, in the newest list that was begun after an instant and is not
    /// two minutes old, or seen since: what this operator made or let go is known before a list
    /// shows it.
    ///
    /// # Errors
    /// When the list could not be had.
    pub async fn named(&self, name: &str, after: Timestamp) -> Result<Vec<PoolId>, Failure> {
        let after = fresh_enough(after, Timestamp::now());
        let sweep = self.sweeps.after(after).await?;
        let same = sweep.pools.iter().filter(|(_, known)| *known == name);
        let listed = same.map(|(id, _)| id.clone());
        let all: BTreeSet<PoolId> = listed.chain(self.owners.named(name)).collect();
        Ok(all.into_iter().collect())
    }

    /// The pools with an owner tag from memory. Several are looked at anew: the asker
    /// stops at them until a person has removed a tag or a pool.
    async fn remembered(&self, owner: &str) -> Result<Vec<Owned>, Failure> {
        let found = self.owners.owned(owner);
        if found.len() < 2 {
            return Ok(found);
        }
        self.learn(found.into_iter().map(|owned| owned.id)).await?;
        Ok(self.owners.owned(owner))
    }

    /// Looks at pools of a list that were never looked at, but for those that an object
    /// records: a few, each once in its life.
    ///
    /// # Errors
    /// When a look could not be had; the others wait for the next list.
    pub async fn examine(
        &self,
        sweep: &Sweep,
        few: usize,
        recorded: impl Fn(&PoolId) -> bool,
    ) -> Result<(), Failure> {
        let _turn = self.learning.lock().await;
        let mut strangers = self.owners.strangers(sweep);
        strangers.retain(|id| !recorded(id));
        strangers.truncate(few);
        self.learn(strangers).await
    }

    /// The pools of a list with an owner tag, as far as is known without asking.
    #[must_use]
    pub fn marked(&self, sweep: &Sweep) -> Vec<Marked> {
        self.owners.marked(sweep)
    }

    async fn learn(&self, ids: impl IntoIterator<Item = PoolId>) -> Result<(), Failure> {
        futures::stream::iter(ids.into_iter().map(|id| self.look(id)))
            .buffer_unordered(LOOKS_AT_ONCE)
            .try_collect()
            .await
    }

    /// Learns the tags of a pool; one that is gone meanwhile is nobody's.
    async fn look(&self, id: PoolId) -> Result<(), Failure> {
        let describe = Call::DescribeIdentityPool { id: id.clone() };
        // Whoever searches waits for the looks that are under way, also for those at orphans.
        let asker = Asker::everybody(Urgency::Creation);
        match self.aws.ask(describe, DEADLINE, asker).await {
            Ok(Answer::Pool(observed)) => self.note_pool(&observed),
            Ok(_) => return Err(no_pool()),
            Err(failure) if failure.kind == FailureKind::NotFound => self.note_gone(&id),
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    /// A pool was seen with its tags: created, updated or described.
    pub fn note_pool(&self, observed: &Observed) {
        self.owners.note(observed);
    }

    /// A pool is certainly gone.
    pub fn note_gone(&self, id: &PoolId) {
        self.owners.forget(id);
    }

    /// Whose a pool is has become uncertain: whoever searches looks at it anew.
    pub fn note_doubtful(&self, id: &PoolId) {
        self.owners.forget(id);
    }

    /// The pools with an owner tag, as far as is known without asking.
    #[must_use]
    pub fn known_owned(&self, owner: &str) -> Vec<Owned> {
        self.owners.owned(owner)
    }

    /// Whether a pool is in a list, or was seen since the list began: lists lag behind.
    #[must_use]
    pub fn exists(&self, id: &PoolId, sweep: &Sweep) -> bool {
        sweep.pools.contains_key(id) || self.owners.seen_since(id, sweep.began)
    }
}

fn no_pool() -> Failure {
    Failure {
        operation: Operation::DescribeIdentityPool,
        kind: FailureKind::Unanswered,
        code: "NoPool".to_owned(),
        message: "a pool is described as something else".to_owned(),
        request_id: None,
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;
    use crate::api::names::OWNER_TAG;
    use crate::aws::scripted::Account;
    use crate::pool::settings::{Settings, Tags};

    const LOOK: Operation = Operation::DescribeIdentityPool;

    const NOBODY_ELSE: fn(&PoolId) -> bool = |_| false;

    /// Searches with a list that begins now.
    async fn search(census: &Census, owner: &str) -> Result<Search, Failure> {
        census.search(owner, Timestamp::now(), NOBODY_ELSE).await
    }

    async fn found(census: &Census, owner: &str) -> Vec<String> {
        let search = search(census, owner).await.expect("an answer");
        let ids = search.found.into_iter().map(|owned| owned.id.to_string());
        ids.collect()
    }

    #[test]
    fn a_list_does_not_count_for_ever() {
        let now = Timestamp::now();
        assert_eq!(fresh_enough(Timestamp::UNIX_EPOCH, now), now - STALE);
        let asked = now - STALE / 2;
        assert_eq!(fresh_enough(asked, now), asked);
    }

    #[tokio::test]
    async fn a_name_is_looked_up_in_the_list_that_is_at_hand() {
        let account = Account::with(&[("a", "x"), ("b", "y")]);
        let census = Census::new(account.paced());
        for _ in 0..3 {
            let found = census.named("name", Timestamp::UNIX_EPOCH).await;
            assert_eq!(found.expect("a list").len(), 2);
        }
        assert_eq!(account.count(Operation::ListIdentityPools), 1);
    }

    #[tokio::test]
    async fn owners_are_learned_once() {
        let account = Account::with(&[("a", "x"), ("b", "y"), ("c", "z")]);
        let census = Census::new(account.paced());
        assert_eq!(found(&census, "y").await, ["b"]);
        assert!(found(&census, "w").await.is_empty());
        assert_eq!(account.count(LOOK), 3);
    }

    #[tokio::test]
    async fn those_who_search_together_share_the_looks() {
        let account = Account::with(&[("a", "x"), ("b", "y"), ("c", "z")]);
        let census = Census::new(account.paced());
        let owners = ["1", "2", "3", "4", "x", "y", "z"];
        join_all(owners.map(|owner| search(&census, owner))).await;
        assert_eq!(account.count(LOOK), 3);
    }

    #[tokio::test]
    async fn pools_that_other_objects_record_are_not_looked_at() {
        let account = Account::with(&[("a", "x"), ("b", "y")]);
        let census = Census::new(account.paced());
        let recorded = |id: &PoolId| id.as_str() == "a";
        let search = census.search("w", Timestamp::now(), recorded).await;
        assert!(search.expect("an answer").found.is_empty());
        assert_eq!(account.count(LOOK), 1);
    }

    #[tokio::test]
    async fn a_refused_page_or_look_is_no_answer() {
        for operation in [Operation::ListIdentityPools, LOOK] {
            let account = Account::with(&[("a", "x")]);
            account.refuse(Some(operation));
            let census = Census::new(account.paced());
            let failure = search(&census, "w").await.expect_err("no answer");
            assert_eq!(failure.kind, FailureKind::Denied);
        }
    }

    #[tokio::test]
    async fn a_pool_that_vanishes_between_list_and_look_is_nobodys() {
        let account = Account::with(&[("a", "x")]);
        let census = Census::new(account.paced());
        account.remove_after_listing("a");
        assert!(found(&census, "x").await.is_empty());
        assert_eq!(account.count(LOOK), 1);
    }

    #[tokio::test]
    async fn two_pools_of_one_owner_are_looked_at_anew_each_time() {
        let account = Account::with(&[("a", "x"), ("b", "x")]);
        let census = Census::new(account.paced());
        assert_eq!(found(&census, "x").await.len(), 2);
        account.remove("a");
        assert_eq!(found(&census, "x").await, ["b"]);
    }

    #[tokio::test]
    async fn every_pool_that_nobody_records_is_examined_once_and_a_few_at_a_time() {
        let account = Account::with(&[("a", "x"), ("b", "y"), ("c", "z"), ("d", "x"), ("e", "")]);
        let census = Census::new(account.paced());
        let recorded = |id: &PoolId| id.as_str() == "a";
        for (looks, marked) in [(2, 2), (4, 4), (4, 4)] {
            let sweep = census.sweep_after(Timestamp::now()).await.expect("a list");
            let examined = census.examine(&sweep, 2, recorded).await;
            examined.expect("the looks are answered");
            assert_eq!(account.count(LOOK), looks);
            assert_eq!(census.marked(&sweep).len(), marked);
        }
        assert_eq!(
            account.count(Operation::ListIdentityPools),
            9,
            "3 × 3 pages"
        );
        // A search needs the same looks, and none twice.
        census
            .search("w", Timestamp::now(), recorded)
            .await
            .expect("an answer");
        assert_eq!(account.count(LOOK), 4);
    }

    #[tokio::test]
    async fn a_refused_look_leaves_the_others_for_the_next_list() {
        let account = Account::with(&[("a", "x"), ("b", "y")]);
        let census = Census::new(account.paced());
        account.refuse(Some(LOOK));
        let sweep = census.sweep_after(Timestamp::now()).await.expect("a list");
        assert!(census.examine(&sweep, 9, NOBODY_ELSE).await.is_err());
        assert!(census.marked(&sweep).is_empty());
        account.refuse(None);
        let examined = census.examine(&sweep, 9, NOBODY_ELSE).await;
        examined.expect("the looks are answered");
        assert_eq!(census.marked(&sweep).len(), 2);
    }

    #[tokio::test]
    async fn our_own_creation_is_known_before_it_is_listed() {
        let account = Account::with(&[]);
        let census = Census::new(account.paced());
        let before = census.sweep_after(Timestamp::UNIX_EPOCH).await;
        let before = before.expect("a list");
        let made = Observed {
            id: PoolId::new("new"),
            settings: Settings::default(),
            tags: Tags::from([(OWNER_TAG.to_owned(), "me".to_owned())]),
        };
        census.note_pool(&made);
        assert!(census.exists(&made.id, &before));
        assert_eq!(found(&census, "me").await, ["new"]);
        assert_eq!(account.count(LOOK), 0);
        census.note_gone(&made.id);
        assert!(!census.exists(&made.id, &before));
        assert!(found(&census, "me").await.is_empty());
    }

    #[tokio::test]
    async fn a_pool_that_may_have_got_another_owner_is_looked_at_again() {
        let account = Account::with(&[("a", "before")]);
        let census = Census::new(account.paced());
        assert!(found(&census, "me").await.is_empty());
        account.give("a", "me");
        census.note_doubtful(&PoolId::new("a"));
        assert_eq!(found(&census, "me").await, ["a"]);
    }

    #[tokio::test]
    async fn a_pool_first_seen_without_its_tags_is_looked_at_again() {
        let account = Account::with(&[("a", "me")]);
        let census = Census::new(account.paced());
        let bare = Observed {
            id: PoolId::new("a"),
            settings: Settings::default(),
            tags: Tags::new(),
        };
        census.note_pool(&bare);
        assert_eq!(found(&census, "me").await, ["a"]);
    }
}
