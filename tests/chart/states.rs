//! Objects in every state that tools ask about, with the statuses that a real operator writes.

use std::path::Path;
use std::time::Duration;

use harness::cognito::{FakeCognito, Fault, FaultKind};
use harness::control_plane::{ControlPlane, Namespace};
use harness::operator::Operator;
use harness::scratch::Scratch;
use identity_pool_operator::api::IdentityPool;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// What kstatus makes of an object, as Helm, Flux and `kubectl wait` see it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kstatus {
    Current,
    InProgress,
    Failed,
}

/// A state: how an object gets there, how it shows, and what tools are to make of it.
pub(crate) struct State {
    pub(crate) name: &'static str,
    spec: Value,
    /// The AWS call that fails, and how, for this object only.
    fault: Option<(&'static str, FaultKind)>,
    then: Then,
    /// `Type=Status/Reason`.
    shows: &'static str,
    pub(crate) argo: (&'static str, &'static str),
    pub(crate) kstatus: Kstatus,
}

/// What is done to an object that has become Ready.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    Nothing,
    /// The pool is changed outside, and looked at.
    Drift,
    /// The pool issues an identity, and the object is deleted.
    DeleteFilled,
}

fn state(
    name: &'static str,
    spec: Value,
    shows: &'static str,
    argo: (&'static str, &'static str),
    kstatus: Kstatus,
) -> State {
    State {
        name,
        spec,
        fault: None,
        then: Then::Nothing,
        shows,
        argo,
        kstatus,
    }
}

fn refused(code: &str) -> FaultKind {
    FaultKind::ErrorBefore {
        status: 400,
        code: code.to_owned(),
    }
}

/// All of them.
pub(crate) fn states() -> Vec<State> {
    use Kstatus::{Current, Failed, InProgress};
    let waiting = json!({ "roles": { "authenticatedFrom": { "configMapKeyRef": { "name": "ids", "key": "role" } } } });
    let named = |name: &str| json!({ "identityPoolName": name });
    vec![
        state(
            "ready",
            json!({}),
            "Ready=True/InSync",
            ("Healthy", "equals"),
            Current,
        ),
        state(
            "waiting",
            waiting,
            "Reconciling=True/WaitingForReferences",
            ("Progressing", "WaitingForReferences"),
            InProgress,
        ),
        state(
            "adopting",
            json!({ "adopt": { "identityPoolName": "theirs" } }),
            "Stalled=True/AdoptionNotAllowed",
            ("Degraded", "AdoptionNotAllowed"),
            Failed,
        ),
        State {
            fault: Some(("CreateIdentityPool", refused("AccessDeniedException"))),
            ..state(
                "denied",
                named("denied"),
                "Stalled=True/AccessDenied",
                ("Degraded", "AccessDenied"),
                Failed,
            )
        },
        State {
            fault: Some(("CreateIdentityPool", FaultKind::Throttle)),
            ..state(
                "throttled",
                named("throttled"),
                "Reconciling=True/Throttled",
                ("Progressing", "Throttled"),
                InProgress,
            )
        },
        State {
            fault: Some(("CreateIdentityPool", FaultKind::ResetBefore)),
            ..state(
                "settling",
                named("settling"),
                "Reconciling=True/Settling",
                ("Progressing", "Settling"),
                InProgress,
            )
        },
        state(
            "planned",
            json!({ "managementPolicy": "Plan" }),
            "Ready=False/Planned",
            ("Suspended", "managementPolicy is Plan"),
            InProgress,
        ),
        state(
            "suspended",
            json!({ "managementPolicy": "Suspend" }),
            "Ready=Unknown/Suspended",
            ("Suspended", "managementPolicy is Suspend"),
            InProgress,
        ),
        State {
            then: Then::Drift,
            ..state(
                "drifted",
                json!({ "driftPolicy": "Report" }),
                "Stalled=True/Drifted",
                ("Degraded", "Drifted"),
                Failed,
            )
        },
        State {
            then: Then::DeleteFilled,
            ..state(
                "filled",
                json!({}),
                "Stalled=True/PoolNotEmpty",
                ("Degraded", "PoolNotEmpty"),
                Failed,
            )
        },
    ]
}

