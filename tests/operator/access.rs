//! Roles, role mappings and principal tags on the wire.

use std::time::Duration;

use harness::cognito::{Fault, FaultKind};
use identity_pool_operator::api::IdentityPoolSpec;
use serde_json::{Value, json};

use crate::rig::{Rig, message, pool_id};

const SET: &str = "SetIdentityPoolRoles";
const GET: &str = "GetIdentityPoolRoles";
const SET_TAGS: &str = "SetPrincipalTagAttributeMap";
const GET_TAGS: &str = "GetPrincipalTagAttributeMap";
const USER: &str = "arn:aws:iam::123456789012:role/user";
const GUEST: &str = "arn:aws:iam::123456789012:role/guest";
const STAFF: &str = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Staff";

fn spec(spec: Value) -> IdentityPoolSpec {
    serde_json::from_value(spec).expect("a spec")
}

/// One manifest with everything that is about access.
fn everything() -> Value {
    json!({
        "allowUnauthenticatedIdentities": true,
        "supportedLoginProviders": { "graph.facebook.com": "1" },
        "cognitoIdentityProviders": [{ "name": "staff", "providerName": STAFF, "clientId": "abc" }],
        "roles": { "authenticated": USER, "unauthenticated": GUEST },
        "roleMappings": [
            { "identityProvider": "graph.facebook.com", "type": "Token", "ambiguousRoleResolution": "Deny" },
            { "provider": "staff", "type": "Rules", "ambiguousRoleResolution": "AuthenticatedRole", "rules": [
                { "claim": "custom:team", "matchType": "StartsWith", "value": "ops", "roleARN": USER },
                { "claim": "email", "matchType": "NotEqual", "value": "x@example.com", "roleARN": GUEST },
            ] },
        ],
        "principalTagAttributeMaps": [
            { "provider": "staff", "principalTags": { "team": "custom:team" } },
        ],
    })
}

/// What AWS has when it equals [`everything`].
fn everything_in_aws() -> Value {
    json!({
        "Roles": { "authenticated": USER, "unauthenticated": GUEST },
        "RoleMappings": {
            "graph.facebook.com": { "Type": "Token", "AmbiguousRoleResolution": "Deny" },
            format!("{STAFF}:abc"): {
                "Type": "Rules",
                "AmbiguousRoleResolution": "AuthenticatedRole",
                "RulesConfiguration": { "Rules": [
                    { "Claim": "custom:team", "MatchType": "StartsWith", "Value": "ops", "RoleARN": USER },
                    { "Claim": "email", "MatchType": "NotEqual", "Value": "x@example.com", "RoleARN": GUEST },
                ] },
            },
        },
    })
}

#[tokio::test]
async fn one_manifest_holds_all_of_it_and_costs_few_calls() {
    let rig = Rig::new("access").await;
    let operator = rig.operator().await;
    operator.listed().await;
    rig.create("app", spec(everything())).await;
    let id = pool_id(&rig.until_ready("app").await);
    assert_eq!(rig.fake.roles(&id), Some(everything_in_aws()));
    let tags = rig.fake.principal_tags(&id, STAFF).expect("a map");
    assert_eq!(tags["PrincipalTags"], json!({ "team": "custom:team" }));
    let counts = [
        "CreateIdentityPool",
        SET,
        GET,
        SET_TAGS,
        GET_TAGS,
        "DescribeIdentityPool",
    ]
    .map(|operation| rig.fake.count(operation));
    assert_eq!(counts, [1, 1, 1, 1, 1, 0]);
    rig.fake.assert_sound();
}

