//! One test's world: a namespace, a fake Cognito, and operators that can be killed.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_cognitoidentity::config::{Credentials, Region};
use harness::cognito::FakeCognito;
use harness::control_plane::{ControlPlane, Namespace};
use harness::operator::{self, SECRET};
use identity_pool_operator::api::names::{CLAIM_ANNOTATION, RECONCILE_AT_ANNOTATION};
use identity_pool_operator::api::{IdentityPool, IdentityPoolSpec, IdentityPoolStatus};
use identity_pool_operator::aws::budget::Caps;
use identity_pool_operator::aws::identity::CallerIdentity;
use identity_pool_operator::aws::policy::{self, Uses};
use identity_pool_operator::aws::region::Regions;
use identity_pool_operator::controller::{
    Candidacy, ClassScope, Controller, Options, Scope, careful_client, election_client,
};
use identity_pool_operator::election::Timing;
use identity_pool_operator::pool::claim::VISIBLE_WITHIN;
use identity_pool_operator::pool::facts::Operator;
use identity_pool_operator::telemetry::Telemetry;
use identity_pool_operator::telemetry::metrics::Readiness;
use jiff::{SignedDuration, Timestamp};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::{Notify, OnceCell};
use tokio_util::sync::CancellationToken;
use uuid::{NoContext, Uuid};

pub(crate) const REGION: &str = "eu-west-1";
pub(crate) const ACCOUNT: &str = "123456789012";

/// The access key of operators in this process, and of the binary as `start::command` runs it.
pub(crate) const ACCESS_KEY: &str = "AKIATEST";

/// Label by which the operators of a test know its classes.
pub(crate) const CLASS_LABEL: &str = "test";

/// Nothing honest takes as long, not even on a machine that is busy with ten other things: the
/// longest that an operator lets an object wait, and as long again and again for its own work. A
/// test that hangs says what it waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3 * VISIBLE_WITHIN.as_secs());

/// What the threads of operators are called: a panic on one of them is the operator's.
pub(crate) const OPERATOR_THREAD: &str = "operator";

/// How an operator of a test is set up.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) settle_window: Duration,
    pub(crate) resync_period: Duration,
    pub(crate) allows_adoption: bool,
    pub(crate) concurrency: u16,
    pub(crate) caps: Caps,
    pub(crate) access_key: &'static str,
    pub(crate) endpoint: Option<String>,
    pub(crate) selector: Option<String>,
    /// Takes part in the election of the namespace under this name.
    pub(crate) elected: Option<(&'static str, Timing)>,
    /// Looks after classes.
    pub(crate) classes: bool,
    /// Refuses objects without a class.
    pub(crate) requires_class: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            settle_window: Duration::from_secs(420),
            resync_period: Duration::from_secs(1800),
            allows_adoption: false,
            concurrency: 16,
            caps: Caps::default(),
            access_key: ACCESS_KEY,
            endpoint: None,
            selector: None,
            elected: None,
            classes: false,
            requires_class: false,
        }
    }
}

/// All that the operators of the tests are used for.
pub(crate) fn uses() -> Uses {
    Uses {
        account_id: Some(ACCOUNT.to_owned()),
        roles: vec![format!("arn:aws:iam::{ACCOUNT}:role/*")],
        principal_tags: true,
        ..Uses::default()
    }
}

/// Gives an access key the printed policy.
pub(crate) fn restrict(fake: &FakeCognito, access_key: &str, uses: &Uses) {
    let document = policy::document(uses).expect("JSON");
    let policy = document.parse().expect("IAM takes it");
    fake.configure(|settings| {
        settings.policies.insert(access_key.to_owned(), policy);
    });
}

