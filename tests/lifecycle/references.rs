//! Values that come from other objects: the pool is made without those that are missing,
//! waits for them, and follows them.

use std::collections::BTreeSet;
use std::time::Duration;

use identity_pool_operator::api::condition::STALLED;
use identity_pool_operator::api::names::{OWNER_TAG, SOURCE_TAG};
use identity_pool_operator::api::{DriftPolicy, IdentityPoolSpec, ManagementPolicy, violations};
use identity_pool_operator::pool::call::{FailureKind, Operation};
use identity_pool_operator::pool::resolve::sources;
use identity_pool_operator::pool::settings::AppId;
use identity_pool_operator::pool::sources::{Absence, Source, Target, Text};
use serde_json::{Value, json};

use crate::world::{Fate, World};

const ROLE: &str = "arn:aws:iam::123456789012:role/shop-user";
const STAFF: &str = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Staff";
const CANARY: &str = "canaryKey;canarySecret";

fn spec(value: Value) -> IdentityPoolSpec {
    serde_json::from_value(value).expect("a spec")
}

fn target(api_version: &str, kind: &str, name: &str) -> Target {
    Target {
        api_version: api_version.into(),
        kind: kind.into(),
        name: name.into(),
    }
}

fn config_map(key: &str) -> Source {
    Source::ConfigMap(target("v1", "ConfigMap", "ids"), key.into())
}

fn secret() -> Source {
    Source::Secret(target("v1", "Secret", "twitter"), "keys".into())
}

fn role() -> Source {
    let target = target("iam.services.k8s.aws/v1alpha1", "Role", "shop-user");
    Source::Field(target, "status.ackResourceMetadata.arn".into())
}

fn role_from() -> Value {
    json!({ "objectRef": {
        "apiVersion": "iam.services.k8s.aws/v1alpha1",
        "kind": "Role",
        "name": "shop-user",
        "fieldPath": "status.ackResourceMetadata.arn",
    } })
}

fn key(key: &str) -> Value {
    json!({ "configMapKeyRef": { "name": "ids", "key": key } })
}

impl World {
    /// Somebody writes a value that is referred to.
    fn write(&mut self, source: Source, value: &str) {
        self.elsewhere.insert(source, Ok(Text::plain(value)));
        self.memory.news += 1;
    }

    fn write_secret(&mut self, value: &str, version: &str) {
        let text = Text::secret(value, version);
        self.elsewhere.insert(secret(), Ok(text));
        self.memory.news += 1;
    }
}

#[test]
fn the_pool_comes_before_the_role_that_names_it() {
    let mut world = World::new(spec(
        json!({ "roles": { "authenticatedFrom": role_from() } }),
    ));
    world.pass();
    assert_eq!(world.condition("Ready"), "False/WaitingForReferences");
    assert_eq!(world.condition("Reconciling"), "True/WaitingForReferences");
    assert_eq!(world.condition(STALLED), "False/WaitingForReferences");
    let message = world.message();
    for part in [
        "spec.roles.authenticatedFrom",
        "status.ackResourceMetadata.arn",
        "Role shop-user (iam.services.k8s.aws/v1alpha1)",
        "there is no such object",
    ] {
        assert!(message.contains(part), "{part} not in {message}");
    }
    let id = world.status().identity_pool_id.expect("the id is there");
    assert_eq!(world.calls, [Operation::CreateIdentityPool]);
    assert_eq!(world.writes, ["claim", "status"], "no more than any other");

    world.count_anew();
    world.elsewhere.insert(role(), Err(Absence::NoValue));
    world.run(Duration::from_secs(3600));
    assert!(world.calls.is_empty(), "waiting asks AWS for nothing");
    assert_eq!(world.writes, ["status"], "it says what is missing now");
    assert!(world.message().contains("the object has nothing there yet"));

    world.write(role(), ROLE);
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    let roles = world.roles.values().next().expect("roles").roles.clone();
    assert_eq!(roles.get("authenticated").map(String::as_str), Some(ROLE));
    assert_eq!(world.owned().len(), 1);
    assert_eq!(world.status().identity_pool_id, Some(id));
}

