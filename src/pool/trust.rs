//! What a role has to say so that an identity pool can give it to its users.
//!
//! Cognito goes by another name in each partition, in the principal and in the condition keys.
//! Sources: AWS developer guide, "IAM roles" and "Role trust and permissions"; its edition for
//! China; `GovCloud` user guide, "Amazon Cognito". The text is compact and its keys are sorted, so
//! that the same facts always give the same bytes.

use serde_json::{Value, json};

/// Whom a role trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Users {
    /// Those who are signed in.
    Authenticated,
    /// Guests.
    Unauthenticated,
}

impl Users {
    /// AWS's word for them, in roles and in tokens.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Authenticated => "authenticated",
            Self::Unauthenticated => "unauthenticated",
        }
    }
}

/// Cognito's names in a trust policy.
struct Issuer {
    principal: &'static str,
    /// What stands before `:aud` and `:amr`.
    keys: &'static str,
}

/// `None` where no source tells the name: no policy is better than one that trusts nobody.
fn issuer(partition: &str, region: &str) -> Option<Issuer> {
    let alike = |name| Issuer {
        principal: name,
        keys: name,
    };
    match (partition, region) {
        ("aws", _) => Some(alike("cognito-identity.amazonaws.com")),
        // Identity pools are in one region of this partition only.
        ("aws-cn", _) => Some(Issuer {
            principal: "cognito-identity.cn-north-1.amazonaws.com.cn",
            keys: "cognito-identity.amazonaws.com.cn",
        }),
        ("aws-us-gov", "us-gov-east-1") => {
            Some(alike("cognito-identity.us-gov-east-1.amazonaws.com"))
        }
        ("aws-us-gov", _) => Some(alike("cognito-identity-us-gov.amazonaws.com")),
        _ => None,
    }
}

/// The trust policy of a role for these users of one pool, and of no other. `tagged`: tokens
/// carry session tags, which a role has to allow or it cannot be assumed at all.
#[must_use]
pub fn policy(
    partition: &str,
    region: &str,
    pool_id: &str,
    users: Users,
    tagged: bool,
) -> Option<String> {
    let Issuer { principal, keys } = issuer(partition, region)?;
    let action: Value = if tagged {
        json!(["sts:AssumeRoleWithWebIdentity", "sts:TagSession"])
    } else {
        json!("sts:AssumeRoleWithWebIdentity")
    };
    let policy = json!({
        "Statement": [{
            "Action": action,
            "Condition": {
                "ForAnyValue:StringLike": { format!("{keys}:amr"): users.as_str() },
                "StringEquals": { format!("{keys}:aud"): pool_id },
            },
            "Effect": "Allow",
            "Principal": { "Federated": principal },
        }],
        "Version": "2012-10-17",
    });
    Some(policy.to_string())
}
