//! Controllers side by side: any that is given on the command line, and this project's operator,
//! measured by the same code in the same run.
//!
//! Of a controller nothing is known but its command, its definitions, an object of it and the
//! condition that says that the object is done. AWS calls count as the fake receives them, writes as
//! the apiserver counts them, memory and processor time as the kernel does.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use harness::cognito::{FakeCognito, Settings};
use harness::control_plane::{ControlPlane, Namespace};
use harness::operator::{ACCESS_KEY, SECRET};
use harness::process::Process;
use harness::scratch::Scratch;
use harness::{project, usage};
use kube::api::{Api, DynamicObject, GroupVersionKind, TypeMeta};
use kube::{Client, discovery};

use crate::case::Bench;
use crate::creation::{self, Load, Timing};
use crate::row::Row;
use crate::{Outcome, real};

/// Objects of each run.
const OBJECTS: usize = 200;
/// What stands for the name in the template of an object.
const NAME: &str = "NAME";
/// How long a controller may take to start and to deal with its first object.
const LIMIT: Duration = Duration::from_secs(120);
/// From the last object to the count of what all took: what is filed behind the work is over then.
const AFTER: Duration = Duration::from_secs(3);
/// Pools that an account may have.
const QUOTA: usize = 100_000;

/// A second controller.
#[derive(clap::Args, Clone)]
pub(crate) struct Other {
    /// Start command of a second controller, for `sh -c`. It gets `KUBECONFIG`, `NAMESPACE` (where its objects
    /// are) and the AWS SDK's variables, which lead to the fake; its last program has to be run by `exec`.
    #[arg(long = "other-command", requires_all = ["crds", "object"])]
    command: Option<String>,
    /// File or folder with its custom resource definitions
    #[arg(long = "other-crds", requires = "command")]
    crds: Option<PathBuf>,
    /// File with an object of it, as YAML or JSON, in which NAME stands for the name
    #[arg(long = "other-object", requires = "command")]
    object: Option<PathBuf>,
    /// Condition that says that an object is done
    #[arg(long = "other-ready", default_value = "Ready=True")]
    ready: String,
}

/// A controller as it is measured.
struct Contender {
    name: &'static str,
    command: String,
    /// Files.
    crds: Vec<PathBuf>,
    object: String,
    ready: (String, String),
}

/// What one run showed.
struct Seen {
    timing: Timing,
    calls: f64,
    writes: f64,
    resident: f64,
    cpu: f64,
}

/// A section for each of the two; none without a second controller.
pub(crate) async fn sections(bench: &Bench<'_>, other: &Other) -> Outcome<Vec<(String, Vec<Row>)>> {
    let Some(other) = other.contender()? else {
        return Ok(Vec::new());
    };
    let Bench { plane, runs, .. } = *bench;
    let mut sections = Vec::new();
    for contender in [ours(bench.binary), other] {
        for file in &contender.crds {
            plane.apply_crd_file(file).await?;
        }
        let mut seen = Vec::new();
        for number in 1..=runs {
            eprintln!(
                "{OBJECTS} objects of {}, run {number} of {runs}",
                contender.name
            );
            seen.push(contender.run(plane).await?);
        }
        let name = format!("side by side, {OBJECTS} creations: {}", contender.name);
        sections.push((name, rows(&seen)));
    }
    Ok(sections)
}

fn ours(binary: &Path) -> Contender {
    let command = format!(
        "exec {} run --leader-elect=false --watch-namespaces=$NAMESPACE --installation-id=$NAMESPACE \
         --metrics-bind-address=0 --health-probe-bind-address=0",
        binary.display()
    );
    Contender {
        name: "this operator",
        command,
        crds: vec![project::crds()],
        object: "{apiVersion: cognito-identity.dev/v1alpha1, kind: IdentityPool, metadata: {name: NAME}, \
                 spec: {}}"
            .to_owned(),
        ready: ("Ready".to_owned(), "True".to_owned()),
    }
}

impl Other {
    fn contender(&self) -> Outcome<Option<Contender>> {
        let (Some(command), Some(crds), Some(object)) = (&self.command, &self.crds, &self.object)
        else {
            return Ok(None);
        };
        let ready = self.ready.split_once('=');
        let (kind, status) =
            ready.ok_or("--other-ready is a condition and its status: Ready=True")?;
        let text = std::fs::read_to_string(object)
            .map_err(|error| format!("--other-object {}: {error}", object.display()))?;
        if !text.contains(NAME) {
            return Err(format!("{}: put {NAME} where the name stands", object.display()).into());
        }
        Ok(Some(Contender {
            name: "the other",
            command: command.clone(),
            crds: files(crds)?,
            object: text,
            ready: (kind.to_owned(), status.to_owned()),
        }))
    }
}

