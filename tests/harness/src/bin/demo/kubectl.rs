//! The kubectl that the demo types into: what is run is what is shown.
//!
//! On a control plane of the demo's own it is the built one, with nothing of the
//! person's preferences or caches; on a cluster of the user's it is theirs, if they
//! have one.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use harness::control_plane::ControlPlane;
use harness::shell::quoted;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::failure::Failure;

/// A cluster that is out of reach must not keep the demo for ever; no command waits as long.
const LIMIT: Duration = Duration::from_secs(90);

/// A kubectl, and which cluster and namespace it talks to.
pub(crate) struct Kubectl {
    program: PathBuf,
    kubeconfig: Option<PathBuf>,
    context: Option<String>,
    namespace: Option<String>,
    cache: Option<PathBuf>,
}

impl Kubectl {
    pub(crate) fn of(plane: &ControlPlane) -> Self {
        Self {
            program: plane.kubectl_path().to_owned(),
            kubeconfig: Some(plane.kubeconfig_path().to_owned()),
            context: None,
            namespace: None,
            cache: Some(plane.folder().join("kubectl-cache")),
        }
    }

    pub(crate) fn of_user(
        program: PathBuf,
        kubeconfig: Option<PathBuf>,
        context: Option<String>,
    ) -> Self {
        Self {
            program,
            kubeconfig,
            context,
            namespace: None,
            cache: None,
        }
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    pub(crate) fn kubeconfig(&self) -> Option<&Path> {
        self.kubeconfig.as_deref()
    }

    pub(crate) fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    /// From here on every command names this namespace.
    pub(crate) fn stay_in(&mut self, namespace: &str) {
        self.namespace = Some(namespace.to_owned());
    }

    /// The context and the server that it talks to.
    pub(crate) async fn cluster(&self) -> Result<(String, String), Failure> {
        let ask = async |what| {
            let output = format!("jsonpath={what}");
            let arguments = ["config", "view", "--minify", "-o", &output];
            self.run(&arguments, "").await
        };
        let context = ask("{.contexts[0].name}").await?;
        Ok((context, ask("{.clusters[0].cluster.server}").await?))
    }

    /// The command line as it can be pasted into a shell.
    pub(crate) fn line(&self, arguments: &[&str]) -> String {
        let words = self.scope().into_iter().chain(arguments.iter().copied());
        let words: Vec<String> = words.map(quoted).collect();
        format!("kubectl {}", words.join(" "))
    }

    /// Runs it with something to read, and returns what it prints.
    pub(crate) async fn run(&self, arguments: &[&str], input: &str) -> Result<String, Failure> {
        let unable = |error| Failure(format!("kubectl cannot be run: {error}"));
        let mut child = self.command(arguments).spawn().map_err(unable)?;
        if let Some(mut stdin) = child.stdin.take() {
            // Whether kubectl reads all of it is its own business; its exit status tells.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        let ended = tokio::time::timeout(LIMIT, child.wait_with_output()).await;
        let output = ended.map_err(|_| self.silent(arguments))?.map_err(unable)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if output.status.success() {
            return Ok(text(&output.stdout));
        }
        let said = text(&output.stderr);
        Err(Failure(format!("`{}` says: {said}", self.line(arguments))))
    }

    fn silent(&self, arguments: &[&str]) -> Failure {
        let (line, limit) = (self.line(arguments), LIMIT.as_secs());
        Failure(format!("`{line}` has not ended after {limit} s."))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(kubeconfig) = &self.kubeconfig {
            command.env("KUBECONFIG", kubeconfig);
        }
        if let Some(cache) = &self.cache {
            command.env("KUBECACHEDIR", cache).env("KUBERC", "off");
        }
        command
            .args(self.scope())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    fn scope(&self) -> Vec<&str> {
        let context = self.context.iter().flat_map(|name| ["--context", name]);
        let namespace = self.namespace.iter().flat_map(|name| ["-n", name]);
        context.chain(namespace).collect()
    }
}
