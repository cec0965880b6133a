//! Every way by which a role can reach AWS, with a class that allows it, one that does not, and one
//! that no longer does: no request bears a role that the class does not allow.

use std::collections::BTreeMap;
use std::time::Duration;

use identity_pool_operator::api::{Adopt, IdentityPoolSpec};
use identity_pool_operator::pool::access::{Mapping, RoleSet, Rule};
use identity_pool_operator::pool::call::{Call, Operation};
use identity_pool_operator::pool::settings::PoolId;
use identity_pool_operator::pool::sources::{Source, Target, Text};
use serde_json::{Value, json};

use crate::classes::{Offered, class};
use crate::world::World;

/// Within the pattern of the class.
const MINE: &str = "arn:aws:iam::123456789012:role/apps/shop";
/// Outside of it.
const THEIRS: &str = "arn:aws:iam::123456789012:role/admin";
const USER_POOL: &str = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Staff";
const HOUR: Duration = Duration::from_secs(3600);

/// How a role gets into a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Authenticated,
    Unauthenticated,
    AuthenticatedFrom,
    UnauthenticatedFrom,
    FirstRule,
    LastOf25Rules,
    RuleFrom,
    SecondMapping,
    MappingByName,
    TokenMapping,
    /// Somebody set it at the console, and it would be sent back with the mappings of the spec.
    SentBackRole,
    /// The same of a mapping, with the roles of the spec.
    SentBackMapping,
}

const WAYS: [Way; 12] = [
    Way::Authenticated,
    Way::Unauthenticated,
    Way::AuthenticatedFrom,
    Way::UnauthenticatedFrom,
    Way::FirstRule,
    Way::LastOf25Rules,
    Way::RuleFrom,
    Way::SecondMapping,
    Way::MappingByName,
    Way::TokenMapping,
    Way::SentBackRole,
    Way::SentBackMapping,
];

fn source() -> Source {
    let target = Target {
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        name: "ids".into(),
    };
    Source::ConfigMap(target, "role".into())
}

fn rule(role: &str) -> Value {
    json!({ "claim": "group", "matchType": "Equals", "value": "x", "roleARN": role })
}

fn mapping(provider: &str, rules: &[Value]) -> Value {
    json!({
        "identityProvider": provider,
        "type": "Rules",
        "ambiguousRoleResolution": "Deny",
        "rules": rules,
    })
}

impl Way {
    /// What the spec says where the role is this one.
    fn spec(self, role: &str) -> Value {
        let from = json!({ "configMapKeyRef": { "name": "ids", "key": "role" } });
        let mapped =
            |rules: Vec<Value>| json!({ "roleMappings": [mapping("graph.facebook.com", &rules)] });
        match self {
            Self::Authenticated => json!({ "roles": { "authenticated": role } }),
            Self::Unauthenticated => json!({ "roles": { "unauthenticated": role } }),
            Self::AuthenticatedFrom => json!({ "roles": { "authenticatedFrom": from } }),
            Self::UnauthenticatedFrom => json!({ "roles": { "unauthenticatedFrom": from } }),
            Self::FirstRule => mapped(vec![rule(role), rule(MINE)]),
            Self::LastOf25Rules => {
                let mut rules = vec![rule(MINE); 24];
                rules.push(rule(role));
                mapped(rules)
            }
            Self::RuleFrom => {
                let mut taken = rule("");
                taken.as_object_mut().expect("a rule").remove("roleARN");
                taken["roleARNFrom"] = from;
                mapped(vec![taken])
            }
            Self::SecondMapping => json!({ "roleMappings": [
                mapping("graph.facebook.com", &[rule(MINE)]),
                mapping("accounts.google.com", &[rule(role)]),
            ] }),
            Self::MappingByName => {
                let mut named = mapping("", &[rule(role)]);
                named
                    .as_object_mut()
                    .expect("a mapping")
                    .remove("identityProvider");
                named["provider"] = json!("staff");
                json!({ "roleMappings": [named] })
            }
            Self::TokenMapping if role == THEIRS => json!({ "roleMappings": [{
                "identityProvider": "graph.facebook.com",
                "type": "Token",
                "ambiguousRoleResolution": "Deny",
            }] }),
            Self::TokenMapping | Self::SentBackRole => mapped(vec![rule(MINE)]),
            Self::SentBackMapping => json!({ "roles": { "authenticated": MINE } }),
        }
    }

    /// What the message names.
    fn field(self) -> &'static str {
        match self {
            Self::Authenticated | Self::AuthenticatedFrom | Self::SentBackRole => {
                "spec.roles.authenticated"
            }
            Self::Unauthenticated | Self::UnauthenticatedFrom => "spec.roles.unauthenticated",
            Self::FirstRule | Self::RuleFrom => {
                "spec.roleMappings[graph.facebook.com].rules[0].roleARN"
            }
            Self::LastOf25Rules => "spec.roleMappings[graph.facebook.com].rules[24].roleARN",
            Self::SecondMapping | Self::SentBackMapping => {
                "spec.roleMappings[accounts.google.com].rules[0].roleARN"
            }
            Self::MappingByName => "spec.roleMappings[cognito-idp.",
            Self::TokenMapping => "spec.roleMappings has one of type Token",
        }
    }

    fn is_from_outside(self) -> bool {
        matches!(self, Self::SentBackRole | Self::SentBackMapping)
    }
}

