//! The fake, seen over the wire by a client that shares no code with it.

mod access;
mod account;
mod client;
mod conformance;
mod control;
mod faults;
mod monitors;
mod policies;