#[test]
fn a_pool_is_made_from_all_that_is_known() {
    let mut world = World::new(spec(json!({
        "cognitoIdentityProviders": [
            { "providerName": STAFF, "clientIdFrom": key("client") },
            { "name": "staff", "providerName": STAFF, "clientIdFrom": key("missing") },
        ],
        "roleMappings": [{ "provider": "staff", "type": "Token", "ambiguousRoleResolution": "Deny" }],
        "identityPoolTags": { "team": "shop" },
    })));
    world.write(config_map("client"), "abc");
    world.pass();
    assert_eq!(world.condition("Ready"), "False/WaitingForReferences");
    let pool = world.pools.values().next().expect("a pool");
    let clients = &pool.settings.cognito_identity_providers;
    assert_eq!(clients.len(), 1, "the entry that is whole");
    let managed = world.status().managed.expect("on record");
    assert_eq!(managed.tag_keys, ["team"], "so that it can be removed");
    world.write(config_map("missing"), "def");
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    let mappings = &world.roles.values().next().expect("roles").mappings;
    assert!(
        mappings.contains_key(&format!("{STAFF}:def")),
        "{mappings:?}"
    );
}

#[test]
fn a_pool_that_is_there_is_not_stripped_of_what_is_missing() {
    let clients = json!([{ "providerName": STAFF, "clientIdFrom": key("client") }]);
    let mut world = World::new(spec(json!({ "cognitoIdentityProviders": clients })));
    world.write(config_map("client"), "abc");
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    let before = world.pools.clone();
    world.count_anew();
    world.elsewhere.clear();
    world.memory.news += 1;
    world.edit(|spec| spec.allow_classic_flow = true);
    world.run(Duration::from_secs(3600));
    assert_eq!(world.condition("Ready"), "False/WaitingForReferences");
    assert!(world.calls.is_empty(), "{:?}", world.calls);
    assert_eq!(world.pools, before);
    assert!(
        world
            .message()
            .contains("The pool stays as it is until then")
    );
}

const LOOK_THEN_UPDATE: [Operation; 2] = [
    Operation::DescribeIdentityPool,
    Operation::UpdateIdentityPool,
];

/// A pool whose client id comes from elsewhere.
fn with_client() -> World {
    let clients = json!([{ "providerName": STAFF, "clientIdFrom": key("client") }]);
    let mut world = World::new(spec(json!({ "cognitoIdentityProviders": clients })));
    world.write(config_map("client"), "abc");
    world.pass();
    world.count_anew();
    world
}

#[test]
fn a_change_elsewhere_costs_one_update_and_no_other_call() {
    let mut world = with_client();
    for client in ["def", "ghi"] {
        world.write(config_map("client"), client);
        world.pass();
        assert_eq!(world.calls, [Operation::UpdateIdentityPool], "{client}");
        world.count_anew();
    }
    // The object was written, but not the value.
    world.memory.news += 1;
    world.pass();
    assert!(world.calls.is_empty(), "{:?}", world.calls);
    assert!(world.writes.is_empty(), "{:?}", world.writes);
}

/// What is kept apart from the pool is known as well as the pool is.
#[test]
fn roles_and_principal_tags_that_do_not_change_are_not_read_for_it() {
    let mut world = World::new(spec(json!({
        "cognitoIdentityProviders": [
            { "name": "staff", "providerName": STAFF, "clientIdFrom": key("client") },
        ],
        "roles": { "authenticated": ROLE },
        "principalTagAttributeMaps": [{ "provider": "staff", "principalTags": { "user": "sub" } }],
    })));
    world.write(config_map("client"), "abc");
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    for client in ["def", "ghi"] {
        world.count_anew();
        world.write(config_map("client"), client);
        world.pass();
        assert_eq!(world.calls, [Operation::UpdateIdentityPool], "{client}");
        world.wait(Duration::from_secs(6));
    }
    // What was seen is as old as its oldest part.
    world.wait(Duration::from_secs(9));
    world.count_anew();
    world.write(config_map("client"), "jkl");
    world.pass();
    let all = [
        Operation::DescribeIdentityPool,
        Operation::GetIdentityPoolRoles,
        Operation::GetPrincipalTagAttributeMap,
        Operation::UpdateIdentityPool,
    ];
    assert_eq!(world.calls, all);
}