/// The world of one test.
pub(crate) struct Rig {
    /// The one that all tests share.
    pub(crate) plane: &'static ControlPlane,
    /// The way to the one that this world is in.
    config: kube::Config,
    pub(crate) fake: FakeCognito,
    pub(crate) client: Client,
    pub(crate) namespace: String,
    pub(crate) pools: Api<IdentityPool>,
    /// Whoever sees the world change may say so, and ends a pause between two looks.
    pub(crate) stirred: Arc<Notify>,
    /// Longest pause between two looks.
    pub(crate) pause: Duration,
}

impl Rig {
    /// A namespace with the CRD installed, and a fake without pools.
    pub(crate) async fn new(prefix: &str) -> Self {
        static INSTALLED: OnceCell<()> = OnceCell::const_new();
        let plane = ControlPlane::shared().await;
        INSTALLED.get_or_init(|| install(plane)).await;
        Self::within(plane, prefix).await
    }

    /// The same on another control plane, which a test stops or restores.
    pub(crate) async fn on(plane: &ControlPlane, prefix: &str) -> Self {
        install(plane).await;
        Self::within(plane, prefix).await
    }

    async fn within(plane: &ControlPlane, prefix: &str) -> Self {
        let config = plane.config().await.expect("config");
        let client = plane.client().await.expect("client");
        let namespace = Namespace::create(&client, prefix).await.expect("namespace");
        let namespace = namespace.name().to_owned();
        let fake = FakeCognito::start().await;
        for access_key in [ACCESS_KEY, operator::ACCESS_KEY] {
            restrict(&fake, access_key, &uses());
        }
        Self {
            plane: ControlPlane::shared().await,
            config,
            fake,
            pools: Api::namespaced(client.clone(), &namespace),
            client,
            namespace,
            stirred: Arc::default(),
            pause: Duration::from_millis(20),
        }
    }

    /// Waits until it is worth while to look again.
    pub(crate) async fn pause(&self) {
        let _ = tokio::time::timeout(self.pause, self.stirred.notified()).await;
    }

    /// Starts an operator for this namespace only, and waits until it has listed it:
    /// objects made from then on are new to it.
    pub(crate) async fn operator(&self) -> Running {
        let operator = self.operator_with(Setup::default()).await;
        operator.listed().await;
        operator
    }

