//! The exported `ConfigMap`: what is in it, when it comes, whose it is.

use std::collections::BTreeMap;
use std::time::Duration;

use identity_pool_operator::api::{Adopt, IdentityPool, IdentityPoolSpec, ManagementPolicy};
use identity_pool_operator::pool::call::{FailureKind, Operation};
use identity_pool_operator::pool::export::{Found, Owner, Pool, data};
use identity_pool_operator::pool::settings::{Desired, PoolId};
use identity_pool_operator::pool::trust::{Users, policy};
use serde_json::{Value, json};

use crate::world::{Fate, World};

const MAP: &str = "app-pool";

fn spec(spec: Value) -> IdentityPoolSpec {
    serde_json::from_value(spec).expect("a spec")
}

fn exporting() -> Value {
    json!({ "export": { "configMap": { "name": MAP } } })
}

fn exported() -> World {
    let mut world = World::new(spec(exporting()));
    world.run(Duration::from_secs(5));
    assert_eq!(world.condition("Ready"), "True/InSync");
    world
}

/// A `ConfigMap` that somebody else made.
fn foreign() -> Found {
    Found {
        uid: "x".into(),
        version: "x".into(),
        controller: Some(Owner {
            kind: "Deployment".into(),
            name: "web".into(),
            uid: "other".into(),
        }),
        data: BTreeMap::from([("theirs".into(), "1".into())]),
        ..Found::default()
    }
}

#[test]
fn every_partition_has_its_own_words_for_trust() {
    let west = "cognito-identity-us-gov.amazonaws.com";
    let east = "cognito-identity.us-gov-east-1.amazonaws.com";
    let world = "cognito-identity.amazonaws.com";
    let rows = [
        ("aws", "eu-west-1", world, world),
        (
            "aws-cn",
            "cn-north-1",
            "cognito-identity.cn-north-1.amazonaws.com.cn",
            "cognito-identity.amazonaws.com.cn",
        ),
        ("aws-us-gov", "us-gov-west-1", west, west),
        ("aws-us-gov", "us-gov-east-1", east, east),
    ];
    for (partition, region, principal, keys) in rows {
        for (users, word) in [
            (Users::Authenticated, "authenticated"),
            (Users::Unauthenticated, "unauthenticated"),
        ] {
            for (tagged, action) in [
                (false, r#""sts:AssumeRoleWithWebIdentity""#),
                (
                    true,
                    r#"["sts:AssumeRoleWithWebIdentity","sts:TagSession"]"#,
                ),
            ] {
                let id = format!("{region}:1");
                let text = format!(
                    r#"{{"Statement":[{{"Action":{action},"Condition":{{"ForAnyValue:StringLike":{{"{keys}:amr":"{word}"}},"StringEquals":{{"{keys}:aud":"{id}"}}}},"Effect":"Allow","Principal":{{"Federated":"{principal}"}}}}],"Version":"2012-10-17"}}"#
                );
                let made = policy(partition, region, &id, users, tagged);
                assert_eq!(made, Some(text), "{partition} {region}");
            }
        }
    }
    let unknown = policy("aws-iso", "us-iso-east-1", "x", Users::Authenticated, false);
    assert_eq!(unknown, None, "no policy is better than a wrong one");
}

#[test]
fn arns_are_of_the_pools_partition() {
    for (partition, region) in [
        ("aws", "eu-west-1"),
        ("aws-cn", "cn-north-1"),
        ("aws-us-gov", "us-gov-west-1"),
    ] {
        let id = PoolId::new(format!("{region}:1"));
        let pool = Pool {
            partition,
            account: "123456789012",
            region,
            id: &id,
        };
        let desired = Desired::of(&IdentityPool::new("app", IdentityPoolSpec::default()));
        let data = data(&pool, &desired);
        let arn = format!(
            "arn:{partition}:cognito-identity:{region}:123456789012:identitypool/{region}:1"
        );
        assert_eq!(data["IDENTITY_POOL_ARN"], arn);
        assert_eq!(data["AWS_REGION"], region);
    }
}

#[test]
fn applications_learn_everything_but_secrets() {
    let object = IdentityPool::new(
        "app",
        spec(json!({
            "supportedLoginProviders": { "api.twitter.com": "key;canary-of-a-secret" },
            "developerProviderName": "login.example",
            "openIdConnectProviderARNs":
                ["arn:aws-cn:iam::123456789012:oidc-provider/id.example/realm"],
            "samlProviderARNs": ["arn:aws-cn:iam::123456789012:saml-provider/corp"],
            "cognitoIdentityProviders": [
                { "name": "b", "clientId": "canary-client",
                  "providerName": "cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_B" },
                { "clientId": "other",
                  "providerName": "cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_B" },
            ],
            "roles": { "authenticated": "arn:aws-cn:iam::123456789012:role/user" },
            "principalTagAttributeMaps": [{ "provider": "b", "useDefaults": true }],
        })),
    );
    let id = PoolId::new("cn-north-1:1");
    let pool = Pool {
        partition: "aws-cn",
        account: "123456789012",
        region: "cn-north-1",
        id: &id,
    };
    let data = data(&pool, &Desired::of(&object));
    let text = json!(data).to_string();
    assert!(!text.contains("canary"), "{text}");
    let keys: Vec<&str> = data.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "AUTHENTICATED_ROLE_ARN",
            "AUTHENTICATED_TRUST_POLICY",
            "AWS_REGION",
            "IDENTITY_POOL_ARN",
            "IDENTITY_POOL_ID",
            "PROVIDER_NAMES",
            "UNAUTHENTICATED_TRUST_POLICY",
        ]
    );
    assert_eq!(
        data["PROVIDER_NAMES"],
        r#"["api.twitter.com","arn:aws-cn:iam::123456789012:saml-provider/corp","cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_B","id.example/realm","login.example"]"#
    );
    assert!(data["AUTHENTICATED_TRUST_POLICY"].contains("sts:TagSession"));
    assert!(
        !data["UNAUTHENTICATED_TRUST_POLICY"].contains("sts:TagSession"),
        "guests have no claims"
    );
}

