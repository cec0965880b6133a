//! The acts, in order. Each shows what a person types and sees, and checks it.

use std::path::Path;

use harness::cognito::{Fault, FaultKind};
use harness::operator::Operator;
use serde_json::{Value, json};

use crate::stage::{self, Failure, Stage};
use crate::wire;

const CREATE: &str = "CreateIdentityPool";

const MANIFEST: &str = r#"apiVersion: cognito-identity.dev/v1alpha1
kind: IdentityPool
metadata:
  name: web
spec:
  identityPoolName: shop web
  allowUnauthenticatedIdentities: true
  allowClassicFlow: false
  developerProviderName: login.shop.example
  supportedLoginProviders:
    graph.facebook.com: "7346241598935552"
  openIdConnectProviderARNs:
    - arn:aws:iam::123456789012:oidc-provider/login.shop.example
  samlProviderARNs:
    - arn:aws:iam::123456789012:saml-provider/staff
  cognitoIdentityProviders:
    - providerName: cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123
      clientId: 3n4b5urk1ft4fl3mg5e62d9ado
      serverSideTokenCheck: true
  identityPoolTags:
    team: shop
"#;

/// Plays them all.
pub(crate) async fn all(stage: &mut Stage) -> Result<(), Failure> {
    install(stage).await?;
    create(stage)?;
    wire_shows(stage).await?;
    change(stage)?;
    rename(stage)?;
    drift(stage).await?;
    crash(stage).await?;
    delete(stage).await?;
    stage.act("Behind the scene, the fake Cognito watched every call.");
    let violations = stage.fake.violations();
    stage.check(
        violations.is_empty(),
        "no pool was made twice, and no foreign pool was written to",
    )
}

