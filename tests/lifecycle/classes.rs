//! Objects of a class: account and region, defaults, what is denied, and by which sentence.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use identity_pool_operator::api::names::{OWNER_TAG, SOURCE_TAG};
use identity_pool_operator::api::{
    Adopt, DeletionPolicy, DriftPolicy, IdentityPoolClassSpec, IdentityPoolSpec, Reason,
};
use identity_pool_operator::pool::call::{Call, Operation};
use identity_pool_operator::pool::class::{
    Bar, Catalogue, Class, Home, Listing, Membership, Offer,
};
use identity_pool_operator::pool::settings::PoolId;
use serde_json::{Value, json};

use crate::world::World;

const HOUR: Duration = Duration::from_secs(3600);

/// What a class of a test offers. Only providers are allowed from the start.
#[derive(Clone, Copy, Default)]
pub(crate) struct Offered {
    pub(crate) edition: &'static str,
    /// Further patterns of roles.
    pub(crate) roles: &'static [&'static str],
    pub(crate) tokens: bool,
    pub(crate) strips: bool,
}

/// A member of such a class.
pub(crate) fn class(offered: Offered) -> Membership {
    let mut roles = vec!["arn:aws:iam::123456789012:role/apps/*"];
    roles.extend(offered.roles);
    member(
        json!({
            "guardrails": {
                "roleARNs": roles,
                "allowTokenRoleMappings": offered.tokens,
                "allowAdoption": { "poolNames": ["shop"] },
                "providers": { "social": ["*"], "userPools": ["*"] },
            },
            "onRevocation": if offered.strips { "StripRoles" } else { "Hold" },
        }),
        offered.edition,
    )
}

fn home() -> Home {
    Home {
        account_id: "123456789012".into(),
        partition: "aws".into(),
        region: "eu-west-1".into(),
    }
}

fn read(spec: Value, home: Home, edition: &str) -> Result<Arc<Class>, String> {
    let spec: IdentityPoolClassSpec = serde_json::from_value(spec).expect("a class");
    Class::read("shops", &spec, home, edition).map(Arc::new)
}

/// A member of a class with this spec.
fn member(spec: Value, edition: &str) -> Membership {
    Membership::Member {
        class: read(spec, home(), edition).expect("a class"),
        is_admitted: true,
        siblings: 0,
    }
}

fn guarded(guardrails: &Value) -> Membership {
    member(json!({ "guardrails": guardrails }), &guardrails.to_string())
}

fn spec(spec: Value) -> IdentityPoolSpec {
    serde_json::from_value(spec).expect("a spec")
}

fn world(membership: Membership, of: Value) -> World {
    let mut world = World::new(spec(of));
    world.membership = membership;
    world
}

impl World {
    fn pool_id(&self) -> PoolId {
        self.owned().first().expect("a pool").clone()
    }
}

/// Guardrail, what allows it, and a spec that needs it.
fn rows() -> Vec<(&'static str, &'static str, Value, Value)> {
    const USERS: &str = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Staff";
    const OIDC: &str = "arn:aws:iam::123456789012:oidc-provider/login.example.com";
    const SAML: &str = "arn:aws:iam::123456789012:saml-provider/corp";
    const ABROAD: &str = "arn:aws:iam::999999999999:role/apps/shop";
    let client = json!([{ "providerName": USERS, "clientId": "abc" }]);
    vec![
        (
            "allowUnauthenticated",
            "spec.allowUnauthenticatedIdentities",
            json!({ "allowUnauthenticated": true }),
            json!({ "allowUnauthenticatedIdentities": true }),
        ),
        (
            "allowClassicFlow",
            "spec.allowClassicFlow",
            json!({ "allowClassicFlow": true }),
            json!({ "allowClassicFlow": true }),
        ),
        (
            "allowDeveloperProvider",
            "spec.developerProviderName",
            json!({ "allowDeveloperProvider": true }),
            json!({ "developerProviderName": "login.example.com" }),
        ),
        (
            "providers.userPools",
            "spec.cognitoIdentityProviders",
            json!({ "providers": { "userPools": [USERS] } }),
            json!({ "cognitoIdentityProviders": client }),
        ),
        (
            "providers.userPools",
            "spec.cognitoIdentityProviders",
            json!({ "providers": { "userPools": [format!("{USERS}:abc")] } }),
            json!({ "cognitoIdentityProviders": client }),
        ),
        (
            "providers.openIdConnect",
            "spec.openIdConnectProviderARNs",
            json!({ "providers": { "openIdConnect": [OIDC] } }),
            json!({ "openIdConnectProviderARNs": [OIDC] }),
        ),
        (
            "providers.saml",
            "spec.samlProviderARNs",
            json!({ "providers": { "saml": ["arn:aws:iam::*:saml-provider/corp"] } }),
            json!({ "samlProviderARNs": [SAML] }),
        ),
        (
            "providers.social",
            "spec.supportedLoginProviders",
            json!({ "providers": { "social": ["graph.facebook.com:7"] } }),
            json!({ "supportedLoginProviders": { "graph.facebook.com": "7" } }),
        ),
        (
            "allowPrincipalTags",
            "spec.principalTagAttributeMaps",
            json!({ "allowPrincipalTags": true, "providers": { "saml": ["*"] } }),
            json!({
                "samlProviderARNs": [SAML],
                "principalTagAttributeMaps": [
                    { "identityProviderName": SAML, "principalTags": { "team": "team" } },
                ],
            }),
        ),
        (
            "otherAccounts",
            "spec.roles.authenticated",
            json!({ "roleARNs": ["arn:aws:iam::*:role/*"], "otherAccounts": ["999999999999"] }),
            json!({ "roles": { "authenticated": ABROAD } }),
        ),
        (
            "regions",
            "spec.region",
            json!({ "regions": ["eu-central-1"] }),
            json!({ "region": "eu-central-1" }),
        ),
    ]
}

