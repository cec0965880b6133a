//! Dependencies point one way. The list is that of `CONTRIBUTING.md`; a `use` that
//! points upwards fails here, with file and line.

use std::fs;
use std::path::{Path, PathBuf};

/// Each module, what it may use of this crate, and which crates it may not know.
const LAYERS: &[(&str, &[&str], &[&str])] = &[
    (
        "api",
        &["api"],
        &[
            "tokio",
            "aws_",
            "kube::Client",
            "kube::runtime",
            "kube::api::Api",
        ],
    ),
    (
        "pool",
        &["api", "pool"],
        &["tokio", "futures", "kube", "aws_", "fastrand", "tracing"],
    ),
    (
        "election",
        &["election"],
        &["tokio", "futures", "kube", "aws_", "fastrand", "tracing"],
    ),
    ("telemetry", &["pool", "telemetry"], &["kube", "aws_"]),
    ("aws", &["api", "pool", "telemetry", "aws"], &["kube"]),
    (
        "controller",
        &["api", "pool", "election", "aws", "telemetry", "controller"],
        &["aws_sdk", "aws_smithy"],
    ),
    (
        "cli",
        &[
            "api",
            "pool",
            "election",
            "aws",
            "telemetry",
            "controller",
            "cli",
        ],
        &[],
    ),
];

/// The modules that decide, and do nothing.
const CORES: [&str; 2] = ["pool", "election"];

/// What a core may not read: it is handed in.
const IMPURE: &[&str] = &[
    "Timestamp::now",
    "Instant::now",
    "SystemTime",
    "now_v7",
    "std::env",
    "async fn",
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
    found
}

/// The lines of a file above its tests, numbered.
fn lines(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).expect("a source");
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line.trim().to_owned()))
        .filter(|(_, line)| !line.starts_with("//"))
        .collect()
}

fn module(name: &str) -> Vec<PathBuf> {
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name))
}

#[test]
fn no_module_uses_one_above_it() {
    let mut wrong = Vec::new();
    for (name, allowed, _) in LAYERS {
        for path in module(name) {
            for (number, line) in lines(&path) {
                let Some((_, rest)) = line.split_once("crate::") else {
                    continue;
                };
                let used = rest.split("::").next().unwrap_or_default();
                let used = used.trim_matches(|char: char| !char.is_alphanumeric() && char != '_');
                if !allowed.contains(&used) {
                    wrong.push(format!("{}:{number}: {line}", path.display()));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "these point upwards:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn no_module_knows_a_crate_that_is_not_its_business() {
    let mut wrong = Vec::new();
    for (name, _, forbidden) in LAYERS {
        for path in module(name) {
            for (number, line) in lines(&path) {
                let used = line.strip_prefix("use ").unwrap_or_default();
                if forbidden.iter().any(|name| used.starts_with(name)) {
                    wrong.push(format!("{}:{number}: {line}", path.display()));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "these know too much:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn a_core_reads_no_clock_no_chance_and_no_environment() {
    let mut wrong = Vec::new();
    for path in CORES.into_iter().flat_map(module) {
        for (number, line) in lines(&path) {
            if IMPURE.iter().any(|word| line.contains(word)) {
                wrong.push(format!("{}:{number}: {line}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "a core is pure:\n{}", wrong.join("\n"));
}

#[test]
fn every_source_says_what_it_is() {
    let silent: Vec<String> = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
        .into_iter()
        .filter(|path| {
            !fs::read_to_string(path)
                .expect("a source")
                .starts_with("//! ")
        })
        .map(|path| path.display().to_string())
        .collect();
    assert!(silent.is_empty(), "no module doc: {silent:?}");
}
