//! What somebody needs who was not there: written to files, and the most telling part said.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use harness::project;

use crate::scene::{NAMESPACE, Scene};

/// Lines of what is said; the files have everything.
const SAID: usize = 40;

/// A file for each question to the cluster.
const QUESTIONS: [(&str, &str); 6] = [
    ("objects.txt", "get all,leases,idpool,crd,events -A -o wide"),
    ("pods.txt", "describe pods,nodes -A"),
    ("identity-pools.yaml", "get idpool -A -o yaml"),
    ("describe-identity-pools.txt", "describe idpool -A"),
    ("events.txt", "get events -A --sort-by=.lastTimestamp"),
    (
        "leases.yaml",
        "get leases -n identity-pool-operator -o yaml",
    ),
];

/// Gathers it below `target/e2e`; what cannot be had is said in its place.
pub(crate) async fn gather(scene: &Scene) {
    let folder = project::root().join("target/e2e");
    let _ = fs::remove_dir_all(&folder);
    let _ = fs::create_dir_all(&folder);
    for (file, question) in QUESTIONS {
        let answer = scene.kubectl(question).await;
        write(
            &folder.join(file),
            answer.unwrap_or_else(|failure| failure.0),
        );
    }
    let logs = logs(scene).await;
    say("the operator's last lines", &logs);
    write(&folder.join("operator.log"), logs);
    let calls = serde_json::to_string_pretty(&scene.fake.calls());
    write(&folder.join("calls-to-aws.json"), calls.unwrap_or_default());
    for entry in fs::read_dir(scene.node.folder())
        .into_iter()
        .flatten()
        .flatten()
    {
        if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "log")
        {
            let _ = fs::copy(entry.path(), folder.join(entry.file_name()));
        }
    }
    let events = fs::read_to_string(folder.join("events.txt")).unwrap_or_default();
    say("the last events", &events);
    eprintln!(
        "\ne2e: everything else is in {}",
        project::from_here(&folder).display()
    );
}

/// Of every pod of the operator, and of the one before where it was restarted.
async fn logs(scene: &Scene) -> String {
    let mut all = String::new();
    for which in ["--previous=false", "--previous=true"] {
        let line = format!("get pods -n {NAMESPACE} -o name");
        for pod in scene.kubectl(&line).await.unwrap_or_default().lines() {
            let line = format!("logs -n {NAMESPACE} {pod} --timestamps {which}");
            if let Ok(log) = scene.kubectl(&line).await {
                let _ = write!(all, "== {pod} {which}\n{log}");
            }
        }
    }
    all
}

fn say(what: &str, text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(SAID)..].join("\n");
    eprintln!("\ne2e: {what}:\n{last}");
}

fn write(path: &Path, content: String) {
    if let Err(error) = fs::write(path, content) {
        eprintln!("e2e: {} cannot be written: {error}", path.display());
    }
}