    /// Starts an operator with other settings.
    #[expect(
        clippy::unused_async,
        reason = "every way to start an operator is awaited"
    )]
    pub(crate) async fn operator_with(&self, setup: Setup) -> Running {
        self.operator_through(self.config.clone(), &setup)
    }

    /// Starts an operator that reaches the apiserver as `config` says.
    pub(crate) fn operator_through(&self, config: kube::Config, setup: &Setup) -> Running {
        self.restrict(setup);
        let aws = self.sdk_config(setup);
        Running::start(config, self.namespace.clone(), aws, setup)
    }

    /// Starts an operator as a user with no more rights than this test gives it.
    pub(crate) async fn operator_as(&self, user: &str) -> Running {
        let config = self.plane.config_for(user, &[]).await.expect("config");
        self.operator_through(config, &Setup::default())
    }

    /// Lets an operator do in AWS what the printed policy says, and no more.
    fn restrict(&self, setup: &Setup) {
        let uses = Uses {
            installation: Some(self.namespace.clone()),
            adoption: setup.allows_adoption,
            class_roles: vec!["arn:aws:iam::*:role/identity-pools".to_owned()],
            ..uses()
        };
        restrict(&self.fake, setup.access_key, &uses);
    }

    /// A client for somebody at the console, who may do everything.
    pub(crate) fn console(&self) -> aws_sdk_cognitoidentity::Client {
        let setup = Setup {
            access_key: "AKIACONSOLE",
            ..Setup::default()
        };
        aws_sdk_cognitoidentity::Client::new(&self.sdk_config(&setup))
    }

    /// The credentials and endpoint of an operator, for clients of the test's own.
    pub(crate) fn sdk_config(&self, setup: &Setup) -> aws_types::SdkConfig {
        let endpoint = setup
            .endpoint
            .clone()
            .unwrap_or_else(|| self.fake.endpoint());
        let credentials = Credentials::new(setup.access_key, SECRET, None, None, "test");
        aws_types::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(endpoint)
            .credentials_provider(
                aws_sdk_cognitoidentity::config::SharedCredentialsProvider::new(credentials),
            )
            .build()
    }

    /// Creates an object.
    pub(crate) async fn create(&self, name: &str, spec: IdentityPoolSpec) -> IdentityPool {
        let object = IdentityPool::new(name, spec);
        self.pools
            .create(&PostParams::default(), &object)
            .await
            .expect("object is accepted")
    }

    /// Merges into an object.
    pub(crate) async fn patch(&self, name: &str, patch: Value) -> IdentityPool {
        let patch = Patch::Merge(patch);
        self.pools
            .patch(name, &PatchParams::default(), &patch)
            .await
            .expect("patch is accepted")
    }

    /// Sets one spec field as a whole, or removes it.
    pub(crate) async fn set(&self, name: &str, field: &str, value: &Value) {
        // No replacement: the operator's own writes in between would refuse it.
        let object = self.pools.get(name).await.expect("object is there");
        let object = serde_json::to_value(object).expect("JSON");
        let merge = merge_into(&object["spec"][field], value);
        self.patch(name, json!({ "spec": { field: merge } })).await;
    }

    /// Merges into the status of an object, as no user may.
    pub(crate) async fn patch_status(&self, name: &str, status: Value) -> IdentityPool {
        let patch = Patch::Merge(json!({ "status": status }));
        self.pools
            .patch_status(name, &PatchParams::default(), &patch)
            .await
            .expect("patch is accepted")
    }

    /// Takes finalizer, claim and status away, as a careless restore does.
    pub(crate) async fn erase(&self, name: &str) {
        let gone = json!({ "identityPoolId": null, "conditions": [], "appliedHash": null, "managed": null });
        self.patch_status(name, gone).await;
        let annotations = json!({ CLAIM_ANNOTATION: null });
        self.patch(
            name,
            json!({ "metadata": { "finalizers": null, "annotations": annotations } }),
        )
        .await;
    }

    /// Makes an object one of an hour ago, which no operator that runs has created: for the first
    /// minute after its claim a pool that AWS does not show is thought late, not gone.
    pub(crate) async fn age(&self, name: &str) {
        let hour_ago = Timestamp::now() - SignedDuration::from_hours(1);
        let seconds = u64::try_from(hour_ago.as_second()).expect("after 1970");
        let instant = uuid::Timestamp::from_unix(NoContext, seconds, 0);
        let object = self.pools.get(name).await.expect("object is there");
        let claim = &object.annotations()[CLAIM_ANNOTATION];
        let mut claim: Value = serde_json::from_str(claim).expect("a claim");
        claim["id"] = json!(Uuid::new_v7(instant));
        let annotations = json!({ CLAIM_ANNOTATION: claim.to_string() });
        self.patch(name, json!({ "metadata": { "annotations": annotations } }))
            .await;
    }

    /// Asks for a reconcile now.
    pub(crate) async fn ask(&self, name: &str) -> String {
        let at = format!("{}", Uuid::now_v7());
        let annotations = json!({ RECONCILE_AT_ANNOTATION: at });
        self.patch(name, json!({ "metadata": { "annotations": annotations } }))
            .await;
        at
    }

    /// Asks for a reconcile and waits until it was heard.
    pub(crate) async fn look(&self, name: &str) -> IdentityPool {
        let at = self.ask(name).await;
        let heard = move |status: &IdentityPoolStatus| {
            status.last_handled_reconcile_at.as_deref() == Some(at.as_str())
        };
        self.until(name, "the look that was asked for", heard).await
    }

    pub(crate) async fn delete(&self, name: &str) {
        self.pools
            .delete(name, &DeleteParams::default())
            .await
            .expect("delete is accepted");
    }

    /// Waits for a status.
    pub(crate) async fn until(
        &self,
        name: &str,
        what: &str,
        condition: impl Fn(&IdentityPoolStatus) -> bool,
    ) -> IdentityPool {
        let mut last = String::new();
        let met = async {
            loop {
                let object = self.pools.get(name).await.expect("object is there");
                if object.status.as_ref().is_some_and(&condition) {
                    return object;
                }
                last = format!("{:#?}", object.status);
                self.pause().await;
            }
        };
        let Ok(object) = tokio::time::timeout(PATIENCE, met).await else {
            panic!("{name}: waited in vain for {what}; last status: {last}")
        };
        object
    }

    /// Waits until a condition has this status and reason at the current generation.
    pub(crate) async fn until_condition(
        &self,
        name: &str,
        kind: &str,
        wanted: &str,
    ) -> IdentityPool {
        let generation = self
            .pools
            .get(name)
            .await
            .expect("object is there")
            .metadata
            .generation;
        let what = format!("{kind}={wanted}");
        let check = move |status: &IdentityPoolStatus| {
            status.observed_generation >= generation && condition(status, kind) == wanted
        };
        self.until(name, &what, check).await
    }

    /// Waits until the pool equals the spec.
    pub(crate) async fn until_ready(&self, name: &str) -> IdentityPool {
        self.until_condition(name, "Ready", "True/InSync").await
    }

    /// Waits until an object is gone.
    pub(crate) async fn until_gone(&self, name: &str) {
        let gone = async {
            while self
                .pools
                .get_opt(name)
                .await
                .expect("apiserver answers")
                .is_some()
            {
                self.pause().await;
            }
        };
        assert!(
            tokio::time::timeout(PATIENCE, gone).await.is_ok(),
            "{name} is still there"
        );
    }

    /// The pool that an object records, as the wire shows it.
    pub(crate) async fn pool_of(&self, name: &str) -> Value {
        let object = self.pools.get(name).await.expect("object is there");
        let id = pool_id(&object);
        self.fake
            .pool(&id)
            .unwrap_or_else(|| panic!("{name}: pool {id} is not there"))
    }

    /// Every pool that bears the owner tag of an object.
    pub(crate) fn pools_owned_by(&self, object: &IdentityPool) -> Vec<String> {
        let owner = format!("{}/{}", self.namespace, object.uid().unwrap_or_default());
        let id_if_ours = |pool: &Value| {
            let tag = &pool["IdentityPoolTags"]["cognito-identity.dev/owner"];
            (tag == owner.as_str()).then(|| pool["IdentityPoolId"].as_str().map(str::to_owned))?
        };
        self.fake.pools().iter().filter_map(id_if_ours).collect()
    }
}

