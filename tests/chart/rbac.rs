//! The operator under nothing but the chart's rules: it uses each of them, nothing else, and without
//! any of them something fails that it tells of.
//!
//! The binary runs as the ServiceAccount of the chart (impersonated: RBAC judges it as one that has
//! logged in) against an apiserver with its audit log on. The runs share that apiserver; each has a
//! release, a namespace and a label selector of its own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use harness::cognito::FakeCognito;
use harness::control_plane::{ControlPlane, Namespace, Settings};
use harness::operator::{Operator, Signal};
use harness::scratch::Scratch;
use identity_pool_operator::api::IdentityPool;
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::Client;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::audit::{Grant, Requests};
use crate::helm::{Helm, SERVED, only};

/// Nothing honest takes as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs at once: each has two operators, on machines with two cores.
const AT_ONCE: usize = 4;

const ACK: &str = "iam.services.k8s.aws";

/// What the operator is used for in a run.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Use {
    Pools,
    Watched,
    /// Roles only, in the one namespace that is looked after.
    Namespaced,
    References,
    Exports,
}

impl Use {
    fn values(self) -> Value {
        match self {
            Self::Pools | Self::Watched => json!({}),
            Self::Namespaced => json!({ "installScope": "namespace", "installationId": "rbac" }),
            Self::References => json!({ "rbac": { "references": {
                "configMaps": true, "secrets": true,
                "objects": [{ "apiGroup": ACK, "resources": ["roles"] }],
            } } }),
            Self::Exports => json!({ "rbac": { "exports": { "enabled": true } } }),
        }
    }

    fn spec(self) -> Value {
        match self {
            Self::Pools | Self::Watched | Self::Namespaced => json!({}),
            Self::References => json!({
                "developerProviderNameFrom": { "configMapKeyRef": { "name": "ids", "key": "developer" } },
                "supportedLoginProvidersFrom": { "api.twitter.com": { "secretKeyRef": { "name": "ids", "key": "twitter" } } },
                "roles": { "authenticatedFrom": { "objectRef": {
                    "apiVersion": format!("{ACK}/v1alpha1"), "kind": "Role", "name": "ids",
                    "fieldPath": "status.ackResourceMetadata.arn",
                } } },
            }),
            Self::Exports => json!({ "export": { "configMap": { "name": "exported" } } }),
        }
    }
}

/// The apiserver of all runs, or the one of those that see lists apart from watches.
async fn plane(lists_apart: bool) -> &'static ControlPlane {
    static USUAL: OnceCell<ControlPlane> = OnceCell::const_new();
    static LISTING: OnceCell<ControlPlane> = OnceCell::const_new();
    let start = async || {
        let settings = Settings {
            audited: true,
            lists_apart,
        };
        let plane = ControlPlane::start_as(settings).await.expect("a plane");
        let crds = identity_pool_operator::api::crds::crds_yaml().expect("CRDs");
        plane.apply_crds(&crds).await.expect("accepted");
        let ack = crate::helm::text("tests/crds/ack.yaml");
        plane.apply_crds(&ack).await.expect("accepted");
        plane
    };
    let plane = if lists_apart { &LISTING } else { &USUAL };
    plane.get_or_init(start).await
}

/// One run: a release in a namespace, perhaps without one of its grants.
struct Run {
    plane: &'static ControlPlane,
    client: Client,
    used_for: Use,
    namespace: String,
    user: String,
    grants: Vec<Grant>,
    arguments: Vec<String>,
    fake: FakeCognito,
    scratch: Scratch,
}

impl Run {
    async fn new(used_for: Use, lists_apart: bool, without: Option<&Grant>) -> Self {
        let plane = plane(lists_apart).await;
        let client = plane.client().await.expect("a client");
        let namespace = Namespace::create(&client, "rbac").await.expect("made");
        let namespace = namespace.name().to_owned();
        let documents = rendered(used_for, &namespace);
        let mut grants = Vec::new();
        for mut document in documents.clone() {
            grants.extend(take_from(&mut document, without));
            if document["kind"] != "Deployment" {
                apply(&client, &namespace, &document).await;
            }
        }
        grants.sort();
        Self {
            plane,
            client,
            used_for,
            user: format!("system:serviceaccount:{namespace}:identity-pool-operator"),
            grants,
            arguments: arguments(&documents),
            fake: FakeCognito::start().await,
            scratch: Scratch::new().expect("a folder"),
            namespace,
        }
    }

