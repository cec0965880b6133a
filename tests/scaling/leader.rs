//! One leader over several accounts: the real core and the real budgets, and shells as small as the
//! real one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use identity_pool_operator::api::IdentityPoolSpec;
use identity_pool_operator::aws::budget::{Asker, Budget, Caps, Kind, Permit, Reception};
use identity_pool_operator::pool::call::{Call, FailureKind};
use identity_pool_operator::pool::facts::Moment;
use identity_pool_operator::pool::rest::Rest;
use identity_pool_operator::pool::urgency::Urgency;
use identity_pool_operator::pool::{Facts, Move, Seen, next, urgency};
use identity_pool_operator::telemetry::metrics::BudgetGauges;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::account::{Apiserver, LATENCY, Limit};
use crate::world::{World, failure, operator};

/// `--max-concurrent-reconciles`.
const PASSES_AT_ONCE: usize = 32;

/// Passes of one account that are looked at here at once. The rest would stand in line behind them.
const IN_LINE: usize = 64;

/// What a leader looks after.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fleet {
    pub(crate) accounts: usize,
    /// In each account.
    pub(crate) pools: usize,
    /// Calls a second that each account allows.
    pub(crate) limit: f64,
    /// Writes a second of the apiserver that this leader gets.
    pub(crate) apiserver: f64,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Made {
    pub(crate) time: Duration,
    pub(crate) pools: usize,
    pub(crate) calls: usize,
    pub(crate) throttled: usize,
    pub(crate) writes: usize,
}

impl Made {
    /// Of two leaders side by side.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            time: self.time.max(other.time),
            pools: self.pools + other.pools,
            calls: self.calls + other.calls,
            throttled: self.throttled + other.throttled,
            writes: self.writes + other.writes,
        }
    }
}

struct Account {
    budget: Budget,
    limit: Limit,
}

pub(crate) struct Leader {
    fleet: Fleet,
    accounts: Vec<Account>,
    apiserver: Apiserver,
    slots: Semaphore,
    begun: Instant,
    epoch: Timestamp,
    calls: AtomicUsize,
    throttled: AtomicUsize,
    writes: AtomicUsize,
    draws: AtomicUsize,
}

impl Leader {
    pub(crate) fn new(fleet: Fleet) -> Self {
        let account = |_| Account {
            budget: Budget::new(Caps::default(), |_| BudgetGauges::default()),
            limit: Limit::of(fleet.limit),
        };
        Self {
            fleet,
            accounts: (0..fleet.accounts).map(account).collect(),
            apiserver: Apiserver::of(fleet.apiserver),
            slots: Semaphore::new(PASSES_AT_ONCE),
            begun: Instant::now(),
            epoch: World::new(IdentityPoolSpec::default()).now,
            calls: AtomicUsize::new(0),
            throttled: AtomicUsize::new(0),
            writes: AtomicUsize::new(0),
            draws: AtomicUsize::new(0),
        }
    }

    pub(crate) async fn create_all(self) -> Made {
        self.create().await;
        self.made()
    }

    /// Creates all pools. Their objects, by account.
    pub(crate) async fn create(&self) -> Vec<Vec<World>> {
        let accounts = self.accounts.iter().map(|account| {
            let worlds = (0..self.fleet.pools).map(|_| World::new(IdentityPoolSpec::default()));
            let passes = worlds.map(|world| self.until_ready(account, world));
            futures::stream::iter(passes)
                .buffer_unordered(IN_LINE)
                .collect::<Vec<World>>()
        });
        join_all(accounts).await
    }

    /// What was done so far.
    pub(crate) fn made(&self) -> Made {
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        Made {
            time: self.begun.elapsed(),
            pools: self.fleet.accounts * self.fleet.pools,
            calls: count(&self.calls),
            throttled: count(&self.throttled),
            writes: count(&self.writes),
        }
    }