/// A spec that the class allows, with these roles in it.
fn spec(roles: Value) -> IdentityPoolSpec {
    let mut all = json!({
        "supportedLoginProviders": { "graph.facebook.com": "1", "accounts.google.com": "2" },
        "cognitoIdentityProviders": [
            { "name": "staff", "providerName": USER_POOL, "clientId": "abc" },
        ],
    });
    let Value::Object(roles) = roles else {
        panic!("an object");
    };
    all.as_object_mut().expect("an object").extend(roles);
    serde_json::from_value(all).expect("a spec")
}

impl World {
    fn refer(&mut self, role: &str) {
        self.elsewhere.insert(source(), Ok(Text::plain(role)));
        self.memory.news += 1;
    }

    /// Somebody at the console gives a pool a role that the spec does not manage.
    fn meddle(&mut self, id: &PoolId, way: Way, role: &str) {
        let set = self.roles.entry(id.clone()).or_default();
        match way {
            Way::SentBackRole => {
                set.roles.insert("authenticated".into(), role.into());
            }
            Way::SentBackMapping => {
                let rules = vec![Rule {
                    role_arn: role.into(),
                    ..Rule::default()
                }];
                let mapping = Mapping {
                    kind: "Rules".into(),
                    rules,
                    ..Mapping::default()
                };
                set.mappings.insert("accounts.google.com".into(), mapping);
            }
            _ => {}
        }
    }

    fn pool(&self) -> PoolId {
        self.owned().first().expect("a pool").clone()
    }

    fn sends(&self, role: &str) -> bool {
        self.sent
            .iter()
            .any(|call| format!("{call:?}").contains(role))
    }

    /// Nothing that the class does not allow has been sent.
    fn assert_within(&self, case: &str) {
        assert!(!self.sends(THEIRS), "{case}: {:?}", self.sent);
        let is_token = |call: &Call| match call {
            Call::SetIdentityPoolRoles { set, .. } => {
                set.mappings.values().any(|mapping| mapping.kind == "Token")
            }
            _ => false,
        };
        assert!(!self.sent.iter().any(is_token), "{case}: {:?}", self.sent);
    }

    fn assert_denied(&self, way: Way, case: &str) {
        assert_eq!(self.condition("Stalled"), "True/DeniedByClass", "{case}");
        let message = self.message();
        let rule = if way == Way::TokenMapping {
            "allowTokenRoleMappings"
        } else {
            "roleARNs"
        };
        for part in [way.field(), rule, "class shops"] {
            assert!(message.contains(part), "{case}: {part} is not in {message}");
        }
    }
}

/// How the role comes to be asked for.
#[derive(Clone, Copy, Debug)]
enum Path {
    Create,
    Update,
    Adopt,
    Change,
}

const PATHS: [Path; 4] = [Path::Create, Path::Update, Path::Adopt, Path::Change];

/// A world in which a role of the account is asked for in this way, on this path.
fn walk(way: Way, path: Path, role: &str, offered: Offered) -> World {
    let plain = || spec(json!({}));
    let mut world = World::new(match path {
        Path::Create | Path::Adopt if !way.is_from_outside() => spec(way.spec(role)),
        Path::Change => spec(way.spec(MINE)),
        _ => plain(),
    });
    world.membership = class(offered);
    world.refer(if matches!(path, Path::Change) {
        MINE
    } else {
        role
    });
    if matches!(path, Path::Adopt) {
        let id = world.seed(&[]);
        world
            .pools
            .get_mut(&id)
            .expect("there")
            .settings
            .identity_pool_name = "shop".into();
        world.meddle(&id, way, role);
        let object = world.object();
        object.spec = spec(way.spec(role));
        object.spec.adopt = Some(Adopt {
            identity_pool_name: Some("shop".into()),
            overwrite: Some(true),
            ..Adopt::default()
        });
        world.run(HOUR);
        return world;
    }
    world.run(HOUR);
    if matches!(path, Path::Create) && !way.is_from_outside() {
        return world;
    }
    assert_eq!(world.condition("Ready"), "True/InSync", "{way:?} {path:?}");
    let id = world.pool();
    world.meddle(&id, way, role);
    if matches!(path, Path::Change) {
        world.refer(role);
    }
    world.edit(|of| {
        *of = spec(way.spec(role));
        // Another edit of what is sent together with what others set.
        of.allow_classic_flow = false;
        if way == Way::SentBackRole {
            let rules = &mut of.role_mappings.as_mut().expect("mappings")[0].rules;
            rules[0].value = "y".into();
        }
        if way == Way::SentBackMapping {
            let other = format!("{MINE}-2");
            of.roles.as_mut().expect("roles").unauthenticated = Some(other);
        }
    });
    world.run(HOUR);
    world
}

