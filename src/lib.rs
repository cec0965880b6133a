//! A Kubernetes operator for Amazon Cognito identity pools.
//!
//! Dependencies point one way: `cli` wires; `controller` and `aws` carry out what
//! `pool` decides; `pool` knows the types of `api`; `api` knows nobody.
//! `telemetry` is told by all but the last two.

pub mod api;
pub mod aws;
pub mod cli;
pub mod controller;
pub mod pool;
pub mod telemetry;
