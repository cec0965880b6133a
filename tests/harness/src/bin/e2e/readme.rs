//! The README's way from nothing to a pool, as it stands there: `make node`, and every line after it
//! into the shell that it opens.

use std::io::Write;
use std::process::{Command, Stdio};

use harness::project;

use crate::failure::{Failure, require};
use crate::scene::text;

/// What opens the shell.
const FIRST: &str = "make node";

/// Runs them; the first that fails is the last.
pub(crate) fn from_nothing_to_ready() -> Result<(), Failure> {
    let readme = text("README.md")?;
    let lines = lines(&readme).ok_or_else(|| Failure::new("the README has no `make node`"))?;
    require(lines.lines().count() <= 24, "they fit on a screen")?;
    // What it says while it builds and starts is for people.
    let mut make = Command::new("make")
        .args(["--no-print-directory", "node"])
        .current_dir(project::root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(mut shell) = make.stdin.take() {
        shell.write_all(lines.as_bytes())?;
    }
    let output = make.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let as_promised = [
        ("STATUS: deployed", "helm installs it"),
        ("web    True    InSync", "the object is Ready"),
        ("\"IdentityPoolName\": \"default-web\"", "AWS has the pool"),
    ];
    require(
        output.status.success(),
        &format!("every line succeeds: {said}"),
    )?;
    for (words, promise) in as_promised {
        require(said.contains(words), &format!("{promise}: {said}"))?;
    }
    Ok(())
}

/// What follows the first line in its block.
fn lines(readme: &str) -> Option<&str> {
    let mut blocks = readme.split("```sh\n").skip(1);
    let block = blocks.find(|block| block.starts_with(FIRST))?;
    let (block, _) = block.split_once("```")?;
    Some(block.split_once('\n')?.1)
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn the_lines_are_those_after_the_first_of_its_block() {
        let readme = "```sh\nmake demo\n```\n\n```sh\nmake node   # root\na \\\n  b\nexit\n```\n```sh\nc\n```\n";
        assert_eq!(lines(readme), Some("a \\\n  b\nexit\n"));
        assert_eq!(lines("```sh\nmake demo\n```\n"), None);
    }
}
