//! The operator of a world: within this process, where it dies between any two of its steps, or as
//! the process that users run.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use harness::operator::{Operator, Signal};
use harness::proxy::FaultProxy;
use identity_pool_operator::aws::policy::Uses;
use uuid::Uuid;

use crate::logs;
use crate::rig::{self, Rig, Running};

/// The access key of every process.
pub(crate) const PROCESS_KEY: &str = "FAKE";

pub(crate) enum Client {
    Within(Running),
    Process(Arc<Operator>),
}

impl Client {
    /// Starts the binary.
    pub(crate) fn process(rig: &Rig, proxy: &FaultProxy, settle: Duration, folder: &Path) -> Self {
        let uses = Uses {
            installation: Some(rig.namespace.clone()),
            adoption: true,
            ..rig::uses()
        };
        rig::restrict(&rig.fake, PROCESS_KEY, &uses);
        let flags = [
            format!("--watch-namespaces={}", rig.namespace),
            format!("--installation-id={}", rig.namespace),
            format!("--settle-window-seconds={}", settle.as_secs()),
            "--allow-adoption".to_owned(),
        ];
        let binary = Path::new(env!("CARGO_BIN_EXE_identity-pool-operator"));
        let kubeconfig = Some(proxy.kubeconfig_path());
        let log = folder.join(format!("{}.log", Uuid::new_v4()));
        let operator = Operator::start(binary, &rig.fake, kubeconfig, flags, &log);
        Self::Process(Arc::new(operator.expect("it starts")))
    }

    /// Fulfilled once it has listed all objects.
    pub(crate) fn listed(&self) -> BoxFuture<'static, ()> {
        match self {
            Self::Within(operator) => {
                let telemetry = Arc::clone(&operator.telemetry);
                Box::pin(async move { rig::listed(&telemetry).await })
            }
            Self::Process(operator) => {
                let operator = Arc::clone(operator);
                Box::pin(async move { operator.ready().await.expect("ready") })
            }
        }
    }

    /// Ends it between two of its steps.
    pub(crate) fn kill(self) {
        match self {
            Self::Within(operator) => operator.kill(),
            Self::Process(operator) => {
                let _ = operator.signal(Signal::KILL);
                logs::look_at(&operator.log());
            }
        }
    }

    /// Sends the process a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        match self {
            Self::Within(_) => panic!("an operator within this process gets no signals"),
            Self::Process(operator) => operator.signal(signal).expect("it runs"),
        }
    }
}
