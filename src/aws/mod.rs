//! Everything that knows AWS: the port, its SDK adapter, the request budget, the census.
//!
//! A call goes through [`paced`] (may it be sent yet?) and [`cognito`] (sent once,
//! within its deadline) and comes back in the words of `pool::call`. [`census`]
//! answers which pools there are and whose, from as few calls as can be; [`region`]
//! holds one of each per account and
//! region, and [`way`] is as whom they are asked. Knows nothing of Kubernetes and decides nothing
//! about a pool's life.

mod access;
mod bucket;
pub mod budget;
pub mod cap;
pub mod census;
mod clock;
pub mod cognito;
mod complete;
mod convert;
pub mod error;
pub mod identity;
mod owners;
pub mod paced;
pub mod policy;
pub mod port;
mod queue;
pub mod region;
#[cfg(test)]
mod scripted;
pub mod session;
pub mod settings;
mod sweeps;
mod unsent;
pub mod way;