/// What a merge has to say so that exactly `wanted` is left.
fn merge_into(present: &Value, wanted: &Value) -> Value {
    let (Value::Object(present), Value::Object(wanted)) = (present, wanted) else {
        return wanted.clone();
    };
    let gone = present.keys().filter(|key| !wanted.contains_key(*key));
    let gone = gone.map(|key| (key.clone(), Value::Null));
    let kept = wanted.iter().map(|(key, wanted)| {
        let present = present.get(key).unwrap_or(&Value::Null);
        (key.clone(), merge_into(present, wanted))
    });
    Value::Object(gone.chain(kept).collect())
}

async fn install(plane: &ControlPlane) {
    let crds = identity_pool_operator::api::crds::crds_yaml().expect("CRDs");
    plane.apply_crds(&crds).await.expect("CRDs are accepted");
}

/// Status and reason of a condition, as `True/InSync`.
pub(crate) fn condition(status: &IdentityPoolStatus, kind: &str) -> String {
    let found = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == kind);
    found.map_or("-".to_owned(), |found| {
        format!("{}/{}", found.status, found.reason)
    })
}

/// Message of a condition.
pub(crate) fn message(object: &IdentityPool, kind: &str) -> String {
    let conditions = object
        .status
        .as_ref()
        .map(|status| status.conditions.as_slice());
    let found = conditions
        .unwrap_or_default()
        .iter()
        .find(|condition| condition.type_ == kind);
    found.map_or(String::new(), |found| found.message.clone())
}