fn id(object: &Value) -> String {
    object["status"]["identityPoolId"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn ready(stage: &Stage, name: &str) -> Result<Value, Failure> {
    let generation = stage.object(name)?["metadata"]["generation"].to_string();
    let observed = format!("--for=jsonpath={{.status.observedGeneration}}={generation}");
    stage.quietly(&[
        "wait",
        &observed,
        &format!("idpool/{name}"),
        "--timeout=60s",
    ])?;
    stage.kubectl(&[
        "wait",
        "--for=condition=Ready",
        &format!("idpool/{name}"),
        "--timeout=60s",
    ])?;
    stage.object(name)
}

async fn install(stage: &mut Stage) -> Result<(), Failure> {
    stage.act("Install the CRD and start the operator; AWS is a fake Cognito on loopback.");
    let crds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crds/identitypools.yaml");
    let crds = crds
        .canonicalize()
        .map_err(|error| Failure(format!("crds/: {error}")))?;
    stage.quietly(&["apply", "--server-side", "-f", &crds.display().to_string()])?;
    let crd = "crd/identitypools.cognito-identity.dev";
    stage.kubectl(&["wait", "--for=condition=Established", crd, "--timeout=30s"])?;
    let namespace = stage.namespace.clone();
    stage.kubectl(&["create", "namespace", &namespace])?;
    stage.start_operator().await?;
    stage.check(true, "the operator is ready")
}

fn create(stage: &mut Stage) -> Result<(), Failure> {
    stage.act("Apply an IdentityPool with all nine parameters of CreateIdentityPool.");
    stage.apply(MANIFEST)?;
    let object = ready(stage, "web")?;
    stage.kubectl(&["get", "idpool"])?;
    let pool = stage.fake.pool(&id(&object));
    stage.check(pool.is_some(), "the pool that status names exists")?;
    stage.check(
        stage
            .fake
            .calls()
            .iter()
            .filter(|call| call.operation == CREATE)
            .count()
            == 1,
        "it took one CreateIdentityPool call",
    )
}

async fn wire_shows(stage: &mut Stage) -> Result<(), Failure> {
    stage.act("The pool, as DescribeIdentityPool reports it on the wire.");
    let pool = wire::describe(&stage.fake, &id(&stage.object("web")?)).await?;
    stage::show(&format!("{pool:#}"));
    for (parameter, expected) in [
        ("IdentityPoolName", json!("shop web")),
        ("AllowUnauthenticatedIdentities", json!(true)),
        ("AllowClassicFlow", json!(false)),
        ("DeveloperProviderName", json!("login.shop.example")),
    ] {
        let what = format!("{parameter} is {expected}");
        stage.check(pool[parameter] == expected, &what)?;
    }
    for parameter in [
        "SupportedLoginProviders",
        "OpenIdConnectProviderARNs",
        "SamlProviderARNs",
        "CognitoIdentityProviders",
    ] {
        let shown = &pool[parameter];
        let count = shown.as_array().map_or_else(
            || shown.as_object().map_or(0, serde_json::Map::len),
            Vec::len,
        );
        stage.check(count == 1, &format!("{parameter} has its entry"))?;
    }
    stage.check(
        pool["IdentityPoolTags"]["team"] == "shop",
        "the tag team is there, beside the operator's three",
    )
}

fn change(stage: &mut Stage) -> Result<(), Failure> {
    stage.act("Change it: no more guests, and no Facebook. What is left out goes in AWS too.");
    let patch =
        r#"{"spec":{"allowUnauthenticatedIdentities":false,"supportedLoginProviders":null}}"#;
    stage.kubectl(&["patch", "idpool", "web", "--type=merge", "-p", patch])?;
    let object = ready(stage, "web")?;
    let pool = stage.fake.pool(&id(&object)).unwrap_or_default();
    let login = pool["SupportedLoginProviders"]
        .as_object()
        .is_none_or(serde_json::Map::is_empty);
    stage.check(
        pool["AllowUnauthenticatedIdentities"] == false && login,
        "both are gone in AWS",
    )
}

fn rename(stage: &mut Stage) -> Result<(), Failure> {
    stage.act("Rename it. Terraform would destroy the pool; here it keeps its id.");
    let before = id(&stage.object("web")?);
    let patch = r#"{"spec":{"identityPoolName":"shop web 2"}}"#;
    stage.kubectl(&["patch", "idpool", "web", "--type=merge", "-p", patch])?;
    let after = id(&ready(stage, "web")?);
    stage.kubectl(&["get", "idpool", "web", "-o", "wide"])?;
    let pool = stage.fake.pool(&after).unwrap_or_default();
    stage.check(
        before == after && pool["IdentityPoolName"] == "shop web 2",
        "same pool, new name",
    )
}

async fn drift(stage: &mut Stage) -> Result<(), Failure> {
    stage.act("Somebody lets guests in, in the console. The next look puts it right.");
    let pool = id(&stage.object("web")?);
    stage.fake.tamper(&pool, |pool| {
        pool["AllowUnauthenticatedIdentities"] = true.into();
    });
    stage.kubectl(&[
        "annotate",
        "idpool",
        "web",
        "cognito-identity.dev/reconcile-at=now",
        "--overwrite",
    ])?;
    let closed = || {
        stage
            .fake
            .pool(&pool)
            .is_some_and(|pool| pool["AllowUnauthenticatedIdentities"] == false)
    };
    stage.until("the change is put right", closed).await?;
    let event = [
        "get",
        "events",
        "--field-selector=reason=DriftCorrected",
        "-o",
        "custom-columns=REASON:.reason,MESSAGE:.message",
    ];
    let filed = || {
        stage
            .quietly(&event)
            .is_ok_and(|text| text.contains("allowUnauthenticatedIdentities"))
    };
    stage.until("an Event tells it", filed).await?;
    stage.kubectl(&event)?;
    stage.check(true, "guests are shut out again, and an Event says so")
}

async fn crash(stage: &mut Stage) -> Result<(), Failure> {
    stage.act(
        "Kill the operator in the middle of a creation: AWS makes the pool, nobody hears of it.",
    );
    stage.fake.reset_journal();
    stage.fake.inject(Fault::on(
        CREATE,
        FaultKind::DelayAfter(std::time::Duration::from_secs(10)),
    ));
    stage.apply(
        "apiVersion: cognito-identity.dev/v1alpha1\nkind: IdentityPool\nmetadata:\n  name: crash\n",
    )?;
    stage
        .until("AWS has made the pool", || stage.fake.executed(CREATE) == 1)
        .await?;
    let pid = stage.operator.as_ref().map_or(0, Operator::id);
    stage::show(&format!("$ kill -9 {pid}"));
    stage.operator = None;
    let columns = "custom-columns=NAME:.metadata.name,POOL-ID:.status.identityPoolId,CLAIM:.metadata.annotations.cognito-identity\\.dev/claim";
    stage.kubectl(&["get", "idpool", "crash", "-o", columns])?;
    let orphaned = stage.object("crash")?;
    stage.check(
        id(&orphaned).is_empty(),
        "the object knows of no pool, but its claim is on record",
    )?;
    stage.start_operator().await?;
    let object = ready(stage, "crash")?;
    stage.kubectl(&["get", "idpool"])?;
    let owner = format!(
        "{}/{}",
        stage.namespace,
        object["metadata"]["uid"].as_str().unwrap_or_default()
    );
    let count = stage
        .fake
        .pools()
        .iter()
        .filter(|pool| pool["IdentityPoolTags"]["cognito-identity.dev/owner"] == owner.as_str())
        .count();
    stage.check(
        count == 1 && stage.fake.pool(&id(&object)).is_some(),
        "there is one pool, found by its owner tag",
    )?;
    stage.check(
        stage.fake.count(CREATE) == 1,
        "and there was one CreateIdentityPool call",
    )
}

async fn delete(stage: &mut Stage) -> Result<(), Failure> {
    stage.act("Delete. A pool with identities stays until a person decides.");
    let web = id(&stage.object("web")?);
    stage.fake.add_identity(&web);
    stage.kubectl(&["delete", "idpool", "web", "crash", "--wait=false"])?;
    stage.kubectl(&[
        "wait",
        "--for=condition=Stalled",
        "idpool/web",
        "--timeout=60s",
    ])?;
    stage.kubectl(&[
        "get",
        "idpool",
        "web",
        "-o",
        "jsonpath={.status.conditions[?(@.type==\"Stalled\")].message}",
    ])?;
    stage.check(
        stage.fake.pool(&web).is_some(),
        "the pool with identities is still there",
    )?;
    stage.kubectl(&[
        "patch",
        "idpool",
        "web",
        "--type=merge",
        "-p",
        r#"{"spec":{"deletionPolicy":"Delete"}}"#,
    ])?;
    stage.kubectl(&[
        "wait",
        "--for=delete",
        "idpool/web",
        "idpool/crash",
        "--timeout=60s",
    ])?;
    stage
        .until("the pools are gone", || stage.fake.pools().is_empty())
        .await?;
    stage.check(true, "objects and pools are gone")
}
