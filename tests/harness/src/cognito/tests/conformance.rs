//! Runs the conformance lists, the very ones that `run.py` runs with boto3.
//!
//! `conformance/run.py` says what the members of a case mean.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::FakeCognito;
use super::client::{Client, Refusal};

const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";

type Variables = BTreeMap<String, String>;
type Verdict = Result<(), String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    pool: Option<Map<String, Value>>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    call: String,
    with: Value,
    #[serde(rename = "as")]
    access_key: Option<String>,
    #[serde(rename = "in")]
    region: Option<String>,
    #[serde(default)]
    every_page: bool,
    #[serde(default)]
    save: Variables,
    #[serde(default)]
    expect: Map<String, Value>,
    #[serde(default)]
    lacks: Vec<String>,
    #[serde(default)]
    includes: Map<String, Value>,
    #[serde(default)]
    excludes: Map<String, Value>,
    refused: Option<String>,
    #[serde(default)]
    saying: String,
}

#[tokio::test]
async fn the_fake_conforms_to_every_case_of_the_lists() {
    let fake = FakeCognito::start().await;
    let client = Client::of(&fake);
    let cases = cases();
    assert!(cases.len() >= 60, "only {} cases", cases.len());
    let mut failures = Vec::new();
    for case in &cases {
        if let Err(why) = run(&client, case).await {
            failures.push(format!("{}: {why}", case.name));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn cases() -> Vec<Case> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let entries = fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .flat_map(|path| -> Vec<Case> {
            let text = fs::read_to_string(&path).unwrap();
            serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        })
        .collect()
}

async fn run(client: &Client, case: &Case) -> Verdict {
    let mut variables = Variables::from([
        ("name".to_owned(), format!("case-{}", uuid::Uuid::new_v4())),
        ("region".to_owned(), REGION.to_owned()),
        ("account".to_owned(), ACCOUNT.to_owned()),
    ]);
    if let Some(fields) = &case.pool {
        make_pool(client, fields, &mut variables).await?;
    }
    for (index, step) in case.steps.iter().enumerate() {
        let verdict = perform(client, step, &mut variables).await;
        verdict.map_err(|why| format!("step {}, {}: {why}", index + 1, step.call))?;
    }
    Ok(())
}

async fn make_pool(
    client: &Client,
    fields: &Map<String, Value>,
    variables: &mut Variables,
) -> Verdict {
    let mut input = json!({"IdentityPoolName": "${name}", "AllowUnauthenticatedIdentities": false});
    input.as_object_mut().unwrap().extend(fields.clone());
    let pool = client
        .call("CreateIdentityPool", &filled(&input, variables))
        .await;
    let pool = pool.map_err(|refusal| format!("the pool of the case: {refusal:?}"))?;
    let id = pool["IdentityPoolId"].as_str().unwrap().to_owned();
    let arn = format!("arn:aws:cognito-identity:{REGION}:{ACCOUNT}:identitypool/{id}");
    variables.extend([("id".to_owned(), id), ("arn".to_owned(), arn)]);
    Ok(())
}

async fn perform(client: &Client, step: &Step, variables: &mut Variables) -> Verdict {
    let client = client
        .with_key(step.access_key.as_deref().unwrap_or(&client.access_key))
        .in_region(step.region.as_deref().unwrap_or(REGION));
    let output = match pages(&client, step, filled(&step.with, variables)).await {
        Err(refusal) => return check_refusal(step, &refusal, variables),
        Ok(output) if step.refused.is_some() => return Err(format!("was not refused: {output}")),
        Ok(output) => output,
    };
    check_output(step, &output, variables)?;
    for (variable, member) in &step.save {
        let value = output[member.as_str()]
            .as_str()
            .ok_or(format!("no {member}"))?;
        variables.insert(variable.clone(), value.to_owned());
    }
    Ok(())
}

async fn pages(client: &Client, step: &Step, mut input: Value) -> Result<Value, Refusal> {
    let mut output = client.call(&step.call, &input).await?;
    while step.every_page && output["NextToken"].is_string() {
        input["NextToken"] = output["NextToken"].take();
        let mut page = client.call(&step.call, &input).await?;
        for (member, value) in page.as_object_mut().unwrap() {
            match (&mut output[member.as_str()], value.take()) {
                (Value::Array(all), Value::Array(more)) => all.extend(more),
                (place, value) => *place = value,
            }
        }
    }
    Ok(output)
}

fn check_output(step: &Step, output: &Value, variables: &Variables) -> Verdict {
    let fill = |members: &Map<String, Value>| filled(&Value::Object(members.clone()), variables);
    if !matches(&fill(&step.expect), output) {
        return Err(format!("unexpected output {output}"));
    }
    for path in &step.lacks {
        let pointer = format!("/{}", path.replace('.', "/"));
        if output.pointer(&pointer).is_some() {
            return Err(format!("{path} should be absent from {output}"));
        }
    }
    for (wanted, members) in [(true, &step.includes), (false, &step.excludes)] {
        for (member, element) in fill(members).as_object().unwrap() {
            let all = output[member.as_str()]
                .as_array()
                .ok_or(format!("no {member}"))?;
            if all.iter().any(|actual| matches(element, actual)) != wanted {
                return Err(format!("{element} in {member}: {}", !wanted));
            }
        }
    }
    Ok(())
}

fn check_refusal(step: &Step, refusal: &Refusal, variables: &Variables) -> Verdict {
    let saying = filled(&json!(step.saying), variables);
    let as_said = refusal.message.contains(saying.as_str().unwrap());
    if step.refused.as_ref() == Some(&refusal.code) && as_said {
        return Ok(());
    }
    Err(format!("{refusal:?}"))
}

fn matches(expected: &Value, actual: &Value) -> bool {
    if let Some(prefix) = expected.get("$prefix").and_then(Value::as_str) {
        return actual.as_str().is_some_and(|text| text.starts_with(prefix));
    }
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => expected
            .iter()
            .all(|(key, value)| actual.get(key).is_some_and(|actual| matches(value, actual))),
        (Value::Array(expected), Value::Array(actual)) => {
            expected.len() == actual.len()
                && expected
                    .iter()
                    .zip(actual)
                    .all(|(left, right)| matches(left, right))
        }
        _ => expected == actual,
    }
}

/// The value with its variables and generators written out.
fn filled(value: &Value, variables: &Variables) -> Value {
    match value {
        Value::String(text) => text_filled(text, variables).into(),
        Value::Array(items) => items.iter().map(|item| filled(item, variables)).collect(),
        Value::Object(members) => {
            let generator = members.iter().next().filter(|_| members.len() == 1);
            let generated = generator.and_then(|(name, of)| generated(name, of, variables));
            generated.unwrap_or_else(|| {
                let entries = members.iter();
                let filled = entries
                    .map(|(key, value)| (text_filled(key, variables), filled(value, variables)));
                Value::Object(filled.collect())
            })
        }
        other => other.clone(),
    }
}

fn generated(name: &str, of: &Value, variables: &Variables) -> Option<Value> {
    let times = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let numbered = |n: usize| {
        let mut variables = variables.clone();
        variables.insert("n".to_owned(), n.to_string());
        variables
    };
    Some(match name {
        "$repeat" => of[0].as_str().unwrap().repeat(times(&of[1])).into(),
        "$map" => (1..=times(&of[0]))
            .map(|n| {
                let key = filled(&of[1], &numbered(n));
                (
                    key.as_str().unwrap().to_owned(),
                    filled(&of[2], &numbered(n)),
                )
            })
            .collect::<Map<_, _>>()
            .into(),
        "$list" => (1..=times(&of[0]))
            .map(|n| filled(&of[1], &numbered(n)))
            .collect(),
        _ => return None,
    })
}

fn text_filled(text: &str, variables: &Variables) -> String {
    let replace = |text: String, (name, value): (&String, &String)| {
        text.replace(&format!("${{{name}}}"), value)
    };
    variables.iter().fold(text.to_owned(), replace)
}
