//! The cluster at start: how to reach it, what it is called, which namespaces it has.

use futures::future::join_all;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::Api;
use kube::config::{KubeConfigOptions, KubeconfigError, LoadDataError};
use kube::{Client, Config};

use super::run::{Error, RETRY};
use crate::controller::sentence;
use crate::telemetry::causes::chain;
use crate::telemetry::{Telemetry, health};

/// Where the cluster is, and how to get in.
pub(super) async fn config(context: Option<&str>) -> Result<Config, Error> {
    infer(context).await.map_err(Error::Cluster)
}

/// A configuration of which no client can be made.
pub(super) fn unreachable(error: &kube::Error) -> Error {
    Error::Cluster(sentence(error))
}

/// From the kubeconfig, or where nobody named one also from the pod's service account.
async fn infer(context: Option<&str>) -> Result<Config, String> {
    let options = KubeConfigOptions {
        context: context.map(str::to_owned),
        ..KubeConfigOptions::default()
    };
    let set = |variable: &str| std::env::var_os(variable).is_some_and(|value| !value.is_empty());
    let refused = match Config::from_kubeconfig(&options).await {
        Ok(config) => return Ok(config),
        Err(refused) => refused,
    };
    if context.is_some() || set("KUBECONFIG") {
        return Err(unusable(&refused));
    }
    Config::incluster().map_err(|error| {
        if set("KUBERNETES_SERVICE_HOST") {
            format!("the service account is unusable: {}", chain(&error))
        } else {
            unusable(&refused)
        }
    })
}

/// What is wrong with a kubeconfig; its values, which may be secrets, are not shown.
fn unusable(error: &KubeconfigError) -> String {
    use KubeconfigError as Kubeconfig;
    match error {
        Kubeconfig::ReadConfig(cause, path) => {
            format!("kubeconfig {} cannot be read: {cause}", path.display())
        }
        Kubeconfig::Parse(cause) => {
            format!("the kubeconfig is malformed: {}", cause.without_snippet())
        }
        Kubeconfig::LoadContext(name) => format!("the kubeconfig has no context {name:?}"),
        Kubeconfig::LoadClusterOfContext(name) => format!("the kubeconfig has no cluster {name:?}"),
        Kubeconfig::LoadCertificateAuthority(LoadDataError::ReadFile(cause, path))
        | Kubeconfig::LoadClientCertificate(LoadDataError::ReadFile(cause, path))
        | Kubeconfig::LoadClientKey(LoadDataError::ReadFile(cause, path)) => {
            let path = path.display();
            format!("{path}, which the kubeconfig names, cannot be read: {cause}")
        }
        error => format!("the kubeconfig is unusable: {}", chain(error)),
    }
}

/// What this cluster is called in AWS. Waits for an apiserver, not for permission.
pub(super) async fn installation(
    id: Option<&str>,
    client: &Client,
    telemetry: &Telemetry,
) -> Result<String, Error> {
    if let Some(id) = id {
        return Ok(id.to_owned());
    }
    let namespaces: Api<Namespace> = Api::all(client.clone());
    loop {
        match namespaces.get("kube-system").await {
            Ok(namespace) => return Ok(namespace.metadata.uid.unwrap_or_default()),
            Err(kube::Error::Api(status)) if status.code == 401 => {
                return Err(Error::Login(status.message.clone()));
            }
            Err(kube::Error::Api(status)) if status.is_forbidden() => {
                return Err(Error::Installation(status.message.clone()));
            }
            Err(error) => {
                let what = format!("the apiserver does not answer yet: {}", sentence(&error));
                tracing::warn!("{what}");
                telemetry.health.fails(health::OBJECTS, what);
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// Warns of namespaces that do not exist. They may be made later, and whoever may not
/// look at namespaces is not told.
pub(super) async fn warn_of_absent(names: &[String], client: &Client) {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let looks = join_all(names.iter().map(|name| namespaces.get_opt(name))).await;
    for (name, look) in names.iter().zip(looks) {
        if let Ok(None) = look {
            tracing::warn!("--watch-namespaces: there is no namespace {name} yet");
        }
    }
}