/// All that the guardrails of a row allow but for its rule.
fn without(rule: &str, guardrails: &Value) -> Value {
    let mut less = guardrails.clone();
    let all = less.as_object_mut().expect("guardrails");
    match rule.split_once('.') {
        Some(_) => drop(all.remove("providers")),
        None => drop(all.remove(rule)),
    }
    less
}

#[test]
fn each_guardrail_denies_what_it_is_not_told_to_allow_and_names_rule_and_field() {
    for (rule, field, allows, of) in rows() {
        let mut denied = world(guarded(&without(rule, &allows)), of.clone());
        denied.run(HOUR);
        assert_eq!(denied.condition("Stalled"), "True/DeniedByClass", "{rule}");
        let message = denied.message();
        for part in [rule, field, "class shops"] {
            assert!(message.contains(part), "{part} is not in {message}");
        }
        assert!(denied.calls.is_empty(), "{rule}: AWS is not even asked");
        assert_eq!(denied.writes, ["status"], "{rule}: and it is said once");

        let mut allowed = world(guarded(&allows), of);
        allowed.run(HOUR);
        assert_eq!(allowed.condition("Ready"), "True/InSync", "{rule}");
    }
}

#[test]
fn each_guardrail_denies_an_edit_and_what_was_there_stays() {
    for (rule, field, allows, of) in rows() {
        if rule == "regions" {
            continue;
        }
        let mut world = world(guarded(&without(rule, &allows)), json!({}));
        world.run(HOUR);
        assert_eq!(world.condition("Ready"), "True/InSync", "{rule}");
        world.count_anew();
        world.edit(|edited| *edited = spec(of));
        world.pass();
        assert_eq!(world.condition("Stalled"), "True/DeniedByClass", "{rule}");
        assert!(world.message().contains(field), "{}", world.message());
        assert!(world.sent.is_empty(), "{rule}: {:?}", world.sent);
        // A changed class is heard at once, though the pause is not over.
        world.membership = guarded(&allows);
        world.pass();
        assert_eq!(world.condition("Ready"), "True/InSync", "{rule}");
    }
}

#[test]
fn a_guardrail_that_changes_while_a_pass_runs_stops_it_before_its_next_write() {
    let wide = guarded(&json!({ "allowClassicFlow": true }));
    let mut world = world(wide, json!({ "allowClassicFlow": true }));
    world.claim_meanwhile = Some(|world| {
        world.membership = guarded(&json!({ "maxPools": 7 }));
    });
    world.pass();
    assert!(world.sent.is_empty(), "{:?}", world.sent);
    world.run(HOUR);
    assert_eq!(world.condition("Stalled"), "True/DeniedByClass");
    assert!(world.sent.is_empty(), "{:?}", world.sent);
}

#[test]
fn the_application_of_a_login_provider_is_not_shown() {
    let of = json!({ "supportedLoginProviders": { "api.twitter.com": "canaryKey;canarySecret" } });
    let mut world = world(guarded(&json!({})), of);
    world.run(HOUR);
    assert!(world.message().contains("api.twitter.com"));
    assert!(!format!("{:?}", world.status()).contains("canary"));
}