/// An operator with an object in each state.
pub(crate) struct World {
    pub(crate) plane: &'static ControlPlane,
    pub(crate) namespace: String,
    pools: Api<IdentityPool>,
    fake: FakeCognito,
    _operator: Operator,
    _scratch: Scratch,
}

impl World {
    /// Of a test's own, without objects.
    pub(crate) async fn start(prefix: &str) -> Self {
        let plane = ControlPlane::shared().await;
        let crds = identity_pool_operator::api::crds::crds_yaml().expect("CRDs");
        plane.apply_crds(&crds).await.expect("accepted");
        let client = plane.client().await.expect("a client");
        let namespace = Namespace::create(&client, prefix).await.expect("made");
        let namespace = namespace.name().to_owned();
        let fake = FakeCognito::start().await;
        let scratch = Scratch::new().expect("a folder");
        let operator = Operator::start(
            Path::new(env!("CARGO_BIN_EXE_identity-pool-operator")),
            &fake,
            Some(plane.kubeconfig_path()),
            [
                format!("--watch-namespaces={namespace}"),
                format!("--installation-id={namespace}"),
            ],
            &scratch.path().join("operator.log"),
        )
        .expect("it starts");
        operator.ready().await.expect("ready");
        Self {
            plane,
            pools: Api::namespaced(client, &namespace),
            namespace,
            fake,
            _operator: operator,
            _scratch: scratch,
        }
    }

    /// Brings an object into its state, and shows it.
    async fn bring(&self, state: &State) -> Value {
        if let Some((operation, kind)) = &state.fault {
            let fault = Fault::on(*operation, kind.clone()).containing(state.name);
            self.fake.inject(fault.always());
        }
        let spec = serde_json::from_value(state.spec.clone()).expect("a spec");
        let object = IdentityPool::new(state.name, spec);
        let made = self.pools.create(&PostParams::default(), &object).await;
        made.expect("accepted");
        if state.then != Then::Nothing {
            self.until(state.name, "Ready=True/InSync").await;
            self.meddle(state).await;
        }
        self.until(state.name, state.shows).await
    }

    async fn meddle(&self, state: &State) {
        let object = self.pools.get(state.name).await.expect("there");
        let id = object
            .status
            .and_then(|status| status.identity_pool_id)
            .expect("an id");
        match state.then {
            Then::Nothing => {}
            Then::Drift => self
                .fake
                .tamper(&id, |pool| pool["AllowClassicFlow"] = json!(true)),
            Then::DeleteFilled => {
                self.fake.add_identity(&id);
                let deleted = self
                    .pools
                    .delete(state.name, &DeleteParams::default())
                    .await;
                deleted.expect("accepted");
            }
        }
        let ask = json!({ "metadata": { "annotations": { "cognito-identity.dev/reconcile-at": "now" } } });
        self.pools
            .patch(state.name, &PatchParams::default(), &Patch::Merge(ask))
            .await
            .expect("accepted");
    }

    /// Waits until an object shows a condition at its generation.
    pub(crate) async fn until(&self, name: &str, shows: &str) -> Value {
        let mut last = Value::Null;
        let waited = async {
            loop {
                let object = self.pools.get(name).await.expect("there");
                last = serde_json::to_value(object).expect("JSON");
                if last["status"]["observedGeneration"] == last["metadata"]["generation"]
                    && conditions(&last).iter().any(|shown| shown == shows)
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), waited).await;
        assert!(
            waited.is_ok(),
            "{name} never showed {shows}: {:?}",
            conditions(&last)
        );
        last
    }
}

/// The conditions of an object, as `Type=Status/Reason`.
fn conditions(object: &Value) -> Vec<String> {
    let conditions = object["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    conditions
        .map(|shown| {
            format!(
                "{}={}/{}",
                text(&shown["type"]),
                text(&shown["status"]),
                text(&shown["reason"])
            )
        })
        .collect()
}

/// Each state with an object in it, as a real operator left it.
pub(crate) async fn recorded() -> &'static [(State, Value)] {
    static RECORDED: OnceCell<Vec<(State, Value)>> = OnceCell::const_new();
    RECORDED
        .get_or_init(async || {
            let world = World::start("states").await;
            let mut recorded = Vec::new();
            for state in states() {
                let object = world.bring(&state).await;
                recorded.push((state, object));
            }
            recorded
        })
        .await
}
