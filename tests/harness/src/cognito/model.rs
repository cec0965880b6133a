//! The service model: what each operation's input may look like.
//!
//! Lengths, ranges and patterns as AWS publishes them and nothing else; rules
//! that need the meaning of a value live in [`super::semantics`]. Members that
//! are not listed are ignored, as AWS ignores them.

/// The shape of a value.
pub(super) enum Shape {
    Text {
        min: usize,
        max: usize,
        pattern: Option<Pattern>,
    },
    Choice(&'static [&'static str]),
    Flag,
    Number {
        min: i64,
        max: i64,
    },
    List {
        of: &'static Shape,
        min: usize,
        max: usize,
    },
    Map {
        key: &'static Shape,
        value: &'static Shape,
        max: usize,
    },
    Structure(&'static [Member]),
}

/// A regular expression as AWS prints it, and the same as a predicate.
#[derive(Clone, Copy)]
pub(super) struct Pattern {
    pub(super) text: &'static str,
    pub(super) accepts: fn(&str) -> bool,
}

/// One member of a structure.
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) required: bool,
    pub(super) shape: Shape,
}

const UNLIMITED: usize = usize::MAX;

const fn required(name: &'static str, shape: Shape) -> Member {
    Member {
        name,
        required: true,
        shape,
    }
}

const fn optional(name: &'static str, shape: Shape) -> Member {
    Member {
        name,
        required: false,
        shape,
    }
}

const fn plain(min: usize, max: usize) -> Shape {
    Shape::Text {
        min,
        max,
        pattern: None,
    }
}

const fn text(max: usize, text: &'static str, accepts: fn(&str) -> bool) -> Shape {
    Shape::Text {
        min: 1,
        max,
        pattern: Some(Pattern { text, accepts }),
    }
}

const fn list(of: &'static Shape, min: usize, max: usize) -> Shape {
    Shape::List { of, min, max }
}

const fn map(key: &'static Shape, value: &'static Shape, max: usize) -> Shape {
    Shape::Map { key, value, max }
}

// === patterns ===

fn every(text: &str, accepts: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(accepts)
}

fn word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0B' | '\x0C' | '\r')
}

fn pool_name(text: &str) -> bool {
    every(text, |c| word(c) || space(c) || "+=,.@-".contains(c))
}

fn pool_id_like(text: &str) -> bool {
    let Some((region, rest)) = text.split_once(':') else {
        return false;
    };
    every(region, |c| word(c) || c == '-')
        && every(rest, |c| matches!(c, '0'..='9' | 'a'..='f' | '-'))
}

fn login_value(text: &str) -> bool {
    every(text, |c| word(c) || ".;_/-".contains(c))
}

fn developer_name(text: &str) -> bool {
    every(text, |c| word(c) || "._-".contains(c))
}

fn provider_name(text: &str) -> bool {
    every(text, |c| word(c) || "._:/-".contains(c))
}

fn client_id(text: &str) -> bool {
    every(text, word)
}

fn role_type(text: &str) -> bool {
    matches!(text, "authenticated" | "unauthenticated")
}

fn visible(text: &str) -> bool {
    every(text, |c| !c.is_whitespace() && !c.is_control())
}

// === shared shapes ===

const POOL_ID: Shape = text(55, r"[\w-]+:[0-9a-f-]+", pool_id_like);
const POOL_NAME: Shape = text(128, r"[\w\s+=,.@-]+", pool_name);
const DEVELOPER_NAME: Shape = text(128, r"[\w._-]+", developer_name);
const ARN: Shape = plain(20, 2048);
const NAME: Shape = plain(1, 128);
const LOGINS: Shape = map(&NAME, &text(128, r"[\w.;_/-]+", login_value), 10);
const TOKENS: Shape = map(&NAME, &plain(1, 50_000), 10);
const TAGS: Shape = map(&NAME, &plain(0, 256), UNLIMITED);
const ARNS: Shape = list(&ARN, 0, UNLIMITED);
const PAGE_SIZE: Shape = Shape::Number { min: 1, max: 60 };
const PAGE_TOKEN: Shape = text(65_535, r"[\S]+", visible);

