//! Keeps a real control plane running for people and for make.
//!
//! It runs until Ctrl-C, SIGTERM, or the end of its standard input if that is a pipe: a script that
//! holds the pipe need not clean up. Whatever ends it, no server stays behind.

use std::error::Error;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::{self, Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use harness::causes::with_causes;
use harness::control_plane::ControlPlane;
use harness::shell::quoted;
use harness::tools::{self, BackupTools, ChartTools, Tools};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Starts a real etcd and kube-apiserver on loopback and keeps them until Ctrl-C.
#[derive(Parser)]
struct Flags {
    /// Write the administrator's kubeconfig to this file as well.
    #[arg(long, value_name = "PATH")]
    kubeconfig: Option<PathBuf>,
    /// Only find or build the programs, and print where they are.
    #[arg(long)]
    fetch_tools: bool,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    let outcome = if flags.fetch_tools {
        fetch_tools()
    } else {
        run(flags.kubeconfig.as_deref())
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

fn fetch_tools() -> Result<(), Box<dyn Error>> {
    let tools = Tools::find_or_build()?;
    let backup = BackupTools::find_or_build()?;
    let chart = ChartTools::find_or_build()?;
    print_table(&[
        ("etcd", &tools.etcd.display()),
        ("kube-apiserver", &tools.kube_apiserver.display()),
        ("kubectl", &tools.kubectl.display()),
        ("etcdctl", &backup.etcdctl.display()),
        ("etcdutl", &backup.etcdutl.display()),
        ("helm", &chart.helm.display()),
        ("kubeconform", &chart.kubeconform.display()),
        ("kube-score", &chart.kube_score.display()),
        ("helm-docs", &chart.helm_docs.display()),
        ("glua", &chart.glua.display()),
    ])
}

fn run(kubeconfig: Option<&Path>) -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::new()?;
    let outcome = runtime.block_on(serve(kubeconfig));
    // Ctrl-C does not wait until a program is built: the compiler ends with us.
    runtime.shutdown_background();
    outcome
}

async fn serve(kubeconfig: Option<&Path>) -> Result<(), Box<dyn Error>> {
    // Asked for first, so that a signal during the start is not lost.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let start = async {
        // Not on standard output: scripts read the table there.
        eprintln!("starting etcd and kube-apiserver");
        let plane = ControlPlane::start().await?;
        announce(&plane, kubeconfig)?;
        input_end().await;
        Ok(())
    };
    tokio::select! {
        outcome = start => outcome,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

fn announce(plane: &ControlPlane, kubeconfig: Option<&Path>) -> Result<(), Box<dyn Error>> {
    if let Some(path) = kubeconfig {
        copy_whole(plane.kubeconfig_path(), path).map_err(|error| {
            format!("cannot write the kubeconfig to {}: {error}", path.display())
        })?;
    }
    let kubeconfig = path::absolute(kubeconfig.unwrap_or(plane.kubeconfig_path()))?;
    print_table(&[
        ("kubeconfig", &kubeconfig.display()),
        ("server", &plane.server_url()),
        ("etcd", &plane.etcd_url()),
        ("logs and data", &plane.folder().display()),
    ])?;
    print_lines(&kubeconfig, plane.kubectl_path())
}

/// What a person types to use it. The lines that are set in can be pasted into a shell.
fn print_lines(kubeconfig: &Path, kubectl: &Path) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    let word = |path: &Path| quoted(&path.to_string_lossy());
    writeln!(out, "\nIn other terminals, at the root of the project:")?;
    writeln!(out, "  export KUBECONFIG={}", word(kubeconfig))?;
    if let Some(folder) = kubectl.parent()
        && tools::kubectl_in_path().is_none()
    {
        writeln!(out, "  export PATH={}:$PATH", word(folder))?;
    }
    writeln!(out, "  kubectl apply --server-side -f crds/")?;
    writeln!(
        out,
        "\nAn operator for it: `make fake`, in a terminal of its own, prints how to run one without AWS."
    )?;
    writeln!(out, "Ctrl-C ends the servers and removes their data.")?;
    Ok(out.flush()?)
}

/// By way of another name: who waits for the file to appear must not read half of it.
fn copy_whole(from: &Path, to: &Path) -> io::Result<()> {
    let partial = to.with_added_extension("partial");
    fs::copy(from, &partial)?;
    fs::rename(partial, to)
}

fn print_table(rows: &[(&str, &dyn std::fmt::Display)]) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    for (name, value) in rows {
        writeln!(out, "{name:<15} {value}")?;
    }
    Ok(out.flush()?)
}

/// Ends with standard input if that is a pipe or a socket, never otherwise: a job in the background
/// has `/dev/null`, which ends at once, or the terminal, where reading would stop the job.
async fn input_end() {
    let kind = fs::metadata("/proc/self/fd/0").map(|metadata| metadata.file_type());
    if !kind.is_ok_and(|kind| kind.is_fifo() || kind.is_socket()) {
        return std::future::pending().await;
    }
    let (ended, end) = oneshot::channel();
    // A thread of its own: the runtime would wait for a blocking read when it shuts down.
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
        let _ = ended.send(());
    });
    // The sender is never dropped without sending.
    let _ = end.await;
}
