//! A Kubernetes operator for Amazon Cognito identity pools.
//!
//! Dependencies point one way: `cli` wires; `controller` and `aws` carry out what
//! `pool` decides, while `election` decides who carries it out; `pool` knows the types of
//! `api`; `api` and `election` know nobody. `telemetry` is told by all but these three.

pub mod api;
pub mod aws;
pub mod cli;
pub mod controller;
pub mod election;
pub mod pool;
pub mod telemetry;