    /// The apiserver learns of a grant from a watch.
    async fn until_granted(&self) {
        let reviews: Api<SubjectAccessReview> = Api::all(self.client.clone());
        for grant in &self.grants {
            let (resource, below) = grant
                .resource
                .split_once('/')
                .unwrap_or((&grant.resource, ""));
            let asked = serde_json::from_value(
                json!({ "spec": { "user": self.user, "resourceAttributes": {
                "group": grant.group, "resource": resource, "subresource": below, "verb": grant.verb,
                "namespace": if resource == "namespaces" { "kube-system" } else { &self.namespace },
                "name": match resource { "leases" => "identity-pool-operator", "namespaces" => "kube-system", _ => "" },
            } } }),
            );
            let asked: SubjectAccessReview = asked.expect("a review");
            let allowed = async || {
                let answer = reviews.create(&PostParams::default(), &asked).await;
                answer
                    .expect("an answer")
                    .status
                    .is_some_and(|status| status.allowed)
            };
            until(&format!("{grant} is granted"), async || {
                allowed().await.then_some(())
            })
            .await;
        }
    }

    fn kubeconfig(&self) -> PathBuf {
        let of_namespace = format!("system:serviceaccounts:{}", self.namespace);
        let groups = [
            "system:serviceaccounts",
            of_namespace.as_str(),
            "system:authenticated",
        ];
        self.plane
            .kubeconfig_for(&self.user, &groups)
            .expect("a kubeconfig")
    }

    fn operator(&self, name: &str) -> Operator {
        let binary = Path::new(env!("CARGO_BIN_EXE_identity-pool-operator"));
        let log = self.scratch.path().join(name);
        let kubeconfig = self.kubeconfig();
        Operator::start(binary, &self.fake, Some(&kubeconfig), &self.arguments, &log)
            .expect("it starts")
    }

    fn pools(&self) -> Api<IdentityPool> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The life of a pool, under a leader that another one replaces in the middle of it.
    async fn life(&self) {
        let first = self.operator("first.log");
        first.ready().await.expect("ready");
        let second = self.operator("second.log");
        second.ready().await.expect("ready");
        self.sources("1").await;
        let object = json!({
            "apiVersion": "cognito-identity.dev/v1alpha1", "kind": "IdentityPool",
            "metadata": { "name": "pool", "labels": { "run": self.namespace } },
            "spec": self.used_for.spec(),
        });
        let object = serde_json::from_value(object).expect("an object");
        self.pools()
            .create(&PostParams::default(), &object)
            .await
            .expect("accepted");
        self.until_ready().await;
        // The same Event twice is one Event, counted up.
        for name in ["other", "another"] {
            let pool = self.pool_id().await;
            self.fake
                .tamper(&pool, |pool| pool["IdentityPoolName"] = json!(name));
            self.look().await;
        }
        self.sources("2").await;
        self.touch_export().await;
        first.signal(Signal::TERM).expect("it hears");
        until("the second leads", async || {
            second.metrics().await.contains("_leader 1").then_some(())
        })
        .await;
        self.look().await;
        self.forget_export().await;
        self.pools()
            .delete("pool", &DeleteParams::default())
            .await
            .expect("accepted");
        until("the object is gone", async || {
            self.pools()
                .get_opt("pool")
                .await
                .expect("an answer")
                .is_none()
                .then_some(())
        })
        .await;
    }