#[test]
fn tags_that_are_turned_off_ask_for_no_permission() {
    let maps = json!([{ "identityProviderName": "graph.facebook.com" }]);
    let object = IdentityPool::new("app", spec(json!({ "principalTagAttributeMaps": maps })));
    let id = PoolId::new("eu-west-1:1");
    let pool = Pool {
        partition: "aws",
        account: "1",
        region: "eu-west-1",
        id: &id,
    };
    let data = data(&pool, &Desired::of(&object));
    assert!(!data["AUTHENTICATED_TRUST_POLICY"].contains("sts:TagSession"));
}

#[test]
fn the_id_is_there_while_a_role_is_not_accepted_yet() {
    let mut all = exporting();
    all["roles"] = json!({ "authenticated": "arn:aws:iam::123456789012:role/user" });
    let mut world = World::new(spec(all));
    let denied = Fate::Refused(FailureKind::Denied);
    world
        .fates
        .push_back((Operation::SetIdentityPoolRoles, denied));
    world.pass();
    assert_eq!(world.condition("Ready"), "False/RoleNotAccepted");
    let id = world.status().identity_pool_id.expect("an id");
    assert_eq!(world.config_maps[MAP].data["IDENTITY_POOL_ID"], id);
    // The claim, the record, the ConfigMap, then what came of the role.
    assert_eq!(world.writes, ["claim", "status", "export", "status"]);
}

#[test]
fn the_name_is_on_record_before_the_config_map_is_made() {
    let mut world = World::new(spec(exporting()));
    // One that was left, a token, the claim, the pool, the record: killed before it reads.
    world.crash_after(5, true);
    assert!(world.config_maps.is_empty());
    let managed = world.status().managed.expect("a record");
    assert_eq!(managed.config_maps, [MAP]);
    world.restart();
    world.edit(|spec| spec.export = None);
    world.run(Duration::from_secs(5));
    assert!(world.config_maps.is_empty());
    assert_eq!(world.status().managed, None);
}

#[test]
fn a_crash_at_any_step_ends_with_the_pool_exported_or_nothing_left() {
    for gives_up in [false, true] {
        for count in 1..18 {
            for executed in [true, false] {
                let mut world = World::new(spec(exporting()));
                world.crash_after(count, executed);
                world.restart();
                if gives_up {
                    world.edit(|spec| spec.export = None);
                }
                world.run(Duration::from_secs(1000));
                assert_eq!(world.condition("Ready"), "True/InSync", "step {count}");
                assert_eq!(world.owned().len(), 1);
                assert_eq!(
                    world.config_maps.contains_key(MAP),
                    !gives_up,
                    "step {count}"
                );
            }
        }
    }
}

#[test]
fn rest_writes_nothing_and_a_look_only_reads() {
    let mut world = exported();
    assert_eq!(world.writes, ["claim", "status", "export", "status"]);
    world.count_anew();
    for _ in 0..3 {
        world.ask();
        world.run(Duration::from_secs(1));
    }
    assert_eq!(world.writes, ["status"; 3], "each tells that it was heard");
    world.restart();
    world.count_anew();
    world.wait(Duration::from_secs(7200));
    world.run(Duration::from_secs(7200));
    assert!(world.writes.is_empty(), "{:?}", world.writes);
}

