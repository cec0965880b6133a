//! Everything that knows AWS: the port, its SDK adapter, the request budget, the census.
//!
//! Knows nothing of Kubernetes and decides nothing about a pool's life.

mod bucket;
pub mod budget;
pub mod census;
mod clock;
pub mod cognito;
mod convert;
pub mod error;
pub mod identity;
pub mod paced;
pub mod port;
pub mod region;
