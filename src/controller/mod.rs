//! The Kubernetes shell: watches, queue, facts in, moves out.
//!
//! It decides nothing. `reconcile` is the only loop: it shows the facts to
//! [`crate::pool::next()`], carries out the move, and adds what came of it. If
//! something here seems to need a decision, the core lacks a fact or a move.

mod act;
mod class_keeper;
mod class_status;
mod class_watch;
mod classes;
mod client;
mod clock;
mod context;
mod departed;
mod existence;
mod exports;
mod followed;
mod follower;
mod leadership;
mod listing;
mod memories;
pub mod objects;
mod orphans;
mod publish;
mod reconcile;
mod references;
mod run;
mod sentence;
mod standby;
mod stream;
mod touched;
mod watch;

pub use classes::ClassScope;
pub use client::{careful_client, election_client};
pub use leadership::Candidacy;
pub(crate) use publish::file_one as file_event;
pub use run::{Controller, Error, Options, Scope};
pub use sentence::sentence;
