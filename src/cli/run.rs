//! `identity-pool-operator run`: flags in, operator up, signals out.
//!
//! What can never work (flags, credentials that cannot be read) ends the process
//! at once with one line and code 2. What may come right by itself (network, a
//! missing CRD, an apiserver that is not there yet) is waited for, visibly.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use kube::api::Api;
use kube::config::KubeConfigOptions;
use kube::{Client, Config};
use tokio_util::sync::CancellationToken;

use super::EXIT_MISUSE;
use crate::aws::error::is_hopeless;
use crate::aws::identity::{self, CallerIdentity};
use crate::aws::region::Regions;
use crate::controller::{Controller, Options, Scope, careful_client};
use crate::pool::facts::Operator;
use crate::telemetry::{self, Telemetry, admin, health};

/// Pause between two tries to find out who the operator is.
const IDENTITY_RETRY: Duration = Duration::from_secs(5);

/// Below this a create call under way could outlast the window: 300 s for which
/// AWS honours a signature, and 60 s between the clocks.
const SHORT_WINDOW: u32 = 360;

/// Flags of `run`. Each has an environment variable; AWS settings (`AWS_REGION`,
/// `AWS_ENDPOINT_URL`, profiles, web identity, Pod Identity) are the SDK's own.
#[derive(Debug, Args)]
pub(super) struct Flags {
    /// Namespaces to look after, comma-separated [default: all]
    #[arg(long, env = "WATCH_NAMESPACES", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    watch_namespaces: Vec<String>,
    /// Label selector of the objects to look after [default: all]
    #[arg(long, env = "WATCH_SELECTOR")]
    watch_selector: Option<String>,
    /// Tells this cluster from others in the same AWS account [default: uid of the namespace kube-system]
    #[arg(long, env = "INSTALLATION_ID", value_parser = NonEmptyStringValueParser::new())]
    installation_id: Option<String>,
    /// Seconds after which a create call without an answer can no longer take effect
    #[arg(long, env = "SETTLE_WINDOW_SECONDS", default_value_t = 420)]
    settle_window_seconds: u32,
    /// Seconds between two looks at a pool of which nothing was heard
    #[arg(long, env = "RESYNC_PERIOD_SECONDS", default_value_t = 1800, value_parser = clap::value_parser!(u32).range(60..=86_400))]
    resync_period_seconds: u32,
    /// Objects that are worked on at once
    #[arg(long, env = "MAX_CONCURRENT_RECONCILES", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    max_concurrent_reconciles: u16,
    /// Address of /metrics; 0 turns it off
    #[arg(long, env = "METRICS_BIND_ADDRESS", default_value = ":8080", value_parser = address)]
    metrics_bind_address: Address,
    /// Address of /livez and /readyz; 0 turns them off
    #[arg(long, env = "HEALTH_PROBE_BIND_ADDRESS", default_value = ":8081", value_parser = address)]
    health_probe_bind_address: Address,
    /// Log level or filter, such as `info,identity_pool_operator=debug`
    #[arg(long, env = "LOG_LEVEL", default_value = "info")]
    log_level: String,
    /// Shape of log lines
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t)]
    log_format: telemetry::log::Format,
    /// Context of the kubeconfig [default: the current one, or the cluster the process runs in]
    #[arg(long)]
    context: Option<String>,
}

/// Where to listen, or not at all.
type Address = Option<SocketAddr>;

/// Reads an address as controller-runtime does: `:8080` is every interface, `0` is none.
fn address(text: &str) -> Result<Address, String> {
    if text == "0" {
        return Ok(None);
    }
    let full = if text.starts_with(':') {
        format!("[::]{text}")
    } else {
        text.to_owned()
    };
    full.parse().map(Some).map_err(|_| {
        format!("{text:?} is no address; write host:port, :port for every interface, or 0 for none")
    })
}

/// What ends the operator.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("{0}")]
    Log(#[from] telemetry::log::Error),
    #[error("{0}")]
    Listen(#[from] admin::Error),
    #[error("no cluster: {0}; set KUBECONFIG or run inside a cluster")]
    Cluster(String),
    #[error("no AWS credentials: {0}")]
    Credentials(String),
    #[error("{0}")]
    Region(String),
    #[error(
        "namespace kube-system may not be read, whose uid is the default installation id: {0}; set --installation-id"
    )]
    Installation(String),
    #[error("{0}")]
    Controller(#[from] crate::controller::Error),
    #[error("the runtime cannot be started: {0}")]
    Runtime(#[from] std::io::Error),
    #[error("the definitions cannot be written: {0}")]
    Crd(#[from] serde_saphyr::ser::Error),
}

impl Error {
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Log(_)
            | Self::Listen(_)
            | Self::Cluster(_)
            | Self::Credentials(_)
            | Self::Region(_)
            | Self::Installation(_) => EXIT_MISUSE,
            Self::Controller(_) | Self::Runtime(_) | Self::Crd(_) => 1,
        }
    }
}

pub(super) fn run(flags: Flags) -> Result<(), Error> {
    telemetry::log::init(flags.log_format, &flags.log_level)?;
    tokio::runtime::Runtime::new()?.block_on(operate(flags))
}

