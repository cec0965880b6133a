//! The world of one case: a rig, a proxy before its apiserver, a seam through which every call of
//! its operators goes, and the oracle that listens there.

use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use harness::cognito::FakeCognito;
use harness::operator::Signal;
use harness::proxy::FaultProxy;
use harness::scratch::Scratch;
use harness::seam::Seam;
use identity_pool_operator::api::names::RECONCILE_AT_ANNOTATION;
use identity_pool_operator::api::{IdentityPool, IdentityPoolSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{self, Client};
use crate::logs::CANARY;
use crate::oracle::Oracle;
use crate::rig::{PATIENCE, Rig, Running, Setup};

/// The object of most cases.
pub(crate) const APP: &str = "app";

/// Longest pause between two looks at a world that does not stir: its operator may wait for a
/// pause of its own to be over.
const PAUSE: Duration = Duration::from_millis(150);

/// Calls that come this close together belong to one another.
const LULL: Duration = Duration::from_millis(40);

/// The access keys of the first operator of a world, and of another beside it.
const ACCESS_KEY: &str = "AKIAFIRST";
const ALLY: &str = "AKIAALLY";

/// What a case needs besides the usual.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stage {
    /// Calls may come late: the settle window is longer than AWS honours a signature, as it has to
    /// be outside of tests. It costs three seconds where a creation is in doubt.
    pub(crate) late: bool,
    /// The operator is a process.
    pub(crate) process: bool,
}

impl Stage {
    /// Nothing comes late that would change anything.
    pub(crate) const QUICK: Self = Self {
        late: false,
        process: false,
    };
    pub(crate) const LATE: Self = Self {
        late: true,
        process: false,
    };
    pub(crate) const PROCESS: Self = Self {
        late: true,
        process: true,
    };

    fn settle_window(self) -> Duration {
        Duration::from_secs(if self.late { 4 } else { 1 })
    }

    fn setup(self, access_key: &'static str) -> Setup {
        Setup {
            settle_window: self.settle_window(),
            allows_adoption: true,
            concurrency: 4,
            access_key,
            ..Setup::default()
        }
    }
}

/// How long AWS honours a signature where calls may come late: a second less than the settle window
/// for the list to lag behind.
const SIGNATURE_WINDOW: Duration = Duration::from_secs(3);

pub(crate) struct World {
    pub(crate) rig: Rig,
    pub(crate) proxy: FaultProxy,
    pub(crate) seam: Arc<Seam>,
    pub(crate) oracle: Oracle,
    stage: Stage,
    operator: Mutex<Option<Client>>,
    /// Another operator, and its way to the apiserver.
    ally: Mutex<Option<(Running, FaultProxy)>>,
    scratch: Scratch,
}

impl World {
    pub(crate) async fn new(stage: Stage) -> Arc<Self> {
        let mut rig = Rig::new("fault").await;
        rig.pause = PAUSE;
        if stage.late {
            rig.fake
                .configure(|settings| settings.signature_window = SIGNATURE_WINDOW);
        }
        let proxy = FaultProxy::start(rig.plane).await.expect("a proxy");
        let seam = Arc::new(Seam::default());
        proxy.attach(&seam);
        for key in [ACCESS_KEY, client::PROCESS_KEY] {
            rig.fake.attach(key, &seam);
        }
        let world = Arc::new(Self {
            oracle: Oracle::of(&rig.namespace),
            rig,
            proxy,
            seam,
            stage,
            operator: Mutex::default(),
            ally: Mutex::default(),
            scratch: Scratch::new().expect("a folder"),
        });
        world.listen_at(&world.seam);
        world
    }

    fn listen_at(self: &Arc<Self>, seam: &Seam) {
        let witness = Arc::downgrade(self);
        seam.tell(move |heard| {
            if let Some(world) = witness.upgrade() {
                world.oracle.hear(heard, &world.rig.fake);
                world.rig.stirred.notify_one();
            }
        });
    }

    fn operator(&self) -> MutexGuard<'_, Option<Client>> {
        self.operator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ally(&self) -> MutexGuard<'_, Option<(Running, FaultProxy)>> {
        self.ally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts an operator in place of the one before, which is dead, and waits until it has listed.
    pub(crate) async fn start(&self) {
        self.start_anew().await;
        let listed = self.operator().as_ref().map(Client::listed);
        if let Some(listed) = listed {
            listed.await;
        }
    }

    /// Ends the operator, where one runs, and starts another. It counts as a part of the workload:
    /// what the other does from its first call on can go wrong.
    pub(crate) async fn start_anew(&self) {
        self.kill();
        let operator = if self.stage.process {
            let settle_window = self.stage.settle_window();
            Client::process(&self.rig, &self.proxy, settle_window, self.scratch.path())
        } else {
            let config = self.proxy.config().await.expect("config");
            let setup = self.stage.setup(ACCESS_KEY);
            Client::Within(self.rig.operator_through(config, &setup))
        };
        *self.operator() = Some(operator);
    }

    /// Ends the operator as SIGKILL would, where it is not a process and SIGKILL is what it gets.
    pub(crate) fn kill(&self) {
        if let Some(operator) = self.operator().take() {
            operator.kill();
        }
    }

    /// Sends the process a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(operator) = self.operator().as_ref() {
            operator.signal(signal);
        }
    }

    /// Starts another operator beside the first, which no fault befalls.
    pub(crate) async fn start_ally(self: &Arc<Self>) {
        let proxy = FaultProxy::start(self.rig.plane).await.expect("a proxy");
        let seam = Arc::new(Seam::default());
        proxy.attach(&seam);
        self.rig.fake.attach(ALLY, &seam);
        self.listen_at(&seam);
        let config = proxy.config().await.expect("config");
        let setup = self.stage.setup(ALLY);
        let ally = self.rig.operator_through(config, &setup);
        ally.listed().await;
        *self.ally() = Some((ally, proxy));
    }

    /// Ends every operator.
    pub(crate) fn end(&self) {
        self.kill();
        if let Some((ally, _)) = self.ally().take() {
            ally.kill();
        }
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

    /// Makes or changes the `Secret` that a login provider is taken from.
    pub(crate) async fn secret(&self, part: &str) {
        let secrets: Api<Secret> = Api::namespaced(self.rig.client.clone(), &self.rig.namespace);
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "login" },
            "stringData": { "value": format!("{CANARY};{part}") },
        });
        let params = PatchParams::apply("test").force();
        secrets
            .patch("login", &params, &Patch::Apply(&secret))
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
        self.end();
        self.seam.forget();
        self.seam.release();
    }
}
