//! What comes from outside is text that anybody may have written: the claim, the status, the tags
//! of pools, the spec past its schema, values from other objects, a Lease. None of it makes the
//! core panic, turn in circles, or touch a pool that is not the object's; and what the operator
//! writes itself it reads as it was written.
//!
//! Drawn by fixed seeds; a failure prints the smallest case. `PROPTEST_CASES=n` draws more.

use std::collections::BTreeMap;
use std::time::Duration;

use identity_pool_operator::api::names::{CLAIM_ANNOTATION, FINALIZER, OWN_TAGS, OWNER_TAG};
use identity_pool_operator::api::{IdentityPoolSpec, IdentityPoolStatus};
use identity_pool_operator::election::{Candidate, Now, Timing};
use identity_pool_operator::pool::call::Operation;
use identity_pool_operator::pool::claim::{self, Claim, Reading};
use identity_pool_operator::pool::memory::{Arrival, Memory};
use identity_pool_operator::pool::settings::Tags;
use identity_pool_operator::pool::sources::{Source, Target};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{OWNER, UID, World};

/// Draws of one property: some seconds for all of them in a debug build.
fn draws(cases: u32) -> Config {
    let asked = std::env::var("PROPTEST_CASES").ok();
    Config {
        cases: asked.and_then(|n| n.parse().ok()).unwrap_or(cases),
        rng_seed: RngSeed::Fixed(20_261_124),
        failure_persistence: None,
        ..Config::default()
    }
}

/// Any text, and text that is nearly right.
fn text() -> impl Strategy<Value = String> {
    let nearly = [
        "",
        "/",
        ":",
        "_",
        ".",
        "[",
        "]",
        "{}",
        "null",
        "eu-west-1",
        "eu-west-1:00000001",
        "us-east-1:",
        "cluster/",
        UID,
        OWNER,
        "arn:aws:iam::123456789012:role/user",
        "arn:::::",
        "arn:aws:iam::1:oidc-provider/",
        "arn:aws:iam::1:saml-provider/x",
        "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Staff",
        "cognito-idp..amazonaws.com/_",
        "graph.facebook.com",
        "web/app",
        "9999999999999999999",
        "-1",
        "\u{0}",
        "\u{feff}",
    ];
    prop_oneof![
        any::<String>(),
        "[a-z0-9:/._-]{0,40}",
        prop::sample::select(nearly.to_vec()).prop_map(str::to_owned),
    ]
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(text(), 0..4)
}

fn map() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map(text(), text(), 0..4)
}

/// Any JSON, nested a little.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..4)
                .prop_map(|map| map.into_iter().collect::<Value>()),
        ]
    })
}

/// Version 7 or none, of any time.
fn id() -> impl Strategy<Value = Uuid> {
    prop_oneof![
        any::<u128>().prop_map(Uuid::from_u128),
        (any::<u64>(), any::<u32>()).prop_map(|(seconds, counter)| {
            let time =
                uuid::Timestamp::from_unix_time(seconds >> 30, counter % 1_000_000_000, 0, 0);
            Uuid::new_v7(time)
        }),
        any::<u32>().prop_map(|seconds| {
            Uuid::new_v7(uuid::Timestamp::from_unix_time(u64::from(seconds), 0, 0, 0))
        }),
    ]
}

fn any_claim() -> impl Strategy<Value = Claim> {
    let owner = prop_oneof![Just(UID.to_owned()), text()];
    let fields = (
        id(),
        owner,
        text(),
        text(),
        prop::option::of(text()),
        any::<bool>(),
    );
    fields.prop_map(|(id, uid, account_id, region, void, adopted)| Claim {
        id,
        uid,
        account_id,
        region,
        void,
        adopted,
    })
}

/// A claim, one with a part exchanged, or anything.
fn annotation() -> impl Strategy<Value = String> {
    let written = any_claim().prop_map(|claim| claim.to_annotation().expect("text"));
    let spoilt = (any_claim(), text(), json_value()).prop_map(|(claim, key, value)| {
        let mut json = serde_json::to_value(claim).expect("JSON");
        json[key] = value;
        json.to_string()
    });
    prop_oneof![
        written,
        spoilt,
        text(),
        json_value().prop_map(|json| json.to_string())
    ]
}

