//! The API promises: what is refused is refused with a sentence that helps, what AWS allows is
//! accepted, and the operator's own check says the same as a real apiserver.
//!
//! `tests/manifests` is the list of both; `corpus` tells how its files are read.

mod apiserver;
mod corpus;
mod generated;
mod offline;
