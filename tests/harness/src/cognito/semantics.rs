//! Rules that need to know what a value means.
//!
//! They run on inputs that already have the right shape. Each is a small
//! function with one subject; the error code is `InvalidParameterException`
//! unless AWS is known to answer otherwise. What AWS does is open in places;
//! the fake then takes the reading that the operator must survive anyway.

use serde_json::Value;

use super::error::ApiError;
use super::pools::{Object, Pool, Scope};
use super::settings::Settings;

type Checked = Result<(), ApiError>;

/// Tags on one pool.
const MAX_TAGS: usize = 50;
/// User-pool providers of one pool, unless AWS support raised it.
const MAX_USER_POOLS: usize = 50;
/// Rules of one role mapping; the service model says 400, the quotas 25.
const MAX_RULES: usize = 25;

/// The configuration that `CreateIdentityPool` and `UpdateIdentityPool` share.
pub(super) fn configuration(settings: &Settings, input: &Object) -> Checked {
    user_pools(settings, items(input, "CognitoIdentityProviders"))?;
    for (member, kind) in [
        ("OpenIdConnectProviderARNs", "oidc-provider"),
        ("SamlProviderARNs", "saml-provider"),
    ] {
        for arn in items(input, member).iter().filter_map(Value::as_str) {
            if iam_resource(arn, kind).is_none() {
                return Err(ApiError::invalid_parameter(format!(
                    "Invalid {kind} ARN: {arn}"
                )));
            }
        }
    }
    input
        .get("IdentityPoolTags")
        .and_then(Value::as_object)
        .map_or(Ok(()), tags)
}

/// The complete set of tags that a pool would have.
pub(super) fn tags(tags: &Object) -> Checked {
    if tags.len() > MAX_TAGS {
        return Err(ApiError::invalid_parameter(format!(
            "A resource can have at most {MAX_TAGS} tags"
        )));
    }
    tags.keys().try_for_each(|key| unreserved(key))
}

/// A key that AWS does not keep for itself.
pub(super) fn unreserved(key: &str) -> Checked {
    if key.to_ascii_lowercase().starts_with("aws:") {
        return Err(ApiError::invalid_parameter(format!(
            "Tag key '{key}' starts with the reserved prefix aws:"
        )));
    }
    Ok(())
}

/// A developer provider name is set once and for all.
pub(super) fn developer_provider(pool: &Pool, input: &Object) -> Checked {
    let member = "DeveloperProviderName";
    match (pool.wire.get(member), input.get(member)) {
        (Some(old), Some(new)) if old != new && !new.is_null() => Err(ApiError::invalid_parameter(
            "The developer provider name of an identity pool cannot be changed",
        )),
        _ => Ok(()),
    }
}

/// Roles and role mappings, against the pool that they are for.
pub(super) fn roles(settings: &Settings, pool: &Pool, input: &Object) -> Checked {
    for role in members(input, "Roles").filter_map(|(_, role)| role.as_str()) {
        passable(settings, &pool.scope, role)?;
    }
    for (provider, mapping) in members(input, "RoleMappings") {
        if !configured(pool, provider) {
            return Err(ApiError::invalid_parameter(format!(
                "({provider}) is not a valid RoleMapping ProviderName or is not a configured \
                 provider."
            )));
        }
        role_mapping(settings, &pool.scope, provider, mapping)?;
    }
    Ok(())
}

fn role_mapping(settings: &Settings, scope: &Scope, provider: &str, mapping: &Value) -> Checked {
    let refuse = |why: &str| {
        Err(ApiError::invalid_parameter(format!(
            "Role mapping of {provider}: {why}"
        )))
    };
    if mapping["AmbiguousRoleResolution"].is_null() {
        return refuse("AmbiguousRoleResolution is required");
    }
    let rules = mapping["RulesConfiguration"]["Rules"].as_array();
    match (mapping["Type"].as_str(), rules) {
        (Some("Rules"), None) => return refuse("Type Rules requires RulesConfiguration"),
        (Some("Token"), Some(_)) => return refuse("Type Token takes no RulesConfiguration"),
        _ => {}
    }
    let rules = rules.map_or(&[][..], Vec::as_slice);
    if rules.len() > MAX_RULES {
        return refuse(&format!("at most {MAX_RULES} rules are allowed"));
    }
    rules
        .iter()
        .filter_map(|rule| rule["RoleARN"].as_str())
        .try_for_each(|role| passable(settings, scope, role))
}

