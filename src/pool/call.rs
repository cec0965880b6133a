//! What can be asked of AWS, what it answers, and how it can fail, in our words.
//!
//! A vocabulary shared by the core, which decides on calls, and the adapter,
//! which carries them out. Holds no handle and does nothing.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use super::access::{RoleSet, TagMap};
use super::settings::{Observed, PoolId, Settings, Tags};
use crate::api::Reason;

/// One request to AWS, named and filled as AWS names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// Makes a pool. Never repeated by any layer: AWS has no idempotency token for it.
    CreateIdentityPool {
        /// All parameters.
        settings: Settings,
        /// All tags, the owner's among them.
        tags: Tags,
        /// Signing time, so that AWS itself refuses a copy that arrives late.
        signed_at: Timestamp,
    },
    /// Replaces the whole configuration of a pool.
    UpdateIdentityPool {
        /// Which pool.
        id: PoolId,
        /// All parameters: what is left out, AWS sets to its default.
        settings: Settings,
        /// All tags the pool shall have.
        tags: Tags,
    },
    /// Reads a pool, tags included.
    DescribeIdentityPool {
        /// Which pool.
        id: PoolId,
    },
    /// Deletes a pool and every identity in it.
    DeleteIdentityPool {
        /// Which pool.
        id: PoolId,
        /// Time of the look that the deletion rests on; see `CreateIdentityPool`.
        signed_at: Timestamp,
    },
    /// One page of the account's pools, 60 at most.
    ListIdentityPools {
        /// Where to go on.
        next_token: Option<String>,
    },
    /// Whether the pool has issued any identity.
    ListIdentities {
        /// Which pool.
        id: PoolId,
    },
    /// Sets tags on a pool and leaves its other tags.
    TagResource {
        /// Which pool; the adapter makes the ARN.
        id: PoolId,
        /// Tags to set.
        tags: Tags,
    },
    /// Removes tags from a pool.
    UntagResource {
        /// Which pool; the adapter makes the ARN.
        id: PoolId,
        /// Keys to remove.
        keys: Vec<String>,
    },
    /// Reads default roles and role mappings.
    GetIdentityPoolRoles {
        /// Which pool.
        id: PoolId,
    },
    /// Replaces default roles and role mappings, both.
    SetIdentityPoolRoles {
        /// Which pool.
        id: PoolId,
        /// All of them: what is left out, AWS clears.
        set: RoleSet,
    },
    /// Reads the principal tags of one provider.
    GetPrincipalTagAttributeMap {
        /// Which pool.
        id: PoolId,
        /// `IdentityProviderName`.
        provider: String,
    },
    /// Replaces the principal tags of one provider.
    SetPrincipalTagAttributeMap {
        /// Which pool.
        id: PoolId,
        /// `IdentityProviderName`.
        provider: String,
        /// The map.
        map: TagMap,
    },
}

/// The AWS operation of a call, for messages and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is the AWS operation of its name")]
pub enum Operation {
    CreateIdentityPool,
    UpdateIdentityPool,
    DescribeIdentityPool,
    DeleteIdentityPool,
    ListIdentityPools,
    ListIdentities,
    TagResource,
    UntagResource,
    GetIdentityPoolRoles,
    SetIdentityPoolRoles,
    GetPrincipalTagAttributeMap,
    SetPrincipalTagAttributeMap,
    GetCallerIdentity,
    AssumeRole,
}

