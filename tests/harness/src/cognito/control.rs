//! `/_fake/…`: the same levers as the Rust API, for people and scripts.
//!
//! Plain JSON without signatures, on the port of the fake itself. It is not
//! part of what is faked: no journal, no faults, no latency.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hyper::http::{HeaderValue, Method};
use hyper::{HeaderMap, body::Bytes};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::faults::Fault;
use super::policy::Policy;
use super::pools::Object;
use super::service::Shared;
use super::wire::Reply;
use super::world::World;

/// What people read about this module in `--help`.
pub(super) const HELP: &str = r#"Control endpoint, on the same port:
  GET    /_fake/pools       every live pool, as wire JSON
  GET    /_fake/calls       the journal
  DELETE /_fake/calls       forget it
  GET    /_fake/violations  broken promises: a pool made twice for one owner,
                            a foreign pool written to, an owner changed
  POST   /_fake/faults      arm a fault:
                            {"operation": "CreateIdentityPool", "kind": KIND,
                             "skip": 0, "times": 1}
                            KIND is "loseReplyBeforeStatus", "cutBody",
                            "loseReplyAfterStatus", "resetBefore", "throttle",
                            {"delayBefore": MS}, {"delayAfter": MS},
                            {"errorBefore": {"status": 503, "code": ""}} or
                            {"errorAfter": {"status": 503, "code": ""}}
  DELETE /_fake/faults      disarm all
  POST   /_fake/seed        a pool made by others: {"IdentityPoolName": "theirs"};
                            its region is us-east-1, or that of an
                            IdentityPoolId that you give
  POST   /_fake/tamper      {"pool": ID, "set": {"IdentityPoolName": "changed"}};
                            null removes a member
  POST   /_fake/remove      {"pool": ID}
  POST   /_fake/settings    any of {"latencyMs": 20, "listLagMs": 0,
                            "accountRate": 5, "quota": 1000, "denied": [],
                            "policies": {ACCESS KEY: IAM POLICY}}; an access
                            key without a policy may do everything"#;

type Controlled = Result<Value, String>;

#[derive(Deserialize)]
struct Tamper {
    pool: String,
    set: Object,
}

#[derive(Deserialize)]
struct Remove {
    pool: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    latency_ms: Option<u64>,
    list_lag_ms: Option<u64>,
    account_rate: Option<f64>,
    quota: Option<usize>,
    denied: Option<BTreeSet<String>>,
    policies: Option<BTreeMap<String, Policy>>,
}

/// Answers a request to `/_fake/<path>`.
pub(super) fn answer(shared: &Arc<Shared>, method: &Method, path: &str, body: &[u8]) -> Reply {
    let mut world = shared.world();
    let (status, value) = match act(&mut world, method.as_str(), path, body) {
        None => (
            404,
            json!({"error": "no such lever; see fake-cognito --help"}),
        ),
        Some(Err(error)) => (400, json!({"error": error})),
        Some(Ok(value)) => (200, value),
    };
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    Reply {
        status,
        headers,
        body: Bytes::from(format!("{value:#}\n")),
    }
}

fn act(world: &mut World, method: &str, path: &str, body: &[u8]) -> Option<Controlled> {
    let done = Ok(json!({}));
    Some(match (method, path) {
        ("GET", "pools") => Ok(world.pools.all().map(|pool| pool.wire.clone()).collect()),
        ("GET", "calls") => Ok(json!(world.journal.calls())),
        ("GET", "violations") => Ok(json!(world.monitor.violations())),
        ("DELETE", "calls") => {
            world.journal.reset();
            done
        }
        ("DELETE", "faults") => {
            world.faults.clear();
            done
        }
        ("POST", "faults") => read::<Fault>(body).and_then(|fault| {
            world.faults.arm(fault);
            done
        }),
        ("POST", "seed") => read(body).map(|pool| json!({"pool": world.seed(pool, true)})),
        ("POST", "tamper") => read(body).and_then(|change| tamper(world, change)),
        ("POST", "remove") => read(body).and_then(|Remove { pool }| {
            let removed = world.pools.remove(&pool);
            removed
                .map(|pool| Value::Object(pool.wire))
                .ok_or_else(|| unknown(&pool))
        }),
        ("POST", "settings") => read(body).and_then(|change| {
            configure(world, change);
            done
        }),
        _ => return None,
    })
}

fn tamper(world: &mut World, Tamper { pool, set }: Tamper) -> Controlled {
    let edited = world.pools.edit(&pool, |wire| wire.extend(set));
    edited.ok_or_else(|| unknown(&pool))?;
    let pool = world.pools.find(&pool).ok_or_else(|| unknown(&pool))?;
    Ok(Value::Object(pool.wire.clone()))
}

fn configure(world: &mut World, change: Change) {
    let settings = &mut world.settings;
    let Change {
        latency_ms,
        list_lag_ms,
        account_rate,
        quota,
        denied,
        policies,
    } = change;
    if let Some(ms) = latency_ms {
        settings.latency = Duration::from_millis(ms);
    }
    if let Some(ms) = list_lag_ms {
        settings.list_lag = Duration::from_millis(ms);
    }
    if let Some(quota) = quota {
        settings.quota = quota;
    }
    if let Some(denied) = denied {
        settings.denied = denied;
    }
    if let Some(policies) = policies {
        settings.policies = policies;
    }
    settings.account_rate = account_rate.or(settings.account_rate);
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn unknown(pool: &str) -> String {
    format!("no pool {pool}")
}