#[test]
fn what_others_do_to_it_is_put_right() {
    let meddle: [fn(&mut World); 5] = [
        |world| drop(world.config_maps.remove(MAP)),
        |world| {
            let map = world.config_maps.get_mut(MAP).expect("there");
            map.data.insert("IDENTITY_POOL_ID".into(), "forged".into());
            map.version = "edited".into();
        },
        |world| {
            let map = world.config_maps.get_mut(MAP).expect("there");
            map.data.insert("MORE".into(), "1".into());
            map.binary = true;
        },
        |world| world.config_maps.get_mut(MAP).expect("there").labelled = false,
        |world| {
            let map = world.config_maps.get_mut(MAP).expect("there");
            map.data.clear();
            map.immutable = true;
        },
    ];
    for (number, meddle) in meddle.into_iter().enumerate() {
        let mut world = exported();
        let before = world.config_maps[MAP].data.clone();
        meddle(&mut world);
        world.export_conflicts = 2;
        world.ask();
        world.run(Duration::from_secs(1));
        let map = &world.config_maps[MAP];
        assert_eq!(map.data, before, "{number}");
        assert!(map.labelled && !map.binary && !map.immutable, "{number}");
    }
}

#[test]
fn who_asks_for_a_look_gets_one_from_after_the_question() {
    let mut world = exported();
    world.after_the_look = Some(|world| {
        world.config_maps.remove(MAP);
        world.ask();
    });
    world.ask();
    world.wait(Duration::from_secs(1));
    world.pass();
    assert!(world.config_maps.contains_key(MAP));
}

#[test]
fn an_edit_that_comes_after_the_write_is_exported_too() {
    let mut all = exporting();
    all["roles"] = json!({ "authenticated": "arn:aws:iam::123456789012:role/first" });
    let mut world = World::new(spec(all));
    world.meanwhile = Some((Operation::SetIdentityPoolRoles, |world| {
        world.edit(|spec| {
            let roles = spec.roles.as_mut().expect("roles");
            roles.authenticated = Some("arn:aws:iam::123456789012:role/second".into());
        });
    }));
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    let role = &world.config_maps[MAP].data["AUTHENTICATED_ROLE_ARN"];
    assert!(role.ends_with("second"), "{role}");
}

#[test]
fn a_name_given_up_after_the_write_leaves_nothing_behind() {
    let mut all = exporting();
    all["roles"] = json!({ "authenticated": "arn:aws:iam::123456789012:role/user" });
    let mut world = World::new(spec(all));
    world.meanwhile = Some((Operation::SetIdentityPoolRoles, |world| {
        world.edit(|spec| spec.export = None);
    }));
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert!(world.config_maps.is_empty());
}

#[test]
fn a_pool_that_goes_after_the_write_is_not_told_of_any_more() {
    let mut world = exported();
    let first = world.status().identity_pool_id.expect("an id");
    world.wait(Duration::from_secs(3600));
    world.edit(|it| {
        let mut all = exporting();
        all["onExternalDeletion"] = json!("Recreate");
        all["roles"] = json!({ "authenticated": "arn:aws:iam::123456789012:role/user" });
        *it = spec(all);
    });
    world.meanwhile = Some((Operation::SetIdentityPoolRoles, |world| world.pools.clear()));
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    let second = world.status().identity_pool_id.expect("an id");
    assert_ne!(first, second);
    assert_eq!(world.config_maps[MAP].data["IDENTITY_POOL_ID"], second);
}