#[tokio::test]
async fn each_part_is_set_changed_and_removed_and_no_other_moves() {
    let rig = Rig::new("parts").await;
    let _operator = rig.operator().await;
    rig.create("app", spec(everything())).await;
    let id = pool_id(&rig.until_ready("app").await);
    let all = everything();
    let changes = [
        ("roles", json!({ "authenticated": GUEST })),
        ("roleMappings", json!([all["roleMappings"][1]])),
        (
            "principalTagAttributeMaps",
            json!([{ "provider": "staff", "principalTags": { "other": "sub" } }]),
        ),
    ];
    for (field, changed) in changes {
        let roles = |value: &Value| match (field, value) {
            ("roles", Value::Null) => json!({}),
            ("roles", value) => value.clone(),
            _ => everything_in_aws()["Roles"].clone(),
        };
        let mappings = |value: &Value| {
            let mut mappings = everything_in_aws()["RoleMappings"].clone();
            if field == "roleMappings" {
                match value.as_array().map_or(0, Vec::len) {
                    0 => mappings = json!({}),
                    1 => drop(
                        mappings
                            .as_object_mut()
                            .map(|all| all.remove("graph.facebook.com")),
                    ),
                    _ => {}
                }
            }
            mappings
        };
        let tags = |value: &Value| match (field, value) {
            ("principalTagAttributeMaps", Value::Null) => json!({}),
            ("principalTagAttributeMaps", maps) => maps[0]["principalTags"].clone(),
            _ => json!({ "team": "custom:team" }),
        };
        for value in [changed, Value::Null, all[field].clone()] {
            rig.set("app", field, &value).await;
            rig.until_ready("app").await;
            let wanted = json!({ "Roles": roles(&value), "RoleMappings": mappings(&value) });
            assert_eq!(rig.fake.roles(&id), Some(wanted), "{field} = {value}");
            let found = rig.fake.principal_tags(&id, STAFF).expect("a map");
            assert_eq!(found["PrincipalTags"], tags(&value), "{field} = {value}");
            assert_eq!(found["UseDefaults"], json!(tags(&value) == json!({})));
        }
    }
    rig.fake.assert_sound();
}

#[tokio::test]
async fn a_client_may_be_exchanged_under_its_mapping() {
    let rig = Rig::new("exchange").await;
    let _operator = rig.operator().await;
    rig.create("app", spec(everything())).await;
    let id = pool_id(&rig.until_ready("app").await);
    let other = json!([{ "name": "staff", "providerName": STAFF, "clientId": "def" }]);
    rig.set("app", "cognitoIdentityProviders", &other).await;
    rig.until_ready("app").await;
    let roles = rig.fake.roles(&id).expect("roles");
    let mappings = roles["RoleMappings"].as_object().expect("a map");
    assert!(
        mappings.contains_key(&format!("{STAFF}:def")),
        "{mappings:?}"
    );
    assert_eq!(mappings.len(), 2);
    rig.fake.assert_sound();
}

#[tokio::test]
async fn a_role_that_cannot_be_passed_yet_holds_up_nothing_but_itself() {
    let rig = Rig::new("forbidden").await;
    rig.fake.configure(|settings| {
        settings.forbidden_roles.insert(USER.to_owned());
    });
    let _operator = rig.operator().await;
    rig.create("app", spec(json!({ "roles": { "authenticated": USER } })))
        .await;
    let object = rig
        .until_condition("app", "Reconciling", "True/RoleNotAccepted")
        .await;
    let said = message(&object, "Reconciling");
    for part in [SET, USER, "NotAuthorizedException"] {
        assert!(said.contains(part), "{part} not in {said}");
    }
    let id = pool_id(&object);
    rig.fake
        .configure(|settings| settings.forbidden_roles.clear());
    rig.until_ready("app").await;
    let roles = rig.fake.roles(&id).expect("roles");
    assert_eq!(roles["Roles"], json!({ "authenticated": USER }));
}

