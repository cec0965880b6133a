//! Identity-based policies of IAM: read strictly, and asked about one access at a time.
//!
//! What this cannot judge (an operator, a key, a variable, `NotAction`) is refused when the
//! document is read, so that no policy passes because a part of it was not understood.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde::Deserialize;

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Document")]
pub struct Policy {
    statements: Vec<Statement>,
}

/// What a policy says to an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A statement allows it, and none denies it.
    Allowed,
    /// No statement is about it.
    NotAllowed,
    /// A statement denies it.
    Denied,
}

/// One thing that a caller has to be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Access {
    /// `service:Operation`.
    pub(super) action: String,
    /// ARN, or `*`.
    pub(super) resource: String,
    /// Values by condition key; keys that AWS does not know of this access are absent.
    pub(super) context: Context,
}

/// Values by condition key, in small letters: IAM does not tell `aws:TagKeys` from `aws:tagkeys`.
pub(super) type Context = BTreeMap<String, Vec<String>>;

impl Policy {
    /// Judges one access.
    pub(super) fn verdict(&self, access: &Access) -> Verdict {
        let mut verdict = Verdict::NotAllowed;
        for statement in &self.statements {
            if statement.is_about(access) {
                match statement.effect {
                    Effect::Deny => return Verdict::Denied,
                    Effect::Allow => verdict = Verdict::Allowed,
                }
            }
        }
        verdict
    }
}

/// Reads a document as IAM would take it.
impl FromStr for Policy {
    type Err = String;

    fn from_str(document: &str) -> Result<Self, String> {
        serde_json::from_str(document).map_err(|error| error.to_string())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Statement {
    effect: Effect,
    actions: Vec<String>,
    resources: Vec<String>,
    conditions: Vec<Condition>,
}

impl Statement {
    fn is_about(&self, access: &Access) -> bool {
        let action = access.action.to_lowercase();
        let acts = |pattern: &String| is_like(&pattern.to_lowercase(), &action);
        let covers = |pattern: &String| is_like(pattern, &access.resource);
        self.actions.iter().any(acts)
            && self.resources.iter().any(covers)
            && self
                .conditions
                .iter()
                .all(|condition| condition.holds(&access.context))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Effect {
    Allow,
    Deny,
}

/// How the values of a request are held against those of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    Equals,
    Like,
    NotEquals,
    NotLike,
    Null,
}

/// Of several values in a request: which have to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantifier {
    Single,
    All,
    Any,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    quantifier: Quantifier,
    test: Test,
    key: String,
    values: Vec<String>,
}

impl Condition {
    fn read(operator: &str, key: &str, values: Vec<String>) -> Result<Self, String> {
        let (quantifier, name) = match operator.split_once(':') {
            Some(("ForAllValues", name)) => (Quantifier::All, name),
            Some(("ForAnyValue", name)) => (Quantifier::Any, name),
            _ => (Quantifier::Single, operator),
        };
        let test = match name {
            "StringEquals" => Test::Equals,
            "StringLike" => Test::Like,
            "StringNotEquals" => Test::NotEquals,
            "StringNotLike" => Test::NotLike,
            "Null" => Test::Null,
            _ => {
                return Err(format!(
                    "the condition operator {operator:?} is not known here"
                ));
            }
        };
        let key = key.to_lowercase();
        let tag = ["aws:requesttag/", "aws:resourcetag/"];
        let plain = ["aws:tagkeys", "aws:requestedregion", "iam:passedtoservice"];
        if !plain.contains(&key.as_str()) && !tag.iter().any(|prefix| key.starts_with(prefix)) {
            return Err(format!("the condition key {key:?} is not known here"));
        }
        if test == Test::Null
            && !values
                .iter()
                .all(|value| ["true", "false"].contains(&&**value))
        {
            return Err(format!("Null of {key:?} takes \"true\" or \"false\""));
        }
        Ok(Self {
            quantifier,
            test,
            key,
            values,
        })
    }

    fn holds(&self, context: &Context) -> bool {
        let given = context.get(&self.key).filter(|given| !given.is_empty());
        if self.test == Test::Null {
            let absent = given.is_none().to_string();
            return self.values.contains(&absent);
        }
        let Some(given) = given else {
            let negated = matches!(self.test, Test::NotEquals | Test::NotLike);
            return match self.quantifier {
                Quantifier::All => true,
                Quantifier::Any => false,
                Quantifier::Single => negated,
            };
        };
        match self.quantifier {
            Quantifier::All => given.iter().all(|value| self.passes(value)),
            Quantifier::Any | Quantifier::Single => given.iter().any(|value| self.passes(value)),
        }
    }

    fn passes(&self, given: &str) -> bool {
        let mut values = self.values.iter();
        match self.test {
            Test::Equals => values.any(|value| value == given),
            Test::NotEquals => values.all(|value| value != given),
            Test::Like => values.any(|pattern| is_like(pattern, given)),
            Test::NotLike => values.all(|pattern| !is_like(pattern, given)),
            Test::Null => false,
        }
    }
}

/// Whether a text fits a pattern in which `*` is any characters and `?` is one.
fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    // Where to go on if the last star has to take one more character.
    let (mut star, mut taken) = (None, 0);
    let (mut at, mut of) = (0, 0);
    while of < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some(at);
                taken = of;
                at += 1;
            }
            Some(char) if *char == '?' || *char == text[of] => {
                at += 1;
                of += 1;
            }
            _ => {
                let Some(star) = star else { return false };
                taken += 1;
                of = taken;
                at = star + 1;
            }
        }
    }
    pattern[at..].iter().all(|char| *char == '*')
}

