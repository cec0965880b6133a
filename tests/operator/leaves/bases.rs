//! Three specs that have every field between them, and what they refer to.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::{Map, Value, json};

use super::subject::World;
use crate::rig::Rig;

/// Where the values come from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Base {
    Plain,
    FromMaps,
    FromObjects,
}

/// The group of the kinds that are referred to.
const GROUP: &str = "leaves.example.com";
const VERSIONS: [&str; 2] = ["v1", "v12"];
const KINDS: [&str; 2] = ["Source", "Source2"];
const NAMES: [&str; 2] = ["main", "main2"];

/// What is kept in each place that can be referred to: a key, and the beginning and end of its
/// value. The middle differs from place to place.
const VALUES: [(&str, &str, &str); 12] = [
    (
        "staff",
        "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Staff",
        "",
    ),
    (
        "shop",
        "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Shop",
        "",
    ),
    ("web", "web", ""),
    ("app", "app", ""),
    (
        "oidc",
        "arn:aws:iam::123456789012:oidc-provider/login",
        ".example.com",
    ),
    ("saml", "arn:aws:iam::123456789012:saml-provider/corp", ""),
    ("user", "arn:aws:iam::123456789012:role/user", ""),
    ("guest", "arn:aws:iam::123456789012:role/guest", ""),
    ("admin", "arn:aws:iam::123456789012:role/admin", ""),
    ("facebook", "1234", ""),
    ("google", "google", ".apps.googleusercontent.com"),
    ("twitter", "consumer", ";secret"),
];

/// The values of the place with this number, each under its key and under the key's twin.
fn values(place: usize) -> Map<String, Value> {
    let mut values = Map::new();
    for (key, start, end) in VALUES {
        values.insert(key.into(), format!("{start}{place}0{end}").into());
        values.insert(format!("{key}2"), format!("{start}{place}1{end}").into());
    }
    values
}

impl Base {
    /// A rig with all that the specs refer to.
    pub(super) async fn world(self) -> World {
        let rig = Rig::new("leaves").await;
        let definitions = KINDS.map(definition).join("\n---\n");
        rig.plane.apply_crds(&definitions).await.expect("accepted");
        for (place, name) in NAMES.into_iter().enumerate() {
            make_maps(&rig, name, place).await;
            for (more, kind) in KINDS.into_iter().enumerate() {
                make_object(&rig, kind, name, 2 + place + 2 * more).await;
            }
        }
        World::new(rig).await
    }

    /// A value that comes from elsewhere.
    fn source(self, key: &str) -> Value {
        match self {
            Base::Plain => unreachable!("it has values of its own"),
            Base::FromMaps => json!({ "configMapKeyRef": { "name": NAMES[0], "key": key } }),
            Base::FromObjects => json!({ "objectRef": {
                "apiVersion": format!("{GROUP}/{}", VERSIONS[0]), "kind": KINDS[0],
                "name": NAMES[0], "fieldPath": format!("spec.{key}"),
            } }),
        }
    }

    pub(super) fn spec(self) -> Value {
        match self {
            Base::Plain => plain(),
            _ => self.referring(),
        }
    }

    fn referring(self) -> Value {
        let secret = json!({ "secretKeyRef": { "name": NAMES[0], "key": "twitter" } });
        json!({
            "cognitoIdentityProviders": [
                { "name": "staff", "providerNameFrom": self.source("staff"), "clientIdFrom": self.source("web") },
                { "name": "staff2", "providerNameFrom": self.source("shop"), "clientIdFrom": self.source("app") },
                { "name": "spare", "providerNameFrom": self.source("staff"), "clientIdFrom": self.source("app") },
            ],
            "supportedLoginProvidersFrom": {
                "api.twitter.com": secret,
                "graph.facebook.com": self.source("facebook"),
            },
            "developerProviderNameFrom": self.source("app"),
            "openIdConnectProviderARNsFrom": [self.source("oidc")],
            "samlProviderARNsFrom": [self.source("saml")],
            "roles": {
                "authenticatedFrom": self.source("user"),
                "unauthenticatedFrom": self.source("guest"),
            },
            "roleMappings": [
                { "provider": "staff", "type": "Rules", "ambiguousRoleResolution": "Deny", "rules": [
                    { "claim": "team", "matchType": "Equals", "value": "ops", "roleARNFrom": self.source("admin") },
                    { "claim": "team", "matchType": "Equals", "value": "dev", "roleARNFrom": self.source("user") },
                ] },
            ],
            "principalTagAttributeMaps": [{ "provider": "staff", "principalTags": { "team": "team" } }],
            "export": { "configMap": { "name": "pool" } },
            "deletionPolicy": "Delete",
        })
    }
}

