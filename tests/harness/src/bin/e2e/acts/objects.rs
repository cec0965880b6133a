//! Identity pools by `kubectl apply`, as the README and the tests have them.

use serde_json::Value;

use super::install;
use crate::failure::{Failure, require};
use crate::scene::{NAMESPACE, RELEASE, Scene, text};

/// The objects of this run: namespace and name.
pub(crate) const OBJECTS: [(&str, &str); 2] = [("shop", "web"), ("shop", "bare")];

/// A tag that says which act was the last.
const TAG: &str = "act";

/// Applies the example of the README and the smallest object there is, and waits as the README does.
pub(crate) async fn examples(scene: &Scene) -> Result<(), Failure> {
    scene.kubectl("create namespace shop").await?;
    scene
        .kubectl_with(&["apply", "-f", "-"], &example_of_readme()?)
        .await?;
    let bare = text("tests/manifests/accepted/bare.yaml")?;
    scene
        .kubectl_with(&["apply", "-n", "shop", "-f", "-"], &bare)
        .await?;
    wait_until_ready(scene).await?;
    let pool = scene.pool("shop", "web").await?;
    require(
        pool["IdentityPoolName"] == "shop web",
        "the pool has the name of the spec",
    )?;
    let roles = scene
        .fake
        .roles(pool["IdentityPoolId"].as_str().unwrap_or_default());
    let role = &roles.unwrap_or_default()["Roles"]["authenticated"];
    require(
        role == "arn:aws:iam::123456789012:role/shop-user",
        "the pool has the role of the spec",
    )?;
    one_creation_each(scene)
}

/// Every object is Ready, for its present generation.
pub(crate) async fn wait_until_ready(scene: &Scene) -> Result<(), Failure> {
    for (namespace, name) in OBJECTS {
        let wait = "wait --for=condition=Ready --timeout=60s";
        scene
            .kubectl(&format!("{wait} -n {namespace} idpool/{name}"))
            .await?;
    }
    Ok(())
}

/// Changes the object that the tags of its pool come from.
pub(crate) async fn set_tag(scene: &Scene, value: &str) -> Result<(), Failure> {
    let patch = format!(r#"{{"spec":{{"identityPoolTags":{{"{TAG}":"{value}"}}}}}}"#);
    let words = [
        "patch",
        "idpool/web",
        "-n",
        "shop",
        "--type=merge",
        "-p",
        &patch,
    ];
    scene.kubectl_with(&words, "").await?;
    Ok(())
}

/// That tag, as AWS has it.
pub(crate) async fn tag(scene: &Scene) -> Result<Value, Failure> {
    Ok(scene.pool("shop", "web").await?["IdentityPoolTags"][TAG].clone())
}

/// As long as this holds, nothing that happened to the operator made a pool twice.
pub(crate) fn one_creation_each(scene: &Scene) -> Result<(), Failure> {
    let made = scene.fake.executed("CreateIdentityPool");
    require(
        made == OBJECTS.len(),
        &format!("{} pools were made, not {made}", OBJECTS.len()),
    )
}

/// All pods are replaced; the pools are neither made again nor written to.
pub(crate) async fn survive_restart(scene: &Scene) -> Result<(), Failure> {
    let before = statuses(scene).await?;
    let writes = writes(scene);
    let deployment = format!("-n {NAMESPACE} deployment/{RELEASE}");
    scene
        .kubectl(&format!("rollout restart {deployment}"))
        .await?;
    scene
        .kubectl(&format!("rollout status {deployment} --timeout=120s"))
        .await?;
    let pods = install::running(scene).await?;
    require(pods.len() == 2, "two pods run again")?;
    wait_until_ready(scene).await?;
    require(
        writes == self::writes(scene),
        "a restart writes nothing to AWS",
    )?;
    require(
        before == statuses(scene).await?,
        "a restart changes no status",
    )
}

/// Calls that may change something.
fn writes(scene: &Scene) -> usize {
    let reads = ["Describe", "Get", "List"];
    let reading = |name: &str| reads.iter().any(|verb| name.starts_with(verb));
    scene.fake.count_where(|call| !reading(&call.operation))
}

async fn statuses(scene: &Scene) -> Result<Vec<Value>, Failure> {
    let mut statuses = Vec::new();
    for (namespace, name) in OBJECTS {
        let object = scene.get(namespace, &format!("idpool/{name}")).await?;
        statuses.push(object["status"]["identityPoolId"].clone());
        statuses.push(object["status"]["conditions"].clone());
    }
    Ok(statuses)
}

/// The first identity pool of the README.
fn example_of_readme() -> Result<String, Failure> {
    let readme = text("README.md")?;
    let mut blocks = readme.split("```yaml\n").skip(1);
    let begins = |block: &&str| block.starts_with("apiVersion: cognito-identity.dev/");
    let block = blocks
        .find(begins)
        .and_then(|block| block.split("```").next());
    let missing = || Failure::new("the README has no identity pool");
    block.map(str::to_owned).ok_or_else(missing)
}