// === the document as it is written ===

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Document {
    version: String,
    statement: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Written {
    sid: Option<String>,
    effect: Effect,
    action: OneOrMany,
    resource: OneOrMany,
    #[serde(default)]
    condition: BTreeMap<String, BTreeMap<String, OneOrMany>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn list(self) -> Result<Vec<String>, String> {
        let values = match self {
            Self::One(value) => vec![value],
            Self::Many(values) => values,
        };
        match values.iter().find(|value| value.contains("${")) {
            Some(variable) => Err(format!("the variable in {variable:?} is not known here")),
            None if values.is_empty() => Err("a list is empty".to_owned()),
            None => Ok(values),
        }
    }
}

impl TryFrom<Document> for Policy {
    type Error = String;

    fn try_from(document: Document) -> Result<Self, String> {
        if document.version != "2012-10-17" {
            return Err(format!("Version {:?} is not 2012-10-17", document.version));
        }
        let mut sids = BTreeSet::new();
        let mut statements = Vec::new();
        for written in document.statement {
            if let Some(sid) = &written.sid {
                let plain = sid.chars().all(|char| char.is_ascii_alphanumeric());
                if !plain || !sids.insert(sid.clone()) {
                    return Err(format!("Sid {sid:?} is not alphanumeric or stands twice"));
                }
            }
            statements.push(written.read()?);
        }
        Ok(Self { statements })
    }
}

impl Written {
    fn read(self) -> Result<Statement, String> {
        let actions = self.action.list()?;
        if let Some(action) = actions
            .iter()
            .find(|action| !action.contains(':') && *action != "*")
        {
            return Err(format!("the action {action:?} names no service"));
        }
        let mut conditions = Vec::new();
        for (operator, keys) in self.condition {
            for (key, values) in keys {
                conditions.push(Condition::read(&operator, &key, values.list()?)?);
            }
        }
        Ok(Statement {
            effect: self.effect,
            actions,
            resources: self.resource.list()?,
            conditions,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(statements: &Value) -> Result<Policy, String> {
        let document = json!({"Version": "2012-10-17", "Statement": statements});
        document.to_string().parse()
    }

    fn verdict(statements: &Value, context: &[(&str, &[&str])]) -> Verdict {
        let context = context.iter().map(|(key, values)| {
            let values = values.iter().map(ToString::to_string).collect();
            (key.to_lowercase(), values)
        });
        let access = Access {
            action: "cognito-identity:UpdateIdentityPool".to_owned(),
            resource: "arn:aws:cognito-identity:eu-west-1:123456789012:identitypool/eu-west-1:0"
                .to_owned(),
            context: context.collect(),
        };
        read(statements).unwrap().verdict(&access)
    }

    fn allowing(condition: &Value) -> Value {
        json!([{"Effect": "Allow", "Action": "cognito-identity:*", "Resource": "*", "Condition": condition}])
    }

    #[test]
    fn stars_and_question_marks_stand_for_characters() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "a/b"),
            ("a*c", "abbc"),
            ("a?c", "abc"),
            ("*/*", "i/u"),
            ("a*b*", "axxbyb"),
        ] {
            assert!(is_like(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("a", "A"),
            ("a?c", "ac"),
            ("*/*", "i"),
            ("a*c", "abcd"),
            ("i/*", "j/u"),
        ] {
            assert!(!is_like(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn action_and_resource_have_to_fit_and_a_deny_wins() {
        let statement = |effect: &str, action: &str, resource: &str| json!({"Effect": effect, "Action": [action], "Resource": [resource]});
        let pools = "arn:aws:cognito-identity:eu-west-1:*:identitypool/*";
        let allow = statement("Allow", "Cognito-Identity:updateidentitypool", pools);
        let deny = statement("Deny", "cognito-identity:Update*", "*");
        assert_eq!(verdict(&json!([allow]), &[]), Verdict::Allowed);
        assert_eq!(verdict(&json!([allow, deny]), &[]), Verdict::Denied);
        assert_eq!(verdict(&json!([deny, allow]), &[]), Verdict::Denied);
        let other = statement("Allow", "cognito-identity:DeleteIdentityPool", "*");
        let elsewhere = statement("Allow", "cognito-identity:*", &pools.replace("eu-", "us-"));
        assert_eq!(
            verdict(&json!([other, elsewhere]), &[]),
            Verdict::NotAllowed
        );
    }

    #[test]
    fn conditions_are_held_against_the_request() {
        let (tag, keys) = ("aws:ResourceTag/owner", "aws:TagKeys");
        let table: &[(Value, &[&str], bool)] = &[
            (json!({"StringEquals": {tag: ["a", "b"]}}), &["b"], true),
            (json!({"StringEquals": {tag: "a*"}}), &["ab"], false),
            (json!({"StringLike": {tag: "a*"}}), &["ab"], true),
            (json!({"StringLike": {tag: "a*"}}), &[], false),
            (json!({"StringNotEquals": {tag: "a"}}), &[], true),
            (json!({"StringNotLike": {tag: "a*"}}), &["ab"], false),
            (json!({"Null": {tag: "true"}}), &[], true),
            (json!({"Null": {tag: "true"}}), &["a"], false),
            (json!({"Null": {tag: "false"}}), &["a"], true),
            (
                json!({"StringLike": {tag: "a*"}, "Null": {tag: "true"}}),
                &["ab"],
                false,
            ),
        ];
        for (condition, values, allowed) in table {
            let is = verdict(&allowing(condition), &[(tag, values)]);
            assert_eq!(is == Verdict::Allowed, *allowed, "{condition} {values:?}");
        }
        let all = json!({"ForAllValues:StringEquals": {keys: ["a", "b"]}});
        let any = json!({"ForAnyValue:StringEquals": {keys: ["a", "b"]}});
        for (values, of_all, of_any) in [
            (&["a", "c"][..], false, true),
            (&["b"], true, true),
            (&[], true, false),
        ] {
            for (condition, allowed) in [(&all, of_all), (&any, of_any)] {
                let is = verdict(&allowing(condition), &[(keys, values)]);
                assert_eq!(is == Verdict::Allowed, allowed, "{condition} {values:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_judged_is_refused() {
        let good = json!({"Effect": "Allow", "Action": "a:b", "Resource": "*"});
        assert!(read(&json!([good])).is_ok());
        for (member, value) in [
            ("NotAction", json!("a:b")),
            ("Principal", json!("*")),
            ("Effect", json!("Maybe")),
            ("Action", json!([])),
            ("Action", json!("b")),
            ("Resource", json!("${aws:username}")),
            ("Sid", json!("with space")),
            (
                "Condition",
                json!({"StringLikeIfExists": {"aws:TagKeys": "a"}}),
            ),
            ("Condition", json!({"StringLike": {"aws:TagKey": "a"}})),
            ("Condition", json!({"Null": {"aws:TagKeys": "yes"}})),
        ] {
            let mut bad = good.clone();
            bad[member] = value.clone();
            assert!(read(&json!([bad])).is_err(), "{member} {value}");
        }
        let named = json!({"Sid": "A", "Effect": "Allow", "Action": "a:b", "Resource": "*"});
        assert!(read(&json!([named, named])).is_err());
    }
}
