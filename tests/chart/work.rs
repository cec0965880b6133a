//! The operator at work under a release's rules: a binary that is the chart's `ServiceAccount` (impersonated:
//! RBAC judges it as one that has logged in), and a pool's whole life.
//!
//! The runs share an apiserver with its audit log on; each has a release, a namespace and a label selector
//! of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::cognito::{AssumableRole, FakeCognito};
use harness::control_plane::{ControlPlane, Namespace, Settings};
use harness::operator::{Operator, Signal};
use harness::scratch::Scratch;
use identity_pool_operator::api::{IdentityPool, IdentityPoolClass};
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::Client;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::audit::{Grant, take_from};
use crate::helm::{Helm, SERVED, only};

/// Nothing honest takes as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The Secret of the class.
const EXTERNAL_IDS: &str = "external-ids";

const ACK: &str = "iam.services.k8s.aws";

/// What the operator is used for in a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Use {
    Pools,
    Watched,
    /// Roles only, in the one namespace that is looked after.
    Namespaced,
    References,
    Exports,
    /// A class whose role is assumed with an external id out of a Secret.
    Classes,
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
            Self::Classes => json!({ "classes": {
                "enabled": true, "externalIdSecrets": [EXTERNAL_IDS],
            } }),
        }
    }

    fn spec(self) -> Value {
        match self {
            Self::Pools | Self::Watched | Self::Namespaced | Self::Classes => json!({}),
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
pub(crate) struct Run {
    pub(crate) plane: &'static ControlPlane,
    client: Client,
    used_for: Use,
    namespace: String,
    pub(crate) user: String,
    pub(crate) grants: Vec<Grant>,
    arguments: Vec<String>,
    fake: FakeCognito,
    scratch: Scratch,
}

impl Run {
    pub(crate) async fn new(used_for: Use, lists_apart: bool, without: Option<&Grant>) -> Self {
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
    pub(crate) async fn until_granted(&self) {
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
                "name": match resource { "leases" => "identity-pool-operator", "namespaces" => "kube-system", "secrets" => EXTERNAL_IDS, _ => "" },
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
        let path = self
            .plane
            .kubeconfig_for(&self.user, &groups)
            .expect("a kubeconfig");
        // A pod's own namespace is that of its ServiceAccount.
        let text = std::fs::read_to_string(&path).expect("it is there");
        let mut kubeconfig: Value = serde_json::from_str(&text).expect("JSON");
        kubeconfig["contexts"][0]["context"]["namespace"] = json!(self.namespace);
        std::fs::write(&path, kubeconfig.to_string()).expect("written");
        path
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
    pub(crate) async fn life(&self) {
        let first = self.operator("first.log");
        first.ready().await.expect("ready");
        let second = self.operator("second.log");
        second.ready().await.expect("ready");
        self.sources("1").await;
        self.class().await;
        let mut object = json!({
            "apiVersion": "cognito-identity.dev/v1alpha1", "kind": "IdentityPool",
            "metadata": { "name": "pool", "labels": { "run": self.namespace } },
            "spec": self.used_for.spec(),
        });
        if self.used_for == Use::Classes {
            object["spec"]["className"] = json!(self.namespace);
        }
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

    /// Offers a class, and waits until the operator tells of it.
    async fn class(&self) {
        if self.used_for != Use::Classes {
            return;
        }
        let role = "arn:aws:iam::111111111111:role/pools";
        self.fake.configure(|settings| {
            let assumable = AssumableRole {
                external_id: Some("shops".to_owned()),
                ..AssumableRole::default()
            };
            settings.roles.insert(role.to_owned(), assumable);
        });
        let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": EXTERNAL_IDS },
            "stringData": { "shops": "shops" } });
        apply(&self.client, &self.namespace, &secret).await;
        let class = json!({
            "apiVersion": "cognito-identity.dev/v1alpha1", "kind": "IdentityPoolClass",
            "metadata": { "name": self.namespace, "labels": { "run": self.namespace } },
            "spec": {
                "roleARN": role,
                "externalIdFrom": { "secretKeyRef": { "name": EXTERNAL_IDS, "key": "shops" } },
                "allowedNamespaces": { "matchLabels": { "kubernetes.io/metadata.name": self.namespace } },
                "guardrails": { "allowDeletion": true },
            },
        });
        apply(&self.client, &self.namespace, &class).await;
        let classes: Api<IdentityPoolClass> = Api::all(self.client.clone());
        until("the class is usable", async || {
            let class = classes.get(&self.namespace).await.expect("there");
            let status = class.status.as_ref()?;
            let is_held = class.metadata.finalizers.is_some();
            let mut conditions = status.conditions.iter();
            let is_ready = conditions.any(|told| told.reason == "ClassUsable");
            (is_held && is_ready).then_some(())
        })
        .await;
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
    pub(crate) async fn tells_of(&self, resource: &str) -> bool {
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
pub(crate) fn rendered(used_for: Use, namespace: &str) -> Vec<Value> {
    let mut values = used_for.values();
    values["fullnameOverride"] = json!(namespace);
    values["watchSelector"] = json!(format!("run={namespace}"));
    if used_for == Use::Classes {
        values["classes"]["selector"] = json!(format!("run={namespace}"));
    }
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

fn resource(document: &Value) -> kube::api::ApiResource {
    let version = document["apiVersion"].as_str().expect("a version");
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let kind = document["kind"].as_str().expect("a kind");
    kube::api::ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk(group, version, kind))
}

async fn apply(client: &Client, namespace: &str, document: &Value) {
    let kind = resource(document);
    let name = document["metadata"]["name"].as_str().expect("a name");
    let is_of_cluster = kind.kind.starts_with("Cluster") || kind.kind == "IdentityPoolClass";
    let api: Api<kube::api::DynamicObject> = if is_of_cluster {
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