/// A role is set and read back, since AWS drops some without a word.
#[test]
fn another_role_from_elsewhere_costs_what_a_first_one_does() {
    let mut world = World::new(spec(
        json!({ "roles": { "authenticatedFrom": role_from() } }),
    ));
    world.write(role(), ROLE);
    world.pass();
    world.count_anew();
    world.write(role(), "arn:aws:iam::123456789012:role/other");
    world.pass();
    let set_and_read_back = [
        Operation::SetIdentityPoolRoles,
        Operation::GetIdentityPoolRoles,
    ];
    assert_eq!(world.calls, set_and_read_back);
}

/// No write rests on a look that is old, nor on one that somebody has a reason to doubt.
#[test]
fn an_update_for_a_change_elsewhere_rests_on_a_look_of_now() {
    let doubts: [fn(&mut World); 7] = [
        |world| world.wait(Duration::from_secs(21)),
        World::ask,
        |world| world.edit(|spec| spec.allow_classic_flow = true),
        |world| world.missing = true,
        |world| world.object().metadata.finalizers = None,
        World::restart,
        |world| {
            // An update of which nothing was heard.
            let lost = (Operation::UpdateIdentityPool, Fate::Lost);
            world.fates.push_back(lost);
            world.write(config_map("client"), "lost");
            world.pass();
            world.wait(Duration::from_secs(2));
            world.count_anew();
        },
    ];
    for (number, doubt) in doubts.into_iter().enumerate() {
        let mut world = with_client();
        doubt(&mut world);
        world.write(config_map("client"), "def");
        world.run(Duration::from_secs(5));
        assert!(
            world.calls.starts_with(&LOOK_THEN_UPDATE),
            "{number}: {:?}",
            world.calls
        );
    }
}

#[test]
fn a_restart_reads_the_references_and_asks_aws_for_nothing() {
    let mut world = World::new(spec(json!({ "developerProviderNameFrom": key("login") })));
    world.write(config_map("login"), "login.example.com");
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    world.restart();
    world.count_anew();
    let reads = world.reads;
    world.pass();
    assert_eq!(world.reads, reads + 1);
    assert!(world.calls.is_empty() && world.writes.is_empty());
}

