//! A reverse proxy between a client and a real kube-apiserver that does to the conversation what
//! networks, overloaded servers and stale replicas do.
//!
//! Everything that is not disturbed is the apiserver's own answer, so a test meets real conflicts,
//! real watches and real revisions. What goes wrong is armed with [`FaultProxy::inject`] and strikes
//! the requests or watch events that it names, in order, a stated number of times: nothing here is
//! left to chance. [`FaultProxy::freeze`] stops time for reads. A journal tells what was asked.
//!
//! A request runs through `server` (connections) → `service` (faults, journal) → `upstream` or
//! `past` (the apiserver, now or as it was) → `watch`, if it is one → `body` (how bytes arrive).
//!
//! Limits: HTTP/1.1 without TLS towards the client, JSON only, no upgrades (exec, attach).

mod body;
mod fault;
mod gate;
mod handle;
mod journal;
mod matching;
mod past;
mod server;
mod service;
mod target;
#[cfg(test)]
mod tests;
mod upstream;
mod watch;

pub use fault::{Armed, Effect, Ending, Fault, Refusal};
pub use handle::{Error, FaultProxy};
pub use journal::Entry;
pub use matching::Matching;
pub use target::{Target, Verb};
