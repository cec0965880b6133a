//! A spec whose parts can be taken away and given back.
//!
//! What was taken away leaves a `null` in its place, so that the items of a list keep their
//! numbers; [`Document::spec`] is without them.

use serde_json::Value;

use super::schema;

/// One edit of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    /// Another legal value.
    Change,
    Remove,
    /// The value of the base.
    Restore,
}

/// A place in the base.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// As `/roles/authenticated`.
    pub(super) pointer: String,
    /// As `roles.authenticated`, without names of entries and numbers of items.
    pub(super) path: String,
    /// The values that may stand here, where they are few.
    choices: Option<Vec<Value>>,
    is_leaf: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Document {
    value: Value,
    nodes: Vec<Node>,
}

impl Document {
    pub(super) fn of(spec: &Value) -> Self {
        let mut nodes = Vec::new();
        collect(spec, &schema::spec(), "", "", &mut nodes);
        Self {
            value: spec.clone(),
            nodes,
        }
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    /// The fields with a value of their own.
    pub(super) fn leaves(&self) -> impl Iterator<Item = String> {
        let leaves = self.nodes.iter().filter(|node| node.is_leaf);
        leaves.map(|node| node.path.clone())
    }

    pub(super) fn has(&self, node: &Node) -> bool {
        let here = self.value.pointer(&node.pointer);
        here.is_some_and(|value| !value.is_null())
    }

    /// The document after an edit; none where the edit makes no difference.
    pub(super) fn edited(&self, base: &Self, node: &Node, edit: Edit) -> Option<Self> {
        let mut next = self.clone();
        let here = next.value.pointer_mut(&node.pointer)?;
        let value = match edit {
            Edit::Change if here.is_null() => return None,
            Edit::Change => node.other_than(here)?,
            Edit::Remove => Value::Null,
            Edit::Restore => base.value.pointer(&node.pointer)?.clone(),
        };
        if *here == value {
            return None;
        }
        *here = value;
        Some(next)
    }

    /// The spec as it is applied.
    pub(super) fn spec(&self) -> Value {
        without_nulls(&self.value)
    }
}

impl Node {
    /// Another value that is legal here by itself.
    fn other_than(&self, value: &Value) -> Option<Value> {
        if let Some(choices) = &self.choices {
            let at = choices.iter().position(|choice| choice == value)?;
            return Some(choices[(at + 1) % choices.len()].clone());
        }
        match value {
            Value::Bool(value) => Some((!value).into()),
            Value::Number(value) => Some((value.as_u64()? ^ 1).into()),
            Value::String(value) => Some(twin(value).into()),
            _ => None,
        }
    }
}

/// Every string has a twin, by a `2` at its end; where that cannot be, it is named.
fn twin(value: &str) -> String {
    match value {
        "graph.facebook.com" => "accounts.google.com".to_owned(),
        "accounts.google.com" => "graph.facebook.com".to_owned(),
        _ => match value.strip_suffix('2') {
            Some(first) => first.to_owned(),
            None => format!("{value}2"),
        },
    }
}

fn collect(value: &Value, schema: &Value, pointer: &str, path: &str, nodes: &mut Vec<Node>) {
    let mut visit = |value: &Value, schema: &Value, pointer: String, path: String| {
        let is_leaf = !value.is_object() && !value.is_array();
        let choices = schema["enum"].as_array().cloned();
        nodes.push(Node {
            pointer: pointer.clone(),
            path: path.clone(),
            choices,
            is_leaf,
        });
        collect(value, schema, &pointer, &path, nodes);
    };
    match value {
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                let (pointer, path) = (format!("{pointer}/{n}"), format!("{path}[]"));
                visit(item, &schema["items"], pointer, path);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                let pointer = format!("{pointer}/{name}");
                if let Some(schema) = schema["properties"].get(name) {
                    visit(value, schema, pointer, schema::join(path, name));
                } else {
                    let schema = &schema["additionalProperties"];
                    visit(value, schema, pointer, format!("{path}{{}}"));
                }
            }
        }
        _ => {}
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let items = items.iter().filter(|item| !item.is_null());
            items.map(without_nulls).collect()
        }
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            let fields = fields.map(|(name, value)| (name.clone(), without_nulls(value)));
            Value::Object(fields.collect())
        }
        other => other.clone(),
    }
}
