//! What the acts are played with: a cluster, a Cognito that pods reach, kubectl and helm.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use harness::cognito::FakeCognito;
use harness::node::{ADDRESS, Node};
use harness::project;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::charts;
use crate::failure::Failure;

/// Where the operator is installed, as docs/install.md has it.
pub(crate) const NAMESPACE: &str = "identity-pool-operator";

/// The release.
pub(crate) const RELEASE: &str = "identity-pool-operator";

/// The version of chart and operator.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

const REPOSITORY: &str = "localhost/identity-pool-operator";

const PORT: u16 = 4579;

/// The name of the image: the tag is the one that the chart has by itself.
pub(crate) fn image() -> String {
    format!("{REPOSITORY}:{VERSION}")
}

/// Where pods reach the fake AWS.
pub(crate) fn endpoint() -> String {
    format!("http://{ADDRESS}:{PORT}")
}

/// The stage and what stands on it.
pub(crate) struct Scene {
    pub(crate) fake: FakeCognito,
    /// The chart of this checkout.
    pub(crate) chart: PathBuf,
    /// The chart of a version before it.
    pub(crate) previous_chart: PathBuf,
    pub(crate) node: Node,
    values: PathBuf,
}

impl Scene {
    /// On a cluster whose network this thread is in.
    pub(crate) async fn set(node: Node) -> Result<Self, Failure> {
        let address: Ipv4Addr = ADDRESS.parse()?;
        let fake = FakeCognito::builder().listen(SocketAddr::from((address, PORT)));
        let values = node.folder().join("values.json");
        let content = json!({
            "image": {"repository": REPOSITORY},
            "aws": {
                "region": "eu-west-1",
                "endpointUrl": endpoint(),
                "credentials": {"existingSecret": "aws"},
            },
        });
        std::fs::write(&values, content.to_string())?;
        let previous_chart = node.folder().join("previous-chart");
        charts::make_previous(&previous_chart)?;
        Ok(Self {
            fake: fake.try_start().await?,
            chart: charts::current(),
            previous_chart,
            node,
            values,
        })
    }

    /// Runs kubectl with words that have no blanks.
    pub(crate) async fn kubectl(&self, line: &str) -> Result<String, Failure> {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.kubectl_with(&words, "").await
    }

    /// Runs kubectl with something to read.
    pub(crate) async fn kubectl_with(
        &self,
        words: &[&str],
        input: &str,
    ) -> Result<String, Failure> {
        let mut command = Command::from(self.node.kubectl());
        run(command.args(words), input).await
    }

    /// Runs helm on the release: `helm VERB RELEASE …`.
    pub(crate) async fn helm(&self, verb: &str, more: &[&str]) -> Result<String, Failure> {
        let mut command = Command::from(self.node.helm());
        command.args([verb, RELEASE, "--namespace", NAMESPACE]);
        run(command.args(more), "").await
    }

    /// Installs or upgrades, with the values of this scene, and waits as helm does.
    pub(crate) async fn helm_with_chart(
        &self,
        verb: &str,
        chart: &std::path::Path,
    ) -> Result<String, Failure> {
        let (chart, values) = (chart.to_string_lossy(), self.values.to_string_lossy());
        let more = [&*chart, "--values", &values, "--wait", "--timeout=120s"];
        self.helm(verb, &more).await
    }

    /// Installs this version with the values of this scene, waiting for nothing.
    pub(crate) async fn install(&self) -> Result<String, Failure> {
        let (chart, values) = (self.chart.to_string_lossy(), self.values.to_string_lossy());
        self.helm("install", &[&*chart, "--values", &values]).await
    }

    /// Something of the cluster as JSON: `NAMESPACE`, `kind/name` or a list.
    pub(crate) async fn get(&self, namespace: &str, what: &str) -> Result<Value, Failure> {
        let words = ["get", "--namespace", namespace, "--output=json"];
        let what: Vec<&str> = what.split_whitespace().collect();
        let text = self.kubectl_with(&[&words, &what[..]].concat(), "").await?;
        Ok(serde_json::from_str(&text)?)
    }

    /// The pool of an object, as AWS has it.
    pub(crate) async fn pool(&self, namespace: &str, name: &str) -> Result<Value, Failure> {
        let object = self.get(namespace, &format!("idpool/{name}")).await?;
        let id = object["status"]["identityPoolId"]
            .as_str()
            .unwrap_or_default();
        let missing = || Failure(format!("AWS has no pool {id:?} of {namespace}/{name}"));
        self.fake.pool(id).ok_or_else(missing)
    }

    /// Waits until something holds, and returns how long it took.
    pub(crate) async fn until(
        &self,
        what: &str,
        limit: Duration,
        holds: impl AsyncFn() -> Result<bool, Failure>,
    ) -> Result<Duration, Failure> {
        let begun = Instant::now();
        while !holds().await? {
            if begun.elapsed() > limit {
                return Err(Failure(format!(
                    "it did not happen in {limit:?} that {what}"
                )));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(begun.elapsed())
    }
}

/// A text of the repository.
pub(crate) fn text(path: &str) -> Result<String, Failure> {
    let path = project::root().join(path);
    std::fs::read_to_string(&path).map_err(|error| Failure(format!("{}: {error}", path.display())))
}

async fn run(command: &mut Command, input: &str) -> Result<String, Failure> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // Whether all of it is read is the program's business; its exit status tells.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let output = child.wait_with_output().await?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    let program = command.as_std();
    let name = std::path::Path::new(program.get_program()).file_name();
    let words: Vec<_> = program
        .get_args()
        .map(|word| word.to_string_lossy())
        .collect();
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure(format!(
        "{} {}: {said}{stdout}",
        name.unwrap_or_default().display(),
        words.join(" ")
    )))
}