async fn operate(flags: Flags) -> Result<(), Error> {
    let stop = stop_on_signal();
    let telemetry = Telemetry::new();
    if let Some(address) = flags.health_probe_bind_address {
        let pages = admin::probes(Arc::clone(&telemetry));
        admin::serve("--health-probe-bind-address", address, pages, stop.clone()).await?;
    }
    let client = client(flags.context.as_deref()).await?;
    let config = identity::load_config().await;
    let region = identity::region(&config).map_err(|error| Error::Region(error.to_string()))?;
    let Some(caller) = until(&stop, caller(&config, &telemetry))
        .await
        .transpose()?
    else {
        return Ok(());
    };
    let installation = until(&stop, installation(&flags, &client))
        .await
        .transpose()?;
    let Some(installation) = installation else {
        return Ok(());
    };
    introduce(&flags, &installation, &caller, &region);
    let operator = Operator {
        installation,
        account_id: caller.account_id.clone(),
        partition: caller.partition.clone(),
        region,
        settle_window: Duration::from_secs(flags.settle_window_seconds.into()),
        resync_period: Duration::from_secs(flags.resync_period_seconds.into()),
    };
    let controller = Controller::new(Options {
        client,
        operator,
        regions: Regions::new(config, caller, Arc::clone(&telemetry)),
        scope: Scope {
            // Named twice, a namespace would have two queues for the same objects.
            namespaces: BTreeSet::from_iter(flags.watch_namespaces)
                .into_iter()
                .collect(),
            selector: flags.watch_selector,
        },
        concurrency: flags.max_concurrent_reconciles,
        telemetry: Arc::clone(&telemetry),
    });
    if let Some(address) = flags.metrics_bind_address {
        let pages = admin::metrics(telemetry, controller.count());
        admin::serve("--metrics-bind-address", address, pages, stop.clone()).await?;
    }
    Ok(controller.run(stop).await?)
}

/// The value, unless the operator is stopped first.
async fn until<T>(stop: &CancellationToken, value: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        value = value => Some(value),
        () = stop.cancelled() => None,
    }
}

fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let asked = stop.clone();
    tokio::spawn(async move {
        signal().await;
        tracing::info!("asked to stop; running passes go on to their end");
        asked.cancel();
        // Who asks twice does not want to wait.
        signal().await;
        std::process::exit(1);
    });
    stop
}

async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(error) => {
                tracing::error!(%error, "SIGTERM cannot be heard");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}

/// A client that never repeats a write by itself and never waits for ever.
async fn client(context: Option<&str>) -> Result<Client, Error> {
    let options = KubeConfigOptions {
        context: context.map(str::to_owned),
        ..Default::default()
    };
    let inferred = match context {
        Some(_) => Config::from_kubeconfig(&options)
            .await
            .map_err(|error| error.to_string()),
        None => Config::infer().await.map_err(|error| error.to_string()),
    };
    let config = inferred.map_err(Error::Cluster)?;
    careful_client(config).map_err(|error| Error::Cluster(error.to_string()))
}

/// Who we are in AWS. Waits for a network, not for credentials.
async fn caller(
    config: &aws_types::SdkConfig,
    telemetry: &Telemetry,
) -> Result<CallerIdentity, Error> {
    loop {
        match identity::caller_identity(config).await {
            Ok(caller) => {
                telemetry.health.holds(health::AWS);
                return Ok(caller);
            }
            Err(failure) if is_hopeless(&failure) => {
                return Err(Error::Credentials(format!(
                    "{}: {}",
                    failure.code, failure.message
                )));
            }
            Err(failure) => {
                let what = format!("STS does not answer: {}: {}", failure.code, failure.message);
                tracing::warn!("{what}");
                telemetry.health.fails(health::AWS, what);
                tokio::time::sleep(IDENTITY_RETRY).await;
            }
        }
    }
}

async fn installation(flags: &Flags, client: &Client) -> Result<String, Error> {
    if let Some(id) = &flags.installation_id {
        return Ok(id.clone());
    }
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
    loop {
        match namespaces.get("kube-system").await {
            Ok(namespace) => return Ok(namespace.metadata.uid.unwrap_or_default()),
            Err(kube::Error::Api(status)) if status.is_forbidden() => {
                return Err(Error::Installation(status.message.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "the apiserver does not answer yet");
                tokio::time::sleep(IDENTITY_RETRY).await;
            }
        }
    }
}

/// One line that says what runs, and one for each thing that is unusual.
fn introduce(flags: &Flags, installation: &str, caller: &CallerIdentity, region: &str) {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        installation,
        account = caller.account_id,
        region,
        identity = caller.arn,
        "identity-pool-operator starts"
    );
    if flags.settle_window_seconds < SHORT_WINDOW {
        tracing::warn!(
            "--settle-window-seconds {} is below {SHORT_WINDOW}: a create call under way may take \
             effect after it and make a second pool",
            flags.settle_window_seconds
        );
    }
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_COGNITO_IDENTITY"] {
        if let Ok(url) = std::env::var(variable) {
            tracing::warn!("{variable} is set: calls go to {url}, not to AWS");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_controller_runtime_reads_them() {
        assert_eq!(address("0"), Ok(None));
        assert_eq!(address(":8080"), Ok("[::]:8080".parse().ok()));
        assert_eq!(address("127.0.0.1:0"), Ok("127.0.0.1:0".parse().ok()));
        assert!(address("8080").is_err_and(|why| why.contains("host:port")));
    }

    #[test]
    fn empty_values_are_refused() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            _flags: Flags,
        }
        for flag in [
            "--watch-namespaces=",
            "--installation-id=",
            "--watch-namespaces=a,,b",
        ] {
            assert!(
                <Line as clap::Parser>::try_parse_from(["x", flag]).is_err(),
                "{flag}"
            );
        }
    }
}