#[test]
fn what_was_refused_before_an_edit_does_not_count_after_it() {
    let mut all = exporting();
    all["roles"] = json!({ "authenticated": "arn:aws:iam::123456789012:role/user" });
    let mut world = World::new(spec(all));
    world.forbids_export = true;
    world.meanwhile = Some((Operation::SetIdentityPoolRoles, |world| {
        world.edit(|spec| spec.export = None);
    }));
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn a_config_map_of_others_is_never_touched() {
    for controller in [foreign().controller, None] {
        let mut world = World::new(spec(exporting()));
        let theirs = Found {
            controller,
            ..foreign()
        };
        world.config_maps.insert(MAP.into(), theirs.clone());
        world.run(Duration::from_secs(5));
        assert_eq!(world.condition("Stalled"), "True/ExportConflict");
        let says = world.message();
        assert!(
            says.contains(MAP) && says.contains("Delete") && says.contains("another name"),
            "{says}"
        );
        assert_eq!(world.config_maps[MAP], theirs);
        // The spec gives it up: still not ours.
        world.edit(|spec| spec.export = None);
        world.run(Duration::from_secs(5));
        assert_eq!(world.condition("Ready"), "True/InSync");
        assert_eq!(world.config_maps[MAP], theirs);
        assert_eq!(world.status().managed, None);
    }
}

#[test]
fn the_old_one_stays_until_the_new_one_is_there() {
    let mut world = exported();
    world.config_maps.insert("new".into(), foreign());
    world.edit(|spec| {
        let export = spec.export.as_mut().expect("exports");
        export.config_map.name = "new".into();
    });
    world.run(Duration::from_secs(1));
    assert_eq!(world.condition("Ready"), "False/ExportConflict");
    assert!(world.config_maps.contains_key(MAP));
    world.config_maps.remove("new");
    world.restart();
    world.run(Duration::from_secs(1));
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert!(world.config_maps.contains_key("new") && !world.config_maps.contains_key(MAP));
    let managed = world.status().managed.expect("a record");
    assert_eq!(managed.config_maps, ["new"]);
}

#[test]
fn a_prohibition_holds_up_nothing_in_aws() {
    let mut all = exporting();
    all["roles"] = json!({ "authenticated": "arn:aws:iam::123456789012:role/user" });
    let mut world = World::new(spec(all));
    world.forbids_export = true;
    world.run(Duration::from_secs(1));
    assert_eq!(world.condition("Stalled"), "True/ExportForbidden");
    assert!(world.message().contains("configmaps is forbidden"));
    let id = PoolId::new(world.status().identity_pool_id.expect("an id"));
    assert!(world.roles[&id].roles.contains_key("authenticated"));
    world.forbids_export = false;
    world.ask();
    world.run(Duration::from_secs(1));
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert!(world.config_maps.contains_key(MAP));
}

#[test]
fn suspension_leaves_it_alone() {
    let mut world = exported();
    world.edit(|spec| {
        spec.management_policy = ManagementPolicy::Suspend;
        spec.export = None;
    });
    world.run(Duration::from_secs(1));
    assert!(world.config_maps.contains_key(MAP));
    let managed = world.status().managed.expect("a record");
    assert_eq!(managed.config_maps, [MAP]);
}

#[test]
fn a_plan_writes_none_removes_none_and_forgets_none() {
    let mut world = exported();
    let before = world.config_maps.clone();
    world.edit(|spec| {
        spec.management_policy = ManagementPolicy::Plan;
        spec.allow_classic_flow = true;
        spec.export = None;
    });
    world.pass();
    assert_eq!(world.condition("Ready"), "False/Planned");
    assert_eq!(world.config_maps, before);
    world.edit(|spec| spec.allow_classic_flow = false);
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(world.config_maps, before);
    world.edit(|spec| spec.management_policy = ManagementPolicy::Manage);
    world.pass();
    assert!(world.config_maps.is_empty());
}

#[test]
fn a_plan_neither_makes_one_nor_says_that_it_did() {
    let mut world = World::new(IdentityPoolSpec::default());
    world.pass();
    world.edit(|it| {
        *it = spec(exporting());
        it.management_policy = ManagementPolicy::Plan;
    });
    world.pass();
    assert!(world.config_maps.is_empty());
    assert_eq!(world.status().managed, None);
    world.edit(|spec| spec.management_policy = ManagementPolicy::Manage);
    world.pass();
    assert!(world.config_maps.contains_key(MAP));
}

#[test]
fn a_pool_is_not_told_of_before_it_is_taken_over() {
    let mut world = World::new(spec(exporting()));
    world.allows_adoption = true;
    let id = world.seed(&[]);
    let adopt = |overwrite| Adopt {
        identity_pool_id: Some(id.to_string()),
        overwrite: Some(overwrite),
        ..Adopt::default()
    };
    world.object().spec.adopt = Some(adopt(false));
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/AdoptionPending");
    assert!(world.config_maps.is_empty());
    assert_eq!(world.status().managed, None);
    world.edit(|spec| spec.adopt = Some(adopt(true)));
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(world.config_maps[MAP].data["IDENTITY_POOL_ID"], id.as_str());
}

#[test]
fn a_pool_made_anew_is_told_by_its_new_id() {
    let mut world = exported();
    let first = world.status().identity_pool_id.expect("an id");
    world.wait(Duration::from_secs(3600));
    world.pools.clear();
    world.edit(|spec| {
        spec.on_external_deletion = identity_pool_operator::api::OnExternalDeletion::Recreate;
    });
    world.run(Duration::from_secs(1000));
    assert_eq!(world.condition("Ready"), "True/InSync");
    let second = world.status().identity_pool_id.expect("an id");
    assert_ne!(first, second);
    assert_eq!(world.config_maps[MAP].data["IDENTITY_POOL_ID"], second);
}