impl Operation {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::CreateIdentityPool,
        Self::UpdateIdentityPool,
        Self::DescribeIdentityPool,
        Self::DeleteIdentityPool,
        Self::ListIdentityPools,
        Self::ListIdentities,
        Self::TagResource,
        Self::UntagResource,
        Self::GetIdentityPoolRoles,
        Self::SetIdentityPoolRoles,
        Self::GetPrincipalTagAttributeMap,
        Self::SetPrincipalTagAttributeMap,
        Self::GetCallerIdentity,
        Self::AssumeRole,
    ];

    /// AWS's name of it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreateIdentityPool => "CreateIdentityPool",
            Self::UpdateIdentityPool => "UpdateIdentityPool",
            Self::DescribeIdentityPool => "DescribeIdentityPool",
            Self::DeleteIdentityPool => "DeleteIdentityPool",
            Self::ListIdentityPools => "ListIdentityPools",
            Self::ListIdentities => "ListIdentities",
            Self::TagResource => "TagResource",
            Self::UntagResource => "UntagResource",
            Self::GetIdentityPoolRoles => "GetIdentityPoolRoles",
            Self::SetIdentityPoolRoles => "SetIdentityPoolRoles",
            Self::GetPrincipalTagAttributeMap => "GetPrincipalTagAttributeMap",
            Self::SetPrincipalTagAttributeMap => "SetPrincipalTagAttributeMap",
            Self::GetCallerIdentity => "GetCallerIdentity",
            Self::AssumeRole => "AssumeRole",
        }
    }

    /// Whether it changes anything in AWS.
    #[must_use]
    pub const fn mutates(self) -> bool {
        match self {
            Self::CreateIdentityPool
            | Self::UpdateIdentityPool
            | Self::DeleteIdentityPool
            | Self::TagResource
            | Self::UntagResource
            | Self::SetIdentityPoolRoles
            | Self::SetPrincipalTagAttributeMap => true,
            Self::DescribeIdentityPool
            | Self::ListIdentityPools
            | Self::ListIdentities
            | Self::GetIdentityPoolRoles
            | Self::GetPrincipalTagAttributeMap
            | Self::GetCallerIdentity
            | Self::AssumeRole => false,
        }
    }
}

impl Call {
    /// The AWS operation.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        match self {
            Self::CreateIdentityPool { .. } => Operation::CreateIdentityPool,
            Self::UpdateIdentityPool { .. } => Operation::UpdateIdentityPool,
            Self::DescribeIdentityPool { .. } => Operation::DescribeIdentityPool,
            Self::DeleteIdentityPool { .. } => Operation::DeleteIdentityPool,
            Self::ListIdentityPools { .. } => Operation::ListIdentityPools,
            Self::ListIdentities { .. } => Operation::ListIdentities,
            Self::TagResource { .. } => Operation::TagResource,
            Self::UntagResource { .. } => Operation::UntagResource,
            Self::GetIdentityPoolRoles { .. } => Operation::GetIdentityPoolRoles,
            Self::SetIdentityPoolRoles { .. } => Operation::SetIdentityPoolRoles,
            Self::GetPrincipalTagAttributeMap { .. } => Operation::GetPrincipalTagAttributeMap,
            Self::SetPrincipalTagAttributeMap { .. } => Operation::SetPrincipalTagAttributeMap,
        }
    }

    /// The pool that it is about; creating and listing are about none yet.
    #[must_use]
    pub const fn pool(&self) -> Option<&PoolId> {
        match self {
            Self::UpdateIdentityPool { id, .. }
            | Self::DescribeIdentityPool { id }
            | Self::DeleteIdentityPool { id, .. }
            | Self::ListIdentities { id }
            | Self::TagResource { id, .. }
            | Self::UntagResource { id, .. }
            | Self::GetIdentityPoolRoles { id }
            | Self::SetIdentityPoolRoles { id, .. }
            | Self::GetPrincipalTagAttributeMap { id, .. }
            | Self::SetPrincipalTagAttributeMap { id, .. } => Some(id),
            Self::CreateIdentityPool { .. } | Self::ListIdentityPools { .. } => None,
        }
    }

    /// Whether a failure says that the pool is gone. For principal tags AWS says "not found"
    /// also of a provider that has no map.
    #[must_use]
    pub fn says_gone(&self, failure: &Failure) -> bool {
        let of_map = matches!(
            self,
            Self::GetPrincipalTagAttributeMap { .. } | Self::SetPrincipalTagAttributeMap { .. }
        );
        failure.kind == FailureKind::NotFound && !of_map
    }

    /// How long it may take in all, from before it is sent: [`DEADLINE`], and for a
    /// change no longer than the term allows.
    #[must_use]
    pub fn deadline(&self, term_left: Duration) -> Duration {
        if self.operation().mutates() {
            DEADLINE.min(term_left)
        } else {
            DEADLINE
        }
    }
}

/// Longest time for one call. 15 s is above AWS's slowest normal answers and, for a
/// create, together with the 20 s of the send fence far below the 5 minutes in which a
/// signature is valid.
pub const DEADLINE: Duration = Duration::from_secs(15);

