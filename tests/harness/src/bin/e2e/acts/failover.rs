//! The leader goes; the other replica goes on where it stopped.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{install, objects};
use crate::failure::{Failure, require};
use crate::scene::{NAMESPACE, RELEASE, Scene};

/// A lease of 15 s, a retry of 2 s, and a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that leads.
struct Leader {
    pod: String,
    /// Of this process: the next one in the same pod has another.
    identity: String,
}

/// The leader's pod is deleted, as by a drain: it hands over.
pub(crate) async fn deleted(scene: &Scene) -> Result<Duration, Failure> {
    let leader = leader(scene).await?;
    let begun = Instant::now();
    let pod = &leader.pod;
    scene
        .kubectl(&format!("delete pod -n {NAMESPACE} {pod} --wait=false"))
        .await?;
    another_leads(scene, &leader).await?;
    takes_a_change(scene, "deleted").await?;
    let taken = begun.elapsed();
    settled(scene).await?;
    Ok(taken)
}

/// The leader's process is killed, as by a lost node: its lease has to run out.
pub(crate) async fn killed(scene: &Scene) -> Result<Duration, Failure> {
    let leader = leader(scene).await?;
    let pod = format!("pod/{}", leader.pod);
    let container = scene.get(NAMESPACE, &pod).await?;
    let container = container["status"]["containerStatuses"][0]["containerID"].as_str();
    let container = container
        .unwrap_or_default()
        .trim_start_matches("containerd://");
    let begun = Instant::now();
    scene.node.kill_container(container).await?;
    takes_a_change(scene, "killed").await?;
    let taken = begun.elapsed();
    another_leads(scene, &leader).await?;
    settled(scene).await?;
    let pod = scene.get(NAMESPACE, &pod).await?;
    let restarts = &pod["status"]["containerStatuses"][0]["restartCount"];
    require(
        *restarts == 1,
        &format!("kubelet restarted it once, not {restarts} times"),
    )?;
    Ok(taken)
}

async fn another_leads(scene: &Scene, leader: &Leader) -> Result<(), Failure> {
    let another = async || {
        let now = holder(scene).await?;
        Ok(!now.is_empty() && now != leader.identity)
    };
    scene
        .until("another process leads", PATIENCE, another)
        .await?;
    Ok(())
}

/// A change reaches AWS, whoever leads.
async fn takes_a_change(scene: &Scene, value: &str) -> Result<(), Failure> {
    objects::set_tag(scene, value).await?;
    let changed = async || Ok(objects::tag(scene).await? == value);
    scene
        .until("the change is in AWS", PATIENCE, changed)
        .await?;
    Ok(())
}

/// Two ready pods again, and every object Ready.
async fn settled(scene: &Scene) -> Result<(), Failure> {
    let both = async || {
        let pods = install::running(scene).await?;
        let ready = |pod: &&Value| pod["status"]["containerStatuses"][0]["ready"] == true;
        Ok(pods.iter().filter(ready).count() == 2)
    };
    scene.until("two pods are ready", PATIENCE, both).await?;
    objects::wait_until_ready(scene).await
}

/// Who leads, when no pod that is going does so any more.
async fn leader(scene: &Scene) -> Result<Leader, Failure> {
    let begun = Instant::now();
    loop {
        let identity = holder(scene).await?;
        let pods = install::running(scene).await?;
        let mut names = pods
            .iter()
            .filter_map(|pod| pod["metadata"]["name"].as_str());
        if let Some(pod) = names.find(|name| identity.starts_with(&format!("{name}_"))) {
            let pod = pod.to_owned();
            return Ok(Leader { pod, identity });
        }
        if begun.elapsed() > PATIENCE {
            return Err(Failure(format!(
                "{identity:?} leads, which is none of the pods"
            )));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn holder(scene: &Scene) -> Result<String, Failure> {
    let lease = scene.get(NAMESPACE, &format!("lease/{RELEASE}")).await?;
    let holder = lease["spec"]["holderIdentity"].as_str();
    Ok(holder.unwrap_or_default().to_owned())
}