/// The recorded id.
pub(crate) fn pool_id(object: &IdentityPool) -> String {
    let id = object
        .status
        .as_ref()
        .and_then(|status| status.identity_pool_id.clone());
    id.unwrap_or_else(|| {
        panic!(
            "{} records no pool: {:#?}",
            object.name_any(),
            object.status
        )
    })
}

/// Waits until an operator has listed all objects.
pub(crate) async fn listed(telemetry: &Telemetry) {
    let listed = async {
        while !telemetry.health.report().1.contains("objects-listed: ok") {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, listed)
        .await
        .expect("the list is read");
}

/// An operator on a runtime of its own, so that it can be killed between any two
/// of its steps, as a process can.
pub(crate) struct Running {
    runtime: Option<tokio::runtime::Runtime>,
    stop: CancellationToken,
    done: tokio::task::JoinHandle<()>,
    pub(crate) telemetry: Arc<Telemetry>,
}

impl Running {
    fn start(
        config: kube::Config,
        namespace: String,
        aws: aws_types::SdkConfig,
        setup: &Setup,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(OPERATOR_THREAD)
            .enable_all()
            .build()
            .expect("a runtime");
        let telemetry = Telemetry::new();
        let stop = CancellationToken::new();
        let (told, asked) = (Arc::clone(&telemetry), stop.clone());
        let setup = setup.clone();
        let done = runtime.spawn(async move {
            let caller = CallerIdentity {
                account_id: ACCOUNT.to_owned(),
                arn: format!("arn:aws:iam::{ACCOUNT}:user/test"),
                partition: "aws".to_owned(),
                clock_offset: None,
            };
            let operator = Operator {
                // One installation for each test: tests share a cluster, not an account.
                installation: namespace.clone(),
                account_id: ACCOUNT.to_owned(),
                partition: "aws".to_owned(),
                region: REGION.to_owned(),
                settle_window: setup.settle_window,
                resync_period: setup.resync_period,
                allows_adoption: setup.allows_adoption,
            };
            let candidacy = setup.elected.map(|(identity, timing)| Candidacy {
                client: election_client(config.clone()).expect("client"),
                namespace: namespace.clone(),
                identity: identity.to_owned(),
                timing,
            });
            let controller = Controller::new(Options {
                client: careful_client(config).expect("client"),
                candidacy,
                operator,
                regions: Regions::new(aws, caller, setup.caps, Arc::clone(&told)),
                // Tests share a cluster, and classes are everybody's.
                classes: setup.classes.then(|| ClassScope {
                    selector: Some(format!("{CLASS_LABEL}={namespace}")),
                    is_required: setup.requires_class,
                }),
                scope: Scope {
                    namespaces: vec![namespace],
                    selector: setup.selector,
                },
                concurrency: setup.concurrency,
                telemetry: told,
            });
            controller.run(asked).await.expect("a clean end");
        });
        Self {
            runtime: Some(runtime),
            stop,
            done,
            telemetry,
        }
    }

    /// The metrics page.
    pub(crate) fn page(&self) -> String {
        self.telemetry.metrics.page(Readiness::default())
    }

    /// Waits until the metrics page has a line.
    pub(crate) async fn until_counted(&self, line: &str) {
        let counted = async {
            while !self.page().contains(line) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let counted = tokio::time::timeout(PATIENCE, counted).await;
        assert!(counted.is_ok(), "{line} is never in {}", self.page());
    }

    /// Waits until all objects have been listed.
    pub(crate) async fn listed(&self) {
        listed(&self.telemetry).await;
    }

    /// Ends it as SIGKILL would: nothing that waits goes on.
    pub(crate) fn kill(mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Ends it as SIGTERM would.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.done).await.expect("a clean end");
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
