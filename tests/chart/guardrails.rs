//! The guardrails on a real apiserver, as several personas meet them.

use std::time::Duration;

use harness::control_plane::{ControlPlane, Namespace};
use identity_pool_operator::api::{IdentityPool, IdentityPoolClass};
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, Error};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::helm::Helm;

const ROLE: &str = "arn:aws:iam::123456789012:role/identity-pools/shop";
const OTHER_ROLE: &str = "arn:aws:iam::123456789012:role/admin";

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Persona {
    /// Writes the objects of a namespace, and its status, as nobody should.
    Tenant,
    /// As the tenant, with the verb `adopt`.
    Adopter,
    /// May do anything.
    Administrator,
}

/// A cluster whose namespaces `guarded-…` have the guardrails, as a release brings them.
async fn plane() -> &'static ControlPlane {
    static PLANE: OnceCell<ControlPlane> = OnceCell::const_new();
    let start = async || {
        let plane = ControlPlane::start().await.expect("a control plane");
        let helm = Helm::on(plane.kubeconfig_path());
        let values = json!({ "classes": { "enabled": true }, "guardrails": {
            "enabled": true, "denyTokenMappings": true,
            "allowedRoleARNs": ["arn:aws:iam::123456789012:role/identity-pools/*", "arn:aws:iam::*:role/exact"],
            "namespaceSelector": { "matchLabels": { "guarded": "yes" } },
        } });
        let file = helm.file("values.json", &values.to_string());
        let chart = crate::helm::chart();
        helm.run(&[
            "install",
            "pools",
            &chart.to_string_lossy(),
            "--create-namespace",
            "--namespace=identity-pool-operator",
            "--values",
            &file.to_string_lossy(),
        ])
        .expect("installed");
        let personas = "
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: tenant}, rules: [
  {apiGroups: [cognito-identity.dev], resources: [identitypools, identitypools/status], verbs: ['get', create, update, patch]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: tenant},
 roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: tenant},
 subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: tenant}, {apiGroup: rbac.authorization.k8s.io, kind: User, name: adopter}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: adopter},
 roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: pools-identity-pool-operator-adopter},
 subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: adopter}]}
";
        let applied = plane
            .kubectl_with_input(&["apply", "-f", "-"], personas)
            .await;
        applied.expect("personas");
        until_in_force(&plane).await;
        plane
    };
    PLANE.get_or_init(start).await
}

/// The apiserver learns of a policy, and of grants, from watches.
async fn until_in_force(plane: &ControlPlane) {
    let desk = Desk::of(plane, "guarded").await;
    let guests = json!({ "allowUnauthenticatedIdentities": true });
    let adopted = json!({ "adopt": { "identityPoolName": "theirs" } });
    let in_force = async {
        while desk.dry_run(Persona::Tenant, &guests).await.is_ok()
            || desk.dry_run(Persona::Tenant, &json!({})).await.is_err()
            || desk.dry_run(Persona::Adopter, &adopted).await.is_err()
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), in_force).await;
    waited.expect("the policy is in force");
}

/// A namespace, and the personas before it.
struct Desk {
    namespace: String,
    tenant: Client,
    adopter: Client,
    administrator: Client,
}

impl Desk {
    async fn new(prefix: &str) -> Self {
        Self::of(plane().await, prefix).await
    }

    async fn of(plane: &ControlPlane, prefix: &str) -> Self {
        let administrator = plane.client().await.expect("a client");
        let namespace = Namespace::create(&administrator, prefix)
            .await
            .expect("made");
        let namespace = namespace.name().to_owned();
        if prefix == "guarded" {
            let namespaces: Api<k8s_openapi::api::core::v1::Namespace> =
                Api::all(administrator.clone());
            let label = Patch::Merge(json!({ "metadata": { "labels": { "guarded": "yes" } } }));
            let labelled = namespaces
                .patch(&namespace, &PatchParams::default(), &label)
                .await;
            labelled.expect("labelled");
        }
        Self {
            tenant: plane.client_for("tenant", &[]).await.expect("a client"),
            adopter: plane.client_for("adopter", &[]).await.expect("a client"),
            administrator,
            namespace,
        }
    }