const USER_POOLS: Shape = list(
    &Shape::Structure(&[
        optional("ProviderName", text(128, r"[\w._:/-]+", provider_name)),
        optional("ClientId", text(128, r"[\w_]+", client_id)),
        optional("ServerSideTokenCheck", Shape::Flag),
    ]),
    0,
    UNLIMITED,
);

const RULE: Shape = Shape::Structure(&[
    required("Claim", text(64, r"[\p{L}\p{M}\p{S}\p{N}\p{P}]+", visible)),
    required(
        "MatchType",
        Shape::Choice(&["Equals", "Contains", "StartsWith", "NotEqual"]),
    ),
    required("Value", plain(1, 128)),
    required("RoleARN", ARN),
]);

const ROLE_MAPPING: Shape = Shape::Structure(&[
    required("Type", Shape::Choice(&["Token", "Rules"])),
    optional(
        "AmbiguousRoleResolution",
        Shape::Choice(&["AuthenticatedRole", "Deny"]),
    ),
    optional(
        "RulesConfiguration",
        Shape::Structure(&[required("Rules", list(&RULE, 1, 400))]),
    ),
]);

// === inputs ===

pub(super) const CREATE: &[Member] = &[
    required("IdentityPoolName", POOL_NAME),
    required("AllowUnauthenticatedIdentities", Shape::Flag),
    optional("AllowClassicFlow", Shape::Flag),
    optional("SupportedLoginProviders", LOGINS),
    optional("DeveloperProviderName", DEVELOPER_NAME),
    optional("OpenIdConnectProviderARNs", ARNS),
    optional("CognitoIdentityProviders", USER_POOLS),
    optional("SamlProviderARNs", ARNS),
    optional("IdentityPoolTags", TAGS),
];

pub(super) const UPDATE: &[Member] = &[
    required("IdentityPoolId", POOL_ID),
    required("IdentityPoolName", POOL_NAME),
    required("AllowUnauthenticatedIdentities", Shape::Flag),
    optional("AllowClassicFlow", Shape::Flag),
    optional("SupportedLoginProviders", LOGINS),
    optional("DeveloperProviderName", DEVELOPER_NAME),
    optional("OpenIdConnectProviderARNs", ARNS),
    optional("CognitoIdentityProviders", USER_POOLS),
    optional("SamlProviderARNs", ARNS),
    optional("IdentityPoolTags", TAGS),
];

/// Operations that take a pool id and nothing else.
pub(super) const POOL: &[Member] = &[required("IdentityPoolId", POOL_ID)];

pub(super) const LIST_POOLS: &[Member] = &[
    required("MaxResults", PAGE_SIZE),
    optional("NextToken", PAGE_TOKEN),
];

pub(super) const LIST_IDENTITIES: &[Member] = &[
    required("IdentityPoolId", POOL_ID),
    required("MaxResults", PAGE_SIZE),
    optional("NextToken", PAGE_TOKEN),
    optional("HideDisabled", Shape::Flag),
];

pub(super) const GET_ID: &[Member] = &[
    optional("AccountId", plain(1, 15)),
    required("IdentityPoolId", POOL_ID),
    optional("Logins", TOKENS),
];

pub(super) const SET_ROLES: &[Member] = &[
    required("IdentityPoolId", POOL_ID),
    required(
        "Roles",
        map(&text(128, "(un)?authenticated", role_type), &ARN, 2),
    ),
    optional("RoleMappings", map(&NAME, &ROLE_MAPPING, 10)),
];

pub(super) const SET_PRINCIPAL_TAGS: &[Member] = &[
    required("IdentityPoolId", POOL_ID),
    required("IdentityProviderName", NAME),
    optional("UseDefaults", Shape::Flag),
    optional("PrincipalTags", map(&NAME, &plain(1, 256), 50)),
];

pub(super) const GET_PRINCIPAL_TAGS: &[Member] = &[
    required("IdentityPoolId", POOL_ID),
    required("IdentityProviderName", NAME),
];

pub(super) const TAG: &[Member] = &[required("ResourceArn", ARN), required("Tags", TAGS)];

pub(super) const UNTAG: &[Member] = &[
    required("ResourceArn", ARN),
    required("TagKeys", list(&NAME, 0, UNLIMITED)),
];

pub(super) const LIST_TAGS: &[Member] = &[required("ResourceArn", ARN)];

pub(super) const NOTHING: &[Member] = &[];
