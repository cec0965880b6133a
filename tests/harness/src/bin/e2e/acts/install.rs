//! The chart becomes pods.

use serde_json::Value;

use crate::failure::{Failure, require};
use crate::scene::{NAMESPACE, Scene, VERSION};

/// The strictest of the standards for pods, enforced by the apiserver.
const STANDARD: &str = "pod-security.kubernetes.io/enforce=restricted";

/// Its namespace, where nothing less than restricted is let in.
pub(crate) async fn namespace(scene: &Scene) -> Result<(), Failure> {
    scene
        .kubectl(&format!("create namespace {NAMESPACE}"))
        .await?;
    scene
        .kubectl(&format!("label namespace {NAMESPACE} {STANDARD}"))
        .await?;
    Ok(())
}

/// The Secret that the values name.
pub(crate) async fn credentials(scene: &Scene) -> Result<(), Failure> {
    let keys = "--from-literal=AWS_ACCESS_KEY_ID=any --from-literal=AWS_SECRET_ACCESS_KEY=any";
    scene
        .kubectl(&format!("create secret generic aws -n {NAMESPACE} {keys}"))
        .await?;
    Ok(())
}

/// Installs the version before, as docs/install.md has it for clusters outside EKS.
pub(crate) async fn previous(scene: &Scene) -> Result<(), Failure> {
    namespace(scene).await?;
    credentials(scene).await?;
    scene
        .helm_with_chart("install", &scene.previous_chart)
        .await?;
    Ok(())
}

/// Two pods, ready, never restarted, of our image, and one of them leads.
pub(crate) async fn pods(scene: &Scene) -> Result<(), Failure> {
    let pods = running(scene).await?;
    require(pods.len() == 2, "two pods run")?;
    for pod in &pods {
        let container = &pod["status"]["containerStatuses"][0];
        let name = &pod["metadata"]["name"];
        require(container["ready"] == true, &format!("pod {name} is ready"))?;
        require(
            container["restartCount"] == 0,
            &format!("pod {name} was never restarted"),
        )?;
        let image = container["image"].as_str().unwrap_or_default();
        require(
            image.ends_with(VERSION),
            &format!("pod {name} runs {VERSION}: {image}"),
        )?;
        let log = format!("logs -n {NAMESPACE} {}", name.as_str().unwrap_or_default());
        let log = scene.kubectl(&log).await?;
        require(log.lines().all(is_json), "every line of its log is JSON")?;
    }
    Ok(())
}

/// The chart's own test: the metrics, by the name of their Service.
pub(crate) async fn test(scene: &Scene) -> Result<(), Failure> {
    let said = scene.helm("test", &["--timeout=90s"]).await?;
    require(
        said.contains("Phase:          Succeeded"),
        &format!("helm tells of success: {said}"),
    )
}

/// The operator's pods, those that are going left out.
pub(crate) async fn running(scene: &Scene) -> Result<Vec<Value>, Failure> {
    let pods = scene
        .get(
            NAMESPACE,
            "pods -l app.kubernetes.io/name=identity-pool-operator",
        )
        .await?;
    let pods = pods["items"].as_array().cloned().unwrap_or_default();
    let stays = |pod: &Value| pod["metadata"]["deletionTimestamp"].is_null();
    Ok(pods.into_iter().filter(stays).collect())
}

fn is_json(line: &str) -> bool {
    serde_json::from_str::<Value>(line).is_ok()
}
