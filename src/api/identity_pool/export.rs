//! Where the facts about a pool go for applications: a ConfigMap beside the object.

#![expect(
    unreachable_pub,
    reason = "KubeSchema copies each struct, with its visibility, into a function"
)]
#![allow(
    clippy::doc_markdown,
    reason = "the docs of the fields are read in `kubectl explain`, which knows no markup"
)]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is made in the cluster from what is known of the pool.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Export {
    /// A ConfigMap in the object's namespace, made, kept and removed by the operator.
    pub config_map: ConfigMapExport,
}

/// A ConfigMap that belongs to the object.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapExport {
    /// Name of the ConfigMap, 1 to 253 characters. One that exists and was not made for this object is
    /// not touched. Example: web-identity-pool.
    // The name of a ConfigMap is a DNS subdomain (RFC 1123).
    #[schemars(length(max = 253))]
    #[x_kube(validation = (
        r"self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$')",
        "the name of a ConfigMap has small letters, digits, - and . only, and each part between \
         dots begins and ends with a letter or digit; write such a name, as web-identity-pool"
    ))]
    pub name: String,
}
