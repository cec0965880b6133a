//! Taking an existing pool under management, and what becomes of the pool of before.

#![expect(
    unreachable_pub,
    reason = "KubeSchema copies each struct, with its visibility, into a function"
)]
#![allow(
    clippy::doc_markdown,
    reason = "the docs of the fields are read in `kubectl explain`, which knows no markup"
)]

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Which existing pool is this object's.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new(
        "[has(self.identityPoolId), has(self.identityPoolName), has(self.previous)]\
         .filter(given, given).size() == 1"
    ).message(
        "adopt says which pool in one way: give identityPoolId, identityPoolName or previous, and only one of them"
    ),
    validation = Rule::new("!has(self.overwrite) || !has(self.previous)").field_path(".overwrite").message(
        "overwrite goes with identityPoolId or identityPoolName; previous: true is the consent itself"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct Adopt {
    /// Id of the pool to take over. It needs the operator's flag --allow-adoption.
    /// Example: eu-west-1:0f7a3d63-95a1-4b0e-9a0c-6c1c0a7de3f1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 55))]
    #[x_kube(validation = (
        "self.matches('^[a-z]{2,8}(-[a-z]{2,16}){1,3}-[0-9]{1,2}:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')",
        "a pool's id is <region>:<uuid>, such as eu-west-1:0f7a3d63-95a1-4b0e-9a0c-6c1c0a7de3f1"
    ))]
    pub identity_pool_id: Option<String>,

    /// Name in AWS of the pool to take over; exactly one pool may have it. It needs the operator's
    /// flag --allow-adoption. Example: shop web.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    #[x_kube(validation = (
        "self.matches('^[A-Za-z0-9_[:space:]+=,.@-]+$')",
        "a pool name has letters A-Z a-z, digits, white space and _ + = , . @ - only; \
         copy it from AWS"
    ))]
    pub identity_pool_name: Option<String>,

    /// What becomes of the pool that an earlier object of this namespace and name left in AWS. true: it
    /// is taken, with its identities. false: it is left alone and a new one is made. Left out: the
    /// object says so and waits, where there is such a pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<bool>,

    /// Whether the pool may be changed to what the spec says. Until it is true nothing is changed, not
    /// even tags, and status shows what would be. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overwrite: Option<bool>,
}