#[test]
fn an_object_that_its_class_does_not_admit_does_nothing_and_can_still_be_let_go() {
    let not_admitted = || Membership::Member {
        class: read(json!({}), home(), "2").expect("a class"),
        is_admitted: false,
        siblings: 0,
    };
    let mut fresh = world(not_admitted(), json!({}));
    fresh.run(HOUR);
    assert_eq!(fresh.condition("Stalled"), "True/ClassNotAllowed");
    assert!(fresh.message().contains("allowedNamespaces"));
    assert!(fresh.calls.is_empty());

    let mut world = world(
        guarded(&json!({ "allowDeletion": true })),
        json!({ "deletionPolicy": "Delete" }),
    );
    world.run(HOUR);
    world.membership = not_admitted();
    world.count_anew();
    world.edit(|spec| spec.identity_pool_name = Some("other".into()));
    world.run(HOUR);
    world.delete();
    world.run(HOUR);
    assert!(world.sent.is_empty(), "{:?}", world.sent);
    assert_eq!(world.condition("Stalled"), "True/ClassNotAllowed");
    assert!(world.message().contains("Retain"));
    world.edit(|spec| spec.deletion_policy = Some(DeletionPolicy::Retain));
    world.run(HOUR);
    assert!(world.object.is_none());
    assert_eq!(world.owned().len(), 1, "the pool is kept");
}

#[test]
fn a_class_that_cannot_be_used_is_told_and_aws_is_asked_for_nothing() {
    let bar = Bar::new(Reason::UnknownClass, "There is none.");
    let mut world = world(guarded(&json!({})), json!({}));
    world.run(HOUR);
    world.membership = Membership::Barred(bar);
    world.count_anew();
    world.edit(|spec| spec.identity_pool_name = Some("other".into()));
    world.run(3 * HOUR);
    assert_eq!(world.condition("Stalled"), "True/UnknownClass");
    assert_eq!(world.message(), "There is none.");
    assert!(world.calls.is_empty(), "{:?}", world.calls);
    world.edit(|spec| spec.deletion_policy = Some(DeletionPolicy::Delete));
    world.delete();
    world.run(HOUR);
    assert!(world.calls.is_empty(), "{:?}", world.calls);
    assert_eq!(world.condition("Stalled"), "True/UnknownClass");
    world.edit(|spec| spec.deletion_policy = Some(DeletionPolicy::Retain));
    world.run(HOUR);
    assert!(world.object.is_none(), "Retain lets go without AWS");
}

#[test]
fn a_class_that_cannot_be_reached_for_a_while_takes_its_pools_out_of_sight_and_no_more() {
    let away = || Membership::Barred(Bar::new(Reason::ClassNotReady, "Not yet."));
    let mut world = world(guarded(&json!({})), json!({}));
    world.run(HOUR);
    world.restart();
    world.membership = away();
    world.run(HOUR);
    assert_eq!(world.condition("Ready"), "Unknown/ClassNotReady");
    assert_eq!(world.condition("Stalled"), "False/ClassNotReady");
    world.membership = guarded(&json!({}));
    world.pass();
    assert_eq!(world.condition("Ready"), "True/InSync");
    // What was never applied was never in sight.
    world.membership = away();
    world.edit(|spec| spec.identity_pool_name = Some("other".into()));
    world.run(HOUR);
    assert_eq!(world.condition("Ready"), "False/ClassNotReady");
}

#[test]
fn a_class_that_leads_elsewhere_moves_no_pool_and_nothing_is_called_there() {
    let elsewhere = |account: &str, region: &str| Membership::Member {
        class: read(
            json!({ "guardrails": { "allowDeletion": true } }),
            Home {
                account_id: account.into(),
                region: region.into(),
                ..home()
            },
            "1",
        )
        .expect("a class"),
        is_admitted: true,
        siblings: 0,
    };
    for (account, region, part) in [
        (
            "999999999999",
            "eu-west-1",
            "set spec.className to a class of account 123456789012",
        ),
        (
            "123456789012",
            "eu-central-1",
            "that of class shops is eu-central-1",
        ),
    ] {
        let mut world = world(
            guarded(&json!({ "allowDeletion": true })),
            json!({ "deletionPolicy": "Delete" }),
        );
        world.run(HOUR);
        world.membership = elsewhere(account, region);
        world.count_anew();
        world.edit(|spec| spec.identity_pool_name = Some("other".into()));
        world.run(HOUR);
        assert_eq!(world.condition("Stalled"), "True/AccountMismatch");
        assert!(world.message().contains(part), "{}", world.message());
        world.restart();
        world.run(HOUR);
        world.delete();
        world.run(HOUR);
        assert_eq!(world.condition("Stalled"), "True/AccountMismatch");
        assert!(world.calls.is_empty(), "{:?}", world.calls);
        // Back where it lives, the deletion goes on.
        world.membership = elsewhere("123456789012", "eu-west-1");
        world.run(HOUR);
        assert!(world.object.is_none());
        assert!(world.owned().is_empty());
    }
}

