//! The pure core: what is desired, what is observed, and the next move.
//!
//! No async, no clock, no randomness, no client: time and random draws come in
//! with the [`facts::Facts`]. The code here is the code that runs and the code
//! that tests and model checkers drive; there is no second copy of the protocol.

pub mod access;
mod adopt;
mod advice;
pub mod call;
pub mod claim;
pub mod class;
pub mod class_report;
mod create;
mod deletion;
pub mod export;
pub mod facts;
mod grants;
mod guardrails;
mod locate;
pub mod memory;
pub mod moves;
pub mod next;
pub mod notes;
pub mod orphans;
pub mod ownership;
mod pattern;
pub mod plan;
pub mod recall;
mod redaction;
mod references;
pub mod resolve;
pub mod rest;
mod revocation;
pub mod settings;
pub mod sources;
pub mod status;
mod suspects;
mod time;
pub mod trust;
pub mod urgency;

pub use facts::Facts;
pub use moves::{Move, Seen};
pub use next::next;
pub use urgency::urgency;