    fn api(&self, persona: Persona) -> Api<IdentityPool> {
        let client = match persona {
            Persona::Tenant => &self.tenant,
            Persona::Adopter => &self.adopter,
            Persona::Administrator => &self.administrator,
        };
        Api::namespaced(client.clone(), &self.namespace)
    }

    async fn dry_run(&self, persona: Persona, spec: &Value) -> Result<IdentityPool, Error> {
        let params = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let spec = serde_json::from_value(spec.clone()).expect("a spec");
        let object = IdentityPool::new("tried", spec);
        self.api(persona).create(&params, &object).await
    }

    async fn create(&self, name: &str, spec: Value) {
        let object = IdentityPool::new(name, serde_json::from_value(spec).expect("a spec"));
        let made = self
            .api(Persona::Administrator)
            .create(&PostParams::default(), &object)
            .await;
        made.expect("accepted");
    }

    async fn patch(
        &self,
        persona: Persona,
        name: &str,
        patch: Value,
    ) -> Result<IdentityPool, Error> {
        let params = PatchParams::default();
        self.api(persona)
            .patch(name, &params, &Patch::Merge(patch))
            .await
    }
}

/// The sentence of a refusal.
fn sentence(answer: Result<IdentityPool, Error>, what: &str) -> String {
    match answer {
        Err(Error::Api(status)) if status.is_forbidden() => status.message.clone(),
        other => panic!("{what}: not refused as forbidden: {other:?}"),
    }
}

#[tokio::test]
async fn what_is_dangerous_is_refused_with_field_and_way_out() {
    let desk = Desk::new("guarded").await;
    let rule =
        |arn: &str| json!({ "claim": "sub", "matchType": "Equals", "value": "x", "roleARN": arn });
    let mapping = |rule: Value| {
        json!({
            "cognitoIdentityProviders": [{ "name": "p", "providerName": "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123", "clientId": "a" }],
            "roleMappings": [{ "provider": "p", "type": "Rules", "ambiguousRoleResolution": "Deny", "rules": [rule] }],
        })
    };
    let mut token = mapping(rule(ROLE));
    token["roleMappings"] =
        json!([{ "provider": "p", "type": "Token", "ambiguousRoleResolution": "Deny" }]);
    let source = json!({ "configMapKeyRef": { "name": "ids", "key": "role" } });
    let mut from = rule(ROLE);
    from.as_object_mut().expect("a rule").remove("roleARN");
    from["roleARNFrom"] = source.clone();
    for (spec, says) in [
        (
            json!({ "allowUnauthenticatedIdentities": true }),
            "spec.allowUnauthenticatedIdentities: guests",
        ),
        (
            json!({ "allowClassicFlow": true }),
            "spec.allowClassicFlow: the classic flow",
        ),
        (
            json!({ "deletionPolicy": "Delete" }),
            "set it to DeleteIfEmpty or Retain",
        ),
        (token, "set it to Rules"),
        (
            json!({ "roles": { "authenticated": OTHER_ROLE } }),
            "choose from arn:aws:iam::123456789012:role/identity-pools/*",
        ),
        (
            json!({ "roles": { "unauthenticated": OTHER_ROLE } }),
            "spec.roles: a role is not among",
        ),
        (
            json!({ "roles": { "authenticated": "arn:aws:iam::123456789012:role/exactly" } }),
            "spec.roles: a role is not among",
        ),
        (
            mapping(rule(OTHER_ROLE)),
            "spec.roleMappings: the roleARN of a rule",
        ),
        (
            json!({ "roles": { "authenticatedFrom": source } }),
            "write the ARN itself",
        ),
        (mapping(from), "write the ARN itself"),
    ] {
        for persona in [Persona::Tenant, Persona::Adopter, Persona::Administrator] {
            let said = sentence(desk.dry_run(persona, &spec).await, &spec.to_string());
            assert!(said.contains(says), "{persona:?} {spec}: {said}");
        }
    }
    for spec in [
        json!({}),
        json!({ "deletionPolicy": "Retain" }),
        json!({ "roles": { "authenticated": ROLE, "unauthenticated": "arn:aws:iam::999999999999:role/exact" } }),
        mapping(rule(ROLE)),
        json!({ "adopt": { "previous": false } }),
    ] {
        let answer = desk.dry_run(Persona::Tenant, &spec).await;
        assert!(answer.is_ok(), "{spec}: {answer:?}");
    }
}

