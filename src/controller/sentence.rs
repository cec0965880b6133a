//! What an error of the Kubernetes client says, in one line for people.
//!
//! The library's own words hold the whole answer of the apiserver, or the raw output of
//! a kubeconfig's command, in Rust's notation.

use kube::client::AuthError;
use kube::core::Status;

use crate::telemetry::causes::{causes, chain};

/// An error in one line.
#[must_use]
pub fn sentence(error: &kube::Error) -> String {
    let login = causes(error).find_map(|cause| cause.downcast_ref::<AuthError>());
    match error {
        kube::Error::Api(status) => answer(status),
        kube::Error::Service(cause) if login.is_none() => chain(cause.as_ref()),
        error => login.map_or_else(|| chain(error), command),
    }
}

/// What the apiserver answered.
pub(super) fn answer(status: &Status) -> String {
    format!("{} (HTTP {})", status.message, status.code)
}

/// What became of the command that a kubeconfig names for getting credentials. Its
/// arguments and its output can hold secrets; what it says on standard error is meant for
/// people, the last line most of all.
fn command(error: &AuthError) -> String {
    let what = match error {
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let last = said.lines().rfind(|line| !line.trim().is_empty());
            last.unwrap_or("it failed and said nothing").to_owned()
        }
        AuthError::AuthExecParse(cause) => {
            format!(
                "its answer is no ExecCredential: {}",
                cause.without_snippet()
            )
        }
        AuthError::AuthExecStart(cause) => cause.to_string(),
        other => return chain(other),
    };
    format!("the command of the kubeconfig's user gives no credentials: {what}")
}