fn plain() -> Value {
    let user_pool = |name: &str| format!("cognito-idp.eu-west-1.amazonaws.com/eu-west-1_{name}");
    let role = |name: &str| format!("arn:aws:iam::123456789012:role/{name}");
    json!({
        "identityPoolName": "every field",
        "allowUnauthenticatedIdentities": true,
        "allowClassicFlow": false,
        "supportedLoginProviders": { "graph.facebook.com": "1234", "accounts.google.com": "me.example" },
        "developerProviderName": "login.example",
        "openIdConnectProviderARNs": ["arn:aws:iam::123456789012:oidc-provider/login.example.com/a", "arn:aws:iam::123456789012:oidc-provider/login.example.com/b"],
        "samlProviderARNs": ["arn:aws:iam::123456789012:saml-provider/corp"],
        "cognitoIdentityProviders": [
            { "name": "staff", "providerName": user_pool("Staff"), "clientId": "abc", "serverSideTokenCheck": true },
            { "name": "staff2", "providerName": user_pool("Shop"), "clientId": "def" },
            { "name": "spare", "providerName": user_pool("Spare"), "clientId": "ghi", "serverSideTokenCheck": false },
        ],
        "identityPoolTags": { "team": "web", "cost-centre": "" },
        "roles": { "authenticated": role("user"), "unauthenticated": role("guest") },
        "roleMappings": [
            { "identityProvider": "graph.facebook.com", "type": "Token", "ambiguousRoleResolution": "Deny" },
            { "provider": "staff", "type": "Rules", "ambiguousRoleResolution": "AuthenticatedRole", "rules": [
                { "claim": "custom:team", "matchType": "StartsWith", "value": "ops", "roleARN": role("ops") },
                { "claim": "custom:team", "matchType": "NotEqual", "value": "dev", "roleARN": role("guest") },
            ] },
        ],
        "principalTagAttributeMaps": [
            { "provider": "staff", "useDefaults": false, "principalTags": { "team": "custom:team", "sub": "sub" } },
            { "identityProviderName": "graph.facebook.com", "useDefaults": true },
        ],
        "export": { "configMap": { "name": "pool" } },
        "managementPolicy": "Manage",
        "driftPolicy": "Correct",
        "deletionPolicy": "Delete",
        "onExternalDeletion": "Block",
        "resyncPeriodSeconds": 1800,
    })
}

/// A kind that is served in two versions.
fn definition(kind: &str) -> String {
    let singular = kind.to_lowercase();
    let schema = json!({ "openAPIV3Schema": {
        "type": "object", "x-kubernetes-preserve-unknown-fields": true,
    } });
    let versions = VERSIONS.map(|name| {
        json!({ "name": name, "served": true, "storage": name == VERSIONS[0], "schema": schema })
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{singular}s.{GROUP}") },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": { "kind": kind, "plural": format!("{singular}s"), "singular": singular },
            "versions": versions,
        },
    })
    .to_string()
}

async fn make_maps(rig: &Rig, name: &str, place: usize) {
    let params = PostParams::default();
    let metadata = json!({ "name": name });
    let map = json!({ "metadata": metadata, "data": values(place) });
    let map: ConfigMap = serde_json::from_value(map).expect("a ConfigMap");
    let maps = Api::namespaced(rig.client.clone(), &rig.namespace);
    maps.create(&params, &map).await.expect("accepted");
    let secret = json!({ "metadata": metadata, "stringData": values(place) });
    let secret: Secret = serde_json::from_value(secret).expect("a Secret");
    let secrets = Api::namespaced(rig.client.clone(), &rig.namespace);
    secrets.create(&params, &secret).await.expect("accepted");
}

async fn make_object(rig: &Rig, kind: &str, name: &str, place: usize) {
    let kind = GroupVersionKind::gvk(GROUP, VERSIONS[0], kind);
    let resource = ApiResource::from_gvk(&kind);
    let api: Api<DynamicObject> =
        Api::namespaced_with(rig.client.clone(), &rig.namespace, &resource);
    let object = DynamicObject::new(name, &resource).data(json!({ "spec": values(place) }));
    let made = api.create(&PostParams::default(), &object).await;
    made.expect("accepted");
}
