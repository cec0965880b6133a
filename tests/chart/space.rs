//! The values of the chart: every one that its schema knows, and what else each could be.
//!
//! The schema is the list. A value that is added needs a type with another choice (`boolean`, `enum`,
//! a number) or `examples`, and so cannot be forgotten by the tests.

use serde_json::{Map, Value, json};

use crate::helm::text;

/// One value: where it is and what the schema says of it.
#[derive(Debug)]
pub(crate) struct Leaf {
    pub(crate) path: Vec<String>,
    schema: Value,
    default: Value,
}

/// The schema of all values.
pub(crate) fn schema() -> Value {
    serde_json::from_str(&text("charts/identity-pool-operator/values.schema.json")).expect("JSON")
}

/// What the chart has when nobody says anything.
pub(crate) fn defaults() -> Value {
    serde_saphyr::from_str(&text("charts/identity-pool-operator/values.yaml")).expect("YAML")
}

/// A value of a tree, by its path.
pub(crate) fn at<'a>(tree: &'a Value, path: &[String]) -> &'a Value {
    path.iter().fold(tree, |tree, name| &tree[name])
}

/// A tree with nothing but this value.
pub(crate) fn lone(path: &[String], value: &Value) -> Value {
    let around = |inner: Value, name: &String| json!({ name: inner });
    path.iter().rev().fold(value.clone(), around)
}

/// Puts one tree over another, as helm does with files of values.
pub(crate) fn merge(tree: &mut Value, over: &Value) {
    match (tree, over) {
        (Value::Object(tree), Value::Object(over)) => {
            for (name, value) in over {
                merge(tree.entry(name).or_insert(Value::Null), value);
            }
        }
        (tree, over) => *tree = over.clone(),
    }
}

/// Every value; `global`, which is Helm's, is none of ours.
pub(crate) fn leaves() -> Vec<Leaf> {
    let (schema, defaults) = (schema(), defaults());
    let mut found = Vec::new();
    collect(&schema, &schema, &[], &defaults, &mut found);
    found.retain(|leaf| leaf.path != ["global"]);
    found
}

fn collect(root: &Value, schema: &Value, path: &[String], defaults: &Value, found: &mut Vec<Leaf>) {
    for (name, below) in schema["properties"].as_object().into_iter().flatten() {
        let path = [path, std::slice::from_ref(name)].concat();
        if below["properties"].is_object() {
            collect(root, below, &path, defaults, found);
            continue;
        }
        found.push(Leaf {
            schema: resolved(root, below),
            default: at(defaults, &path).clone(),
            path,
        });
    }
}

/// A schema with what it refers to.
fn resolved(root: &Value, schema: &Value) -> Value {
    let mut whole = schema.clone();
    if let Some(name) = schema["$ref"]
        .as_str()
        .and_then(|path| path.strip_prefix("#/$defs/"))
    {
        merge(&mut whole, &root["$defs"][name]);
    }
    whole
}

/// Every object of values that knows its members, as a path.
pub(crate) fn objects() -> Vec<Vec<String>> {
    fn collect(schema: &Value, path: &[String], found: &mut Vec<Vec<String>>) {
        found.push(path.to_vec());
        for (name, below) in schema["properties"].as_object().into_iter().flatten() {
            if below["properties"].is_object() {
                collect(below, &[path, std::slice::from_ref(name)].concat(), found);
            }
        }
    }
    let mut found = Vec::new();
    collect(&schema(), &[], &mut found);
    found
}

impl Leaf {
    /// The path as people write it.
    pub(crate) fn name(&self) -> String {
        self.path.join(".")
    }

    /// Whether the default is there at all.
    pub(crate) fn has_default(&self) -> bool {
        !self.default.is_null()
    }

    /// Other things that it can be.
    pub(crate) fn choices(&self) -> Vec<Value> {
        let listed = |word: &str| self.schema[word].as_array().cloned();
        let all = listed("examples").or_else(|| listed("enum"));
        let all = all.unwrap_or_else(|| match (self.schema["type"].as_str(), &self.default) {
            (Some("boolean"), Value::Bool(default)) => vec![json!(!default)],
            (Some("integer"), Value::Number(default)) => {
                vec![json!(default.as_u64().expect("a number") + 1)]
            }
            _ => Vec::new(),
        });
        all.into_iter()
            .filter(|choice| *choice != self.default)
            .collect()
    }

    /// Something of a type that it cannot be.
    pub(crate) fn absurd(&self) -> Value {
        match &self.default {
            Value::Bool(_) | Value::Number(_) => json!({ "no": "such" }),
            Value::String(_) => json!(["no"]),
            _ => json!(true),
        }
    }

    /// The values in which it has an effect: whatever can be enabled around it is, and what has to
    /// go with this choice is there.
    pub(crate) fn ground(&self, choice: &Value) -> Value {
        let mut ground = json!({});
        let schema = schema();
        for depth in 1..self.path.len() {
            let around = &self.path[..depth];
            let knows = around
                .iter()
                .fold(&schema, |schema, name| &schema["properties"][name]);
            let enabled = [around, &["enabled".to_owned()]].concat();
            if knows["properties"]["enabled"].is_object() && enabled != self.path {
                merge(&mut ground, &lone(&enabled, &json!(true)));
            }
        }
        for (name, chosen, with) in companions() {
            if name == self.name() && (chosen.is_null() || chosen == *choice) {
                merge(&mut ground, &with);
            }
        }
        ground
    }
}

/// Choices that are refused without another value: by the chart, or by the apiserver.
fn companions() -> Vec<(&'static str, Value, Value)> {
    let volumes = json!({ "extraVolumes": [{ "name": "ca", "configMap": { "name": "ca" } }] });
    vec![
        (
            "installScope",
            json!("namespace"),
            json!({ "installationId": "eu-prod-1" }),
        ),
        (
            "leaderElection.enabled",
            json!(false),
            json!({ "replicaCount": 1 }),
        ),
        ("extraVolumeMounts", Value::Null, volumes),
        (
            "dnsPolicy",
            json!("None"),
            json!({ "dnsConfig": { "nameservers": ["10.0.0.10"] } }),
        ),
    ]
}

/// Everything that can be enabled, at once.
pub(crate) fn everything() -> Value {
    let mut all = json!({});
    for leaf in leaves() {
        if leaf.default == json!(false) && leaf.name() != "metrics.podMonitor.enabled" {
            merge(&mut all, &lone(&leaf.path, &json!(true)));
        }
        let lists_roles = leaf.name() == "guardrails.allowedRoleARNs";
        if lists_roles || leaf.name() == "rbac.references.objects" {
            merge(&mut all, &lone(&leaf.path, &leaf.choices()[0]));
        }
    }
    all
}

/// The members of values.yaml that the schema does not know, as paths.
pub(crate) fn unknown_defaults() -> Vec<String> {
    fn collect(schema: &Value, values: &Map<String, Value>, path: &str, found: &mut Vec<String>) {
        for (name, value) in values {
            let below = &schema["properties"][name];
            let path = format!("{path}.{name}");
            match value {
                _ if below.is_null() => found.push(path),
                Value::Object(value) if below["properties"].is_object() => {
                    collect(below, value, &path, found);
                }
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    let defaults = defaults();
    collect(
        &schema(),
        defaults.as_object().expect("values"),
        "",
        &mut found,
    );
    found
}
