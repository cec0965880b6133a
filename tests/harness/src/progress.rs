//! Says on standard error that something slow is going on.
//!
//! Written to the stream itself, not by `eprintln!`: cargo's test runner would keep that back until
//! the test fails, and minutes without a word look like a hang.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(100);

/// A task that takes long, and when it was last spoken of.
pub(crate) struct Progress<'a> {
    task: &'a str,
    begun: Instant,
    said: Instant,
}

impl<'a> Progress<'a> {
    pub(crate) fn of(task: &'a str) -> Self {
        let now = Instant::now();
        Self {
            task,
            begun: now,
            said: now,
        }
    }

    /// Sleeps a moment and reports the elapsed time when it is due again.
    pub(crate) fn tick(&mut self) {
        thread::sleep(PAUSE);
        if self.said.elapsed() >= INTERVAL {
            self.said = Instant::now();
            say(&format!(
                "still {} ({} s)",
                self.task,
                self.begun.elapsed().as_secs()
            ));
        }
    }
}

pub(crate) fn say(line: &str) {
    // A closed standard error is no reason to fail.
    let _ = writeln!(io::stderr(), "harness: {line}");
}
