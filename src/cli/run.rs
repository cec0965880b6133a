//! `identity-pool-operator run`: flags in, operator up, signals out.
//!
//! What can never work (flags, credentials that cannot be read) ends the process
//! at once with one line and code 2, unless it is told to wait for AWS. What may come right by itself (network, a
//! missing CRD, an apiserver that is not there yet) is waited for, visibly.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::aws::{self, Aws, Pod};
use super::flags::Flags;
use super::{EXIT_MISUSE, cluster};
use crate::aws::budget::Caps;
use crate::aws::identity::CallerIdentity;
use crate::aws::region::Regions;
use crate::aws::settings;
use crate::controller::{Controller, Options, Scope, careful_client};
use crate::election::Timing;
use crate::election::timing::Disorder;
use crate::pool::facts::Operator;
use crate::telemetry::metrics::Readiness;
use crate::telemetry::{self, Telemetry, admin};

/// Pause between two tries to find out who the operator is.
pub(super) const RETRY: Duration = Duration::from_secs(5);

/// Below this a create call under way could outlast the window: 300 s for which
/// AWS honours a signature, and 60 s between the clocks.
const SHORT_WINDOW: u32 = 360;

/// What ends the operator.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("{0}")]
    Log(#[from] telemetry::log::Error),
    #[error("{0}")]
    Listen(#[from] admin::Error),
    #[error(
        "no cluster: {0}; set KUBECONFIG (and --context) to one that works, or run as a pod with a \
         service account"
    )]
    Cluster(String),
    #[error(
        "the apiserver does not accept the credentials: {0}; renew those of the kubeconfig's user, \
         or check the service account of the pod"
    )]
    Login(String),
    #[error("{0}")]
    Settings(#[from] settings::Error),
    #[error("no AWS credentials that work: {what}; {advice}")]
    Credentials { what: String, advice: String },
    #[error(
        "namespace kube-system may not be read, whose uid is the default installation id: {0}; set \
         --installation-id, or permit get of that namespace"
    )]
    Installation(String),
    #[error("{0}")]
    Election(#[from] Disorder),
    #[error("{0}")]
    Controller(#[from] crate::controller::Error),
    #[error("the runtime cannot be started: {0}")]
    Runtime(#[from] std::io::Error),
    #[error("the definitions cannot be written: {0}")]
    Crd(#[from] serde_saphyr::ser::Error),
    #[error("the policy cannot be written: {0}")]
    Policy(#[from] serde_json::Error),
    #[error("{0}")]
    Probe(#[from] super::probe::Error),
}

impl Error {
    pub(super) fn exit_code(&self) -> u8 {
        use crate::controller::Error as Controller;
        match self {
            Self::Log(_)
            | Self::Listen(_)
            | Self::Cluster(_)
            | Self::Login(_)
            | Self::Settings(_)
            | Self::Credentials { .. }
            | Self::Installation(_)
            | Self::Election(_)
            | Self::Controller(Controller::Selector(_) | Controller::LeaseDenied { .. }) => {
                EXIT_MISUSE
            }
            Self::Controller(_)
            | Self::Runtime(_)
            | Self::Crd(_)
            | Self::Policy(_)
            | Self::Probe(_) => 1,
        }
    }
}

pub(super) fn run(flags: Flags) -> Result<(), Error> {
    telemetry::log::init(flags.log_format, &flags.log_level)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let ended = runtime.block_on(operate(flags));
    // Nobody waits for a name to be resolved any more.
    runtime.shutdown_background();
    ended
}

async fn operate(flags: Flags) -> Result<(), Error> {
    let timing = flags.election.timing()?;
    let stop = stop_on_signal();
    let telemetry = Telemetry::new();
    if let Some(address) = flags.health_probe_bind_address {
        let pages = admin::probes(Arc::clone(&telemetry));
        admin::serve("--health-probe-bind-address", address, pages, stop.clone()).await?;
    }
    // Objects can be counted once there is a controller; what is waited for until then is told before.
    let counted = Arc::new(OnceLock::<admin::Count>::new());
    if let Some(address) = flags.metrics_bind_address {
        let count = Arc::clone(&counted);
        let count = move || count.get().map_or_else(Readiness::default, |count| count());
        let pages = admin::metrics(Arc::clone(&telemetry), Arc::new(count));
        admin::serve("--metrics-bind-address", address, pages, stop.clone()).await?;
    }
    let prepared = until(&stop, Box::pin(prepare(&flags, timing, &telemetry)))
        .await
        .transpose()?;
    let Some(options) = prepared else {
        return Ok(());
    };
    let controller = Controller::new(options);
    let _ = counted.set(controller.count());
    Ok(controller.run(stop).await?)
}

/// Finds out all that a controller runs with.
async fn prepare(
    flags: &Flags,
    timing: Option<Timing>,
    telemetry: &Arc<Telemetry>,
) -> Result<Options, Error> {
    let config = cluster::config(flags.context.as_deref()).await?;
    let candidacy = timing.map(|timing| flags.election.candidacy(timing, config.clone()));
    let candidacy = candidacy.transpose();
    let candidacy = candidacy.map_err(|error| cluster::unreachable(&error))?;
    let namespace = config.default_namespace.clone();
    let client = careful_client(config).map_err(|error| cluster::unreachable(&error))?;
    let pod = Pod::of_environment(client.clone(), &namespace);
    let Aws {
        config,
        region,
        caller,
    } = aws::find(flags, telemetry, &pod).await?;
    let id = flags.installation_id.as_deref();
    let installation = cluster::installation(id, &client, telemetry).await?;
    introduce(flags, &installation, &caller, &region);
    // Named twice, a namespace would have two queues for the same objects.
    let namespaces = BTreeSet::from_iter(flags.watch_namespaces.clone());
    let namespaces = Vec::from_iter(namespaces);
    cluster::warn_of_absent(&namespaces, &client).await;
    let operator = Operator {
        installation,
        account_id: caller.account_id.clone(),
        partition: caller.partition.clone(),
        region,
        settle_window: Duration::from_secs(flags.settle_window_seconds.into()),
        resync_period: Duration::from_secs(flags.resync_period_seconds.into()),
        allows_adoption: flags.allow_adoption,
    };
    let caps = Caps {
        reads: flags.max_aws_reads_per_second,
        writes: flags.max_aws_writes_per_second,
    };
    Ok(Options {
        client,
        operator,
        regions: Regions::new(config, caller, caps, Arc::clone(telemetry)),
        scope: Scope {
            namespaces,
            selector: flags.watch_selector.clone(),
        },
        classes: flags.classes.scope(),
        candidacy,
        concurrency: flags.max_concurrent_reconciles,
        telemetry: Arc::clone(telemetry),
    })
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
    for variable in settings::ENDPOINTS {
        if let Ok(url) = std::env::var(variable) {
            tracing::warn!("{variable} is set: calls go to {url}, not to AWS");
        }
    }
}