#[test]
fn a_pool_is_made_where_the_class_leads() {
    let far = Home {
        account_id: "210987654321".into(),
        partition: "aws-cn".into(),
        region: "cn-north-1".into(),
    };
    let membership = Membership::Member {
        class: read(json!({}), far, "1").expect("a class"),
        is_admitted: true,
        siblings: 0,
    };
    let mut world = world(membership, json!({}));
    world.run(HOUR);
    let status = world.status();
    assert_eq!(status.account_id.as_deref(), Some("210987654321"));
    assert_eq!(status.region.as_deref(), Some("cn-north-1"));
    let arn = status.identity_pool_arn.expect("an ARN");
    assert!(
        arn.starts_with("arn:aws-cn:cognito-identity:cn-north-1:210987654321:"),
        "{arn}"
    );
}

#[test]
fn a_pool_is_deleted_only_where_the_class_allows_it() {
    let mut world = world(guarded(&json!({})), json!({ "deletionPolicy": "Delete" }));
    world.run(HOUR);
    world.count_anew();
    world.delete();
    world.run(HOUR);
    assert_eq!(world.condition("Stalled"), "True/DeniedByClass");
    for part in ["allowDeletion", "spec.deletionPolicy"] {
        assert!(world.message().contains(part), "{}", world.message());
    }
    assert!(world.sent.is_empty());
    world.membership = guarded(&json!({ "allowDeletion": true }));
    world.pass();
    assert!(world.object.is_none());
    assert!(world.owned().is_empty());
}

#[test]
fn what_a_class_does_not_allow_it_does_not_mean_by_default() {
    let mut world = world(guarded(&json!({})), json!({}));
    world.run(HOUR);
    assert_eq!(world.status().deletion_policy, Some(DeletionPolicy::Retain));
    world.delete();
    world.run(HOUR);
    assert!(world.object.is_none());
    assert_eq!(world.owned().len(), 1);
}

#[test]
fn the_oldest_objects_of_a_namespace_have_the_pools_that_a_class_allows() {
    let nth = |siblings| Membership::Member {
        class: read(json!({ "guardrails": { "maxPools": 2 } }), home(), "1").expect("a class"),
        is_admitted: true,
        siblings,
    };
    for (siblings, is_made) in [(0, true), (1, true), (2, false), (3, false)] {
        let mut world = world(nth(siblings), json!({}));
        world.run(HOUR);
        assert_eq!(world.owned().len(), usize::from(is_made), "{siblings}");
        if is_made {
            world.membership = nth(2);
            world.edit(|spec| spec.identity_pool_name = Some("still-kept-up".into()));
            world.run(HOUR);
            assert_eq!(
                world.condition("Ready"),
                "True/InSync",
                "a pool that is there stays"
            );
        } else {
            assert_eq!(world.condition("Stalled"), "True/DeniedByClass");
            assert!(world.message().contains("maxPools"));
            assert_eq!(world.writes, ["status"], "there is no claim either");
        }
    }
}

#[test]
fn only_pools_of_names_that_the_class_gives_away_are_taken_over() {
    let offers = |names: Value| guarded(&json!({ "allowAdoption": { "poolNames": names } }));
    for (membership, is_taken) in [
        (guarded(&json!({})), false),
        (offers(json!(["other-*"])), false),
        (offers(json!(["shop-*"])), true),
    ] {
        let mut world = world(membership, json!({}));
        let id = world.seed(&[("team", "theirs")]);
        world
            .pools
            .get_mut(&id)
            .expect("there")
            .settings
            .identity_pool_name = "shop-7".into();
        world.object().spec.adopt = Some(Adopt {
            identity_pool_id: Some(id.to_string()),
            overwrite: Some(true),
            ..Adopt::default()
        });
        world.run(HOUR);
        assert_eq!(world.owned().len(), usize::from(is_taken));
        if !is_taken {
            assert!(world.sent.is_empty());
            assert_eq!(world.condition("Stalled"), "True/DeniedByClass");
            let message = world.message();
            assert!(
                message.contains("allowAdoption") && message.contains("spec.adopt"),
                "{message}"
            );
        }
    }
}

