//! A shell on the cluster, with kubectl and helm: for people at a terminal, and for commands that come
//! through a pipe, of which the first that fails is the last.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::Command;
use std::{env, fs, iter};

use harness::shell::quoted;

use crate::failure::{Failure, require};
use crate::scene::{Scene, endpoint, image};

/// What a person's own settings do to the prompt comes first.
const SETTINGS: &str = "[ ! -f ~/.bashrc ] || . ~/.bashrc\nPS1='(node) \\w \\$ '\n";

/// Opens it, and waits for its end.
pub(crate) async fn open(scene: &Scene) -> Result<(), Failure> {
    let mut bash = Command::new("bash");
    if io::stdin().is_terminal() {
        let settings = scene.node.folder().join("bashrc");
        fs::write(&settings, SETTINGS)?;
        bash.arg("--rcfile").arg(settings);
    } else {
        bash.args(["-eu", "-o", "pipefail"]);
    }
    for program in [scene.node.kubectl(), scene.node.helm()] {
        let set = program
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        bash.envs(set);
    }
    bash.env("PATH", path(scene)?);
    println!("\n{}\n", welcome(scene));
    // Not waited for by blocking: the fake and the names of Services are answered by this thread.
    let status = tokio::process::Command::from(bash).status().await?;
    let at_a_terminal = io::stdin().is_terminal();
    require(
        at_a_terminal || status.success(),
        &format!("all commands of standard input succeed: {status}"),
    )
}

/// The person's own, after the programs of the cluster.
fn path(scene: &Scene) -> Result<OsString, Failure> {
    let programs = [scene.node.kubectl(), scene.node.helm()];
    let folders = programs
        .iter()
        .filter_map(|program| Path::new(program.get_program()).parent());
    let own = env::var_os("PATH").unwrap_or_default();
    let own = iter::once(own.as_os_str()).flat_map(env::split_paths);
    env::join_paths(folders.map(Path::to_owned).chain(own)).map_err(Failure::from)
}

fn welcome(scene: &Scene) -> String {
    let folder = scene.node.folder().to_string_lossy();
    format!(
        "A cluster of one node, for kubectl and helm of this shell; there is no other network here.\n\
         \x20 image      {}\n\
         \x20 fake AWS   {}, its levers at /_fake/\n\
         \x20 logs       {}\n\
         Another terminal gets here by: nsenter --net=/proc/{}/ns/net\n\
         The end of the shell (exit, Ctrl-D) ends all of it.",
        image(),
        endpoint(),
        quoted(&folder),
        std::process::id(),
    )
}
