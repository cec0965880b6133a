//! What a user may do by the rules of a role, and did by the apiserver's own log.

use std::collections::BTreeSet;
use std::fmt;

use harness::control_plane::ControlPlane;
use serde_json::{Value, json};

/// One thing that RBAC grants: a verb on a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Grant {
    pub(crate) group: String,
    /// With its subresource, as rules have it: `identitypools/status`.
    pub(crate) resource: String,
    pub(crate) verb: String,
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}.{}", self.verb, self.resource, self.group)
    }
}

/// What a user asked of the apiserver.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    pub(crate) allowed: BTreeSet<Grant>,
    pub(crate) forbidden: BTreeSet<Grant>,
}

impl Requests {
    /// All requests of an impersonated user so far. Discovery, which is everybody's, is left out.
    pub(crate) fn of(plane: &ControlPlane, user: &str) -> Self {
        let log = std::fs::read_to_string(plane.audit_log()).expect("the audit log");
        let mut requests = Self::default();
        for line in log.lines().filter(|line| line.contains(user)) {
            // The last line may be half written.
            let Ok(event) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            if event["impersonatedUser"]["username"] == user {
                requests.add(&event);
            }
        }
        requests
    }

    fn add(&mut self, event: &Value) {
        let object = &event["objectRef"];
        let Some(resource) = object["resource"].as_str() else {
            return;
        };
        let below = object["subresource"].as_str();
        let grant = Grant {
            group: object["apiGroup"].as_str().unwrap_or_default().to_owned(),
            resource: below.map_or(resource.to_owned(), |below| format!("{resource}/{below}")),
            verb: event["verb"].as_str().unwrap_or_default().to_owned(),
        };
        if event["responseStatus"]["code"] == 403 {
            self.forbidden.insert(grant);
        } else {
            self.allowed.insert(grant);
        }
    }
}

/// The grants of a role, after one of them was taken away.
pub(crate) fn take_from(role: &mut Value, without: Option<&Grant>) -> Vec<Grant> {
    let rules = role.get_mut("rules").and_then(Value::as_array_mut);
    let rules = rules.into_iter().flatten();
    rules.flat_map(|rule| take(rule, without)).collect()
}

/// The grants of a rule, after one of them was taken away.
fn take(rule: &mut Value, without: Option<&Grant>) -> Vec<Grant> {
    let texts = |list: &Value| -> Vec<String> {
        let list = list.as_array().into_iter().flatten();
        list.map(|text| text.as_str().expect("text").to_owned())
            .collect()
    };
    let (groups, resources) = (texts(&rule["apiGroups"]), texts(&rule["resources"]));
    let [group] = &groups[..] else {
        panic!("one group a rule: {rule}");
    };
    let hit = |verb: &str| {
        without.is_some_and(|without| {
            without.verb == verb && &without.group == group && resources.contains(&without.resource)
        })
    };
    let verbs: Vec<String> = texts(&rule["verbs"])
        .into_iter()
        .filter(|verb| !hit(verb))
        .collect();
    rule["verbs"] = json!(verbs);
    if verbs.is_empty() {
        // A rule without verbs is refused; this one grants nothing that is asked for.
        rule["verbs"] = json!(["none"]);
    }
    let grant = |resource: &String, verb: &String| Grant {
        group: group.clone(),
        resource: resource.clone(),
        verb: verb.clone(),
    };
    let pairs = resources
        .iter()
        .flat_map(|resource| verbs.iter().map(move |verb| (resource, verb)));
    pairs
        .map(|(resource, verb)| grant(resource, verb))
        .collect()
}