#[tokio::test]
async fn a_pool_is_taken_over_by_who_has_the_verb_adopt() {
    let desk = Desk::new("guarded").await;
    for adopt in [
        json!({ "identityPoolId": "eu-west-1:0f7a3d63-95a1-4b0e-9a0c-6c1c0a7de3f1" }),
        json!({ "identityPoolName": "theirs" }),
        json!({ "previous": true }),
    ] {
        let spec = json!({ "adopt": adopt });
        let said = sentence(
            desk.dry_run(Persona::Tenant, &spec).await,
            &spec.to_string(),
        );
        assert!(said.contains("needs the verb adopt"), "{said}");
        assert!(
            said.contains("pools-identity-pool-operator-adopter"),
            "{said}"
        );
        for persona in [Persona::Adopter, Persona::Administrator] {
            let answer = desk.dry_run(persona, &spec).await;
            assert!(answer.is_ok(), "{persona:?} {spec}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn what_becomes_of_an_adopted_pool_is_not_the_tenants_to_say() {
    let desk = Desk::new("guarded").await;
    desk.create(
        "adopted",
        json!({ "adopt": { "identityPoolName": "theirs", "overwrite": false } }),
    )
    .await;
    for spec in [
        json!({ "adopt": null }),
        json!({ "adopt": { "overwrite": true } }),
        json!({ "deletionPolicy": "DeleteIfEmpty" }),
    ] {
        let patch = json!({ "spec": spec });
        let refused = desk.patch(Persona::Tenant, "adopted", patch.clone()).await;
        let said = sentence(refused, &patch.to_string());
        assert!(said.contains("needs the verb adopt"), "{said}");
    }
    // The rest of the spec is the tenant's.
    let tags = json!({ "spec": { "identityPoolTags": { "team": "shop" } } });
    desk.patch(Persona::Tenant, "adopted", tags)
        .await
        .expect("allowed");
    let agreed = json!({ "spec": { "adopt": { "overwrite": true } } });
    desk.patch(Persona::Adopter, "adopted", agreed)
        .await
        .expect("allowed");
}

/// Makes a class that takes the namespaces of this selector.
async fn offer(desk: &Desk, name: &str, allowed: Option<Value>) {
    let classes: Api<IdentityPoolClass> = Api::all(desk.administrator.clone());
    let mut spec = json!({});
    if let Some(allowed) = allowed {
        spec["allowedNamespaces"] = allowed;
    }
    let class = IdentityPoolClass::new(name, serde_json::from_value(spec).expect("a spec"));
    let made = classes.create(&PostParams::default(), &class).await;
    made.expect("accepted");
}

#[tokio::test]
async fn a_namespace_may_use_the_classes_that_take_it_and_no_other() {
    let desk = Desk::new("guarded").await;
    let expression = |operator: &str, values: Value| {
        let mut wanted = json!({ "key": "guarded", "operator": operator });
        if !values.is_null() {
            wanted["values"] = values;
        }
        Some(json!({ "matchExpressions": [wanted] }))
    };
    let labels = |value: &str| Some(json!({ "matchLabels": { "guarded": value } }));
    let rows = [
        ("none", None, false),
        ("every", Some(json!({})), true),
        ("label", labels("yes"), true),
        ("other-label", labels("no"), false),
        ("in", expression("In", json!(["yes", "no"])), true),
        ("not-among", expression("In", json!(["no"])), false),
        ("not-in", expression("NotIn", json!(["no"])), true),
        ("in-the-not-in", expression("NotIn", json!(["yes"])), false),
        ("exists", expression("Exists", Value::Null), true),
        ("absent", expression("DoesNotExist", Value::Null), false),
    ];
    for (name, allowed, is_taken) in rows {
        offer(&desk, name, allowed.clone()).await;
        let of = json!({ "className": name });
        // The apiserver learns of a class from a watch.
        let judged = async {
            while desk.dry_run(Persona::Tenant, &of).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if is_taken {
            let answer = desk.dry_run(Persona::Tenant, &of).await;
            assert!(answer.is_ok(), "{name}: {answer:?}");
        } else {
            let judged = tokio::time::timeout(Duration::from_secs(30), judged).await;
            judged.unwrap_or_else(|_| panic!("{name} is not refused"));
            let said = sentence(desk.dry_run(Persona::Tenant, &of).await, name);
            assert!(
                said.contains(&format!("class {name} does not take")),
                "{said}"
            );
        }
    }
    // By now the apiserver knows them all.
    for name in ["every", "label", "in", "not-in", "exists"] {
        let of = json!({ "className": name });
        let answer = desk.dry_run(Persona::Tenant, &of).await;
        assert!(answer.is_ok(), "{name}: {answer:?}");
    }
    let nobodys = desk.dry_run(Persona::Tenant, &json!({})).await;
    nobodys.expect("who names no class is not judged here");
}

/// Objects that were there before the policy: the operator's writes pass, and so do labels.
#[tokio::test]
async fn writes_that_leave_the_spec_alone_pass() {
    let desk = Desk::new("unguarded").await;
    desk.create(
        "old",
        json!({ "allowUnauthenticatedIdentities": true, "adopt": { "previous": true } }),
    )
    .await;
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> =
        Api::all(desk.administrator.clone());
    let label = Patch::Merge(json!({ "metadata": { "labels": { "guarded": "yes" } } }));
    namespaces
        .patch(&desk.namespace, &PatchParams::default(), &label)
        .await
        .expect("labelled");
    // The policy's own view of the namespace comes from a watch.
    let guests = json!({ "allowUnauthenticatedIdentities": true });
    let guarded = async {
        while desk.dry_run(Persona::Tenant, &guests).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), guarded)
        .await
        .expect("guarded");
    let claim = json!({ "metadata": { "finalizers": ["cognito-identity.dev/finalizer"],
        "annotations": { "cognito-identity.dev/claim": "{}" } } });
    desk.patch(Persona::Tenant, "old", claim)
        .await
        .expect("allowed");
    let status = Patch::Merge(json!({ "status": { "observedGeneration": 1 } }));
    desk.api(Persona::Tenant)
        .patch_status("old", &PatchParams::default(), &status)
        .await
        .expect("allowed");
    let tags = json!({ "spec": { "identityPoolTags": { "team": "shop" } } });
    let said = sentence(
        desk.patch(Persona::Tenant, "old", tags).await,
        "a change of the spec",
    );
    assert!(said.contains("guests"), "{said}");
}

#[tokio::test]
async fn a_namespace_that_is_not_selected_is_not_guarded() {
    let desk = Desk::new("unguarded").await;
    let spec = json!({ "allowUnauthenticatedIdentities": true, "deletionPolicy": "Delete" });
    desk.dry_run(Persona::Tenant, &spec).await.expect("allowed");
}

/// Without any of the rules there is still a policy that the apiserver takes.
#[tokio::test]
async fn each_guardrail_can_be_left_out() {
    let plane = plane().await;
    let helm = Helm::offline();
    let nothing = json!({ "guardrails": { "enabled": true, "denyGuests": false, "denyClassicFlow": false,
        "denyDelete": false, "adoptionNeedsVerb": false } });
    let rendered = helm
        .render(&nothing, crate::helm::SERVED)
        .expect("rendered");
    let policy = crate::helm::only(&rendered, "ValidatingAdmissionPolicy").to_string();
    let apply = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "--validate=strict",
        "-f",
        "-",
    ];
    plane
        .kubectl_with_input(&apply, &policy)
        .await
        .expect("taken");
}
