//! The exported `ConfigMap` on a real apiserver: its owner, its rivals, and what it costs.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::cognito::{Fault, FaultKind};
use identity_pool_operator::api::IdentityPoolSpec;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::permissions::{documented_rules, grant, until_allowed};
use crate::rig::{ACCOUNT, REGION, Rig, Setup, message, pool_id};

const USER: &str = "arn:aws:iam::123456789012:role/user";
const MAP: &str = "app-pool";

fn spec(spec: Value) -> IdentityPoolSpec {
    serde_json::from_value(spec).expect("a spec")
}

fn exporting() -> IdentityPoolSpec {
    spec(json!({ "export": { "configMap": { "name": MAP } } }))
}

fn maps(rig: &Rig) -> Api<ConfigMap> {
    Api::namespaced(rig.client.clone(), &rig.namespace)
}

async fn map(rig: &Rig, name: &str) -> ConfigMap {
    maps(rig).get(name).await.expect("the ConfigMap is there")
}

/// Waits until the `ConfigMap` is as a test wants it.
async fn until_map(rig: &Rig, what: &str, is_so: impl Fn(Option<&ConfigMap>) -> bool) {
    let so = async {
        while !is_so(maps(rig).get_opt(MAP).await.expect("an answer").as_ref()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let so = tokio::time::timeout(Duration::from_secs(30), so).await;
    assert!(so.is_ok(), "waited in vain for: {what}");
}

/// What a `ConfigMap` of a pool without roles and providers says.
fn plain(id: &str) -> BTreeMap<String, String> {
    let trust = |users: &str| {
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Federated": "cognito-identity.amazonaws.com" },
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": { "cognito-identity.amazonaws.com:aud": id },
                    "ForAnyValue:StringLike": { "cognito-identity.amazonaws.com:amr": users },
                },
            }],
        })
        .to_string()
    };
    let arn = format!("arn:aws:cognito-identity:{REGION}:{ACCOUNT}:identitypool/{id}");
    [
        ("IDENTITY_POOL_ID", id.to_owned()),
        ("IDENTITY_POOL_ARN", arn),
        ("AWS_REGION", REGION.to_owned()),
        ("PROVIDER_NAMES", "[]".to_owned()),
        ("AUTHENTICATED_TRUST_POLICY", trust("authenticated")),
        ("UNAUTHENTICATED_TRUST_POLICY", trust("unauthenticated")),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

#[tokio::test]
async fn applications_get_it_before_the_roles_are_accepted_and_without_secrets() {
    let rig = Rig::new("export").await;
    rig.fake.configure(|settings| {
        settings.forbidden_roles.insert(USER.to_owned());
    });
    let _operator = rig.operator().await;
    let everything = json!({
        "export": { "configMap": { "name": MAP } },
        "roles": { "authenticated": USER },
        "supportedLoginProviders": { "api.twitter.com": "key;canary-of-a-secret" },
        "principalTagAttributeMaps":
            [{ "identityProviderName": "api.twitter.com", "principalTags": { "a": "sub" } }],
    });
    let object = rig.create("app", spec(everything)).await;
    let waiting = rig
        .until_condition("app", "Reconciling", "True/RoleNotAccepted")
        .await;
    let map = map(&rig, MAP).await;
    let data = map.data.clone().expect("content");
    assert_eq!(data["IDENTITY_POOL_ID"], pool_id(&waiting));
    assert_eq!(data["AUTHENTICATED_ROLE_ARN"], USER);
    assert_eq!(data["PROVIDER_NAMES"], r#"["api.twitter.com"]"#);
    let trust: Value = serde_json::from_str(&data["AUTHENTICATED_TRUST_POLICY"]).expect("JSON");
    assert_eq!(
        trust["Statement"][0]["Action"],
        json!(["sts:AssumeRoleWithWebIdentity", "sts:TagSession"])
    );
    let text = serde_json::to_string(&map).expect("JSON");
    assert!(!text.contains("canary"), "{text}");
    // Whom it belongs to: the garbage collector removes it with the object.
    let owner = &map.owner_references()[0];
    assert_eq!(Some(&owner.uid), object.metadata.uid.as_ref());
    assert_eq!(owner.controller, Some(true));
    let keeper = map.labels().get("app.kubernetes.io/managed-by");
    assert_eq!(keeper.map(String::as_str), Some("identity-pool-operator"));
    // Nothing more is written once the role is there.
    rig.fake
        .configure(|settings| settings.forbidden_roles.clear());
    rig.until_ready("app").await;
    let after = maps(&rig).get(MAP).await.expect("there");
    assert_eq!(
        after.metadata.resource_version,
        map.metadata.resource_version
    );
}

#[tokio::test]
async fn it_says_all_of_a_plain_pool_and_is_written_once() {
    let rig = Rig::new("plain").await;
    let operator = rig.operator().await;
    rig.create("app", exporting()).await;
    let id = pool_id(&rig.until_ready("app").await);
    let first = map(&rig, MAP).await;
    assert_eq!(first.data, Some(plain(&id)));
    for _ in 0..3 {
        rig.look("app").await;
    }
    assert!(
        operator
            .page()
            .contains("apiserver_writes_total{write=\"export\"} 1"),
        "{}",
        operator.page()
    );
    operator.stop().await;
    let operator = rig.operator().await;
    rig.look("app").await;
    assert!(
        !operator.page().contains("write=\"export\""),
        "{}",
        operator.page()
    );
    let last = map(&rig, MAP).await;
    assert_eq!(
        last.metadata.resource_version,
        first.metadata.resource_version
    );
}

#[tokio::test]
async fn one_that_others_removed_comes_back_after_a_restart_at_the_price_of_one_look() {
    let rig = Rig::new("restart").await;
    let operator = rig.operator().await;
    rig.create("app", exporting()).await;
    let before = rig.until_ready("app").await;
    let first = map(&rig, MAP).await;
    operator.stop().await;
    rig.fake.reset_journal();
    let operator = rig.operator().await;
    maps(&rig)
        .delete(MAP, &DeleteParams::default())
        .await
        .expect("deleted");
    until_map(&rig, "it is made anew", |map| map.is_some()).await;
    operator.stop().await;
    let again = map(&rig, MAP).await;
    assert_ne!(again.uid(), first.uid());
    let looks = rig.fake.count("DescribeIdentityPool");
    assert_eq!(looks, 1, "the deletion is what was looked at");
    let after = rig.pools.get("app").await.expect("there");
    assert_eq!(after.resource_version(), before.resource_version());
}

#[tokio::test]
async fn a_config_map_of_others_is_named_and_not_touched() {
    let rig = Rig::new("rival").await;
    let mut theirs = ConfigMap::default();
    theirs.metadata.name = Some(MAP.to_owned());
    // Not even a label of ours makes it ours.
    theirs.metadata.labels = Some(
        [(
            "app.kubernetes.io/managed-by".to_owned(),
            "identity-pool-operator".to_owned(),
        )]
        .into(),
    );
    theirs.data = Some([("key".to_owned(), "value".to_owned())].into());
    let theirs = maps(&rig)
        .create(&PostParams::default(), &theirs)
        .await
        .expect("made");
    let _operator = rig.operator().await;
    rig.create("app", exporting()).await;
    let object = rig
        .until_condition("app", "Stalled", "True/ExportConflict")
        .await;
    let said = message(&object, "Stalled");
    for part in [MAP, "Delete that ConfigMap", "another name"] {
        assert!(said.contains(part), "{part} not in {said}");
    }
    assert!(
        rig.fake.pool(&pool_id(&object)).is_some(),
        "the pool is there"
    );
    rig.look("app").await;
    let untouched = map(&rig, MAP).await;
    assert_eq!(untouched.resource_version(), theirs.resource_version());
    // The second way out: another name. Theirs stays.
    rig.patch(
        "app",
        json!({ "spec": { "export": { "configMap": { "name": "free" } } } }),
    )
    .await;
    let id = pool_id(&rig.until_ready("app").await);
    assert_eq!(map(&rig, "free").await.data, Some(plain(&id)));
    let untouched = map(&rig, MAP).await;
    assert_eq!(untouched.resource_version(), theirs.resource_version());
}

#[tokio::test]
async fn one_object_does_not_take_the_config_map_of_another() {
    let rig = Rig::new("siblings").await;
    let _operator = rig.operator().await;
    rig.create("first", exporting()).await;
    let id = pool_id(&rig.until_ready("first").await);
    rig.create("second", exporting()).await;
    let object = rig
        .until_condition("second", "Stalled", "True/ExportConflict")
        .await;
    let said = message(&object, "Stalled");
    assert!(said.contains("IdentityPool first"), "{said}");
    rig.delete("second").await;
    rig.until_gone("second").await;
    assert_eq!(map(&rig, MAP).await.data, Some(plain(&id)));
}

#[tokio::test]
async fn what_the_spec_gives_up_is_removed_also_after_a_restart() {
    let rig = Rig::new("rename").await;
    let operator = rig.operator().await;
    rig.create("app", exporting()).await;
    rig.until_ready("app").await;
    rig.patch(
        "app",
        json!({ "spec": { "export": { "configMap": { "name": "new" } } } }),
    )
    .await;
    let id = pool_id(&rig.until_ready("app").await);
    assert_eq!(map(&rig, "new").await.data, Some(plain(&id)));
    assert!(maps(&rig).get_opt(MAP).await.expect("an answer").is_none());
    operator.stop().await;
    rig.patch("app", json!({ "spec": { "export": null } }))
        .await;
    let _operator = rig.operator().await;
    let object = rig.until_ready("app").await;
    assert!(
        maps(&rig)
            .get_opt("new")
            .await
            .expect("an answer")
            .is_none()
    );
    let status = object.status.expect("a status");
    assert_eq!(status.managed, None, "nothing is left to be removed");
}

#[tokio::test]
async fn what_others_do_to_it_is_put_right_without_being_asked() {
    let rig = Rig::new("edited").await;
    let operator = rig.operator().await;
    rig.create("app", exporting()).await;
    let id = pool_id(&rig.until_ready("app").await);
    let right = |map: Option<&ConfigMap>| {
        map.is_some_and(|map| {
            let label = map.labels().get("app.kubernetes.io/managed-by");
            label.is_some() && map.data == Some(plain(&id)) && map.immutable != Some(true)
        })
    };
    let edits = [
        json!({ "data": { "IDENTITY_POOL_ID": "forged", "MORE": "1" } }),
        json!({ "metadata": { "labels": null } }),
        json!({ "data": null, "immutable": true }),
    ];
    for edit in edits {
        let patch = Patch::Merge(edit.clone());
        maps(&rig)
            .patch(MAP, &PatchParams::default(), &patch)
            .await
            .expect("edited");
        until_map(&rig, &edit.to_string(), right).await;
    }
    maps(&rig)
        .delete(MAP, &DeleteParams::default())
        .await
        .expect("deleted");
    until_map(&rig, "it is made anew", right).await;
    operator.stop().await;
    assert_eq!(rig.fake.count("CreateIdentityPool"), 1);
    rig.fake.assert_sound();
}

#[tokio::test]
async fn a_kill_between_pool_and_config_map_loses_neither() {
    let rig = Rig::new("killed").await;
    rig.fake.configure(|settings| {
        settings.latency = Duration::from_millis(4);
        settings.signature_window = Duration::from_secs(2);
    });
    let hasty = || Setup {
        settle_window: Duration::from_secs(3),
        ..Setup::default()
    };
    for step in 0..20_u64 {
        let export = json!({ "configMap": { "name": format!("map-{step}") } });
        let operator = rig.operator_with(hasty()).await;
        operator.listed().await;
        rig.create(&format!("app-{step}"), spec(json!({ "export": export })))
            .await;
        tokio::time::sleep(Duration::from_millis(step * 2)).await;
        operator.kill();
    }
    let _operator = rig.operator_with(hasty()).await;
    for step in 0..20 {
        let object = rig.until_ready(&format!("app-{step}")).await;
        let id = pool_id(&object);
        assert_eq!(rig.pools_owned_by(&object), [pool_id(&object)]);
        let data = map(&rig, &format!("map-{step}")).await.data;
        assert_eq!(data, Some(plain(&id)));
    }
    rig.fake.assert_sound();
}

#[tokio::test]
async fn a_pool_that_fails_later_is_exported_still() {
    let rig = Rig::new("later").await;
    let refused = FaultKind::ErrorBefore {
        status: 400,
        code: "InvalidParameterException".into(),
    };
    rig.fake
        .inject(Fault::on("SetIdentityPoolRoles", refused).always());
    let _operator = rig.operator().await;
    let mut wanted = exporting();
    wanted.roles = spec(json!({ "roles": { "authenticated": USER } })).roles;
    rig.create("app", wanted).await;
    let object = rig
        .until_condition("app", "Stalled", "True/InvalidRequest")
        .await;
    let data = map(&rig, MAP).await.data.expect("content");
    assert_eq!(data["IDENTITY_POOL_ID"], pool_id(&object));
}

#[tokio::test]
async fn the_documented_permissions_suffice_and_without_that_for_config_maps_the_object_says_so() {
    let rig = Rig::new("permitted").await;
    let user = format!("operator-of-{}", rig.namespace);
    let always = documented_rules("identity-pool-operator");
    grant(&rig, &user, "operator", always).await;
    until_allowed::<identity_pool_operator::api::IdentityPool>(&rig, &user).await;
    let operator = rig.operator_as(&user).await;
    operator.listed().await;
    let mut wanted = exporting();
    wanted.roles = spec(json!({ "roles": { "authenticated": USER } })).roles;
    rig.create("app", wanted).await;
    let object = rig
        .until_condition("app", "Stalled", "True/ExportForbidden")
        .await;
    let said = message(&object, "Stalled");
    for part in [
        MAP,
        "cannot get resource \"configmaps\"",
        "Give the operator",
    ] {
        assert!(said.contains(part), "{part} not in {said}");
    }
    let id = pool_id(&object);
    let roles = rig.fake.roles(&id).expect("roles");
    assert_eq!(
        roles["Roles"],
        json!({ "authenticated": USER }),
        "AWS comes first"
    );
    let export = documented_rules("identity-pool-operator-exports");
    grant(&rig, &user, "export", export).await;
    until_allowed::<ConfigMap>(&rig, &user).await;
    rig.ask("app").await;
    rig.until_ready("app").await;
    assert_eq!(
        map(&rig, MAP).await.data.expect("content")["IDENTITY_POOL_ID"],
        id
    );
    let edit = Patch::Merge(json!({ "data": { "IDENTITY_POOL_ID": "forged" } }));
    maps(&rig)
        .patch(MAP, &PatchParams::default(), &edit)
        .await
        .expect("edited");
    rig.look("app").await;
    assert_eq!(
        map(&rig, MAP).await.data.expect("content")["IDENTITY_POOL_ID"],
        id
    );
    rig.patch("app", json!({ "spec": { "export": null } }))
        .await;
    rig.until_ready("app").await;
    assert!(maps(&rig).get_opt(MAP).await.expect("an answer").is_none());
}