/// AWS does not tell a role that is malformed, foreign or forbidden apart.
fn passable(settings: &Settings, scope: &Scope, role: &str) -> Checked {
    let own = iam_resource(role, "role") == Some(scope.account.as_str());
    if own && !settings.forbidden_roles.contains(role) {
        return Ok(());
    }
    Err(ApiError::role_forbidden(role))
}

fn user_pools(settings: &Settings, providers: &[Value]) -> Checked {
    if providers.len() > MAX_USER_POOLS {
        return Err(ApiError::new(
            "LimitExceededException",
            format!("An identity pool can have at most {MAX_USER_POOLS} user pool providers"),
        ));
    }
    let valid = |provider: &Value| {
        let (name, client) = (provider["ProviderName"].as_str(), &provider["ClientId"]);
        let user_pool = name.and_then(user_pool_id);
        client.is_string() && user_pool.is_some_and(|id| !settings.missing_user_pools.contains(id))
    };
    if providers.iter().all(valid) {
        return Ok(());
    }
    Err(ApiError::invalid_parameter(
        "Invalid Cognito Identity Provider",
    ))
}

/// `cognito-idp.<region>.amazonaws.com/<region>_<id>` → `<region>_<id>`.
fn user_pool_id(provider: &str) -> Option<&str> {
    let (host, id) = provider.strip_prefix("cognito-idp.")?.split_once('/')?;
    let region = host
        .strip_suffix(".amazonaws.com")
        .or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    let rest = id.strip_prefix(region)?.strip_prefix('_')?;
    (!rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(id)
}

/// The account in `arn:<partition>:iam::<account>:<kind>/<name>`.
fn iam_resource<'a>(arn: &'a str, kind: &str) -> Option<&'a str> {
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, resource] = fields[..] else {
        return None;
    };
    let name = resource.strip_prefix(kind)?.strip_prefix('/')?;
    let account_id = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    (partition.starts_with("aws") && account_id && !name.is_empty()).then_some(account)
}

/// Whether a role mapping may name `provider`.
fn configured(pool: &Pool, provider: &str) -> bool {
    let wire = &pool.wire;
    let listed = |member| {
        items(wire, member)
            .iter()
            .any(|arn| arn.as_str() == Some(provider))
    };
    let user_pool = items(wire, "CognitoIdentityProviders").iter().any(|entry| {
        let (name, client) = (entry["ProviderName"].as_str(), entry["ClientId"].as_str());
        provider
            .split_once(':')
            .is_some_and(|(left, right)| name == Some(left) && client == Some(right))
    });
    user_pool
        || members(wire, "SupportedLoginProviders").any(|(name, _)| name == provider)
        || listed("OpenIdConnectProviderARNs")
        || listed("SamlProviderARNs")
}

fn items<'a>(object: &'a Object, member: &str) -> &'a [Value] {
    let items = object.get(member).and_then(Value::as_array);
    items.map_or(&[], Vec::as_slice)
}

fn members<'a>(object: &'a Object, member: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let members = object.get(member).and_then(Value::as_object);
    members.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_pool_provider_names_its_region_twice() {
        let id = user_pool_id("cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC1");
        assert_eq!(id, Some("eu-west-1_AbC1"));
        for wrong in [
            "cognito-idp.eu-west-1.amazonaws.com/eu-west-2_AbC1",
            "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_",
            "cognito-idp.eu-west-1.example.com/eu-west-1_AbC1",
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC1",
        ] {
            assert_eq!(user_pool_id(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_iam_arn_yields_its_account_only_when_it_is_of_that_kind() {
        let role = "arn:aws:iam::123456789012:role/path/guest";
        assert_eq!(iam_resource(role, "role"), Some("123456789012"));
        assert_eq!(iam_resource(role, "saml-provider"), None);
        assert_eq!(iam_resource("arn:aws:iam::12345:role/guest", "role"), None);
        assert_eq!(
            iam_resource("arn:aws:iam::123456789012:role/", "role"),
            None
        );
        assert_eq!(
            iam_resource("arn:aws-cn:iam::123456789012:role/x", "role"),
            Some("123456789012")
        );
    }
}
