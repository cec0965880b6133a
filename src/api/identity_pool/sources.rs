//! Where a value comes from when it stands in another object of the same namespace.
//!
//! No field names a namespace, and the schema refuses one: a reference reaches what its author could have made
//! himself. Secrets are for the values of login providers alone, since everything else
//! is shown in status, in messages and by AWS.

#![expect(
    unreachable_pub,
    reason = "KubeSchema copies each struct, with its visibility, into a function"
)]
#![allow(
    clippy::doc_markdown,
    rustdoc::invalid_html_tags,
    reason = "the docs of the fields are read in `kubectl explain`, which knows no markup"
)]
#![expect(
    clippy::struct_field_names,
    reason = "Kubernetes names references so everywhere, and the derive copies the struct"
)]

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::rules::no_namespace;

/// Where a value comes from: a ConfigMap, or a field of any other object but a Secret.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[x_kube(validation = Rule::new("has(self.configMapKeyRef) != has(self.objectRef)").message(
    "a value comes from one place: write either configMapKeyRef or objectRef"
))]
#[schemars(transform = no_namespace)]
#[serde(rename_all = "camelCase")]
pub struct ValueSource {
    /// A key of a ConfigMap in this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_key_ref: Option<KeyRef>,

    /// A field of another object in this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_ref: Option<FieldRef>,
}

/// Where the value of a login provider comes from, which may be a secret.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[x_kube(validation = Rule::new(
    "[has(self.configMapKeyRef), has(self.secretKeyRef), has(self.objectRef)].exists_one(is, is)"
).message(
    "a value comes from one place: write one of configMapKeyRef, secretKeyRef and objectRef"
))]
#[schemars(transform = no_namespace)]
#[serde(rename_all = "camelCase")]
pub struct LoginProviderSource {
    /// A key of a ConfigMap in this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_key_ref: Option<KeyRef>,

    /// A key of a Secret in this namespace. Its value is shown nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_key_ref: Option<KeyRef>,

    /// A field of another object in this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_ref: Option<FieldRef>,
}

/// One key of a ConfigMap or Secret.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[x_kube(validation = Rule::new(
    "self.name.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$') && self.key.matches('^[A-Za-z0-9_.-]+$')"
).message(
    "name is that of an object in this namespace (small letters, digits, - and .), key one of its \
     keys (letters, digits, - _ and .)"
))]
#[schemars(transform = no_namespace)]
#[serde(rename_all = "camelCase")]
pub struct KeyRef {
    /// Name of the object. Example: web-ids.
    #[schemars(length(max = 253))]
    pub name: String,

    /// The key whose value is taken. Example: clientId.
    #[schemars(length(max = 253))]
    pub key: String,
}

/// One field of any object.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new(
        "self.kind.lowerAscii() != 'secret' || self.apiVersion.contains('/')"
    ).field_path(".kind").message(
        "objectRef reads no Secret, whose value would be shown; only a login provider's value can \
         come from one, by secretKeyRef"
    ),
    validation = Rule::new(
        "self.apiVersion.matches('^([a-z0-9][a-z0-9.-]*/)?v[a-z0-9]+$') \
         && self.kind.matches('^[A-Za-z][A-Za-z0-9]*$') \
         && self.name.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')"
    ).message(
        "apiVersion (<group>/<version>), kind and name are written as in the object itself"
    ),
    validation = Rule::new(
        "self.fieldPath.matches('^[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*$')"
    ).field_path(".fieldPath").message(
        "fieldPath is names joined by dots, such as status.atProvider.arn, without $ and brackets"
    )
)]
#[schemars(transform = no_namespace)]
#[serde(rename_all = "camelCase")]
pub struct FieldRef {
    /// Group and version. Example: iam.services.k8s.aws/v1alpha1.
    #[schemars(length(max = 253))]
    pub api_version: String,

    /// Kind, a namespaced one. Example: Role.
    #[schemars(length(max = 63))]
    pub kind: String,

    /// Name of the object. Example: shop-user.
    #[schemars(length(max = 253))]
    pub name: String,

    /// The field whose text is taken. Example: status.ackResourceMetadata.arn.
    #[schemars(length(max = 253))]
    pub field_path: String,
}
