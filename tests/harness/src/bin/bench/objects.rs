//! The scene of a measurement: a namespace, a fake Cognito, an operator.

use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::cognito::FakeCognito;
use harness::control_plane::{ControlPlane, Namespace};
use harness::operator::{self, Operator};
use harness::scratch::Scratch;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use serde_json::json;

use crate::Outcome;

/// Requests at once of the clients here: enough to keep two cores busy.
pub(crate) const AT_ONCE: usize = 16;

/// The kind, without the operator's own types.
pub(crate) fn kind() -> ApiResource {
    ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("cognito-identity.dev", "v1alpha1", "IdentityPool"),
        "identitypools",
    )
}

/// A bare object.
pub(crate) fn object(name: &str) -> DynamicObject {
    DynamicObject::new(name, &kind()).data(json!({ "spec": {} }))
}

/// Installs the definitions.
pub(crate) async fn install(plane: &ControlPlane) -> Outcome<()> {
    let crds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crds/identitypools.yaml");
    Ok(plane.apply_crd_file(&crds).await?)
}

/// Objects of one namespace and what works on them.
pub(crate) struct Scene {
    pub(crate) api: Api<DynamicObject>,
    pub(crate) fake: FakeCognito,
    pub(crate) operator: Option<Operator>,
    namespace: String,
    kubeconfig: PathBuf,
    scratch: Scratch,
}

impl Scene {
    /// With an operator that has listed the empty namespace.
    pub(crate) async fn new(
        plane: &ControlPlane,
        operator: &Path,
        latency: Duration,
    ) -> Outcome<Self> {
        let mut scene = Self::without_operator(plane, latency).await?;
        let started = scene.start(operator, &[])?;
        started.ready().await?;
        scene.operator = Some(started);
        Ok(scene)
    }

    pub(crate) async fn without_operator(plane: &ControlPlane, latency: Duration) -> Outcome<Self> {
        let client = plane.client().await?;
        let namespace = Namespace::create(&client, "bench").await?.name().to_owned();
        let settings = |settings: &mut harness::cognito::Settings| {
            settings.latency = latency;
            settings.quota = 100_000;
        };
        Ok(Self {
            api: Api::namespaced_with(client, &namespace, &kind()),
            fake: FakeCognito::builder().configure(settings).start().await,
            operator: None,
            namespace,
            kubeconfig: plane.kubeconfig_path().to_owned(),
            scratch: Scratch::new()?,
        })
    }

    /// Starts an operator for this namespace.
    pub(crate) fn start(&self, binary: &Path, more: &[&str]) -> Result<Operator, operator::Error> {
        let mut flags = vec![
            format!("--watch-namespaces={}", self.namespace),
            format!("--installation-id={}", self.namespace),
            "--log-level=warn".to_owned(),
        ];
        flags.extend(more.iter().map(|flag| (*flag).to_owned()));
        let log = self.scratch.path().join("operator.log");
        Operator::start(binary, &self.fake, Some(&self.kubeconfig), flags, &log)
    }

    /// The operator's resident memory, 0 when it has ended.
    pub(crate) fn resident_mib(&self) -> f64 {
        let kib = self
            .operator
            .as_ref()
            .and_then(Operator::resident_kib)
            .unwrap_or(0);
        #[expect(clippy::cast_precision_loss, reason = "mebibytes, for people")]
        let mib = kib as f64 / 1024.0;
        mib
    }
}
