//! What AWS's side says, for people: the fake's JSON as rows in columns.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::screen::table;

/// How often each operation was called.
pub(crate) fn calls(calls: &[Value]) {
    let mut times = BTreeMap::<&str, usize>::new();
    for call in calls {
        *times.entry(text(&call["operation"])).or_default() += 1;
    }
    let mut rows = vec![["CALL".to_owned(), "TIMES".to_owned()]];
    rows.extend(
        times
            .iter()
            .map(|(call, times)| [(*call).to_owned(), times.to_string()]),
    );
    table(&rows);
}

/// The calls of an operation.
pub(crate) fn of_operation<'a>(calls: &'a [Value], operation: &str) -> Vec<&'a Value> {
    let calls = calls.iter();
    calls
        .filter(|call| call["operation"] == operation)
        .collect()
}

/// Every member of a pool, a line for each of several.
pub(crate) fn pool(pool: &Value) {
    let members = pool.as_object().into_iter().flatten();
    let names: Vec<&str> = members.map(|(name, _)| name.as_str()).collect();
    members_of(pool, &names);
}

/// Some members of a pool.
pub(crate) fn members_of(pool: &Value, names: &[&str]) {
    let mut rows = vec![["PARAMETER".to_owned(), "IN AWS".to_owned()]];
    for name in names {
        let mut name = (*name).to_owned();
        for line in lines(&pool[&name]) {
            rows.push([std::mem::take(&mut name), line]);
        }
    }
    table(&rows);
}

/// A value in one line, or each part of it in its own.
fn lines(value: &Value) -> Vec<String> {
    let parts: Vec<String> = match value {
        Value::Array(values) => values.iter().flat_map(lines).collect(),
        Value::Object(members) => members.iter().map(pair).collect(),
        Value::String(text) => vec![text.clone()],
        Value::Null => Vec::new(),
        value => vec![value.to_string()],
    };
    if parts.is_empty() {
        vec!["none".to_owned()]
    } else {
        parts
    }
}

fn pair((name, value): (&String, &Value)) -> String {
    format!("{name}={}", lines(value).join(","))
}

/// The text of a value that is one.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