    /// What the object refers to; the second time it is changed.
    async fn sources(&self, version: &str) {
        if self.used_for != Use::References {
            return;
        }
        let arn = format!("arn:aws:iam::123456789012:role/user{version}");
        let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "ids" },
            "data": { "developer": "login.example" } });
        let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "ids" },
            "stringData": { "twitter": format!("key{version}") } });
        let role = json!({ "apiVersion": format!("{ACK}/v1alpha1"), "kind": "Role", "metadata": { "name": "ids" } });
        for document in [&map, &secret, &role] {
            apply(&self.client, &self.namespace, document).await;
        }
        let status = json!({ "status": { "ackResourceMetadata": {
            "arn": arn, "ownerAccountID": "123456789012", "region": "eu-west-1" } } });
        let kind = resource(&role);
        let api: Api<kube::api::DynamicObject> =
            Api::namespaced_with(self.client.clone(), &self.namespace, &kind);
        api.patch_status("ids", &PatchParams::default(), &Patch::Merge(status))
            .await
            .expect("accepted");
        if version == "2" {
            let pool = self.pool_id().await;
            until("the new role is set", async || {
                let roles = self.fake.roles(&pool)?;
                roles.to_string().contains(&arn).then_some(())
            })
            .await;
        }
    }

    /// Spoils what the operator exports, and waits until it is put right.
    async fn touch_export(&self) {
        if self.used_for != Use::Exports {
            return;
        }
        let maps: Api<k8s_openapi::api::core::v1::ConfigMap> =
            Api::namespaced(self.client.clone(), &self.namespace);
        let spoiled = json!({ "data": { "AWS_REGION": "nowhere" } });
        maps.patch("exported", &PatchParams::default(), &Patch::Merge(spoiled))
            .await
            .expect("accepted");
        until("the export is put right", async || {
            let map = maps.get("exported").await.expect("there");
            (map.data?.get("AWS_REGION")? == "eu-west-1").then_some(())
        })
        .await;
    }

    /// Has the operator take its export away.
    async fn forget_export(&self) {
        if self.used_for != Use::Exports {
            return;
        }
        let gone = Patch::Merge(json!({ "spec": { "export": null } }));
        self.pools()
            .patch("pool", &PatchParams::default(), &gone)
            .await
            .expect("accepted");
        let maps: Api<k8s_openapi::api::core::v1::ConfigMap> =
            Api::namespaced(self.client.clone(), &self.namespace);
        until("the export is gone", async || {
            maps.get_opt("exported")
                .await
                .expect("an answer")
                .is_none()
                .then_some(())
        })
        .await;
    }

    async fn pool_id(&self) -> String {
        let object = self.pools().get("pool").await.expect("there");
        object
            .status
            .and_then(|status| status.identity_pool_id)
            .expect("an id")
    }

    async fn until_ready(&self) {
        until("the object is Ready", async || {
            let object = self.pools().get("pool").await.expect("there");
            let generation = object.metadata.generation;
            let status = object
                .status
                .filter(|status| status.observed_generation == generation)?;
            let mut conditions = status.conditions.iter();
            conditions
                .any(|condition| condition.type_ == "Ready" && condition.status == "True")
                .then_some(())
        })
        .await;
    }

    /// Asks for a look, and waits until it was taken.
    async fn look(&self) {
        let at = uuid::Uuid::now_v7().to_string();
        let ask =
            json!({ "metadata": { "annotations": { "cognito-identity.dev/reconcile-at": at } } });
        self.pools()
            .patch("pool", &PatchParams::default(), &Patch::Merge(ask))
            .await
            .expect("accepted");
        until("the look is taken", async || {
            let object = self.pools().get("pool").await.expect("there");
            (object.status?.last_handled_reconcile_at? == at).then_some(())
        })
        .await;
        self.until_ready().await;
    }

    /// Whether the operator, or its object, says that something is forbidden.
    async fn tells_of(&self, resource: &str) -> bool {
        let logs = ["first.log", "second.log"].map(|name| {
            std::fs::read_to_string(self.scratch.path().join(name)).unwrap_or_default()
        });
        let object = self.pools().get_opt("pool").await.expect("an answer");
        let status = object.and_then(|object| object.status);
        let status = serde_json::to_string(&status.map(|status| status.conditions)).expect("JSON");
        let mut lines = logs
            .iter()
            .flat_map(|log| log.lines())
            .chain([status.as_str()]);
        lines.any(|line| {
            let line = line.to_lowercase();
            let names = resource.trim_end_matches('s');
            ["forbidden", "may not", "permit"]
                .iter()
                .any(|word| line.contains(word))
                && line.contains(names)
        })
    }
}

