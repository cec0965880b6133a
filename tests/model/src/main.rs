//! The shipped core under a model checker.
//!
//! The checker explores every order in which the operator's processes, the apiserver, AWS,
//! people and faults can act, within the bounds of a scenario. What a process does is
//! `identity_pool_operator::pool::next`, the function that runs in production: there is no
//! second copy of the protocol here. What surrounds it is modelled as its contract says.

mod actions;
#[path = "../../shared/apiserver.rs"]
#[expect(dead_code, reason = "the core's own tests use all of it")]
mod apiserver;
mod aws;
mod bounds;
mod calm;
mod check;
mod core;
mod etcd;
mod events;
mod exposure;
mod print;
mod process;
mod proofs;
mod rules;
mod scenarios;
mod scene;
mod state;
mod trace;
