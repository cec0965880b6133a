//! The world of one case: a rig, the proxy before its apiserver, and what has to hold at the end.

use std::fmt::Write;
use std::time::Duration;

use harness::cognito::Call;
use harness::proxy::{Armed, Effect, Entry, Fault, FaultProxy, Matching, Target, Verb};
use identity_pool_operator::api::IdentityPoolSpec;
use kube::api::ListParams;

use crate::rig::{Rig, Running, Setup, pool_id};

/// The object of a case.
pub(super) const APP: &str = "app";

pub(super) struct World {
    pub(super) rig: Rig,
    pub(super) proxy: FaultProxy,
}

impl World {
    pub(super) async fn new() -> Self {
        let rig = Rig::new("fault").await;
        let proxy = FaultProxy::start(rig.plane).await.expect("a proxy");
        Self { rig, proxy }
    }

    /// Starts an operator that meets the apiserver through the proxy, and waits until it has
    /// listed.
    pub(super) async fn operator(&self) -> Running {
        let config = self.proxy.config().await.expect("config");
        let operator = self.rig.operator_through(config, &Setup::default());
        operator.listed().await;
        operator
    }

    /// Strikes the next request or event that fits.
    pub(super) fn strike(&self, matching: Matching, effect: Effect) -> Armed {
        self.proxy.inject(Fault::on(matching, effect))
    }

    pub(super) async fn create(&self) {
        self.rig.create(APP, IdentityPoolSpec::default()).await;
    }

    /// Waits until the apiserver's cache has the object: a streaming list may show a state from
    /// before.
    pub(super) async fn until_cached(&self) {
        let any = ListParams::default().match_any();
        let cached = async {
            while self
                .rig
                .pools
                .list(&any)
                .await
                .expect("a list")
                .items
                .is_empty()
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let cached = tokio::time::timeout(Duration::from_secs(60), cached).await;
        cached.expect("the cache is behind");
    }

    /// As [`Rig::age`].
    pub(super) async fn age(&self) {
        self.rig.age(APP).await;
    }

    /// Waits until the world is so.
    pub(super) async fn until(&self, so: impl Fn(&Self) -> bool) {
        let met = async {
            while !so(self) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let met = tokio::time::timeout(Duration::from_secs(60), met).await;
        met.expect("the world does not change");
    }

    // === what has to hold ===

    /// One pool, recorded, ours, equal to the spec, and no reason to change anything.
    pub(super) async fn settles_in_one_pool(&self) {
        self.rig.until_ready(APP).await;
        let before = self.changes();
        let object = self.rig.look(APP).await;
        assert_eq!(self.changes(), before, "the next look finds nothing to do");
        assert_eq!(self.rig.pools_owned_by(&object), [pool_id(&object)]);
        assert_eq!(self.rig.fake.pools().len(), 1);
        self.rig.fake.assert_sound();
    }

    /// As [`settles_in_one_pool`](Self::settles_in_one_pool), after one call to AWS, and writes of a
    /// claim, a status and the look. Each pass may once rest on what is not the latest: creation,
    /// edit, look, and one to spare.
    pub(super) async fn settles_after_one_creation(&self) {
        self.settles_in_one_pool().await;
        assert_eq!(self.changes(), ["CreateIdentityPool"]);
        let (writes, accepted) = (self.writes(), self.accepted());
        assert!(
            writes <= 7 && accepted <= 3,
            "{accepted} of {writes} writes"
        );
    }

    /// No object, no pool.
    pub(super) async fn settles_in_none(&self) {
        self.rig.until_gone(APP).await;
        assert_eq!(self.rig.fake.pools().len(), 0);
        self.rig.fake.assert_sound();
    }

    /// The calls so far that change something in AWS, by name.
    pub(super) fn changes(&self) -> Vec<String> {
        let reads = ["Describe", "List", "Get"];
        let changes = |call: &Call| !reads.iter().any(|read| call.operation.starts_with(read));
        let calls = self.rig.fake.calls().into_iter();
        calls.filter(changes).map(|call| call.operation).collect()
    }

    /// The writes to the object so far that went through the proxy.
    pub(super) fn writes(&self) -> usize {
        let patches = Matching::verb(Verb::Patch).resource("identitypools");
        self.proxy.count(&patches)
    }

    /// How many of them took effect.
    pub(super) fn accepted(&self) -> usize {
        let patched = |entry: &Entry| entry.target.verb == Verb::Patch;
        self.count(|entry| patched(entry) && entry.executed == Some(200))
    }

    /// How many of them the apiserver refused, because they rested on the past.
    pub(super) fn refused(&self) -> usize {
        self.count(|entry| matches!(entry.executed, Some(409 | 422)))
    }

    fn count(&self, fits: impl Fn(&Entry) -> bool) -> usize {
        let requests = self.proxy.requests();
        requests.iter().filter(|entry| fits(entry)).count()
    }

    /// Requests about the object, and calls to AWS, for a reader who has to find out why.
    pub(super) fn trace(&self) -> String {
        let mut trace = String::new();
        for request in self.proxy.requests() {
            let Target { verb, resource, .. } = &request.target;
            let body = request.body.chars().take(300).collect::<String>();
            let became = (request.executed, &request.effect);
            let _ = writeln!(trace, "  {verb:?} {resource} {became:?} {}", request.path);
            if !body.is_empty() {
                let _ = writeln!(trace, "    {body}");
            }
        }
        for call in self.rig.fake.calls() {
            let _ = writeln!(trace, "  {} {} {:?}", call.at, call.operation, call.outcome);
        }
        trace
    }
}