/// What the chart permits, for a release of its own in a namespace.
fn rendered(used_for: Use, namespace: &str) -> Vec<Value> {
    let mut values = used_for.values();
    values["fullnameOverride"] = json!(namespace);
    values["watchSelector"] = json!(format!("run={namespace}"));
    values["leaderElection"] = json!({ "namespace": namespace });
    values["log"] = json!({ "level": "info,identity_pool_operator=debug" });
    if matches!(used_for, Use::Watched | Use::Namespaced) {
        values["watchNamespaces"] = json!([namespace]);
    }
    let mut documents = Helm::offline().render(&values, SERVED).expect("rendered");
    for document in &mut documents {
        let text = document.to_string();
        // The release's own namespace, of which helm template knows only one.
        let text = text.replace(
            "\"namespace\":\"identity-pool-operator\"",
            &format!("\"namespace\":\"{namespace}\""),
        );
        *document = serde_json::from_str(&text).expect("JSON");
    }
    let wanted = [
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
        "Deployment",
    ];
    documents.retain(|document| {
        let aggregated = document["metadata"]["labels"]
            .as_object()
            .is_some_and(|labels| labels.keys().any(|label| label.contains("aggregate-to")));
        !aggregated && wanted.iter().any(|kind| document["kind"] == *kind)
    });
    documents
}

/// The arguments of the container, but for the addresses, which the harness chooses.
fn arguments(documents: &[Value]) -> Vec<String> {
    let deployment = only(documents, "Deployment");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let arguments = container["args"].as_array().expect("arguments").iter();
    arguments
        .map(|argument| argument.as_str().expect("text").to_owned())
        .filter(|argument| argument != "run" && !argument.contains("bind-address"))
        .collect()
}

/// The grants of a role, after one of them was taken away.
fn take_from(role: &mut Value, without: Option<&Grant>) -> Vec<Grant> {
    let rules = role.get_mut("rules").and_then(Value::as_array_mut);
    let rules = rules.into_iter().flatten();
    rules.flat_map(|rule| take(rule, without)).collect()
}

/// The grants of a rule, after one of them was taken away.
fn take(rule: &mut Value, without: Option<&Grant>) -> Vec<Grant> {
    let texts = |list: &Value| -> Vec<String> {
        let list = list.as_array().into_iter().flatten();
        list.map(|text| text.as_str().expect("text").to_owned())
            .collect()
    };
    let (groups, resources) = (texts(&rule["apiGroups"]), texts(&rule["resources"]));
    let [group] = &groups[..] else {
        panic!("one group a rule: {rule}");
    };
    let hit = |verb: &str| {
        without.is_some_and(|without| {
            without.verb == verb && &without.group == group && resources.contains(&without.resource)
        })
    };
    let verbs: Vec<String> = texts(&rule["verbs"])
        .into_iter()
        .filter(|verb| !hit(verb))
        .collect();
    rule["verbs"] = json!(verbs);
    if verbs.is_empty() {
        // A rule without verbs is refused; this one grants nothing that is asked for.
        rule["verbs"] = json!(["none"]);
    }
    let grant = |resource: &String, verb: &String| Grant {
        group: group.clone(),
        resource: resource.clone(),
        verb: verb.clone(),
    };
    let pairs = resources
        .iter()
        .flat_map(|resource| verbs.iter().map(move |verb| (resource, verb)));
    pairs
        .map(|(resource, verb)| grant(resource, verb))
        .collect()
}

fn resource(document: &Value) -> kube::api::ApiResource {
    let version = document["apiVersion"].as_str().expect("a version");
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let kind = document["kind"].as_str().expect("a kind");
    kube::api::ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk(group, version, kind))
}

async fn apply(client: &Client, namespace: &str, document: &Value) {
    let kind = resource(document);
    let name = document["metadata"]["name"].as_str().expect("a name");
    let api: Api<kube::api::DynamicObject> = if kind.kind.starts_with("Cluster") {
        Api::all_with(client.clone(), &kind)
    } else {
        Api::namespaced_with(client.clone(), namespace, &kind)
    };
    api.patch(
        name,
        &PatchParams::apply("test").force(),
        &Patch::Apply(document),
    )
    .await
    .unwrap_or_else(|error| panic!("{error}: {document}"));
}

