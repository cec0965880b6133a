//! A run that ends by SIGKILL leaves nothing on the machine: no process, no control group, no folder.

use std::fs;
use std::future;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use harness::node::{CGROUP, FOLDERS, Node};
use harness::tools::NodeTools;
use tokio::runtime;

use crate::failure::{Failure, require};

/// The kernel ends everything at once; what was written goes within a second.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the child says before its folder.
const READY: &str = "a node is ready: ";

/// Starts a node in a process of its own, kills that, and looks.
pub(crate) fn leaves_nothing(pause: &Path) -> Result<(), Failure> {
    let there_before: Vec<&str> = folders().collect();
    let mut child = Command::new(std::env::current_exe()?)
        .arg("--only-node")
        .arg(pause)
        .stdout(Stdio::piped())
        .spawn()?;
    let lines = child
        .stdout
        .take()
        .map(BufReader::new)
        .into_iter()
        .flat_map(BufRead::lines);
    let mut lines = lines.map_while(Result::ok);
    let folder = lines.find_map(|line| line.strip_prefix(READY).map(str::to_owned));
    let groups_before = groups();
    child.kill()?;
    child.wait()?;
    let folder = folder.ok_or_else(|| Failure::new("no node got ready"))?;
    // Else this would look for what was never there.
    require(groups_before > 0, "a running node has control groups")?;
    let begun = Instant::now();
    loop {
        let left = [
            (Path::new(&folder).exists(), "its folder"),
            (groups() > 0, "its control groups"),
            (
                folders().any(|path| !there_before.contains(&path)),
                "a folder of kubelet's",
            ),
            (process_of(&folder), "a process"),
        ];
        let mut left = left
            .into_iter()
            .filter(|(there, _)| *there)
            .map(|(_, what)| what);
        match left.next() {
            None => return Ok(()),
            Some(what) if begun.elapsed() > PATIENCE => {
                return Err(Failure(format!("of {folder} is left: {what}")));
            }
            Some(_) => thread::sleep(Duration::from_millis(100)),
        }
    }
}

/// What the child does.
pub(crate) fn stay(pause: &Path) -> Result<(), Failure> {
    let tools = NodeTools::find_or_build()?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let node = Node::start(tools, &[pause.to_owned()]).await?;
        println!("{READY}{}", node.folder().display());
        future::pending().await
    })
}

fn folders() -> impl Iterator<Item = &'static str> {
    FOLDERS.into_iter().filter(|path| Path::new(path).exists())
}

/// Hierarchies of control groups that have one of ours.
fn groups() -> usize {
    let root = Path::new("/sys/fs/cgroup");
    let hierarchies = fs::read_dir(root).into_iter().flatten().flatten();
    let hierarchies = hierarchies
        .map(|entry| entry.path())
        .chain([root.to_owned()]);
    hierarchies
        .filter(|path| path.join(CGROUP).exists())
        .count()
}

/// Whether a process works with this folder.
fn process_of(folder: &str) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let mut lines = lines.map(|line| String::from_utf8_lossy(&line).into_owned());
    // The janitor's own line has it too; it is no process of the node.
    lines.any(|line| line.contains(folder) && !line.contains("janitor"))
}