/// Whether the request bears what was asked for: a Token mapping bears no role.
fn arrived(world: &World, way: Way, role: &str) -> bool {
    if way == Way::TokenMapping {
        let tokens = |call: &Call| format!("{call:?}").contains("\"Token\"");
        return world.sent.iter().any(tokens);
    }
    world.sends(role)
}

#[test]
fn what_the_class_allows_reaches_aws_in_each_of_twelve_ways() {
    for way in WAYS {
        for path in PATHS {
            let case = format!("{way:?} {path:?}");
            let offered = Offered {
                roles: &["arn:aws:iam::123456789012:role/*"],
                tokens: true,
                ..Offered::default()
            };
            let world = walk(way, path, THEIRS, offered);
            assert!(arrived(&world, way, THEIRS), "{case}: {:?}", world.sent);
            assert_eq!(world.condition("Ready"), "True/InSync", "{case}");
        }
    }
}

#[test]
fn what_the_class_does_not_allow_is_in_no_request_in_each_of_twelve_ways() {
    for way in WAYS {
        for path in PATHS {
            let case = format!("{way:?} {path:?}");
            let world = walk(way, path, THEIRS, Offered::default());
            world.assert_within(&case);
            world.assert_denied(way, &case);
            if matches!(path, Path::Create) && !way.is_from_outside() {
                assert!(world.sent.is_empty(), "{case}: no pool is made");
                assert!(
                    world
                        .object
                        .as_ref()
                        .is_some_and(|object| { object.metadata.annotations.is_none() }),
                    "{case}: no claim either"
                );
            }
        }
    }
}

#[test]
fn what_the_class_no_longer_allows_is_written_no_more_in_each_of_twelve_ways() {
    for way in WAYS {
        for path in PATHS {
            let case = format!("{way:?} {path:?}");
            let wide = Offered {
                roles: &["arn:aws:iam::123456789012:role/*"],
                tokens: true,
                ..Offered::default()
            };
            let mut world = walk(way, path, THEIRS, wide);
            assert_eq!(world.condition("Ready"), "True/InSync", "{case}");
            world.membership = class(Offered {
                edition: "2",
                ..Offered::default()
            });
            world.count_anew();
            // A drift, an edit that has to do with nothing, and time.
            let id = world.pool();
            let meddled = RoleSet {
                roles: BTreeMap::from([("unauthenticated".to_owned(), MINE.to_owned())]),
                ..world.roles.get(&id).cloned().unwrap_or_default()
            };
            world.roles.insert(id, meddled);
            world.edit(|spec| spec.identity_pool_name = Some("another".into()));
            world.run(2 * HOUR);
            if way.is_from_outside() {
                // The spec itself is allowed: all but the roles that others set is kept up.
                world.assert_within(&case);
            } else {
                assert!(world.sent.is_empty(), "{case}: {:?}", world.sent);
                world.assert_denied(way, &case);
            }
            // Allowed again, all of it is made true.
            world.membership = class(Offered {
                edition: "3",
                roles: &["arn:aws:iam::123456789012:role/*"],
                tokens: true,
                ..Offered::default()
            });
            world.run(HOUR);
            assert_eq!(world.condition("Ready"), "True/InSync", "{case}");
        }
    }
}

#[test]
fn a_class_may_take_the_roles_of_a_pool_away_that_it_no_longer_allows() {
    for way in WAYS.into_iter().filter(|way| !way.is_from_outside()) {
        let wide = Offered {
            roles: &["arn:aws:iam::123456789012:role/*"],
            tokens: true,
            ..Offered::default()
        };
        let mut world = walk(way, Path::Update, THEIRS, wide);
        world.edit(|spec| {
            spec.drift_policy = Some(identity_pool_operator::api::DriftPolicy::Report);
        });
        world.run(HOUR);
        let id = world.pool();
        world.membership = class(Offered {
            edition: "2",
            strips: true,
            ..Offered::default()
        });
        world.count_anew();
        world.run(HOUR);
        world.assert_denied(way, &format!("{way:?}"));
        let cleared = Call::SetIdentityPoolRoles {
            id: id.clone(),
            set: RoleSet::default(),
        };
        assert_eq!(world.sent, [cleared], "{way:?}: once, and nothing else");
        assert!(world.message().contains("has no roles any more"), "{way:?}");
        let writes = world.writes.iter().filter(|write| **write == "status");
        assert_eq!(writes.count(), 1, "{way:?}: it is said once");

        // Allowed again, the roles come back: nobody outside took them away.
        world.membership = class(Offered {
            edition: "3",
            ..wide
        });
        world.run(HOUR);
        assert_eq!(world.condition("Ready"), "True/InSync", "{way:?}");
        assert!(!world.roles[&id].roles.is_empty() || !world.roles[&id].mappings.is_empty());
        assert!(world.calls.contains(&Operation::SetIdentityPoolRoles));
    }
}