fn status() -> impl Strategy<Value = IdentityPoolStatus> {
    let condition = (text(), text(), text(), any::<Option<i64>>()).prop_map(
        |(kind, reason, message, generation)| {
            json!({
                "type": kind, "status": "True", "reason": reason, "message": message,
                "observedGeneration": generation, "lastTransitionTime": "2026-01-01T00:00:00Z",
            })
        },
    );
    let names = (text(), text(), text(), text(), text(), text());
    let lists = (texts(), texts(), texts(), texts(), any::<[bool; 2]>());
    let conditions = prop::collection::vec(condition, 0..4);
    let parts = (names, lists, conditions, any::<Option<i64>>(), text());
    parts.prop_map(|(names, lists, conditions, generation, at)| {
        let (id, arn, name, account, region, hash) = names;
        let (keys, secret, providers, maps, [roles, mappings]) = lists;
        let status = json!({
            "observedGeneration": generation, "identityPoolId": id, "identityPoolARN": arn,
            "identityPoolName": name, "accountId": account, "region": region,
            "appliedHash": hash, "conditions": conditions, "lastHandledReconcileAt": at,
            "managed": {
                "tagKeys": keys, "secretLoginProviders": secret, "roles": roles,
                "roleMappings": mappings, "principalTagProviders": providers, "configMaps": maps,
            },
        });
        serde_json::from_value(status).expect("a status")
    })
}

/// A spec that no schema has seen.
fn spec() -> impl Strategy<Value = IdentityPoolSpec> {
    let plain = (text(), prop::option::of(text()), map(), map());
    let arns = (texts(), texts(), text(), text());
    let provider = (text(), text(), text(), text(), text());
    let adopt = prop::option::of(prop_oneof![
        text().prop_map(|id| json!({ "identityPoolId": id, "overwrite": true })),
        text().prop_map(|name| json!({ "identityPoolName": name })),
        any::<bool>().prop_map(|previous| json!({ "previous": previous })),
    ]);
    let policy = prop::sample::select(vec!["DeleteIfEmpty", "Delete", "Retain"]);
    (plain, arns, provider, adopt, policy).prop_map(|(plain, arns, provider, adopt, policy)| {
        let (name, developer, logins, tags) = plain;
        let (oidc, saml, authenticated, rule) = arns;
        let (local, provider_name, client, claim, value) = provider;
        let spec = json!({
            "identityPoolName": name, "developerProviderName": developer, "deletionPolicy": policy,
            "supportedLoginProviders": logins, "identityPoolTags": tags, "adopt": adopt,
            "openIdConnectProviderARNs": oidc, "samlProviderARNs": saml,
            "cognitoIdentityProviders": [
                { "name": local, "providerName": provider_name, "clientId": client },
            ],
            "roles": { "authenticated": authenticated },
            "roleMappings": [{
                "provider": local, "type": "Rules", "ambiguousRoleResolution": "Deny",
                "rules": [{ "claim": claim, "matchType": "Equals", "value": value, "roleARN": rule }],
            }],
            "principalTagAttributeMaps": [
                { "provider": local, "principalTags": { claim: value } },
            ],
            "export": { "configMap": { "name": "app" } },
        });
        serde_json::from_value(spec).expect("a spec")
    })
}

/// Plays an object for an hour of its life.
fn live(world: &mut World) {
    world.run(Duration::from_secs(3600));
}

/// A pool with any tags but this object's owner tag, and what it was.
fn foreign(world: &mut World, tags: &BTreeMap<String, String>) -> impl Fn(&World) -> bool + use<> {
    let theirs: Vec<(&str, &str)> = tags
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .filter(|tag| *tag != (OWNER_TAG, OWNER))
        .collect();
    let id = world.seed(&theirs);
    let before = world.pools[&id].clone();
    move |world| world.pools.get(&id) == Some(&before)
}

