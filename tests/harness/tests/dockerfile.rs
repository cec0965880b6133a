//! The Dockerfile, by those who know what goes wrong with them.

use std::process::Command;

use harness::project;
use harness::python;

/// What hadolint finds: nothing that is not refuted in the file itself.
#[test]
fn hadolint_has_nothing_to_say() {
    let root = project::root();
    let requirements = root.join("tests/harness/python/hadolint.txt");
    let python = python::venv("hadolint", &requirements).unwrap();

    // No script: it does not mind that its folder got another name.
    let output = Command::new(python.with_file_name("hadolint"))
        .args(["--no-color", "Dockerfile"])
        .current_dir(root)
        .output()
        .unwrap();

    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.is_empty(), "{said}");
}
