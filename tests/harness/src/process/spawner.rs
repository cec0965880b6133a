//! Starts processes that the kernel ends when this one ends, even by SIGKILL.
//!
//! `setpriv --pdeathsig` asks the kernel for a signal at the parent's death, which needs no unsafe
//! code of ours. Its meaning of parent is the *thread* that spawned: a test's worker thread would
//! take the server along when it finishes. So one thread spawns for everybody and lives as long as
//! the process does.

use std::io;
use std::process::{self, Child, Command};
use std::sync::LazyLock;
use std::sync::mpsc::{self, Sender};
use std::thread;

use super::Within;

/// Closes the gap before the kernel is asked: a process whose parent is already another one (we
/// died in between) ends by itself.
const EXEC_UNLESS_ORPHANED: &str = r#"[ "$PPID" = "$0" ] && exec "$@""#;

struct Request {
    command: Command,
    reply: Sender<io::Result<Child>>,
}

static SPAWNER: LazyLock<Sender<Request>> = LazyLock::new(|| {
    let (sender, requests) = mpsc::channel::<Request>();
    thread::spawn(move || {
        for Request { mut command, reply } in requests {
            // A requester that has stopped listening drops the child's handle, nothing more.
            let _ = reply.send(command.spawn());
        }
    });
    sender
});

/// Spawns `command`, which must have been made by [`bound_to_us`].
pub(super) fn spawn(command: Command) -> io::Result<Child> {
    let (reply, answer) = mpsc::channel();
    SPAWNER
        .send(Request { command, reply })
        .map_err(|_| io::Error::other("the spawning thread has ended"))?;
    answer.recv().map_err(io::Error::other)?
}

/// The same program, arguments, environment and folder, but ended by the kernel when we end.
pub(super) fn bound_to_us(within: Option<&Within>, command: &Command) -> Command {
    let mut bound = Command::new("setpriv");
    bound.args([
        "--pdeathsig",
        "KILL",
        "--",
        "sh",
        "-c",
        EXEC_UNLESS_ORPHANED,
    ]);
    bound.arg(process::id().to_string());
    if let Some(Within(words)) = within {
        bound.args(words);
    }
    bound.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => bound.env(name, value),
            None => bound.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        bound.current_dir(folder);
    }
    bound
}
