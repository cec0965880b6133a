//! Reads along in what the operators say: nothing panics, and no secret is told.

use std::io;
use std::panic;
use std::sync::{Mutex, MutexGuard, PoisonError};

use harness::operator::SECRET;
use tracing_subscriber::EnvFilter;

use crate::rig::OPERATOR_THREAD;

/// The value of a login provider that comes out of a Secret.
pub(crate) const CANARY: &str = "canary-of-a-login-provider";

#[derive(Default)]
struct Read {
    lines: usize,
    wrong: Vec<String>,
}

static READ: Mutex<Read> = Mutex::new(Read {
    lines: 0,
    wrong: Vec::new(),
});

fn read() -> MutexGuard<'static, Read> {
    READ.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads along from now on, in everything that runs in this process.
pub(crate) fn listen() {
    let filter = EnvFilter::new("info,identity_pool_operator=debug");
    let log = tracing_subscriber::fmt().with_env_filter(filter);
    let log = log.with_ansi(false).with_writer(|| Reader);
    log.try_init().expect("there is no other log");
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |what| {
        match std::thread::current().name() {
            Some(OPERATOR_THREAD) => {
                let told = format!("an operator panicked: {what}");
                read().wrong.push(told);
                usual(what);
            }
            // Nothing was played yet, or nothing more can be.
            Some("main") => usual(what),
            // A case failed, which is told otherwise.
            _ => {}
        }
    }));
}

/// Reads lines of a log.
pub(crate) fn look_at(lines: &str) {
    for line in lines.lines() {
        let wrong = tells_a_secret(line) || line.contains("panicked at");
        let mut read = read();
        read.lines += 1;
        if wrong {
            read.wrong.push(line.to_owned());
        }
    }
}

/// Whether a text holds what nobody may be told.
pub(crate) fn tells_a_secret(text: &str) -> bool {
    text.contains(SECRET) || text.contains(CANARY)
}

/// How many lines were read, and those that may not be.
pub(crate) fn so_far() -> (usize, Vec<String>) {
    let read = read();
    (read.lines, read.wrong.clone())
}

/// Where the log of this process goes.
struct Reader;

impl io::Write for Reader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        look_at(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