#[test]
fn the_pool_of_a_former_tenant_is_not_inherited_unless_the_class_says_so() {
    for (names, is_taken) in [(json!([]), false), (json!(["web-app"]), true)] {
        let membership = guarded(&json!({ "allowAdoption": { "poolNames": names } }));
        let mut world = world(membership, json!({ "adopt": { "previous": true } }));
        let owner = "cluster/99999999-2222-3333-4444-555555555555";
        let id = world.seed(&[(OWNER_TAG, owner), (SOURCE_TAG, "web/app")]);
        world
            .pools
            .get_mut(&id)
            .expect("there")
            .settings
            .identity_pool_name = "web-app".into();
        world.run(HOUR);
        assert_eq!(world.owned().len(), usize::from(is_taken));
        assert_eq!(world.sent.is_empty(), !is_taken);
    }
}

#[test]
fn an_object_says_more_than_the_defaults_of_its_class() {
    let defaults = |tags: Value| {
        let all = json!({ "defaults": {
            "identityPoolTags": tags,
            "deletionPolicy": "DeleteIfEmpty",
            "resyncPeriodSeconds": 60,
            "driftPolicy": "Report",
        } });
        member(all, &tags.to_string())
    };
    let mut world = world(
        defaults(json!({ "cost": "1", "team": "platform" })),
        json!({ "identityPoolTags": { "team": "shop" } }),
    );
    world.run(Duration::from_secs(1));
    let tags = |world: &World| {
        let mut tags = world.pools[&world.pool_id()].tags.clone();
        tags.retain(|key, _| !key.starts_with("cognito-identity.dev/"));
        tags
    };
    let expected = |pairs: [(&str, &str); 2]| {
        BTreeMap::from(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())))
    };
    assert_eq!(tags(&world), expected([("cost", "1"), ("team", "shop")]));
    assert_eq!(
        world.status().deletion_policy,
        Some(DeletionPolicy::DeleteIfEmpty)
    );
    let rest = world.pass().after.expect("a pause");
    assert!(rest <= Duration::from_secs(70), "{rest:?}");

    // A changed default is one update, and its tag goes when it goes.
    world.count_anew();
    world.membership = defaults(json!({ "costs": "1" }));
    world.pass();
    assert_eq!(tags(&world), expected([("costs", "1"), ("team", "shop")]));
    let updates: Vec<_> = world.sent.iter().map(Call::operation).collect();
    assert_eq!(updates, [Operation::UpdateIdentityPool]);

    // Drift is reported, unless the object says otherwise.
    let id = world.pool_id();
    let meddle = |world: &mut World| {
        let pool = world.pools.get_mut(&id).expect("there");
        pool.settings.allow_classic_flow = true;
    };
    meddle(&mut world);
    world.run(HOUR);
    assert_eq!(world.condition("Stalled"), "True/Drifted");
    world.edit(|spec| spec.drift_policy = Some(DriftPolicy::Correct));
    world.run(HOUR);
    assert_eq!(world.condition("Ready"), "True/InSync");
}

#[test]
fn tags_of_class_and_object_together_are_not_more_than_aws_takes() {
    let many = |prefix: &str| -> BTreeMap<String, String> {
        (0..30)
            .map(|number| (format!("{prefix}{number}"), String::new()))
            .collect()
    };
    let membership = member(
        json!({ "defaults": { "identityPoolTags": many("a") } }),
        "1",
    );
    let mut world = world(membership, json!({}));
    world.run(HOUR);
    world.edit(|spec| spec.identity_pool_tags = many("b"));
    world.run(HOUR);
    assert_eq!(world.condition("Stalled"), "True/TooManyTags");
}

#[test]
fn a_pool_that_its_class_keeps_by_default_was_not_taken_over_for_that() {
    let mut world = world(guarded(&json!({})), json!({}));
    world.run(HOUR);
    let annotations = world.object().metadata.annotations.as_mut();
    annotations.expect("the claim").clear();
    world.touch();
    world.restart();
    world.run(HOUR);
    let claim = &world
        .object()
        .metadata
        .annotations
        .clone()
        .expect("a claim");
    let claim: Value = serde_json::from_str(claim.values().next().expect("it")).expect("JSON");
    assert_ne!(claim["adopted"], json!(true), "{claim}");
}

