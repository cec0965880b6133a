//! A fake of Amazon Cognito identity pools, and of the STS calls around them.
//!
//! An HTTP server that speaks JSON 1.1 as AWS does, for any SDK. It is
//! faithful where emulators are not: `UpdateIdentityPool` replaces the whole
//! pool, there is one tag store, names are not unique and creates have no
//! token, inputs are validated with AWS's error codes, late signatures are
//! refused. Whatever can go wrong with a call can be made to go wrong with
//! [`FakeCognito::inject`]. A journal tells what arrived, and monitors watch
//! promises that no test may see broken ([`FakeCognito::assert_sound`]).
//!
//! A call runs through `server` (bytes) → `wire` (protocol) → `service`
//! (faults and delays) → `world` (admission and execution) →
//! `operations`. What a call needs of IAM stands in `authorization`, what a policy allows in
//! `policy`. Only `service` waits; only `world` and below know state.

mod authorization;
mod control;
mod error;
mod faults;
mod handle;
mod journal;
mod model;
mod monitor;
mod operations;
mod policy;
mod pools;
mod semantics;
mod server;
mod service;
mod sessions;
mod settings;
mod signature;
#[cfg(test)]
mod tests;
mod throttle;
mod validate;
mod wire;
mod world;

pub use faults::{Fault, FaultKind};
pub use handle::{Builder, FakeCognito};
pub use journal::{Call, Outcome};
pub use policy::Policy;
pub use sessions::{AssumableRole, Session};
pub use settings::{Settings, UpdateMode};

/// The control endpoint, described for `--help`.
pub const CONTROL_HELP: &str = control::HELP;
