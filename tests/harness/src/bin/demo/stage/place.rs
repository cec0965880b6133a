//! Where the demo is played: on a cluster of its own, or as a guest on somebody's,
//! where it announces what it touches and removes it at the end.

use super::Stage;
use crate::failure::Failure;

/// Lets an object go whose operator has ended with the demo; its pool was never real.
const RELEASE: &str = r#"{"metadata":{"finalizers":null}}"#;

impl Stage {
    /// Whether the cluster is somebody's, and not gone after the demo.
    pub(crate) fn is_guest(&self) -> bool {
        self.plane.is_none()
    }

    /// Says where all this happens, and what it touches.
    pub(crate) fn introduce(&self) {
        let (namespace, endpoint) = (&self.namespace, self.fake.endpoint());
        println!("AWS is a fake Cognito on {endpoint}: no account is touched.");
        if self.is_guest() {
            println!(
                "The cluster is yours: the demo installs the CRD, which stays, and works in the \
                 namespace\n{namespace}, which it removes at the end. The operator runs here, for \
                 that\nnamespace only, with an installation id of its own, against the fake Cognito."
            );
        } else {
            println!("The cluster is the demo's own and goes with it. To look along meanwhile:");
            let program = self.kubectl.program().display();
            self.screen.command(&format!("alias kubectl={program}"));
        }
        if let Some(path) = self.kubectl.kubeconfig() {
            let path = path.display();
            self.screen.command(&format!("export KUBECONFIG={path}"));
        }
    }

    /// Makes the demo's namespace, and makes it the one that kubectl talks to.
    pub(crate) async fn enter_namespace(&mut self) -> Result<(), Failure> {
        let namespace = self.namespace.clone();
        self.kubectl(&["create", "namespace", &namespace]).await?;
        if self.is_guest() {
            self.kubectl.stay_in(&namespace);
            return Ok(());
        }
        let current = format!("--namespace={namespace}");
        self.kubectl(&["config", "set-context", "--current", &current])
            .await
    }

    /// Removes what the demo made on a cluster of the user's, but for the CRD.
    pub(crate) async fn tidy_up(&mut self) -> Result<(), Failure> {
        self.operator = None;
        if !self.kubectl.has_namespace() {
            return Ok(());
        }
        println!("\nTidying up; the CRD stays.");
        let left = self.quietly(&["get", "idpool", "-o", "name"]).await;
        for object in left.unwrap_or_default().lines() {
            let release = ["patch", object, "--type=merge", "-p", RELEASE];
            self.quietly(&release).await?;
        }
        self.kubectl(&["delete", "namespace", &self.namespace, "--wait=false"])
            .await
    }
}