async fn until<T>(what: &str, met: impl AsyncFn() -> Option<T>) -> T {
    let waited = async {
        loop {
            if let Some(value) = met().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let value = tokio::time::timeout(PATIENCE, waited).await;
    value.unwrap_or_else(|_| panic!("waited in vain until {what}"))
}

/// A whole life under the rules as they are: nothing is refused. The grants, and what was used.
async fn lives(used_for: Use, lists_apart: bool) -> (Vec<Grant>, BTreeSet<Grant>) {
    let run = Run::new(used_for, lists_apart, None).await;
    run.until_granted().await;
    run.life().await;
    let mut requests = Requests::of(run.plane, &run.user);
    if used_for == Use::Namespaced {
        // Only to warn of a namespace that does not exist: there the Role could not exist either.
        requests
            .forbidden
            .retain(|grant| grant.resource != "namespaces");
    }
    assert!(
        requests.forbidden.is_empty(),
        "refused: {:?}",
        requests.forbidden
    );
    (run.grants, requests.allowed)
}

/// Every grant is used, on the one apiserver or the other, and nothing but these.
async fn uses_exactly_what_it_is_granted(used_for: Use) {
    let ((grants, mut used), (_, more)) =
        tokio::join!(lives(used_for, false), lives(used_for, true));
    used.extend(more);
    let unused: Vec<_> = grants
        .iter()
        .filter(|grant| !used.contains(*grant))
        .collect();
    assert!(unused.is_empty(), "granted and never used: {unused:?}");
    let ungranted: Vec<_> = used.iter().filter(|used| !grants.contains(used)).collect();
    assert!(ungranted.is_empty(), "used by other means: {ungranted:?}");
}

/// The same without one grant: the apiserver refuses just that, and the operator tells of it.
async fn misses(used_for: Use, grant: Grant) -> Result<(), String> {
    let run = Run::new(used_for, grant.verb == "list", Some(&grant)).await;
    run.until_granted().await;
    let resource = grant.resource.split('/').next().unwrap_or_default();
    let refused = async {
        loop {
            let requests = Requests::of(run.plane, &run.user);
            if requests.forbidden.contains(&grant) && run.tells_of(resource).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::select! {
        biased;
        () = refused => Ok(()),
        () = run.life() => {
            // What was refused has been by now, and is told at once.
            let requests = Requests::of(run.plane, &run.user);
            let told = run.tells_of(resource).await;
            (requests.forbidden.contains(&grant) && told).then_some(()).ok_or_else(|| {
                format!("{grant} was not missed: refused {:?}, told {told}", requests.forbidden)
            })
        }
    }
}

/// Each grant of a use is taken away in turn, but for those that another use has tried.
async fn misses_each(used_for: Use, chosen: impl Fn(&Grant) -> bool) {
    let documents = rendered(used_for, "any");
    let mut grants: Vec<Grant> = documents
        .into_iter()
        .flat_map(|mut document| take_from(&mut document, None))
        .filter(chosen)
        .collect();
    grants.sort();
    grants.dedup();
    assert!(!grants.is_empty());
    let runs = stream::iter(grants).map(|grant| misses(used_for, grant));
    let outcomes: Vec<_> = runs.buffer_unordered(AT_ONCE).collect().await;
    let kept: Vec<String> = outcomes.into_iter().filter_map(Result::err).collect();
    assert!(kept.is_empty(), "{kept:#?}");
}

fn is_reference(grant: &Grant) -> bool {
    ["configmaps", "secrets", "roles"].contains(&grant.resource.as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_is_used_and_no_other() {
    uses_exactly_what_it_is_granted(Use::Pools).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_is_used_and_no_other_with_named_namespaces() {
    uses_exactly_what_it_is_granted(Use::Watched).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_is_used_and_no_other_with_roles_in_one_namespace() {
    let documents = rendered(Use::Namespaced, "any");
    let kinds = documents
        .iter()
        .map(|document| document["kind"].as_str().expect("a kind"));
    assert!(
        kinds.clone().all(|kind| !kind.starts_with("Cluster")),
        "{:?}",
        kinds.collect::<Vec<_>>()
    );
    uses_exactly_what_it_is_granted(Use::Namespaced).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_for_references_is_used_and_no_other() {
    uses_exactly_what_it_is_granted(Use::References).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_for_exports_is_used_and_no_other() {
    uses_exactly_what_it_is_granted(Use::Exports).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_is_missed() {
    misses_each(Use::Pools, |_| true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_for_references_is_missed() {
    misses_each(Use::References, is_reference).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_for_exports_is_missed() {
    misses_each(Use::Exports, is_reference).await;
}
