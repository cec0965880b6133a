//! A release whose credentials come later, as they do where another team makes the Secret.

use std::time::Duration;

use serde_json::Value;

use super::install;
use crate::failure::{Failure, require};
use crate::scene::{NAMESPACE, Scene};

/// An image that is there starts in a second; kubelet looks at mounted Secrets from time to time.
const PATIENCE: Duration = Duration::from_secs(180);

/// What the operator names: the file, and with its folder the Secret.
const MISSING: &str = "/aws/AWS_ACCESS_KEY_ID";

/// Pods run, are not Ready, and say why: in one line, and in an Event that `describe` shows.
pub(crate) async fn are_missed(scene: &Scene) -> Result<(), Failure> {
    install::namespace(scene).await?;
    scene.install().await?;
    let said = async || {
        let mut waiting = 0;
        for pod in install::running(scene).await? {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            let described = scene
                .kubectl(&format!("describe pod -n {NAMESPACE} {name}"))
                .await?;
            let event = |line: &str| line.contains("Warning") && line.contains(MISSING);
            waiting += usize::from(described.lines().any(event));
        }
        Ok(waiting == 2)
    };
    scene
        .until("both pods have an Event", PATIENCE, said)
        .await?;
    for pod in install::running(scene).await? {
        let name = &pod["metadata"]["name"];
        require(
            pod["status"]["phase"] == "Running",
            &format!("pod {name} runs"),
        )?;
        require(!is_ready(&pod), &format!("pod {name} is not ready"))?;
        let log = format!("logs -n {NAMESPACE} {}", name.as_str().unwrap_or_default());
        let log = scene.kubectl(&log).await?;
        let told = log.lines().filter(|line| line.contains(MISSING)).count();
        require(
            told == 1,
            &format!("pod {name} says it in one line, not {told}"),
        )?;
    }
    Ok(())
}

/// They get Ready when the Secret is there; none is started again.
pub(crate) async fn appear(scene: &Scene) -> Result<Duration, Failure> {
    install::credentials(scene).await?;
    let ready = async || {
        let pods = install::running(scene).await?;
        Ok(pods.len() == 2 && pods.iter().all(is_ready))
    };
    let taken = scene.until("both pods are ready", PATIENCE, ready).await?;
    install::pods(scene).await?;
    Ok(taken)
}

fn is_ready(pod: &Value) -> bool {
    pod["status"]["containerStatuses"][0]["ready"] == true
}
