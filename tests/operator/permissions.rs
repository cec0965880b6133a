//! The permissions of `docs/running.md`, given to users of a test.

use std::time::Duration;

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role, RoleBinding, RoleRef, Subject};
use kube::api::{Api, PostParams};

use crate::rig::Rig;

/// The rules of a `ClusterRole` of `docs/running.md`.
pub(crate) fn documented_rules(role: &str) -> Vec<PolicyRule> {
    let page = include_str!("../../docs/running.md");
    let kind = "kind: ClusterRole\n";
    let name = format!("metadata: {{name: {role}}}\n");
    let yaml = page
        .split("```yaml\n")
        .filter_map(|part| part.split_once("```"))
        .flat_map(|(block, _)| block.split("---\n"))
        .find(|document| document.contains(kind) && document.contains(&name))
        .expect("a ClusterRole");
    let role: ClusterRole = serde_saphyr::from_str(yaml).expect("YAML");
    role.rules.expect("rules")
}

/// Lets a user do something in the namespace, and waits until the apiserver knows.
pub(crate) async fn grant(rig: &Rig, user: &str, name: &str, rules: Vec<PolicyRule>) {
    let mut role = Role {
        rules: Some(rules),
        ..Role::default()
    };
    role.metadata.name = Some(name.to_owned());
    let mut binding = RoleBinding {
        role_ref: RoleRef {
            api_group: "rbac.authorization.k8s.io".into(),
            kind: "Role".into(),
            name: name.to_owned(),
        },
        subjects: Some(vec![Subject {
            api_group: Some("rbac.authorization.k8s.io".into()),
            kind: "User".into(),
            name: user.to_owned(),
            namespace: None,
        }]),
        ..RoleBinding::default()
    };
    binding.metadata.name = Some(name.to_owned());
    let api: Api<Role> = Api::namespaced(rig.client.clone(), &rig.namespace);
    let bindings: Api<RoleBinding> = Api::namespaced(rig.client.clone(), &rig.namespace);
    api.create(&PostParams::default(), &role)
        .await
        .expect("a role");
    bindings
        .create(&PostParams::default(), &binding)
        .await
        .expect("a binding");
}

/// Waits until a user may list something.
pub(crate) async fn until_allowed<K>(rig: &Rig, user: &str)
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned,
{
    let client = rig.plane.client_for(user, &[]).await.expect("a client");
    let api: Api<K> = Api::namespaced(client, &rig.namespace);
    let allowed = async {
        while api.list(&kube::api::ListParams::default()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let allowed = tokio::time::timeout(Duration::from_secs(30), allowed).await;
    assert!(allowed.is_ok(), "{user} is not let in");
}