/// What AWS says to a call that worked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// To create, update, describe: the whole pool.
    Pool(Observed),
    /// To list: a page.
    Page {
        /// Id and name of each pool; AWS lists nothing more.
        entries: Vec<(PoolId, String)>,
        /// Where to go on; `None` on the last page.
        next_token: Option<String>,
    },
    /// To `ListIdentities`: whether there is at least one.
    HasIdentities(bool),
    /// To `GetIdentityPoolRoles`.
    Roles(RoleSet),
    /// To `GetPrincipalTagAttributeMap`.
    PrincipalTags(TagMap),
    /// To delete, tag, untag, and to setting roles or principal tags.
    Done,
}

/// What kind of failure, as far as anybody has to act differently on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// AWS refused for now: too fast.
    Throttled,
    /// Nothing reached AWS: name not resolved, connection refused.
    NotSent,
    /// There is no such pool.
    NotFound,
    /// AWS refused: another write to the pool was under way.
    Concurrent,
    /// AWS refused the signing time: the request came too late or the clocks differ.
    SignatureTooOld,
    /// AWS refused a value.
    Invalid,
    /// AWS refused the identity.
    Denied,
    /// No usable credentials.
    Credentials,
    /// AWS refused: quota reached.
    Quota,
    /// AWS refused for a reason that this version does not know.
    Refused,
    /// No clear answer: it may have taken effect, or may still.
    Unanswered,
}

impl FailureKind {
    /// Whether the call certainly had and will have no effect.
    #[must_use]
    pub const fn is_refusal(self) -> bool {
        !matches!(self, Self::Unanswered)
    }

    /// What a condition says of it.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::Throttled => Reason::Throttled,
            Self::NotSent | Self::Unanswered | Self::SignatureTooOld => Reason::AwsUnavailable,
            Self::NotFound => Reason::PoolGone,
            Self::Concurrent => Reason::ConcurrentModification,
            Self::Invalid => Reason::InvalidRequest,
            Self::Denied => Reason::AccessDenied,
            Self::Credentials => Reason::CredentialsRefused,
            Self::Quota => Reason::QuotaExceeded,
            Self::Refused => Reason::Refused,
        }
    }
}

/// A call that did not work.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failure {
    /// Which operation failed.
    pub operation: Operation,
    /// What to make of it.
    pub kind: FailureKind,
    /// AWS's error code, or a word of ours where AWS gave none (`Timeout`).
    pub code: String,
    /// AWS's sentence, cut to a bearable length.
    pub message: String,
    /// AWS's id of the request, for support cases.
    pub request_id: Option<String>,
}

/// What AWS says of an operation of ours that the operator's identity may not call. Of a role
/// that may not be passed it says `iam:PassRole`, or names the role.
const OWN_ACTIONS: &str = "perform: cognito-identity:";

impl Failure {
    /// Whether AWS did not accept a role, rather than the call.
    #[must_use]
    pub(super) fn refuses_role(&self) -> bool {
        self.operation == Operation::SetIdentityPoolRoles
            && self.kind == FailureKind::Denied
            && !self.message.contains(OWN_ACTIONS)
    }

    /// An answer of another kind than the call has. Whatever it did, nobody can tell.
    #[must_use]
    pub fn unreadable(operation: Operation, what: &str) -> Self {
        Self {
            operation,
            kind: FailureKind::Unanswered,
            code: "Unreadable".to_owned(),
            message: what.to_owned(),
            request_id: None,
        }
    }
}

/// What stands before the request id of a [`Failure`] in a sentence.
pub(super) const REQUEST_ID: &str = "request id ";

/// Operation, AWS's sentence, error code and request id, in a sentence without its stop.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            FailureKind::Unanswered => "got no clear answer",
            _ => "failed",
        };
        let message = self.message.trim_end_matches('.');
        write!(f, "{} {what}: {message}", self.operation.as_str())?;
        write!(f, " (AWS error {}", self.code)?;
        match &self.request_id {
            Some(id) => write!(f, ", {REQUEST_ID}{id})"),
            None => f.write_str(")"),
        }
    }
}