#[tokio::test]
async fn a_role_that_aws_accepts_and_drops_is_noticed() {
    let rig = Rig::new("dropped").await;
    rig.fake.configure(|settings| {
        settings.dropped_roles.insert(GUEST.to_owned());
    });
    let _operator = rig.operator().await;
    rig.create("app", spec(everything())).await;
    // A read may be late: a person is asked half a minute later.
    let object = rig
        .until_condition("app", "Reconciling", "True/ChangeNotYetVisible")
        .await;
    let said = message(&object, "Reconciling");
    assert!(said.contains("roles.unauthenticated"), "{said}");
    assert_eq!(rig.fake.count(SET), 1, "it is not repeated");
}

#[tokio::test]
async fn roles_clicked_in_the_console_are_put_right() {
    let rig = Rig::new("clicked").await;
    let operator = rig.operator().await;
    rig.create("app", spec(everything())).await;
    let id = pool_id(&rig.until_ready("app").await);
    let clicked = [("authenticated".to_owned(), json!(GUEST))];
    rig.fake
        .tamper_roles(&id, clicked.into_iter().collect(), serde_json::Map::new());
    rig.ask("app").await;
    let mended = async {
        while rig.fake.roles(&id) != Some(everything_in_aws()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let mended = tokio::time::timeout(Duration::from_secs(30), mended).await;
    assert!(mended.is_ok(), "{:#?}", rig.fake.roles(&id));
    rig.look("app").await;
    assert_eq!(rig.fake.count(SET), 2, "one call puts all of it right");
    for (field, times) in [
        ("roles.authenticated", 1),
        ("roles.unauthenticated", 1),
        ("roleMappings", 2),
    ] {
        let line = format!("drift_corrected_total{{field=\"{field}\"}} {times}");
        // A pass is counted at its end, a moment after its status.
        let counted = async {
            while !operator.page().contains(&line) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let counted = tokio::time::timeout(Duration::from_secs(30), counted).await;
        assert!(counted.is_ok(), "{line} not in {}", operator.page());
    }
}

#[tokio::test]
async fn a_pool_of_somebody_else_gets_no_roles() {
    let rig = Rig::new("foreign").await;
    let _operator = rig.operator().await;
    rig.create("victim", IdentityPoolSpec::default()).await;
    let victim = pool_id(&rig.until_ready("victim").await);
    rig.create("thief", spec(json!({ "roles": { "authenticated": USER } })))
        .await;
    let own = pool_id(&rig.until_ready("thief").await);
    rig.patch_status("thief", json!({ "identityPoolId": victim }))
        .await;
    rig.patch(
        "thief",
        json!({ "spec": { "roles": { "authenticated": GUEST } } }),
    )
    .await;
    let healed = rig.until_ready("thief").await;
    assert_eq!(pool_id(&healed), own);
    let untouched = rig.fake.roles(&victim).expect("there");
    assert_eq!(untouched["Roles"], json!({}));
    rig.fake.assert_sound();
}

/// A creation in which each call about access fails once.
async fn with_fault(kind: FaultKind) {
    let rig = Rig::new("faults").await;
    for operation in [SET, GET, SET_TAGS, GET_TAGS] {
        rig.fake.inject(Fault::on(operation, kind.clone()));
    }
    let _operator = rig.operator().await;
    rig.create("app", spec(everything())).await;
    let id = pool_id(&rig.until_ready("app").await);
    assert_eq!(rig.fake.roles(&id), Some(everything_in_aws()), "{kind:?}");
    assert_eq!(rig.fake.pools().len(), 1, "{kind:?}");
    rig.fake.assert_sound();
}

#[tokio::test]
async fn faults_while_roles_are_set_end_with_the_roles_set() {
    // Side by side: each waits out a pause after every fault.
    tokio::join!(
        with_fault(FaultKind::LoseReplyBeforeStatus),
        with_fault(FaultKind::CutBody),
        with_fault(FaultKind::Throttle),
        with_fault(FaultKind::ErrorAfter {
            status: 500,
            code: "InternalErrorException".into()
        }),
        with_fault(FaultKind::ErrorBefore {
            status: 400,
            code: "ConcurrentModificationException".into()
        }),
    );
}
