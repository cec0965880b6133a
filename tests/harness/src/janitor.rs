//! Tidies up after this process, however it ends.
//!
//! A destructor alone would not do: it runs neither for statics (the shared control plane is one)
//! nor when a test process is killed. So a small shell outlives us, waits for the end of a pipe that
//! only we hold, and runs a script.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

const WAIT_FOR_THE_END: &str = "trap '' INT TERM HUP
cat >/dev/null
";

/// A shell that waits until this value is dropped or its process ends; dropping waits for its work.
#[derive(Debug)]
pub(crate) struct Janitor(Child);

impl Janitor {
    /// Has `script` run at the end, with these as `$1`, `$2`, …. It holds `lock` until it is done.
    pub(crate) fn hire(script: &str, arguments: &[&OsStr], lock: Stdio) -> io::Result<Self> {
        Command::new("sh")
            .args(["-c", &format!("{WAIT_FOR_THE_END}{script}"), "janitor"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(lock)
            .stderr(Stdio::null())
            // Ctrl-C in a terminal goes to the whole group; the janitor comes after it.
            .process_group(0)
            .spawn()
            .map(Self)
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // Nobody is left to hear of a failure, and what it tidies is temporary anyway.
        let _ = self.0.wait();
    }
}
