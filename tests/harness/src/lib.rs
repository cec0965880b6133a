//! What the tests of identity-pool-operator run against.
//!
//! [`control_plane`] starts a real etcd and kube-apiserver, [`proxy`] stands before it and makes it
//! fail, [`cognito`] is a fake Amazon Cognito of our own, and [`ministack`] starts a fake AWS by
//! others. [`node`] is a whole cluster with a kubelet, in namespaces of its own. Everything else listens on free loopback ports and is gone when its owner is, so that any
//! number of tests run at once. No part of the operator.

mod cache;
pub mod causes;
pub mod cognito;
pub mod control_plane;
mod deadline;
pub mod files;
pub mod image;
mod janitor;
pub mod ministack;
pub mod node;
pub mod operator;
pub mod ports;
pub mod process;
mod progress;
pub mod project;
pub mod proxy;
pub mod python;
pub mod scratch;
pub mod seam;
pub mod shell;
pub mod tools;
pub mod usage;
