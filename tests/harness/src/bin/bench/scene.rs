//! The scene of a measurement: a namespace, a fake Cognito and, mostly, an operator.
//!
//! Each is fresh, so that no measurement inherits pools, caches or memory of another.
//! Dropping a scene ends its operator and its fake; objects stay in the namespace,
//! which nobody watches any more.

use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::cognito::{FakeCognito, Settings};
use harness::control_plane::{ControlPlane, Namespace};
use harness::operator::{self, Operator};
use harness::scratch::Scratch;
use harness::usage;
use k8s_openapi::NamespaceResourceScope;
use kube::Resource;
use kube::api::{Api, DynamicObject};

use crate::Outcome;
use crate::objects::kind;

/// Passes at once: the operator's default, given as a flag so that the bare client
/// certainly works with as many.
pub(crate) const PASSES_AT_ONCE: usize = 32;

/// Pools that an account may have: more than any measurement makes.
const QUOTA: usize = 100_000;

/// Objects of one namespace and what works on them.
pub(crate) struct Scene {
    pub(crate) api: Api<DynamicObject>,
    pub(crate) fake: FakeCognito,
    pub(crate) operator: Option<Operator>,
    binary: PathBuf,
    namespace: String,
    /// A second namespace of the same operator.
    neighbour: Option<String>,
    kubeconfig: PathBuf,
    scratch: Scratch,
}

impl Scene {
    /// Nobody looks after the objects yet.
    pub(crate) async fn new(
        plane: &ControlPlane,
        binary: &Path,
        latency: Duration,
    ) -> Outcome<Self> {
        let client = plane.client().await?;
        let namespace = Namespace::create(&client, "bench").await?.name().to_owned();
        let settings = |settings: &mut Settings| {
            settings.latency = latency;
            settings.quota = QUOTA;
        };
        Ok(Self {
            api: Api::namespaced_with(client, &namespace, &kind()),
            fake: FakeCognito::builder().configure(settings).start().await,
            operator: None,
            binary: binary.to_owned(),
            namespace,
            neighbour: None,
            kubeconfig: plane.kubeconfig_path().to_owned(),
            scratch: Scratch::new()?,
        })
    }

    /// With an operator that has listed the empty namespace.
    pub(crate) async fn operated(
        plane: &ControlPlane,
        binary: &Path,
        latency: Duration,
    ) -> Outcome<Self> {
        let mut scene = Self::new(plane, binary, latency).await?;
        scene.operate(&[]).await?;
        Ok(scene)
    }

    /// With an operator that has listed two empty namespaces.
    pub(crate) async fn operated_for_two(
        plane: &ControlPlane,
        binary: &Path,
        latency: Duration,
    ) -> Outcome<Self> {
        let mut scene = Self::new(plane, binary, latency).await?;
        let client = scene.api.clone().into_client();
        let neighbour = Namespace::create(&client, "bench").await?;
        scene.neighbour = Some(neighbour.name().to_owned());
        scene.operate(&[]).await?;
        Ok(scene)
    }

    /// The objects of the second namespace, or of the only one.
    pub(crate) fn neighbour(&self) -> Api<DynamicObject> {
        let namespace = self.neighbour.as_ref().unwrap_or(&self.namespace);
        Api::namespaced_with(self.api.clone().into_client(), namespace, &kind())
    }

    /// Kills the operator, if there is one, and starts another, which is ready then.
    pub(crate) async fn operate(&mut self, flags: &[&str]) -> Result<&Operator, operator::Error> {
        self.operator = None;
        let log = self.scratch.path().join("operator.log");
        let started = self.start(flags.iter().map(|flag| (*flag).to_owned()), &log)?;
        started.ready().await?;
        Ok(self.operator.insert(started))
    }

    /// Starts an operator that is nobody's yet.
    pub(crate) fn start(
        &self,
        flags: impl IntoIterator<Item = String>,
        log: &Path,
    ) -> Result<Operator, operator::Error> {
        let namespaces = [Some(&self.namespace), self.neighbour.as_ref()];
        let namespaces: Vec<&str> = namespaces
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        let mut all = vec![
            format!("--watch-namespaces={}", namespaces.join(",")),
            format!("--installation-id={}", self.namespace),
            format!("--max-concurrent-reconciles={PASSES_AT_ONCE}"),
        ];
        all.extend(flags);
        Operator::start(&self.binary, &self.fake, Some(&self.kubeconfig), all, log)
    }

    /// The namespace of all of it.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Objects of another kind in the same namespace.
    pub(crate) fn beside<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.api.clone().into_client(), &self.namespace)
    }

    /// The operator's resident memory in MiB; no number when it has ended.
    pub(crate) fn resident_mib(&self) -> f64 {
        let kib = self.operator.as_ref();
        let kib = kib.and_then(|operator| usage::resident_kib(operator.id()));
        let kib = kib.and_then(|kib| u32::try_from(kib).ok());
        kib.map_or(f64::NAN, |kib| f64::from(kib) / 1024.0)
    }

    /// Seconds of processor time that the operator has used; no number when it has ended.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        let operator = self.operator.as_ref();
        let seconds = operator.and_then(|operator| usage::cpu_seconds(operator.id()));
        seconds.unwrap_or(f64::NAN)
    }
}
