//! The world of one case: a rig, a proxy before its apiserver, a seam through which every call of
//! its operators goes, and the oracle that listens there.

use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use harness::cognito::FakeCognito;
use harness::proxy::FaultProxy;
use harness::seam::Seam;
use identity_pool_operator::api::names::RECONCILE_AT_ANNOTATION;
use identity_pool_operator::api::{IdentityPool, IdentityPoolSpec};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::oracle::Oracle;
use crate::rig::{self, Rig, Running, Setup};

/// The object of most cases.
pub(crate) const APP: &str = "app";

/// Longest pause between two looks at a world that does not stir: its operator may wait for a
/// pause of its own to be over.
const PAUSE: Duration = Duration::from_millis(150);

/// Nothing here takes as long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Calls that come this close together belong to one another.
const LULL: Duration = Duration::from_millis(40);

pub(crate) struct World {
    pub(crate) rig: Rig,
    pub(crate) proxy: FaultProxy,
    pub(crate) seam: Arc<Seam>,
    pub(crate) oracle: Oracle,
    setup: Setup,
    operator: Mutex<Option<Running>>,
}

impl World {
    pub(crate) async fn new(setup: Setup) -> Arc<Self> {
        let mut rig = Rig::new("fault").await;
        rig.pause = PAUSE;
        let proxy = FaultProxy::start(rig.plane).await.expect("a proxy");
        let seam = Arc::new(Seam::default());
        proxy.attach(&seam);
        rig.fake.attach(&seam);
        let world = Arc::new(Self {
            oracle: Oracle::of(&rig.namespace),
            rig,
            proxy,
            seam,
            setup,
            operator: Mutex::default(),
        });
        let witness = Arc::downgrade(&world);
        world.seam.tell(move |heard| {
            if let Some(world) = witness.upgrade() {
                world.oracle.hear(heard, &world.rig.fake);
                world.rig.stirred.notify_one();
            }
        });
        world
    }

    fn operator(&self) -> MutexGuard<'_, Option<Running>> {
        self.operator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts an operator in place of the one before, which is dead, and waits until it has listed.
    pub(crate) async fn start(&self) {
        self.start_anew().await;
        let telemetry = self.operator().as_ref().map(|operator| Arc::clone(&operator.telemetry));
        if let Some(telemetry) = telemetry {
            rig::listed(&telemetry).await;
        }
    }

    /// Ends the operator as SIGKILL would.
    pub(crate) fn kill(&self) {
        if let Some(operator) = self.operator().take() {
            operator.kill();
        }
    }

    /// Ends the operator, where one runs, and starts another. It counts as a part of the workload:
    /// what the other does from its first call on can go wrong.
    pub(crate) async fn start_anew(&self) {
        self.kill();
        let config = self.proxy.config().await.expect("config");
        let operator = self.rig.operator_through(config, &self.setup);
        *self.operator() = Some(operator);
    }

    /// Waits until what was begun is over: no call for a while.
    pub(crate) async fn rest(&self) {
        let mut calls = usize::MAX;
        while calls != self.seam.calls().len() {
            calls = self.seam.calls().len();
            tokio::time::sleep(LULL).await;
        }
    }

    /// Waits until an object is so.
    pub(crate) async fn until(&self, name: &str, what: &str, so: impl Fn(&IdentityPool) -> bool) {
        let met = async {
            loop {
                let object = self.rig.pools.get_opt(name).await.expect("an answer");
                if object.is_some_and(|object| so(&object)) {
                    return;
                }
                self.rig.pause().await;
            }
        };
        let met = tokio::time::timeout(PATIENCE, met).await;
        met.unwrap_or_else(|_| panic!("{name}: waited in vain for {what}"));
    }

    /// Waits until AWS is so.
    pub(crate) async fn until_aws(&self, what: &str, so: impl Fn(&FakeCognito) -> bool) {
        let met = async {
            while !so(&self.rig.fake) {
                self.rig.pause().await;
            }
        };
        let met = tokio::time::timeout(PATIENCE, met).await;
        met.unwrap_or_else(|_| panic!("AWS: waited in vain for {what}"));
    }

    // === what users do ===

    pub(crate) async fn create(&self, name: &str, spec: Value) -> IdentityPool {
        let spec: IdentityPoolSpec = serde_json::from_value(spec).expect("a spec");
        self.rig.create(name, spec).await
    }

    pub(crate) async fn edit(&self, spec: Value) {
        self.rig.patch(APP, json!({ "spec": spec })).await;
    }

    /// Deletes an object, and expects its pool to go unless it is to be retained.
    pub(crate) async fn delete(&self, name: &str) {
        let object = self.rig.pools.get(name).await.expect("object is there");
        let spec = serde_json::to_value(&object.spec).expect("JSON");
        if spec["deletionPolicy"] != "Retain" {
            self.oracle.may_delete(&object.uid().unwrap_or_default());
        }
        self.rig.delete(name).await;
    }

    /// Asks for a look at every object that there is.
    pub(crate) async fn ask_all(&self) {
        let at = Uuid::now_v7().to_string();
        let annotations = json!({ RECONCILE_AT_ANNOTATION: at });
        let patch = Patch::Merge(json!({ "metadata": { "annotations": annotations } }));
        for object in self.objects().await {
            let name = object.name_any();
            let params = PatchParams::default();
            // It may have gone meanwhile.
            let _ = self.rig.pools.patch(&name, &params, &patch).await;
        }
    }

    pub(crate) async fn objects(&self) -> Vec<IdentityPool> {
        let listed = self.rig.pools.list(&ListParams::default()).await;
        listed.expect("a list").items
    }

    /// Makes or changes the `ConfigMap` that values are taken from.
    pub(crate) async fn map(&self, data: Value) {
        let maps: Api<ConfigMap> = Api::namespaced(self.rig.client.clone(), &self.rig.namespace);
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "ids" }, "data": data,
        });
        let params = PatchParams::apply("test").force();
        maps.patch("ids", &params, &Patch::Apply(&map))
            .await
            .expect("it is accepted");
    }

    /// Every call of the operators and what became of it, for a reader who has to find out why.
    pub(crate) fn trace(&self) -> String {
        let mut trace = String::new();
        for call in self.seam.calls() {
            let _ = writeln!(trace, "  {call}");
        }
        for request in self.proxy.requests() {
            let body: String = request.body.chars().take(400).collect();
            let _ = writeln!(trace, "  {} {:?} {body}", request.target, request.executed);
        }
        for call in self.rig.fake.calls() {
            let _ = writeln!(trace, "  {} {} {:?}", call.at, call.operation, call.outcome);
        }
        trace
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill();
        self.seam.forget();
        self.seam.release();
    }
}
