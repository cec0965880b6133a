//! The manifests of `tests/manifests`: one file, one lesson.
//!
//! The first line of a file in `refused` is `# <field>: <sentence>`, and both must stand in the
//! answer. A second line `# Only the apiserver sees it: <why>` is for what Rust's types exclude.
//! In `accepted` the first line tells why it is legal. A file with two documents is an update:
//! the first is created, the second replaces it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// A manifest and what is expected of it.
#[derive(Clone)]
pub(crate) struct Manifest {
    /// Name of the file, for messages.
    pub(crate) file: String,
    /// The comment in the first line.
    lesson: String,
    /// Whether Rust's types exclude the mistake, so that only the apiserver meets it.
    pub(crate) apiserver_only: bool,
    /// The object before the update, if it is one.
    pub(crate) old: Option<Value>,
    /// The object that is tried.
    pub(crate) new: Value,
}

impl Manifest {
    /// Name of the object.
    pub(crate) fn name(&self) -> &str {
        self.new["metadata"]["name"]
            .as_str()
            .expect("each object has a name")
    }

    /// What is wrong with an answer to a bad manifest; nothing if it helps the user.
    pub(crate) fn judge(&self, answer: &str) -> Option<String> {
        let (field, sentence) = self.lesson.split_once(": ").expect("<field>: <sentence>");
        let helps = answer.contains(field) && answer.contains(sentence);
        (!helps).then(|| {
            format!(
                "{}\n  expected: {}\n  answer:   {answer}",
                self.file, self.lesson
            )
        })
    }
}

/// Every manifest in `tests/manifests/<folder>`.
pub(crate) fn manifests(folder: &str) -> Vec<Manifest> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/manifests")
        .join(folder);
    let files = fs::read_dir(folder).expect("the folder is there");
    let mut manifests: Vec<_> = files
        .map(|file| read(&file.expect("a readable folder").path()))
        .collect();
    manifests.sort_by(|a, b| a.file.cmp(&b.file));
    manifests
}

fn read(path: &Path) -> Manifest {
    let file = path.display().to_string();
    let text = fs::read_to_string(path).expect("a readable file");
    let mut lines = text.lines();
    let lesson = lines
        .next()
        .and_then(|line| line.strip_prefix("# "))
        .expect("a lesson")
        .to_owned();
    let apiserver_only = lines
        .next()
        .is_some_and(|line| line.starts_with("# Only the apiserver"));
    let mut documents: Vec<Value> =
        serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let new = documents.pop().expect("a document");
    Manifest {
        file,
        lesson,
        apiserver_only,
        old: documents.pop(),
        new,
    }
}

/// An object with nothing but a name and this spec.
pub(crate) fn object(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "cognito-identity.dev/v1alpha1",
        "kind": "IdentityPool",
        "metadata": { "name": name },
        "spec": spec,
    })
}