fn offer(is_default: bool, allowed: Option<Value>) -> Offer {
    Offer {
        is_default,
        allowed: allowed.map(|selector| serde_json::from_value(selector).expect("a selector")),
        class: Ok(read(json!({}), home(), "1").expect("a class")),
    }
}

fn catalogue(offers: &[(&str, Offer)], is_required: bool) -> Catalogue {
    let offers = offers
        .iter()
        .map(|(name, offer)| ((*name).to_owned(), offer.clone()));
    Catalogue {
        offers: offers.collect(),
        is_required,
        ..Catalogue::default()
    }
}

fn shop() -> BTreeMap<String, String> {
    BTreeMap::from([("team".to_owned(), "shop".to_owned())])
}

/// Reason of a bar, or what the object is.
fn outcome(membership: &Membership) -> String {
    match membership {
        Membership::Unclassed => "unclassed".into(),
        Membership::Member { is_admitted, .. } => format!("member {is_admitted}"),
        Membership::Barred(bar) => bar.reason.to_string(),
    }
}

#[test]
fn the_class_of_an_object_is_the_one_it_names_or_the_only_default() {
    let any = || Some(json!({}));
    let none = catalogue(&[], false);
    let strict = catalogue(&[], true);
    let one = catalogue(
        &[("a", offer(true, any())), ("b", offer(false, any()))],
        true,
    );
    let two = catalogue(
        &[("a", offer(true, any())), ("b", offer(true, any()))],
        false,
    );
    for (catalogue, asked, expected) in [
        (&none, None, "unclassed"),
        (&none, Some("a"), "UnknownClass"),
        (&strict, None, "ClassRequired"),
        (&strict, Some("a"), "UnknownClass"),
        (&one, None, "member true"),
        (&one, Some("b"), "member true"),
        (&one, Some("c"), "UnknownClass"),
        (&two, None, "SeveralDefaultClasses"),
        (&two, Some("b"), "member true"),
    ] {
        let membership = catalogue.membership(asked, &shop());
        assert_eq!(outcome(&membership), expected, "{asked:?}");
    }
    let Membership::Barred(bar) = two.membership(None, &shop()) else {
        panic!("two defaults");
    };
    assert!(
        bar.message.contains("a, b"),
        "both are named: {}",
        bar.message
    );
}

#[test]
fn a_class_takes_the_namespaces_that_it_selects_and_none_if_it_selects_none() {
    for (allowed, expected) in [
        (None, "member false"),
        (Some(json!({})), "member true"),
        (
            Some(json!({ "matchLabels": { "team": "shop" } })),
            "member true",
        ),
        (
            Some(json!({ "matchLabels": { "team": "web" } })),
            "member false",
        ),
        (
            Some(json!({ "matchExpressions": [{ "key": "team", "operator": "Like" }] })),
            "InvalidClass",
        ),
    ] {
        let catalogue = catalogue(&[("a", offer(false, allowed.clone()))], false);
        let membership = catalogue.membership(Some("a"), &shop());
        assert_eq!(outcome(&membership), expected, "{allowed:?}");
    }
}

#[test]
fn a_pattern_that_cannot_be_read_makes_a_class_that_cannot_be_used() {
    for guardrails in [
        json!({ "roleARNs": [""] }),
        json!({ "allowAdoption": { "poolNames": [" "] } }),
        json!({ "providers": { "userPools": [""] } }),
    ] {
        let class = read(json!({ "guardrails": guardrails }), home(), "1");
        let why = class.expect_err("no class");
        assert!(
            why.contains("spec.guardrails.") && why.contains("cannot be read"),
            "{why}"
        );
    }
}

#[test]
fn before_the_classes_are_known_nothing_is_done_for_anybody() {
    for (listing, asked, expected) in [
        (Listing::Awaited, None, "ClassNotReady"),
        (Listing::Awaited, Some("a"), "ClassNotReady"),
        (Listing::Refused("forbidden".into()), None, "ClassNotReady"),
        (Listing::Ignored, None, "unclassed"),
        (Listing::Ignored, Some("a"), "UnknownClass"),
    ] {
        let catalogue = Catalogue {
            listing,
            ..Catalogue::default()
        };
        let membership = catalogue.membership(asked, &shop());
        assert_eq!(outcome(&membership), expected, "{catalogue:?}");
    }
}
