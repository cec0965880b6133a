//! Injected faults: what goes wrong with which call.
//!
//! Every armed fault counts every call of its operation. Of those that are
//! due, the one armed first strikes; the others wait for the next call. At
//! most one fault strikes a call.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum FaultKind {
    /// Executed, then the connection is closed without a byte of answer.
    LoseReplyBeforeStatus,
    /// Executed, then the connection is closed after status line and headers.
    LoseReplyAfterStatus,
    /// Executed, then the connection is closed in the middle of the body.
    CutBody,
    /// Executed only after a delay, even when the client has gone by then.
    DelayBefore(#[serde(deserialize_with = "millis")] Duration),
    /// Executed at once, answered after a delay.
    DelayAfter(#[serde(deserialize_with = "millis")] Duration),
    /// Answered with an error, not executed.
    ErrorBefore {
        /// HTTP status.
        status: u16,
        /// Error code; empty for a bare answer as from a proxy.
        code: String,
    },
    /// Executed, but answered with an error.
    ErrorAfter {
        /// HTTP status.
        status: u16,
        /// Error code; empty for a bare answer as from a proxy.
        code: String,
    },
    /// The connection is reset (RST) and nothing is executed.
    ResetBefore,
    /// Answered with `TooManyRequestsException`, not executed.
    Throttle,
}

/// A fault and the calls that it strikes.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// The operation; `*` stands for every one.
    pub operation: String,
    /// What goes wrong.
    pub kind: FaultKind,
    /// How many calls of the operation pass unharmed first.
    #[serde(default)]
    pub skip: usize,
    /// How many calls are struck.
    #[serde(default = "once")]
    pub times: usize,
    /// Only calls whose request body contains this text count.
    #[serde(default)]
    pub containing: String,
}

impl Fault {
    /// Strikes the next call of `operation`, once.
    #[must_use]
    pub fn on(operation: impl Into<String>, kind: FaultKind) -> Self {
        Self {
            operation: operation.into(),
            kind,
            skip: 0,
            times: 1,
            containing: String::new(),
        }
    }

    /// Lets `calls` pass first.
    #[must_use]
    pub fn skip(self, calls: usize) -> Self {
        Self {
            skip: calls,
            ..self
        }
    }

    /// Strikes `calls` calls.
    #[must_use]
    pub fn times(self, calls: usize) -> Self {
        Self {
            times: calls,
            ..self
        }
    }

    /// Strikes until the faults are cleared.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    /// Counts only calls whose request body contains `text`: a pool's id or
    /// name, say.
    #[must_use]
    pub fn containing(self, text: impl Into<String>) -> Self {
        let containing = text.into();
        Self { containing, ..self }
    }

    fn concerns(&self, operation: &str, body: &str) -> bool {
        (self.operation == "*" || self.operation == operation) && body.contains(&self.containing)
    }
}

/// The armed faults, in the order they were armed.
#[derive(Debug, Default)]
pub(super) struct Faults {
    armed: Vec<Fault>,
    strikes: usize,
}

impl Faults {
    pub(super) fn arm(&mut self, fault: Fault) {
        self.armed.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.armed.clear();
    }

    pub(super) fn strikes(&self) -> usize {
        self.strikes
    }

    /// Counts a call and says what goes wrong with it, if anything.
    pub(super) fn strike(&mut self, operation: &str, body: &str) -> Option<FaultKind> {
        let mut struck = None;
        for fault in &mut self.armed {
            if !fault.concerns(operation, body) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
            } else if struck.is_none() && fault.times > 0 {
                fault.times -= 1;
                struck = Some(fault.kind.clone());
            }
        }
        self.armed.retain(|fault| fault.times > 0);
        self.strikes += usize::from(struck.is_some());
        struck
    }
}

fn once() -> usize {
    1
}

fn millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATE: &str = "CreateIdentityPool";

    #[test]
    fn a_fault_skips_then_strikes_then_is_spent() {
        let mut faults = Faults::default();
        faults.arm(Fault::on(CREATE, FaultKind::Throttle).skip(1).times(2));

        let struck: Vec<bool> = (0..4)
            .map(|_| faults.strike(CREATE, "").is_some())
            .collect();
        assert_eq!(struck, [false, true, true, false]);
    }

    #[test]
    fn a_fault_leaves_other_operations_and_other_bodies_alone() {
        let mut faults = Faults::default();
        faults.arm(Fault::on(CREATE, FaultKind::Throttle).containing("shop"));

        assert_eq!(faults.strike("DeleteIdentityPool", "shop"), None);
        assert_eq!(faults.strike(CREATE, "blog"), None);
        assert_eq!(faults.strike(CREATE, "shop"), Some(FaultKind::Throttle));
    }

    #[test]
    fn two_faults_strike_one_call_after_the_other() {
        let mut faults = Faults::default();
        faults.arm(Fault::on(CREATE, FaultKind::CutBody));
        faults.arm(Fault::on("*", FaultKind::ResetBefore));

        assert_eq!(faults.strike(CREATE, ""), Some(FaultKind::CutBody));
        assert_eq!(faults.strike(CREATE, ""), Some(FaultKind::ResetBefore));
        assert_eq!(faults.strike(CREATE, ""), None);
    }
}
