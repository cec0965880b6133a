//! What the acts are played with: kubectl as a person types it, the operator as a
//! process, the fake Cognito behind the scene, and checks that speak in sentences.
//!
//! One namespace, one account, one operator at a time.

mod fake;
mod place;
mod probe;
mod process;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use harness::cognito::FakeCognito;
use harness::control_plane::ControlPlane;
use harness::operator::Operator;
use serde_json::Value;
use uuid::Uuid;

use crate::failure::{Failure, require};
use crate::kubectl::Kubectl;
use crate::screen::{self, Screen};
use place::Traces;
pub(crate) use place::{CRD, OWN_CLUSTER};

/// Nothing of the demo takes as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The stage.
pub(crate) struct Stage {
    pub(crate) screen: Screen,
    pub(crate) namespace: String,
    /// Apart from the namespace, so that owner tags are short enough for a table.
    pub(crate) installation: String,
    traces: Traces,
    kubectl: Kubectl,
    binary: PathBuf,
    log: PathBuf,
    // Dropped in this order: the operator before what it talks to.
    operator: Option<Operator>,
    pub(crate) fake: FakeCognito,
    plane: Option<ControlPlane>,
}

impl Stage {
    /// On a control plane that goes with the demo.
    pub(crate) async fn of_our_own(plane: ControlPlane, screen: Screen, binary: PathBuf) -> Self {
        let kubectl = Kubectl::of(&plane);
        Self {
            plane: Some(plane),
            ..Self::on_cluster_of_user(kubectl, screen, binary).await
        }
    }

    /// On a cluster that was there before and stays.
    pub(crate) async fn on_cluster_of_user(
        kubectl: Kubectl,
        screen: Screen,
        binary: PathBuf,
    ) -> Self {
        let mut suffix = Uuid::new_v4().simple().to_string();
        suffix.truncate(6);
        let namespace = format!("identity-pool-demo-{suffix}");
        Self {
            screen,
            installation: format!("demo-{suffix}"),
            traces: Traces::default(),
            kubectl,
            binary,
            log: std::env::temp_dir().join(format!("{namespace}.log")),
            namespace,
            operator: None,
            fake: FakeCognito::start().await,
            plane: None,
        }
    }

    /// Runs what a person would type, and shows it.
    pub(crate) async fn kubectl(&self, arguments: &[&str]) -> Result<(), Failure> {
        self.screen.command(&self.kubectl.line(arguments));
        screen::show(&self.quietly(arguments).await?);
        Ok(())
    }

    /// Applies a manifest, and shows both.
    pub(crate) async fn apply(&self, manifest: &str) -> Result<(), Failure> {
        let arguments = ["apply", "-f", "-"];
        let line = self.kubectl.line(&arguments);
        self.screen.command_with_input(&line, manifest);
        screen::show(&self.kubectl.run(&arguments, manifest).await?);
        Ok(())
    }

    /// Changes the spec of an object, and shows how.
    pub(crate) async fn patch(&self, name: &str, patch: &str) -> Result<(), Failure> {
        self.kubectl(&["patch", "idpool", name, "--type=merge", "-p", patch])
            .await
    }

    /// Waits for a condition as a person would, and returns the object.
    pub(crate) async fn wait_for(&self, condition: &str, name: &str) -> Result<Value, Failure> {
        let (condition, object) = (
            format!("--for=condition={condition}"),
            format!("idpool/{name}"),
        );
        self.kubectl(&["wait", &condition, &object, "--timeout=60s"])
            .await?;
        let object = self.object(name).await?;
        let speaks_of = &object["status"]["observedGeneration"];
        require(
            *speaks_of == object["metadata"]["generation"],
            "the status speaks of the spec as it is now",
        )?;
        Ok(object)
    }

    /// Runs kubectl without showing it.
    pub(crate) async fn quietly(&self, arguments: &[&str]) -> Result<String, Failure> {
        self.kubectl.run(arguments, "").await
    }

    /// An object as JSON.
    pub(crate) async fn object(&self, name: &str) -> Result<Value, Failure> {
        let text = self.quietly(&["get", "idpool", name, "-o", "json"]).await?;
        serde_json::from_str(&text).map_err(|error| Failure::of(&error))
    }

    /// Says that something is as promised, or fails with what is not.
    pub(crate) fn check(&self, holds: bool, what: &str) -> Result<(), Failure> {
        require(holds, what)?;
        self.screen.tick(what);
        Ok(())
    }

    /// Waits until something holds.
    pub(crate) async fn until(
        &self,
        what: &str,
        holds: impl AsyncFn() -> bool,
    ) -> Result<(), Failure> {
        let begun = Instant::now();
        while !holds().await {
            if begun.elapsed() > PATIENCE {
                let limit = PATIENCE.as_secs();
                return Err(Failure(format!(
                    "it did not happen in {limit} s that {what}."
                )));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}
