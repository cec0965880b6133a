//! Who of several replicas works: a Lease by client-go's rules, as a pure state machine.
//!
//! No clock, no client: what the apiserver said comes in with its instant, what to ask
//! it next comes out. The rules:
//!
//! - Another's lease is over when this process has seen no new version of it for as
//!   long as it promises, by the monotonic clock of this process. The times inside a
//!   lease come from other clocks; they are for people and are never compared.
//! - Every write carries the resourceVersion that was seen: who is late gets a conflict.
//! - A term counts from before the write that won or renewed it was sent, and ends
//!   while everybody else must still believe in the lease.
//! - A term that is lost is never won back by the same process: it ends.
//!
//! A lease is advice, not a fence: AWS does not know it. It saves work, and nothing
//! else may rest on it.

pub mod candidate;
pub mod term;
pub mod timing;

pub use candidate::{Candidate, Loss, Now, Step};
pub use term::Term;
pub use timing::Timing;
