//! The operations, one row each, and what they need to run.
//!
//! An operation sees the world, its caller and an input of the right shape;
//! it never sees HTTP, faults or delays. It either changes the world and
//! answers JSON, or leaves the world alone and answers an error.

mod configuration;
mod identities;
mod listing;
mod roles;
mod sts;
mod tags;

pub(super) use identities::add as add_identity;
use serde_json::Value;

use super::error::ApiError;
use super::model::{self, Member};
use super::pools::{Object, Pool, Scope};
use super::world::World;

/// What an operation does to a pool, as the monitors see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Changes nothing of a pool's configuration.
    Reads,
    /// Makes a pool.
    Creates,
    /// Changes a pool.
    Writes,
    /// Changes a pool and refuses to overlap with another such write.
    WritesAlone,
}

/// One operation.
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) service: Service,
    pub(super) input: &'static [Member],
    pub(super) effect: Effect,
    pub(super) signed: bool,
    pub(super) run: fn(&mut Turn<'_>) -> Answer,
}

/// The service that an operation belongs to; each has its own protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// JSON 1.1.
    CognitoIdentity,
    /// Query in, XML out.
    Sts,
}

impl Service {
    /// The name in the credential scope and in IAM actions.
    pub(super) fn signing_name(self) -> &'static str {
        match self {
            Self::CognitoIdentity => "cognito-identity",
            Self::Sts => "sts",
        }
    }
}

/// What an operation answers.
pub(super) type Answer = Result<Value, ApiError>;

/// One execution.
pub(super) struct Turn<'a> {
    pub(super) world: &'a mut World,
    pub(super) scope: &'a Scope,
    pub(super) access_key: &'a str,
    pub(super) input: &'a Object,
}

impl Turn<'_> {
    /// A text member that the model requires.
    fn text(&self, member: &str) -> &str {
        self.input.get(member).and_then(Value::as_str).unwrap_or("")
    }

    fn object(&self, member: &str) -> Object {
        let object = self.input.get(member).and_then(Value::as_object);
        object.cloned().unwrap_or_default()
    }

    /// The pool that the input names by id.
    fn pool(&self) -> Result<&Pool, ApiError> {
        let id = self.text("IdentityPoolId");
        let pool = self.world.pools.get(self.scope, id);
        pool.ok_or_else(|| ApiError::pool_not_found(id))
    }

    fn pool_mut(&mut self) -> Result<&mut Pool, ApiError> {
        let id = self.pool()?.id().to_owned();
        let pool = self.world.pools.find_mut(&id);
        pool.ok_or_else(|| ApiError::pool_not_found(&id))
    }
}

/// Finds an operation of a service.
pub(super) fn find(service: Service, name: &str) -> Option<&'static Operation> {
    OPERATIONS
        .iter()
        .find(|operation| operation.service == service && operation.name == name)
}

/// The pool id that an input names, directly or inside an ARN.
pub(super) fn named_pool(input: &Object) -> Option<&str> {
    let text = |member| input.get(member).and_then(Value::as_str);
    text("IdentityPoolId").or_else(|| tags::pool_id(text("ResourceArn")?))
}

/// The ARN of a pool of a caller.
pub(super) fn pool_arn(scope: &Scope, id: &str) -> String {
    tags::pool_arn(scope, id)
}

const fn cognito(
    name: &'static str,
    effect: Effect,
    input: &'static [Member],
    run: fn(&mut Turn<'_>) -> Answer,
) -> Operation {
    Operation {
        name,
        service: Service::CognitoIdentity,
        input,
        effect,
        signed: true,
        run,
    }
}

static OPERATIONS: &[Operation] = {
    use Effect::{Creates, Reads, Writes, WritesAlone};
    &[
        cognito(
            "CreateIdentityPool",
            Creates,
            model::CREATE,
            configuration::create,
        ),
        cognito(
            "UpdateIdentityPool",
            WritesAlone,
            model::UPDATE,
            configuration::update,
        ),
        cognito(
            "DescribeIdentityPool",
            Reads,
            model::POOL,
            configuration::describe,
        ),
        cognito(
            "DeleteIdentityPool",
            Writes,
            model::POOL,
            configuration::delete,
        ),
        cognito(
            "ListIdentityPools",
            Reads,
            model::LIST_POOLS,
            listing::pools,
        ),
        cognito(
            "SetIdentityPoolRoles",
            WritesAlone,
            model::SET_ROLES,
            roles::set,
        ),
        cognito("GetIdentityPoolRoles", Reads, model::POOL, roles::get),
        cognito(
            "SetPrincipalTagAttributeMap",
            Writes,
            model::SET_PRINCIPAL_TAGS,
            roles::set_principal_tags,
        ),
        cognito(
            "GetPrincipalTagAttributeMap",
            Reads,
            model::GET_PRINCIPAL_TAGS,
            roles::get_principal_tags,
        ),
        cognito("TagResource", Writes, model::TAG, tags::tag),
        cognito("UntagResource", Writes, model::UNTAG, tags::untag),
        cognito("ListTagsForResource", Reads, model::LIST_TAGS, tags::list),
        cognito(
            "ListIdentities",
            Reads,
            model::LIST_IDENTITIES,
            identities::list,
        ),
        Operation {
            signed: false,
            ..cognito("GetId", Reads, model::GET_ID, identities::get_id)
        },
        Operation {
            service: Service::Sts,
            ..cognito(
                "GetCallerIdentity",
                Reads,
                model::NOTHING,
                sts::caller_identity,
            )
        },
        Operation {
            service: Service::Sts,
            ..cognito("AssumeRole", Reads, model::NOTHING, sts::assume_role)
        },
    ]
};
