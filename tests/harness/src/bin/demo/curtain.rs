//! The pause between two acts: until Enter, where somebody watches who could press it.
//!
//! Without a terminal on both sides nobody does, and the play goes on at once.

use std::io::{self, IsTerminal};
use std::thread;

use tokio::sync::oneshot;

/// Falls between two acts.
pub(crate) struct Curtain {
    waits: bool,
}

impl Curtain {
    /// Waits only if it is wanted and there is somebody to wait for.
    pub(crate) fn new(wanted: bool) -> Self {
        Self {
            waits: wanted && io::stdin().is_terminal() && io::stdout().is_terminal(),
        }
    }

    /// Whether the next pause waits for somebody.
    pub(crate) fn waits(&self) -> bool {
        self.waits
    }

    /// Waits for Enter. The end of input (Ctrl-D) ends all pauses.
    pub(crate) async fn pause(&mut self) {
        if !self.waits {
            return;
        }
        let (told, enter) = oneshot::channel();
        // A thread of its own: the runtime would wait for a blocking read when Ctrl-C ends it.
        thread::spawn(move || {
            let read = io::stdin().read_line(&mut String::new());
            let _ = told.send(read.is_ok_and(|length| length > 0));
        });
        self.waits = enter.await.unwrap_or(false);
    }
}
