//! What AWS asks IAM about a call, and what it answers when IAM says no.
//!
//! After AWS's service authorization reference: which action on which resource with which
//! condition keys. A call may need several: a creation with tags is also a `TagResource`,
//! an update with tags one of the tags that it sets and removes, and roles have to be passed.

use serde_json::Value;

use super::error::ApiError;
use super::operations::{self, Operation, Service};
use super::policy::{Access, Context, Policy, Verdict};
use super::pools::{Object, Pools, Scope};

const PASS_ROLE: &str = "iam:PassRole";

/// Stands for a pool that is about to be made.
const NEW: &str = "new";

/// Refuses a call of which the policy does not allow every part.
pub(super) fn check(
    policy: &Policy,
    operation: &Operation,
    input: Option<&Object>,
    scope: &Scope,
    pools: &Pools,
) -> Result<(), ApiError> {
    // Nobody needs a permission to ask who they are.
    let assumes = operation.name == "AssumeRole";
    if (operation.service == Service::Sts && !assumes) || !operation.signed {
        return Ok(());
    }
    let nothing = Object::new();
    let call = Asked {
        scope,
        pools,
        input: input.unwrap_or(&nothing),
    };
    for Access {
        action,
        resource,
        context,
    } in call.needs(operation.name)
    {
        let account = &scope.account;
        let access = Access {
            action: action.clone(),
            resource: resource.clone(),
            context,
        };
        match policy.verdict(&access) {
            Verdict::Allowed => {}
            Verdict::NotAllowed | Verdict::Denied if action == PASS_ROLE => {
                return Err(ApiError::role_forbidden(&resource));
            }
            Verdict::NotAllowed => {
                return Err(ApiError::access_denied(account, &action, &resource));
            }
            Verdict::Denied => {
                return Err(ApiError::explicitly_denied(account, &action, &resource));
            }
        }
    }
    Ok(())
}

/// A call under judgement.
struct Asked<'a> {
    scope: &'a Scope,
    pools: &'a Pools,
    input: &'a Object,
}

impl Asked<'_> {
    fn needs(&self, operation: &str) -> Vec<Access> {
        let tags = self.object("IdentityPoolTags");
        match operation {
            "CreateIdentityPool" => {
                let create = self.access(operation, "*".to_owned(), requested(&tags));
                let arn = operations::pool_arn(self.scope, NEW);
                let tag =
                    (!tags.is_empty()).then(|| self.access("TagResource", arn, requested(&tags)));
                [create].into_iter().chain(tag).collect()
            }
            "UpdateIdentityPool" => {
                let sets =
                    (!tags.is_empty()).then(|| self.on_pool("TagResource", requested(&tags)));
                let gone = self.removed(&tags);
                let removes =
                    (!gone.is_empty()).then(|| self.on_pool("UntagResource", tag_keys(gone)));
                let update = self.on_pool(operation, Context::new());
                [update].into_iter().chain(sets).chain(removes).collect()
            }
            "TagResource" => vec![self.on_pool(operation, requested(&self.object("Tags")))],
            "UntagResource" => {
                let keys = self.input.get("TagKeys").and_then(Value::as_array);
                let keys = keys.into_iter().flatten().filter_map(Value::as_str);
                vec![self.on_pool(operation, tag_keys(keys.map(str::to_owned).collect()))]
            }
            "SetIdentityPoolRoles" => {
                let set = self.access(operation, "*".to_owned(), Context::new());
                [set].into_iter().chain(self.passed()).collect()
            }
            "ListIdentityPools" | "SetPrincipalTagAttributeMap" => {
                vec![self.access(operation, "*".to_owned(), Context::new())]
            }
            "AssumeRole" => self.assumed(),
            _ => vec![self.on_pool(operation, Context::new())],
        }
    }

    fn access(&self, operation: &str, resource: String, mut context: Context) -> Access {
        let region = vec![self.scope.region.clone()];
        context.insert("aws:requestedregion".to_owned(), region);
        Access {
            action: format!("cognito-identity:{operation}"),
            resource,
            context,
        }
    }

    /// An access to the pool that the input names, with its tags. One that is not there, or
    /// not the caller's, has none.
    fn on_pool(&self, operation: &str, mut context: Context) -> Access {
        let id = operations::named_pool(self.input);
        for (key, value) in self.stored() {
            context.insert(format!("aws:resourcetag/{key}").to_lowercase(), vec![value]);
        }
        let given = self.input.get("ResourceArn").and_then(Value::as_str);
        let arn = given.map(str::to_owned);
        let arn = arn.or_else(|| Some(operations::pool_arn(self.scope, id?)));
        self.access(operation, arn.unwrap_or_else(|| "*".to_owned()), context)
    }

    fn stored(&self) -> Vec<(String, String)> {
        let id = operations::named_pool(self.input);
        let pool = id.and_then(|id| self.pools.get(self.scope, id));
        let tags = pool.and_then(|pool| pool.wire.get("IdentityPoolTags")?.as_object());
        tags.map(pairs).unwrap_or_default()
    }

    /// Tags of the pool that an update with others would take away; without any, they stay.
    fn removed(&self, tags: &Object) -> Vec<String> {
        if !self.input.contains_key("IdentityPoolTags") {
            return Vec::new();
        }
        let keys = self.stored().into_iter().map(|(key, _)| key);
        keys.filter(|key| !tags.contains_key(key)).collect()
    }

    /// The roles that the pool is to give, by default or by a rule.
    fn passed(&self) -> Vec<Access> {
        let defaults = self.object("Roles");
        let mappings = self.object("RoleMappings");
        let ruled = mappings.values().flat_map(|mapping| {
            let rules = mapping["RulesConfiguration"]["Rules"].as_array();
            rules.into_iter().flatten().map(|rule| &rule["RoleARN"])
        });
        let arns = defaults.values().chain(ruled).filter_map(Value::as_str);
        let pass = |arn: &str| Access {
            action: PASS_ROLE.to_owned(),
            resource: arn.to_owned(),
            context: Context::new(),
        };
        arns.map(pass).collect()
    }

    /// A session with tags is also a tagging.
    fn assumed(&self) -> Vec<Access> {
        let role = self.input.get("RoleArn").and_then(Value::as_str);
        let tagged = self.input.contains_key("Tags.member.1.Key");
        let actions = [Some("sts:AssumeRole"), tagged.then_some("sts:TagSession")];
        let access = |action: &str| Access {
            action: action.to_owned(),
            resource: role.unwrap_or_default().to_owned(),
            context: Context::new(),
        };
        actions.into_iter().flatten().map(access).collect()
    }

    fn object(&self, member: &str) -> Object {
        let object = self.input.get(member).and_then(Value::as_object);
        object.cloned().unwrap_or_default()
    }
}

/// The condition keys of tags in a request.
fn requested(tags: &Object) -> Context {
    let mut context = tag_keys(tags.keys().cloned().collect());
    for (key, value) in pairs(tags) {
        context.insert(format!("aws:requesttag/{key}").to_lowercase(), vec![value]);
    }
    context
}

fn tag_keys(keys: Vec<String>) -> Context {
    Context::from([("aws:tagkeys".to_owned(), keys)])
}

fn pairs(tags: &Object) -> Vec<(String, String)> {
    let pair = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    tags.iter().filter_map(pair).collect()
}