proptest! {
    #![proptest_config(draws(2_000))]

    #[test]
    fn a_claim_is_read_as_it_was_written(claim in any_claim(), seconds in any::<u32>()) {
        let now = Timestamp::from_second(i64::from(seconds)).expect("in range");
        let text = claim.to_annotation().expect("text");
        match claim::read(Some(&text), &claim.uid, now) {
            Reading::Trusted(read, at) => {
                prop_assert_eq!(Some(at), read.time());
                prop_assert!(read.void.is_none());
                prop_assert_eq!(read, claim);
            }
            Reading::Void(read) => {
                prop_assert!(read.void.is_some());
                prop_assert_eq!(read, claim);
            }
            Reading::Untrusted(_) => {
                let minute = Duration::from_secs(60);
                let late = claim.time().is_none_or(|at| at > now + minute);
                prop_assert!(late, "{:?} at {}", claim, now);
            }
            Reading::Absent => prop_assert!(false, "there is one"),
        }
    }

    #[test]
    fn a_claim_of_anybody_else_is_never_trusted(text in annotation(), uid in text()) {
        let reading = claim::read(Some(&text), &uid, Timestamp::now());
        if let Reading::Trusted(claim, _) | Reading::Void(claim) = reading {
            prop_assert_eq!(claim.uid, uid);
        }
    }

    #[test]
    fn a_status_is_read_as_it_was_written(status in status()) {
        let written = serde_json::to_string(&status).expect("JSON");
        let read: IdentityPoolStatus = serde_json::from_str(&written).expect("a status");
        prop_assert_eq!(read, status);
    }

    #[test]
    fn any_path_into_any_object_leads_to_text_or_to_nothing(
        path in text(), object in json_value(), key in text(),
    ) {
        let target = Target { api_version: key.clone(), kind: "Any".to_owned(), name: key.clone() };
        for source in [
            Source::Field(target.clone(), path),
            Source::ConfigMap(target.clone(), key.clone()),
            Source::Secret(target.clone(), key),
        ] {
            let _ = source.pick(&object, |text| Some(text.to_owned()));
        }
    }

    #[test]
    fn no_lease_breaks_an_election(
        holder in prop::option::of(text()), seconds in any::<Option<i32>>(),
        renewed in prop::option::of(any::<i32>()), transitions in any::<Option<i32>>(),
        version in prop::option::of(text()), looks in prop::collection::vec(0_u64..100, 1..6),
    ) {
        let timing = Timing::new(15, 10, 2).expect("an order");
        let mut candidate = Candidate::new("lease", "me", timing);
        let wall = Timestamp::UNIX_EPOCH;
        let renewed = renewed.and_then(|at| Timestamp::from_second(i64::from(at)).ok());
        let lease = Lease {
            metadata: ObjectMeta { resource_version: version, ..ObjectMeta::default() },
            spec: Some(LeaseSpec {
                holder_identity: holder.clone(),
                lease_duration_seconds: seconds,
                lease_transitions: transitions,
                renew_time: renewed.map(MicroTime),
                ..LeaseSpec::default()
            }),
        };
        let mut uptime = Duration::ZERO;
        for pause in looks {
            uptime += Duration::from_secs(pause);
            candidate.observe(Some(lease.clone()), uptime);
            let _ = candidate.next(Now { uptime, wall });
            prop_assert!(!candidate.term().has_begun(), "nobody gave it a term");
        }
        candidate.resign();
        let _ = candidate.next(Now { uptime, wall });
    }
}

proptest! {
    #![proptest_config(draws(150))]

    #[test]
    fn whatever_stands_on_an_object_leads_to_no_write_to_a_foreign_pool(
        annotation in prop::option::of(annotation()), status in status(), tags in map(),
        owner in text(), points_there in any::<bool>(), seen_before in any::<bool>(),
        holds in any::<bool>(), deleted in any::<bool>(),
    ) {
        let mut world = World::new(IdentityPoolSpec::default());
        let mut tags = tags;
        tags.insert(OWNER_TAG.to_owned(), owner);
        let is_untouched = foreign(&mut world, &tags);
        let id = world.pools.keys().next().cloned();
        let object = world.object();
        object.status = Some(status);
        if points_there {
            let status = object.status.get_or_insert_default();
            status.identity_pool_id = id.map(|id| id.to_string());
            status.region = Some("eu-west-1".to_owned());
        }
        if let Some(annotation) = annotation {
            let all = object.metadata.annotations.get_or_insert_default();
            all.insert(CLAIM_ANNOTATION.to_owned(), annotation);
        }
        object.metadata.finalizers = holds.then(|| vec![FINALIZER.to_owned()]);
        if seen_before {
            world.memory = Memory::new(Arrival::Listed);
        }
        live(&mut world);
        if deleted && world.object.is_some() {
            world.delete();
            live(&mut world);
        }
        prop_assert!(is_untouched(&world));
        prop_assert!(world.owned().len() <= 1);
    }

    #[test]
    fn a_spec_that_no_schema_has_seen_ends_at_rest_or_in_a_sentence(
        spec in spec(), edited in spec(), tags in map(), allows_adoption in any::<bool>(),
    ) {
        let mut world = World::new(spec);
        world.allows_adoption = allows_adoption;
        // What an adoption names may be taken; what has an owner may not.
        let mut tags = tags;
        tags.insert(OWNER_TAG.to_owned(), "other/owner".to_owned());
        let is_untouched = foreign(&mut world, &tags);
        live(&mut world);
        world.edit(|spec| *spec = edited);
        live(&mut world);
        for pool in world.pools.values() {
            let own: Tags = pool.tags.clone();
            let ours = own.get(OWNER_TAG).is_some_and(|tag| tag == OWNER);
            prop_assert!(!ours || OWN_TAGS.iter().all(|key| own.contains_key(*key)), "{:?}", own);
        }
        let creations = world.calls.iter().filter(|call| **call == Operation::CreateIdentityPool);
        prop_assert!(creations.count() <= 1);
        world.delete();
        live(&mut world);
        prop_assert!(is_untouched(&world));
    }
}
