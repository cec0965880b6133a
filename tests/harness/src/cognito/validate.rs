//! Holds an input against its shape.
//!
//! Answers what AWS's front end answers: a `SerializationException` for a
//! wrong JSON type, else one `ValidationException` that lists every breach.
//! Knows no pool and no meaning.

use std::fmt::Display;

use serde_json::Value;

use super::error::ApiError;
use super::model::{Member, Shape};
use super::pools::Object;

/// Checks an operation's input.
pub(super) fn check(members: &[Member], input: &Object) -> Result<(), ApiError> {
    let mut breaches = Breaches::default();
    breaches.structure(members, input, "")?;
    if breaches.found.is_empty() {
        Ok(())
    } else {
        Err(ApiError::validation(&breaches.found))
    }
}

#[derive(Default)]
struct Breaches {
    found: Vec<String>,
}

impl Breaches {
    fn structure(&mut self, members: &[Member], input: &Object, at: &str) -> Result<(), ApiError> {
        for member in members {
            let path = join(at, &lower_first(member.name));
            match input.get(member.name) {
                None | Some(Value::Null) if member.required => {
                    self.add("null", &path, "Member must not be null");
                }
                None | Some(Value::Null) => {}
                Some(value) => self.value(&member.shape, value, &path)?,
            }
        }
        Ok(())
    }

    fn value(&mut self, shape: &Shape, value: &Value, at: &str) -> Result<(), ApiError> {
        match (shape, value) {
            (Shape::Flag, Value::Bool(_)) => {}
            (Shape::Text { .. } | Shape::Choice(_), Value::String(text)) => {
                for constraint in broken(shape, text) {
                    self.add(&format!("'{text}'"), at, &constraint);
                }
            }
            (Shape::Number { min, max }, Value::Number(number)) => {
                let number = number.as_i64().ok_or_else(|| wrong_type(at))?;
                if let Some(constraint) = outside(number, *min, *max, "value") {
                    self.add(&format!("'{number}'"), at, &constraint);
                }
            }
            (Shape::List { of, min, max }, Value::Array(items)) => {
                self.size(items.len(), *min, *max, value, at);
                for (index, item) in items.iter().enumerate() {
                    self.value(of, item, &format!("{at}.{}.member", index + 1))?;
                }
            }
            (
                Shape::Map {
                    key,
                    value: of,
                    max,
                },
                Value::Object(entries),
            ) => {
                self.size(entries.len(), 0, *max, value, at);
                self.entries(key, of, entries, at)?;
            }
            (Shape::Structure(members), Value::Object(fields)) => {
                self.structure(members, fields, at)?;
            }
            _ => return Err(wrong_type(at)),
        }
        Ok(())
    }

    fn entries(
        &mut self,
        key: &Shape,
        of: &Shape,
        entries: &Object,
        at: &str,
    ) -> Result<(), ApiError> {
        for (name, entry) in entries {
            let constraints = broken(key, name);
            if !constraints.is_empty() {
                let constraint = format!(
                    "Map keys must satisfy constraint: [{}]",
                    constraints.join(", ")
                );
                self.add(&format!("'{name}'"), at, &constraint);
            }
            self.value(of, entry, &format!("{at}.{name}.member"))?;
        }
        Ok(())
    }

    fn size(&mut self, size: usize, min: usize, max: usize, value: &Value, at: &str) {
        if let Some(constraint) = outside(size, min, max, "length") {
            self.add(&format!("'{value}'"), at, &constraint);
        }
    }

    fn add(&mut self, value: &str, at: &str, constraint: &str) {
        self.found.push(format!(
            "Value {value} at '{at}' failed to satisfy constraint: {constraint}"
        ));
    }
}

/// The constraints of a text shape that `text` breaks.
fn broken(shape: &Shape, text: &str) -> Vec<String> {
    match shape {
        Shape::Text { min, max, pattern } => {
            let length = outside(text.chars().count(), *min, *max, "length");
            let pattern = pattern
                .filter(|pattern| !(pattern.accepts)(text))
                .map(|pattern| {
                    format!(
                        "Member must satisfy regular expression pattern: {}",
                        pattern.text
                    )
                });
            length.into_iter().chain(pattern).collect()
        }
        Shape::Choice(allowed) if !allowed.contains(&text) => {
            let allowed = allowed.join(", ");
            vec![format!("Member must satisfy enum value set: [{allowed}]")]
        }
        _ => Vec::new(),
    }
}

fn outside<N: PartialOrd + Display + Copy>(n: N, min: N, max: N, what: &str) -> Option<String> {
    if n < min {
        Some(format!(
            "Member must have {what} greater than or equal to {min}"
        ))
    } else if n > max {
        Some(format!(
            "Member must have {what} less than or equal to {max}"
        ))
    } else {
        None
    }
}

fn wrong_type(at: &str) -> ApiError {
    ApiError::serialization(format!("'{at}' cannot be converted to the expected type"))
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() {
        name.to_owned()
    } else {
        format!("{parent}.{name}")
    }
}

fn lower_first(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    first.to_ascii_lowercase() + rest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::model;
    use super::*;

    fn refusal(members: &[Member], input: &Value) -> ApiError {
        check(members, input.as_object().unwrap()).unwrap_err()
    }

    #[test]
    fn every_breach_is_listed_with_its_path() {
        let error = refusal(
            model::CREATE,
            &json!({
                "IdentityPoolName": "no/slash",
                "CognitoIdentityProviders": [{"ClientId": "a-b"}],
            }),
        );
        assert_eq!(error.code, "ValidationException");
        let (count, breaches) = error.message.split_once(": ").unwrap();
        assert_eq!(count, "3 validation errors detected");
        let expected = [
            "Value 'no/slash' at 'identityPoolName' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [\\w\\s+=,.@-]+",
            "Value null at 'allowUnauthenticatedIdentities' failed to satisfy constraint: \
             Member must not be null",
            "Value 'a-b' at 'cognitoIdentityProviders.1.member.clientId' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: [\\w_]+",
        ];
        assert_eq!(breaches.split("; ").collect::<Vec<_>>(), expected);
    }

    #[test]
    fn lengths_count_characters_and_include_their_bounds() {
        let tags = |value: String| json!({"ResourceArn": "a".repeat(20), "Tags": {"k": value}});
        let check = |value: String| check(model::TAG, tags(value).as_object().unwrap());
        assert!(check("é".repeat(256)).is_ok());
        assert!(check("é".repeat(257)).is_err());
    }

    #[test]
    fn a_wrong_json_type_is_no_validation_error() {
        let error = refusal(model::LIST_POOLS, &json!({"MaxResults": "60"}));
        assert_eq!(error.code, "SerializationException");
    }

    #[test]
    fn null_counts_as_not_given() {
        let input = json!({"MaxResults": 60, "NextToken": null});
        assert!(check(model::LIST_POOLS, input.as_object().unwrap()).is_ok());
    }
}
