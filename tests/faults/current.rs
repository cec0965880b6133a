//! When an object counts as current, and what AWS then lacks of its spec.
//!
//! The rules are kstatus's, by which `kubectl wait`, Helm, Argo CD and Flux go: an object without
//! the condition `Ready` is current too, so it is not enough that Ready is never told too early.

use harness::cognito::FakeCognito;
use serde_json::{Value, json};

/// Whether everybody who goes by kstatus takes the object for done.
pub(crate) fn is_current(object: &Value) -> bool {
    let (meta, status) = (&object["metadata"], &object["status"]);
    let conditions = status["conditions"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let has = |kind: &str, states: &[&str]| {
        let is_so = |condition: &&Value| {
            condition["type"] == kind && states.iter().any(|state| condition["status"] == **state)
        };
        conditions.iter().find(is_so).is_some()
    };
    meta["deletionTimestamp"].is_null()
        && status["observedGeneration"] == meta["generation"]
        && !has("Stalled", &["True"])
        && !has("Reconciling", &["True"])
        && !has("Ready", &["False", "Unknown"])
}

/// What of a spec AWS does not have, as far as the spec itself says what that is.
pub(crate) fn difference(object: &Value, namespace: &str, fake: &FakeCognito) -> Option<String> {
    let id = object["status"]["identityPoolId"].as_str().unwrap_or("-");
    let Some(pool) = fake.pool(id) else {
        return Some(format!("pool {id} is not there"));
    };
    let spec = &object["spec"];
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let mut pairs = of_pool(spec, json!(format!("{namespace}-{name}")), &pool);
    pairs.extend(of_roles(spec, &fake.roles(id).unwrap_or_default()));
    pairs.extend(of_principal_tags(spec, |provider| {
        fake.principal_tags(id, provider)
    }));
    let differing = pairs.iter().find(|(wanted, found)| wanted != found);
    differing.map(|(wanted, found)| format!("AWS has {found} in place of {wanted}"))
}

/// What the spec wants, and what AWS has of it.
type Pairs = Vec<(Value, Value)>;

fn of_pool(spec: &Value, usual_name: Value, pool: &Value) -> Pairs {
    let or = |value: &Value, default: Value| match value {
        Value::Null => default,
        value => value.clone(),
    };
    let flag = |value: &Value| or(value, json!(false));
    let list = |value: &Value| or(value, json!([]));
    let mut pairs = vec![
        (
            or(&spec["identityPoolName"], usual_name),
            pool["IdentityPoolName"].clone(),
        ),
        (
            flag(&spec["allowUnauthenticatedIdentities"]),
            flag(&pool["AllowUnauthenticatedIdentities"]),
        ),
        (
            flag(&spec["allowClassicFlow"]),
            flag(&pool["AllowClassicFlow"]),
        ),
        (
            list(&spec["samlProviderARNs"]),
            list(&pool["SamlProviderARNs"]),
        ),
        (
            json!(clients(
                spec,
                "cognitoIdentityProviders",
                "providerName",
                "clientId"
            )),
            json!(clients(
                pool,
                "CognitoIdentityProviders",
                "ProviderName",
                "ClientId"
            )),
        ),
    ];
    for (key, value) in entries(&spec["identityPoolTags"]) {
        pairs.push((value.clone(), pool["IdentityPoolTags"][key].clone()));
    }
    pairs
}

/// The user pools and their clients, as AWS writes both in one.
fn clients(of: &Value, field: &str, name: &str, client: &str) -> Vec<String> {
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let entries = of[field].as_array().into_iter().flatten();
    let joined = entries.map(|entry| format!("{}:{}", text(entry, name), text(entry, client)));
    joined.collect()
}

fn of_roles(spec: &Value, roles: &Value) -> Pairs {
    let mut pairs = Vec::new();
    for kind in ["authenticated", "unauthenticated"] {
        if let Value::String(role) = &spec["roles"][kind] {
            pairs.push((json!(role), roles["Roles"][kind].clone()));
        }
    }
    for mapping in spec["roleMappings"].as_array().into_iter().flatten() {
        let Some(provider) = provider(spec, mapping) else {
            continue;
        };
        let found = &roles["RoleMappings"][format!("{}:{}", provider.0, provider.1)];
        pairs.push((mapping["type"].clone(), found["Type"].clone()));
        for (place, rule) in mapping["rules"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            let found = &found["RulesConfiguration"]["Rules"][place];
            pairs.push((rule["roleARN"].clone(), found["RoleARN"].clone()));
        }
    }
    pairs
}

fn of_principal_tags(spec: &Value, found: impl Fn(&str) -> Option<Value>) -> Pairs {
    let mut pairs = Vec::new();
    let maps = spec["principalTagAttributeMaps"].as_array();
    for map in maps.into_iter().flatten() {
        if let Some((name, _)) = provider(spec, map) {
            let found = found(&name).unwrap_or_default();
            pairs.push((map["principalTags"].clone(), found["PrincipalTags"].clone()));
        }
    }
    pairs
}

/// User pool and client of the entry that `provider` names.
fn provider(spec: &Value, of: &Value) -> Option<(String, String)> {
    let entries = spec["cognitoIdentityProviders"].as_array()?;
    let named = entries
        .iter()
        .find(|entry| entry["name"] == of["provider"])?;
    let text = |key: &str| named[key].as_str().map(str::to_owned);
    text("providerName").zip(text("clientId"))
}

fn entries(map: &Value) -> impl Iterator<Item = (&String, &Value)> {
    map.as_object().into_iter().flatten()
}