/// A file, or all files of a folder.
fn files(path: &Path) -> Outcome<Vec<PathBuf>> {
    let unreadable = |error| format!("--other-crds {}: {error}", path.display());
    if !std::fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(unreadable)?;
    let mut files = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Outcome<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

impl Contender {
    async fn run(&self, plane: &ControlPlane) -> Outcome<Seen> {
        let client = plane.client().await?;
        let namespace = Namespace::create(&client, "versus").await?;
        let quota = |settings: &mut Settings| settings.quota = QUOTA;
        let fake = FakeCognito::builder().configure(quota).start().await;
        let sample = self.sample("sample")?;
        let types = sample
            .types
            .as_ref()
            .ok_or("the object has no apiVersion and kind")?;
        let (resource, _) = discovery::pinned_kind(&client, &gvk(types)?).await?;
        let api = Api::namespaced_with(client.clone(), namespace.name(), &resource);
        let logs = Scratch::new()?;
        let log = logs.path().join("controller.log");
        let process = Process::start(&self.process(plane, namespace.name(), &fake), &log)?;
        // Its first object may find it starting still.
        let first = self.create(&api, 1);
        tokio::time::timeout(LIMIT, first).await.map_err(|_| {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            format!(
                "{}: the first object is not done; its log:\n{log}",
                self.name
            )
        })??;
        let writes = writes(&client, &resource.plural).await?;
        let cpu = usage::cpu_seconds(process.id()).unwrap_or(f64::NAN);
        fake.reset_journal();
        let begun = Instant::now();
        let timing = self.create(&api, OBJECTS).await?;
        eprintln!("  {:.0} s", begun.elapsed().as_secs_f64());
        tokio::time::sleep(AFTER).await;
        let each = |total: f64| total / real(OBJECTS);
        let kib = usage::resident_kib(process.id()).and_then(|kib| u32::try_from(kib).ok());
        let spent = usage::cpu_seconds(process.id()).unwrap_or(f64::NAN) - cpu;
        Ok(Seen {
            timing,
            calls: each(real(fake.calls().len())),
            writes: each(self::writes(&client, &resource.plural).await? - writes),
            resident: kib.map_or(f64::NAN, |kib| f64::from(kib) / 1024.0),
            cpu: each(spent * 1000.0),
        })
    }

    fn process(&self, plane: &ControlPlane, namespace: &str, fake: &FakeCognito) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", &self.command])
            .env("KUBECONFIG", plane.kubeconfig_path())
            .env("NAMESPACE", namespace)
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ENDPOINT_URL", fake.endpoint())
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("NO_PROXY", "127.0.0.1");
        command
    }

    async fn create(&self, api: &Api<DynamicObject>, count: usize) -> Outcome<Timing> {
        // That the template can be read was seen with the sample.
        let object = |name: &str| {
            let made = self.sample(name);
            made.unwrap_or_else(|error| panic!("the template of an object: {error}"))
        };
        creation::run_of(
            api,
            Load::of(count),
            object,
            |object| self.is_done(object),
            None,
        )
        .await
    }

    fn sample(&self, name: &str) -> Outcome<DynamicObject> {
        Ok(serde_saphyr::from_str(&self.object.replace(NAME, name))?)
    }

    fn is_done(&self, object: &DynamicObject) -> bool {
        let conditions = object.data["status"]["conditions"].as_array();
        let (kind, status) = &self.ready;
        let says = |one: &serde_json::Value| one["type"] == **kind && one["status"] == **status;
        conditions.is_some_and(|all| all.iter().any(says))
    }
}

fn gvk(types: &TypeMeta) -> Outcome<GroupVersionKind> {
    Ok(GroupVersionKind::try_from(types)?)
}

/// Requests that wrote to objects of a resource, as the apiserver counts them. The bench itself only
/// creates.
async fn writes(client: &Client, plural: &str) -> Outcome<f64> {
    let page = client
        .request_text(http::Request::get("/metrics").body(Vec::new())?)
        .await?;
    let resource = format!("resource=\"{plural}\"");
    let counts = page.lines().filter(|line| {
        let writes = ["APPLY", "PATCH", "PUT"];
        line.starts_with("apiserver_request_total{")
            && line.contains(&resource)
            && writes
                .iter()
                .any(|verb| line.contains(&format!("verb=\"{verb}\"")))
    });
    let values = counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    Ok(values.sum())
}

fn rows(seen: &[Seen]) -> Vec<Row> {
    let of = |value: fn(&Seen) -> f64| seen.iter().map(value);
    vec![
        Row::new("objects done", "1/s", of(|seen| seen.timing.per_second)),
        Row::new(
            "request to done p50",
            "ms",
            of(|seen| seen.timing.percentile(50)),
        ),
        Row::new(
            "request to done p99",
            "ms",
            of(|seen| seen.timing.percentile(99)),
        ),
        Row::new("AWS calls an object", "", of(|seen| seen.calls)),
        Row::new("apiserver writes an object", "", of(|seen| seen.writes)),
        Row::new("resident memory", "MiB", of(|seen| seen.resident)),
        Row::new("processor time an object", "ms", of(|seen| seen.cpu)),
    ]
}
