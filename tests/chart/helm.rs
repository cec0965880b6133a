//! Real helm, with nothing of the person who runs the tests: neither plugins nor repositories.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use harness::project;
use harness::scratch::Scratch;
use harness::tools::ChartTools;
use serde_json::Value;
use uuid::Uuid;

/// The Kubernetes releases that the chart is for.
pub(crate) const RELEASES: [&str; 7] = ["1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37"];

/// The one of the control plane that tests run.
pub(crate) const SERVED: &str = "1.36";

/// The chart's programs, built when the first test asks. It may take minutes, once on a machine.
pub(crate) fn tools() -> &'static ChartTools {
    static TOOLS: OnceLock<ChartTools> = OnceLock::new();
    TOOLS.get_or_init(|| ChartTools::find_or_build().unwrap_or_else(|error| panic!("{error}")))
}

/// Where the chart is.
pub(crate) fn chart() -> PathBuf {
    project::root().join("charts/identity-pool-operator")
}

/// A text of the repository.
pub(crate) fn text(path: &str) -> String {
    let path = project::root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A YAML text with any number of documents, empty ones left out.
pub(crate) fn documents(yaml: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml)
        .unwrap_or_else(|error| panic!("no YAML: {error}\n{yaml}"));
    documents
        .into_iter()
        .filter(|document| !document.is_null())
        .collect()
}

/// A folder of a test's own, and helm in it.
pub(crate) struct Helm {
    scratch: Scratch,
    kubeconfig: Option<PathBuf>,
}

impl Helm {
    /// For rendering.
    pub(crate) fn offline() -> Self {
        Self {
            scratch: Scratch::new().expect("a folder"),
            kubeconfig: None,
        }
    }

    /// For a cluster.
    pub(crate) fn on(kubeconfig: &Path) -> Self {
        Self {
            kubeconfig: Some(kubeconfig.to_owned()),
            ..Self::offline()
        }
    }

    /// A file with this content that is there as long as this value.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self
            .scratch
            .path()
            .join(format!("{}-{name}", Uuid::now_v7()));
        std::fs::write(&path, content).expect("a file");
        path
    }

    /// Runs it: its output, or what it says against it. Its own word on the linked definitions is
    /// left out.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&tools().helm);
        command
            .args(arguments)
            .env("HELM_CACHE_HOME", self.scratch.path())
            .env("HELM_CONFIG_HOME", self.scratch.path())
            .env("HELM_DATA_HOME", self.scratch.path())
            .env(
                "KUBECONFIG",
                self.kubeconfig.as_deref().unwrap_or(Path::new("/dev/null")),
            );
        answer(&mut command)
    }

    /// Renders the chart with values, for one Kubernetes release.
    pub(crate) fn render(&self, values: &Value, release: &str) -> Result<Vec<Value>, String> {
        let file = self.file("values.json", &values.to_string());
        let chart = chart();
        let rendered = self.run(&[
            "template",
            "pools",
            &chart.to_string_lossy(),
            "--namespace=identity-pool-operator",
            "--values",
            &file.to_string_lossy(),
            "--kube-version",
            release,
        ])?;
        Ok(documents(&rendered))
    }
}

/// Runs a program: its output, or what it says against it.
pub(crate) fn answer(command: &mut Command) -> Result<String, String> {
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    let said = String::from_utf8_lossy(&stderr);
    let said: Vec<&str> = said
        .lines()
        .filter(|line| !line.contains("found symbolic link in path"))
        .collect();
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    if status.success() {
        Ok(stdout)
    } else {
        Err(format!("{}\n{stdout}", said.join("\n")))
    }
}

/// The documents of one kind.
pub(crate) fn of_kind<'a>(documents: &'a [Value], kind: &str) -> Vec<&'a Value> {
    documents
        .iter()
        .filter(|document| document["kind"] == kind)
        .collect()
}

/// The one document of a kind.
pub(crate) fn only<'a>(documents: &'a [Value], kind: &str) -> &'a Value {
    match of_kind(documents, kind)[..] {
        [one] => one,
        ref found => panic!("{} documents of kind {kind}", found.len()),
    }
}
