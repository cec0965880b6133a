//! Runs kubectl, with nothing of the person who runs the tests: neither their kubeconfig nor their
//! preferences nor their discovery cache.

use std::path::Path;
use std::process::{Output, Stdio};

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::Error;

/// Runs it with `input` on standard input and returns its standard output.
pub(super) async fn run(
    program: &Path,
    kubeconfig: &Path,
    arguments: &[&str],
    input: &str,
) -> Result<String, Error> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("KUBECONFIG", kubeconfig)
        .env("KUBERC", "off");
    command.env("KUBECACHEDIR", kubeconfig.with_file_name("kubectl-cache"));
    let output = feed(&mut command, input).await.map_err(Error::NoKubectl)?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Error::Kubectl {
            arguments: arguments.join(" "),
            stderr,
        })
    }
}

async fn feed(command: &mut Command, input: &str) -> std::io::Result<Output> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // Whether kubectl reads all of it is its own business; its exit status tells.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    child.wait_with_output().await
}
