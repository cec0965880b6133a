//! Where the demo is played: on a cluster of its own, or as a guest on somebody's,
//! where it says first what it will touch, and removes at the end what it has made.

use std::fmt::Write;

use harness::shell::quoted;
use harness::tools;

use super::Stage;
use crate::failure::Failure;
use crate::screen::line;

/// The definition, as kubectl names it.
pub(crate) const CRD: &str = "crd/identitypools.cognito-identity.dev";

/// Lets an object go whose operator has ended with the demo; its pool was never real.
const RELEASE: &str = r#"{"metadata":{"finalizers":null}}"#;

/// How to get a cluster that is nobody's.
pub(crate) const OWN_CLUSTER: &str =
    "`make demo KUBECONFIG= CONTEXT=` starts a cluster of its own.";

/// What a guest has made. Noted before it is made: an interrupted command may have done it.
#[derive(Default)]
pub(crate) struct Traces {
    pub(super) definition: bool,
    pub(super) probe: bool,
    pub(super) namespace: bool,
}

impl Stage {
    /// Whether the cluster is somebody's, and not gone after the demo.
    pub(crate) fn is_guest(&self) -> bool {
        self.plane.is_none()
    }

    /// Says where all this happens, what it touches, and how to look along.
    pub(crate) async fn introduce(&self) -> Result<(), Failure> {
        if self.is_guest() {
            self.announce_guest().await?;
        } else {
            line(
                "The cluster is the demo's own and goes with it. AWS is a fake: no account is touched.",
            );
        }
        line("\nTo look along in a second terminal (what is JSON there is a table here):");
        let mut export = format!("export FAKE={}", self.fake.endpoint());
        if let Some(path) = self.kubectl.kubeconfig() {
            let _ = write!(export, " KUBECONFIG={}", quoted(&path.to_string_lossy()));
        }
        self.screen.command(&export);
        let program = self.kubectl.program();
        if tools::kubectl_in_path().as_deref() != Some(program) {
            let program = program.to_string_lossy();
            self.screen
                .command(&format!("alias kubectl={}", quoted(&program)));
        }
        Ok(())
    }

    /// First of all the cluster: it may not be the one that was meant.
    async fn announce_guest(&self) -> Result<(), Failure> {
        let unusable = |Failure(why)| Failure(format!("{why}\n{OWN_CLUSTER}"));
        let (context, server) = self.kubectl.cluster().await.map_err(unusable)?;
        let kubeconfig = match self.kubectl.kubeconfig() {
            Some(path) => format!("KUBECONFIG={}, ", path.display()),
            None => String::new(),
        };
        line(format_args!(
            "The cluster is yours: {kubeconfig}context {context}, {server}. \
             AWS is a fake: no account is touched."
        ));
        line(format_args!(
            "The demo makes the namespace {}, and the CRD if there is none,\n\
             and removes both at the end. The operator runs here, for that namespace only.\n\
             Not the cluster that you meant? {OWN_CLUSTER}",
            self.namespace
        ));
        // Without discovery, whose failure takes a page.
        let answer = self.quietly(&["get", "--raw", "/version"]).await;
        answer.map(drop).map_err(unusable)
    }

    /// Makes the demo's namespace, and makes it the one that kubectl talks to.
    pub(crate) async fn enter_namespace(&mut self) -> Result<(), Failure> {
        let namespace = self.namespace.clone();
        self.traces.namespace = true;
        self.kubectl(&["create", "namespace", &namespace]).await?;
        if self.is_guest() {
            self.kubectl.stay_in(&namespace);
            return Ok(());
        }
        let current = format!("--namespace={namespace}");
        self.kubectl(&["config", "set-context", "--current", &current])
            .await
    }

    /// Notes that the definition is about to be made.
    pub(crate) fn makes_definition(&mut self) {
        self.traces.definition = true;
    }

    /// Removes what the demo made on somebody's cluster. What cannot be removed keeps nothing else
    /// from being removed; the first failure counts.
    pub(crate) async fn tidy_up(&mut self) -> Result<(), Failure> {
        self.operator = None;
        let Traces {
            definition,
            probe,
            namespace,
        } = std::mem::take(&mut self.traces);
        if !(definition || probe || namespace) {
            return Ok(());
        }
        line("\nTidying up what the demo made on your cluster.");
        let mut outcome = Ok(());
        if probe {
            outcome = outcome.and(self.remove_probe().await);
        }
        if namespace {
            outcome = outcome.and(self.remove_namespace().await);
        }
        if definition {
            outcome = outcome.and(self.remove_definition().await);
        }
        outcome
    }

    async fn remove_namespace(&mut self) -> Result<(), Failure> {
        // Stopped at the wrong moment, kubectl would still talk to a namespace of somebody else's.
        self.kubectl.stay_in(&self.namespace);
        let mut outcome = Ok(());
        let left = self.quietly(&["get", "idpool", "-o", "name"]).await;
        for object in left.unwrap_or_default().lines() {
            outcome = outcome.and(self.remove_object(object).await);
        }
        let delete = ["delete", "--wait=false", "--ignore-not-found"];
        let namespace = ["namespace", &self.namespace];
        outcome.and(self.kubectl(&[&delete[..], &namespace].concat()).await)
    }

    async fn remove_object(&self, object: &str) -> Result<(), Failure> {
        let release = ["patch", object, "--type=merge", "-p", RELEASE];
        self.quietly(&release).await?;
        let delete = ["delete", object, "--ignore-not-found", "--wait=false"];
        self.quietly(&delete).await.map(drop)
    }

    /// With the definition every object of its kind would go, so it stays for those of others.
    async fn remove_definition(&self) -> Result<(), Failure> {
        if !self.has_definition().await? {
            return Ok(());
        }
        let others = self.quietly(&["get", "idpool", "-A", "-o", "name"]).await?;
        if others.is_empty() {
            return self.kubectl(&["delete", CRD, "--timeout=60s"]).await;
        }
        line("   The CRD stays: somebody has made IdentityPools meanwhile.");
        Ok(())
    }

    /// Whether the cluster has the definition, of whatever version.
    pub(crate) async fn has_definition(&self) -> Result<bool, Failure> {
        let get = ["get", CRD, "--ignore-not-found", "-o=name"];
        Ok(!self.quietly(&get).await?.is_empty())
    }
}