    /// Looks after the pools for some time. What was done in it.
    pub(crate) async fn rest(&self, worlds: Vec<Vec<World>>, time: Duration) -> Made {
        let before = self.made();
        let end = Instant::now() + time;
        let accounts = self.accounts.iter().zip(worlds);
        let all = accounts.flat_map(|(account, worlds)| {
            let worlds = worlds.into_iter();
            worlds.map(move |world| self.look_after(account, world, end))
        });
        join_all(all).await;
        let after = self.made();
        Made {
            time,
            pools: after.pools,
            calls: after.calls - before.calls,
            throttled: after.throttled - before.throttled,
            writes: after.writes - before.writes,
        }
    }

    async fn until_ready(&self, account: &Account, mut world: World) -> World {
        loop {
            let rest = self.pass(account, &mut world).await;
            if world.condition("Ready") == "True/InSync" {
                return world;
            }
            tokio::time::sleep(rest.after.expect("it goes on")).await;
        }
    }

    /// Turns are anywhere in the period, as after a restart.
    async fn look_after(&self, account: &Account, mut world: World, end: Instant) {
        world.restart();
        loop {
            let rest = Box::pin(self.pass(account, &mut world)).await;
            let due = Instant::now() + rest.after.expect("it goes on");
            if due > end {
                return;
            }
            tokio::time::sleep_until(due).await;
        }
    }

    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.begun.elapsed()).expect("in range");
        self.epoch + passed
    }

    /// This instant, with an even draw, and the same ones in each run.
    fn moment(&self, world: &mut World) -> Moment {
        world.now = self.now();
        let draw = self.draws.fetch_add(1, Ordering::Relaxed) * 619 % 1001;
        Moment {
            jitter: u16::try_from(draw).expect("a draw"),
            ..world.moment()
        }
    }

    /// One pass, as `controller::reconcile` makes it.
    async fn pass(&self, account: &Account, world: &mut World) -> Rest {
        let mut slot = self.slots.acquire().await.ok();
        let object = Arc::new(world.object().clone());
        let moment = self.moment(world);
        let mut facts = Facts::begin(operator(), moment, object, world.memory.clone());
        let mut reserved = None;
        loop {
            facts.moment = self.moment(world);
            let mv = next(&facts);
            let urgency = urgency(&facts, &mv);
            let seen = match mv {
                Move::Rest(rest) => {
                    world.memory = rest.memory.clone().expect("it is remembered");
                    return *rest;
                }
                Move::Reserve => {
                    reserved = Some(self.permit(account, Kind::Write, urgency, &mut slot).await);
                    Seen::Reserved
                }
                Move::Call(call) => {
                    let kind = Kind::of(call.operation());
                    let permit = match reserved.take() {
                        Some(permit) if kind == Kind::Write => permit,
                        other => {
                            reserved = other;
                            self.permit(account, kind, urgency, &mut slot).await
                        }
                    };
                    self.call(account, permit, call, world, &facts).await
                }
                mv @ (Move::WriteClaim(_) | Move::WriteStatus { .. }) => {
                    self.writes.fetch_add(1, Ordering::Relaxed);
                    self.apiserver.write().await;
                    world.carry_out(mv, &facts)
                }
                mv => world.carry_out(mv, &facts),
            };
            facts.learn(seen, self.now());
        }
    }

    /// Gives the slot back while it waits, as `controller::act` does.
    async fn permit<'a>(
        &'a self,
        account: &Account,
        kind: Kind,
        urgency: Urgency,
        slot: &mut Option<SemaphorePermit<'a>>,
    ) -> Permit {
        *slot = None;
        let asker = Asker::everybody(urgency);
        let permit = account.budget.acquire(kind, asker).await;
        *slot = self.slots.acquire().await.ok();
        permit
    }

    async fn call(
        &self,
        account: &Account,
        permit: Permit,
        call: Call,
        world: &mut World,
        facts: &Facts,
    ) -> Seen {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let admitted = account.limit.admits();
        tokio::time::sleep(LATENCY).await;
        world.now = self.now();
        if admitted {
            account.budget.observe(&permit, Reception::Accepted);
            return world.carry_out(Move::Call(call), facts);
        }
        self.throttled.fetch_add(1, Ordering::Relaxed);
        account.budget.observe(&permit, Reception::Throttled);
        let refused = failure(call.operation(), FailureKind::Throttled);
        Seen::Answered(Box::new(call), Err(refused))
    }
}
