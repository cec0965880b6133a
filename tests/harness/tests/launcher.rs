//! What scripts may rely on from the `control-plane` program: above all that nothing stays behind.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use harness::project;
use harness::tools::{ChartTools, Tools};

/// The kernel ends the servers at once; a busy machine may need a while to let the janitor finish.
const END_LIMIT: Duration = Duration::from_secs(20);

/// A running `control-plane` and the folder it has announced.
struct Launcher {
    program: Child,
    folder: String,
    // Kept open: a program whose output nobody takes ends when it prints.
    output: BufReader<ChildStdout>,
}

impl Launcher {
    fn start(arguments: &[&str]) -> Self {
        Tools::find_or_build().unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_control-plane"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(program.stdout.take().unwrap());
        let folder = loop {
            let mut line = String::new();
            assert_ne!(
                output.read_line(&mut line).unwrap(),
                0,
                "the launcher ended before it was ready"
            );
            if let Some(folder) = line.strip_prefix("logs and data") {
                break folder.trim().to_owned();
            }
        };
        Self {
            program,
            folder,
            output,
        }
    }

    /// The rest of what it prints: the lines that people are to paste.
    fn lines_to_paste(&mut self) -> String {
        let mut lines = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "{lines}");
            if line.starts_with("Ctrl-C") {
                return lines;
            }
            if line.starts_with("  ") {
                lines.push_str(&line);
            }
        }
    }

    /// The names of the programs that have the folder on their command line.
    fn servers(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("cmdline")).ok())
            .filter(|line| line.contains(&self.folder))
            .filter_map(|line| {
                Some(
                    Path::new(line.split('\0').next()?)
                        .file_name()?
                        .to_str()?
                        .to_owned(),
                )
            })
            .collect();
        names.sort();
        names
    }

    fn assert_nothing_stays(&self) {
        let begun = Instant::now();
        while !self.servers().is_empty() || Path::new(&self.folder).exists() {
            assert!(
                begun.elapsed() < END_LIMIT,
                "still there: {:?} {}",
                self.servers(),
                self.folder
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn signal(&self, name: &str) {
        let id = self.program.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &id])
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[test]
fn servers_and_data_are_gone_when_the_launcher_is_killed() {
    let launcher = Launcher::start(&[]);
    assert_eq!(launcher.servers(), ["etcd", "kube-apiserver", "sh"]);

    launcher.signal("KILL");

    launcher.assert_nothing_stays();
}

#[test]
fn sigterm_ends_it_in_good_order() {
    let mut launcher = Launcher::start(&[]);

    launcher.signal("TERM");

    assert!(launcher.program.wait().unwrap().success());
    launcher.assert_nothing_stays();
}

#[test]
fn it_ends_with_its_standard_input() {
    let mut launcher = Launcher::start(&[]);

    drop(launcher.program.stdin.take());

    assert!(launcher.program.wait().unwrap().success());
    launcher.assert_nothing_stays();
}

#[test]
fn the_kubeconfig_is_written_where_it_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    let _launcher = Launcher::start(&["--kubeconfig", path.to_str().unwrap()]);

    let kubectl = Tools::find_or_build().unwrap().kubectl;
    let answer = Command::new(kubectl)
        .arg("--kubeconfig")
        .arg(&path)
        .args(["get", "--raw", "/readyz"])
        .output();

    assert_eq!(String::from_utf8(answer.unwrap().stdout).unwrap(), "ok");
}

#[test]
fn the_lines_that_it_prints_make_a_shell_ready_for_identity_pools() {
    let mut launcher = Launcher::start(&[]);
    let lines = launcher.lines_to_paste();
    let explain = "kubectl explain identitypool --output=plaintext-openapiv2";

    let output = Command::new("sh")
        .args(["-e", "-c", &format!("{lines}{explain}")])
        .current_dir(project::root())
        .output()
        .unwrap();

    assert!(output.status.success(), "{lines}{output:?}");
}

#[test]
fn fetch_tools_names_programs_that_exist() {
    Tools::find_or_build().unwrap();
    ChartTools::find_or_build().unwrap();
    let program = env!("CARGO_BIN_EXE_control-plane");

    let output = Command::new(program).arg("--fetch-tools").output().unwrap();

    let table = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|row| row.split_whitespace().collect())
        .collect();
    let names: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(
        names,
        [
            "etcd",
            "kube-apiserver",
            "kubectl",
            "etcdctl",
            "etcdutl",
            "helm",
            "kubeconform",
            "kube-score",
            "helm-docs",
            "glua"
        ]
    );
    assert!(
        rows.iter().all(|row| Path::new(row[1]).is_file()),
        "{table}"
    );
}
