//! Attributes for access control: claims of the token that become tags of the session.
//!
//! Kept by AWS for each provider apart from the pool. A map that was given and is taken
//! away goes back to AWS's default. Limits: AWS API reference,
//! `SetPrincipalTagAttributeMap`.

#![expect(
    unreachable_pub,
    reason = "KubeSchema copies each struct, with its visibility, into a function"
)]
#![allow(
    clippy::doc_markdown,
    rustdoc::invalid_html_tags,
    reason = "the docs of the fields are read in `kubectl explain`, which knows no markup"
)]

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::rules::each_value;

/// The session tags of one provider's users.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("has(self.provider) != has(self.identityProviderName)").message(
        "an attribute map names its provider once: provider for an entry of \
         cognitoIdentityProviders by its name, identityProviderName for any other by AWS's name; \
         keep one of the two"
    ),
    validation = Rule::new(
        "!has(self.useDefaults) || !self.useDefaults || !has(self.principalTags) \
         || size(self.principalTags) == 0"
    ).field_path(".principalTags").message(
        "useDefaults stands for AWS's own map, so there are no principalTags beside it; \
         remove them, or set useDefaults to false"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct PrincipalTagAttributeMap {
    /// The name of the entry of cognitoIdentityProviders whose users get the tags. Example: staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub provider: Option<String>,

    /// The provider whose users get the tags, as AWS writes it: graph.facebook.com, the ARN of an
    /// OpenID Connect or SAML provider, or cognito-idp.<region>.amazonaws.com/<user pool id>. At most
    /// 128 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    #[x_kube(validation = (
        "size(self) >= 1",
        "identityProviderName has 1 to 128 characters; write the provider as AWS does, such as \
         graph.facebook.com"
    ))]
    pub identity_provider_name: Option<String>,

    /// Whether AWS's own map is used (username and client for user pools). Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_defaults: Option<bool>,

    /// Session tag to claim of the token. At most 50; tag 1 to 128 characters, claim 1 to 256.
    /// Default: none. Example: {department: "custom:department"}.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(
        extend("maxProperties" = 50),
        transform = each_value(256,
            "size(self) >= 1",
            "the claim of a session tag has 1 to 256 characters; copy its name from the token"
        )
    )]
    #[x_kube(validation = (
        "self.all(key, size(key) >= 1 && size(key) <= 128)",
        "the name of a session tag (the key) has 1 to 128 characters; write such a name"
    ))]
    pub principal_tags: BTreeMap<String, String>,
}