#[test]
fn an_immutable_value_that_changes_elsewhere_is_told_by_the_field_that_is_there() {
    let mut world = World::new(spec(json!({ "developerProviderNameFrom": key("login") })));
    world.write(config_map("login"), "login.example.com");
    world.pass();
    world.write(config_map("login"), "other.example.com");
    world.memory.news += 1;
    world.pass();
    assert_eq!(world.condition("Stalled"), "True/ImmutableField");
    let message = world.message();
    assert!(
        message.starts_with("spec.developerProviderNameFrom says"),
        "{message}"
    );
    assert!(
        message.ends_with(r#"Have what it refers to say "login.example.com"."#),
        "{message}"
    );
}

#[test]
fn news_end_a_pause_and_a_pass_that_is_too_early_does_not_eat_them() {
    let mut world = World::new(spec(
        json!({ "roles": { "authenticatedFrom": role_from() } }),
    ));
    world.run(Duration::from_secs(600));
    world.pass();
    assert!(world.memory.hold.is_some(), "it pauses");
    // The pass began with the news before these.
    world.elsewhere.insert(role(), Ok(Text::plain(ROLE)));
    world.pass();
    assert_eq!(world.condition("Ready"), "False/WaitingForReferences");
    world.memory.news += 1;
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn a_value_of_the_wrong_form_is_refused_by_the_rule_for_a_literal_one() {
    let mut world = World::new(spec(json!({
        "roles": { "authenticatedFrom": role_from() },
        "cognitoIdentityProviders": [{ "providerNameFrom": key("pool"), "clientId": "abc" }],
    })));
    world.write(role(), ROLE);
    world.write(
        config_map("pool"),
        "https://cognito-idp.eu-west-1.amazonaws.com/x_y",
    );
    world.pass();
    assert_eq!(world.condition(STALLED), "True/InvalidReference");
    let message = world.message();
    for part in [
        "spec.cognitoIdentityProviders[0].providerName: providerName is written without https://",
        "key pool of ConfigMap ids (spec.cognitoIdentityProviders[0].providerNameFrom)",
    ] {
        assert!(message.contains(part), "{part} not in {message}");
    }
    assert!(
        !message.contains("shop-user"),
        "blames who is right: {message}"
    );
    assert!(world.calls.is_empty(), "no pool from what is wrong");
    world.write(config_map("pool"), STAFF);
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    world.count_anew();
    world.write(role(), "shop-user");
    world.pass();
    assert_eq!(world.condition(STALLED), "True/InvalidReference");
    assert!(world.calls.is_empty(), "the pool stays as it is");
}

#[test]
fn the_rules_between_fields_hold_for_what_arrives() {
    let twice = json!({ "cognitoIdentityProviders": [
        { "providerName": STAFF, "clientId": "abc" },
        { "providerName": STAFF, "clientIdFrom": key("client") },
    ] });
    let stray = json!({
        "samlProviderARNsFrom": [key("saml")],
        "roleMappings": [{
            "identityProvider": "arn:aws:iam::123456789012:saml-provider/other",
            "type": "Token",
            "ambiguousRoleResolution": "Deny",
        }],
    });
    for (spec_, words) in [
        (twice, "two entries have the same providerName and clientId"),
        (stray, "a mapping's identityProvider is none of this pool's"),
    ] {
        let mut world = World::new(spec(spec_));
        assert!(violations(world.object(), None).is_empty());
        world.write(config_map("client"), "abc");
        world.write(
            config_map("saml"),
            "arn:aws:iam::123456789012:saml-provider/corp",
        );
        world.pass();
        assert_eq!(world.condition(STALLED), "True/InvalidReference");
        assert!(world.message().contains(words), "{}", world.message());
    }
}

#[test]
fn the_bare_id_of_a_user_pool_is_enough() {
    for (id, name) in [
        ("eu-west-1_Staff", STAFF),
        (
            "cn-north-1_Abc",
            "cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_Abc",
        ),
        (STAFF, STAFF),
    ] {
        let clients = json!([{ "providerNameFrom": key("pool"), "clientId": "abc" }]);
        let mut world = World::new(spec(json!({ "cognitoIdentityProviders": clients })));
        world.write(config_map("pool"), id);
        world.pass();
        assert_eq!(
            world.condition("Ready"),
            "True/InSync",
            "{}",
            world.message()
        );
        let pool = world.pools.values().next().expect("a pool");
        let client = pool.settings.cognito_identity_providers.first();
        assert_eq!(client.expect("a client").provider_name, name);
    }
}

#[test]
fn a_set_takes_what_arrives_once() {
    let corp = "arn:aws:iam::123456789012:saml-provider/corp";
    let mut world = World::new(spec(json!({
        "samlProviderARNs": [corp],
        "samlProviderARNsFrom": [key("one"), key("two")],
    })));
    world.write(config_map("one"), corp);
    world.write(
        config_map("two"),
        "arn:aws:iam::123456789012:saml-provider/two",
    );
    world.pass();
    assert_eq!(
        world.condition("Ready"),
        "True/InSync",
        "{}",
        world.message()
    );
    let pool = world.pools.values().next().expect("a pool");
    assert_eq!(pool.settings.saml_provider_arns.len(), 2);
}

#[test]
fn suspension_keeps_the_last_truth_about_a_pool_with_references() {
    let mut world = World::new(spec(
        json!({ "roles": { "authenticatedFrom": role_from() } }),
    ));
    world.write(role(), ROLE);
    world.pass();
    world.edit(|spec| {
        spec.management_policy = serde_json::from_value(json!("Suspend")).expect("a policy");
    });
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn a_deletion_waits_for_no_reference() {
    let mut world = World::new(spec(
        json!({ "roles": { "authenticatedFrom": role_from() } }),
    ));
    world.pass();
    assert_eq!(world.owned().len(), 1);
    world.delete();
    world.memory.hold = None;
    world.run(Duration::from_secs(60));
    assert!(world.object.is_none() && world.pools.is_empty());
}

#[test]
fn a_crash_between_creation_and_record_makes_no_second_pool() {
    let mut world = World::new(spec(
        json!({ "roles": { "authenticatedFrom": role_from() } }),
    ));
    // Read, look for one that was left, reserve, claim, create.
    world.crash_after(5, true);
    assert_eq!(world.owned().len(), 1);
    assert_eq!(world.status().identity_pool_id, None);
    world.restart();
    world.run(Duration::from_secs(60));
    assert_eq!(world.owned().len(), 1);
    assert!(world.status().identity_pool_id.is_some(), "the id is out");
    assert_eq!(world.condition("Ready"), "False/WaitingForReferences");
}

/// A world whose pool has a value out of a Secret, which it holds in AWS.
fn with_secret() -> World {
    let from =
        json!({ "api.twitter.com": { "secretKeyRef": { "name": "twitter", "key": "keys" } } });
    let mut world = World::new(spec(json!({ "supportedLoginProvidersFrom": from })));
    world.write_secret("plainlooking", "u/1");
    world.pass();
    assert_eq!(
        world.condition("Ready"),
        "True/InSync",
        "{}",
        world.message()
    );
    world
}

fn shows_nothing(world: &World, secret: &str) {
    let object = serde_json::to_string(&world.object).expect("JSON");
    let shown = format!(
        "{object} {:?} {:?} {:?}",
        world.notes, world.pools, world.wire
    );
    assert!(!shown.contains(secret), "{shown}");
}

#[test]
fn a_value_out_of_a_secret_is_in_aws_and_nowhere_else() {
    let mut world = with_secret();
    let pool = world.pools.values().next().expect("a pool");
    let value = &pool.settings.supported_login_providers["api.twitter.com"];
    assert_eq!(value, &AppId::new("plainlooking"));
    shows_nothing(&world, "plainlooking");

    // Changed in AWS, and only reported: not even the other value is shown.
    world.edit(|spec| {
        spec.drift_policy = Some(DriftPolicy::Report);
    });
    world.pass();
    let pool = world.pools.values_mut().next().expect("a pool");
    let providers = &mut pool.settings.supported_login_providers;
    providers.insert("api.twitter.com".into(), AppId::new("fromelsewhere"));
    world.ask();
    world.pass();
    assert_eq!(world.condition("Drifted"), "True/Drifted");
    let drift = world.status().drift.expect("drift");
    assert!(drift[0].desired.contains("(redacted)"), "{drift:?}");
    shows_nothing(&world, "plainlooking");
    shows_nothing(&world, "fromelsewhere");
}

#[test]
fn what_came_out_of_a_secret_is_not_shown_when_the_spec_has_another_value() {
    let mut world = with_secret();
    world.inert = true;
    world.edit(|spec| {
        spec.supported_login_providers_from.clear();
        let providers = &mut spec.supported_login_providers;
        providers.insert("api.twitter.com".into(), "literal".into());
    });
    world.pass();
    assert_eq!(world.condition(STALLED), "True/ChangeNotTaken");
    assert!(world.status().drift.is_some());
    shows_nothing(&world, "plainlooking");
    world.inert = false;
    world.memory.hold = None;
    world.ask();
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(world.status().managed, None, "nothing to hide any more");
}

#[test]
fn what_aws_quotes_of_a_secret_is_taken_out() {
    for words in [
        "Value 'canaryKey;canarySecret' at 'supportedLoginProviders' is wrong",
        "canarySecret is no secret of canaryKey",
        "Value 'canaryKey;canaryS…",
    ] {
        let mut world = with_secret();
        world.write_secret(CANARY, "u/2");
        world.words = words;
        let refused = Fate::Refused(FailureKind::Invalid);
        world
            .fates
            .push_back((Operation::UpdateIdentityPool, refused));
        let rest = world.pass();
        assert_eq!(world.condition(STALLED), "True/InvalidRequest");
        let told = format!("{} {rest:?}", world.message());
        for part in ["canaryKey", "canarySecret", "canaryS"] {
            assert!(!told.contains(part), "{part} in {told}");
            shows_nothing(&world, part);
        }
        assert!(told.contains("(redacted)"), "{told}");
    }
}

#[test]
fn what_aws_quotes_of_twitters_secret_in_the_spec_is_taken_out_too() {
    let mut world = World::new(spec(json!({
        "supportedLoginProviders": { "api.twitter.com": CANARY, "graph.facebook.com": "1234567" },
    })));
    world.words = "Value 'canaryKey;canarySecret' or '1234567' is wrong";
    let refused = Fate::Refused(FailureKind::Invalid);
    world
        .fates
        .push_back((Operation::CreateIdentityPool, refused));
    world.pass();
    let said = world.message();
    assert!(said.contains("Value '(redacted)' or '1234567'"), "{said}");
}

#[test]
fn a_secret_counts_by_its_version_and_not_by_its_value() {
    let mut world = with_secret();
    let hash = world.status().applied_hash;
    world.write_secret("plainlooking", "u/2");
    world.count_anew();
    world.pass();
    assert_ne!(world.status().applied_hash, hash);
    assert!(world.calls.is_empty(), "no update: {:?}", world.calls);
    world.write_secret("plainlooking", "u/3");
    world.wait(Duration::from_secs(21));
    world.pass();
    assert_eq!(world.calls, [Operation::DescribeIdentityPool], "no update");
    let hash = world.status().applied_hash;
    // Another value under the same version cannot be; the hash would not know it.
    world
        .elsewhere
        .insert(secret(), Ok(Text::secret("x", "u/3")));
    world.memory.news += 1;
    world.count_anew();
    world.pass();
    assert!(world.calls.is_empty());
    assert_eq!(world.status().applied_hash, hash);
}

#[test]
fn values_are_picked_from_objects_as_the_apiserver_gives_them_out() {
    let decode = |text: &str| text.strip_prefix("base64:").map(str::to_owned);
    let object = json!({
        "metadata": { "uid": "u", "resourceVersion": "7" },
        "data": { "keys": "base64:a;b\n", "client": "abc\n", "empty": "" },
        "status": { "ackResourceMetadata": { "arn": ROLE }, "count": 3, "list": ["a"] },
    });
    let field = |path: &str| Source::Field(target("x/v1", "Role", "r"), path.into());
    for (source, found) in [
        (config_map("client"), Ok(Text::plain("abc"))),
        (config_map("empty"), Err(Absence::NoValue)),
        (config_map("other"), Err(Absence::NoValue)),
        (secret(), Ok(Text::secret("a;b", "u/7"))),
        (role(), Ok(Text::plain(ROLE))),
        (field("status.count"), Err(Absence::NotText)),
        (field("status.list"), Err(Absence::NotText)),
        (field("status.none.arn"), Err(Absence::NoValue)),
        (field("status.count.arn"), Err(Absence::NoValue)),
    ] {
        assert_eq!(source.pick(&object, decode), found, "{source}");
    }
}

#[test]
fn no_secret_is_read_by_another_way() {
    for kind in ["Secret", "secret", "SECRET"] {
        let from = json!({ "objectRef": {
            "apiVersion": "v1", "kind": kind, "name": "twitter", "fieldPath": "data.keys",
        } });
        let spec = spec(json!({ "roles": { "authenticatedFrom": from } }));
        assert_eq!(sources(&spec), Some(BTreeSet::new()), "{kind}");
        let mut world = World::new(spec);
        world.pass();
        assert_eq!(world.condition("Ready"), "False/WaitingForReferences");
        assert!(world.message().contains("names nothing that may be read"));
    }
}

#[test]
fn a_plan_shows_the_pool_without_what_is_missing_and_makes_none() {
    let mut world = World::new(spec(json!({
        "managementPolicy": "Plan",
        "allowClassicFlow": true,
        "roles": { "authenticatedFrom": role_from() },
        "supportedLoginProvidersFrom": { "api.twitter.com":
            { "secretKeyRef": { "name": "twitter", "key": "keys" } } },
    })));
    world.write_secret("canary", "uid/1");
    world.run(Duration::from_secs(1000));
    assert_eq!(world.condition("Ready"), "False/WaitingForReferences");
    assert!(world.message().contains("spec.roles.authenticatedFrom"));
    assert!(world.pools.is_empty() && !world.writes.contains(&"claim"));
    let operations = |world: &World| -> Vec<String> {
        let plan = world.status().plan.unwrap_or_default().into_iter();
        plan.map(|call| call.operation).collect()
    };
    assert_eq!(operations(&world), ["CreateIdentityPool"]);
    world.write(role(), ROLE);
    world.pass();
    assert_eq!(world.condition("Ready"), "False/Planned");
    assert_eq!(
        operations(&world),
        ["CreateIdentityPool", "SetIdentityPoolRoles"]
    );
    let status = format!("{:?}", world.status());
    assert!(!status.contains("canary"), "{status}");
    assert!(world.pools.is_empty());
    world.edit(|spec| spec.management_policy = ManagementPolicy::Manage);
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    // What the spec drops is not shown either, also where it is only planned.
    world.edit(|spec| {
        spec.management_policy = ManagementPolicy::Plan;
        spec.supported_login_providers_from.clear();
    });
    world.pass();
    assert_eq!(operations(&world), ["UpdateIdentityPool"]);
    let status = format!("{:?}", world.status());
    assert!(!status.contains("canary"), "{status}");
}

#[test]
fn a_pool_that_was_left_is_not_doubled_while_values_are_missing() {
    let mut world = World::new(spec(
        json!({ "roles": { "authenticatedFrom": role_from() } }),
    ));
    let owner = "cluster/99999999-2222-3333-4444-555555555555";
    let left = world.seed(&[(OWNER_TAG, owner), (SOURCE_TAG, "web/app")]);
    let pool = world.pools.get_mut(&left).expect("there");
    pool.settings.identity_pool_name = "web-app".into();
    world.pass();
    assert_eq!(world.condition(STALLED), "True/PreviousPoolFound");
    assert_eq!(world.pools.len(), 1);
}

#[test]
fn a_pool_is_taken_over_when_every_value_is_there_and_its_own_are_not_shown() {
    let mut world = World::new(spec(
        json!({ "roles": { "authenticatedFrom": role_from() } }),
    ));
    world.allows_adoption = true;
    let id = world.seed(&[]);
    let providers = [("api.twitter.com".into(), AppId::new("canary"))].into();
    let pool = world.pools.get_mut(&id).expect("there");
    pool.settings.supported_login_providers = providers;
    pool.settings.identity_pool_name = "console".into();
    let before = pool.clone();
    let adopt = json!({ "identityPoolName": "console", "overwrite": true });
    world.object().spec.adopt = serde_json::from_value(adopt).expect("a word");
    world.run(Duration::from_secs(100));
    assert_eq!(world.condition("Ready"), "False/WaitingForReferences");
    assert_eq!(world.pools[&id], before, "not even tags");
    world.edit(|spec| spec.adopt.as_mut().expect("a word").overwrite = Some(false));
    world.write(role(), ROLE);
    world.pass();
    assert_eq!(world.condition(STALLED), "True/AdoptionPending");
    let status = format!("{:?}", world.status());
    assert!(status.contains("supportedLoginProviders"), "{status}");
    assert!(!status.contains("canary"), "{status}");
    world.edit(|spec| spec.adopt.as_mut().expect("a word").overwrite = Some(true));
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    assert_eq!(world.owned(), [id]);
}

fn exporting() -> Value {
    json!({
        "export": { "configMap": { "name": "app-pool" } },
        "roles": { "authenticatedFrom": role_from() },
        "cognitoIdentityProviders": [{ "name": "staff", "providerName": STAFF, "clientId": "abc" }],
        "principalTagAttributeMaps": [{ "provider": "staff", "useDefaults": true }],
    })
}

#[test]
fn what_a_missing_role_waits_for_is_exported_meanwhile() {
    let mut world = World::new(spec(exporting()));
    world.pass();
    assert_eq!(world.condition("Ready"), "False/WaitingForReferences");
    let first = world.config_maps["app-pool"].clone();
    let id = world.status().identity_pool_id.expect("an id");
    assert_eq!(first.data["IDENTITY_POOL_ID"], id);
    assert!(first.data["AUTHENTICATED_TRUST_POLICY"].contains("sts:TagSession"));
    world.count_anew();
    world.run(Duration::from_secs(3600));
    assert!(world.calls.is_empty(), "waiting asks AWS for nothing");
    assert!(world.writes.is_empty(), "{:?}", world.writes);
    world.write(role(), ROLE);
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    let whole = world.config_maps["app-pool"].clone();
    assert_eq!(whole.data["AUTHENTICATED_ROLE_ARN"], ROLE);
    // What goes missing again takes nothing away.
    world.elsewhere.clear();
    world.memory.news += 1;
    world.run(Duration::from_secs(3600));
    assert_eq!(world.condition("Ready"), "False/WaitingForReferences");
    assert_eq!(world.config_maps["app-pool"], whole);
}

#[test]
fn an_export_that_is_refused_is_said_also_while_values_are_missing() {
    let mut world = World::new(spec(exporting()));
    world.forbids_export = true;
    world.run(Duration::from_secs(10));
    assert_eq!(world.condition(STALLED), "True/ExportForbidden");
    world.forbids_export = false;
    world.run(Duration::from_secs(1000));
    assert_eq!(world.condition("Ready"), "False/WaitingForReferences");
    assert!(world.config_maps.contains_key("app-pool"));
}

#[test]
fn a_crash_while_values_are_missing_leaves_the_export_to_the_next_process() {
    for count in 1..12 {
        for executed in [true, false] {
            let mut world = World::new(spec(exporting()));
            world.crash_after(count, executed);
            world.restart();
            world.run(Duration::from_secs(1000));
            assert_eq!(world.condition("Ready"), "False/WaitingForReferences");
            let id = world.status().identity_pool_id.expect("an id");
            let map = &world.config_maps["app-pool"];
            assert_eq!(map.data["IDENTITY_POOL_ID"], id, "step {count}");
        }
    }
}

#[test]
fn without_a_term_nothing_is_made_of_what_is_known() {
    let mut world = World::new(spec(
        json!({ "roles": { "authenticatedFrom": role_from() } }),
    ));
    world.term_ends = Some(world.now);
    world.pass();
    assert!(world.pools.is_empty() && world.writes.is_empty());
}

#[test]
fn two_clients_whose_ids_come_from_elsewhere_are_not_one() {
    let client =
        |name: &str| json!({ "name": name, "providerName": STAFF, "clientIdFrom": key(name) });
    let mapping = |name: &str| json!({ "provider": name, "type": "Token", "ambiguousRoleResolution": "Deny" });
    let mut world = World::new(spec(json!({
        "cognitoIdentityProviders": [client("one"), client("two")],
        "roleMappings": [mapping("one"), mapping("two")],
    })));
    world.write(config_map("one"), "abc");
    world.pass();
    assert_eq!(world.condition("Ready"), "False/WaitingForReferences");
    world.write(config_map("two"), "def");
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    world.write(config_map("two"), "abc");
    world.pass();
    // They have become one, as if they stood in the spec.
    assert_eq!(world.condition(STALLED), "True/ConflictingEntries");
    world.write(config_map("two"), "def");
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
}
