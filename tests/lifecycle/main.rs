//! The promises of the core, without cluster and AWS: facts in, moves out.

mod access;
mod adoption;
#[path = "../shared/apiserver.rs"]
mod apiserver;
mod attacks;
mod budget;
mod classes;
mod classes_roles;
mod creation;
mod deletion;
mod drift;
mod export;
mod hostile;
mod late;
mod leadership;
mod order;
mod outside;
mod plan;
mod references;
mod storm;
mod transitions;
mod world;
