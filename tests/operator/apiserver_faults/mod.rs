//! The apiserver fails in every way that networks, overload and stale replicas know, and every
//! object still ends with exactly one pool, or with none once it is deleted.
//!
//! Each table plays its cases side by side, each in a world of its own. A case that fails prints
//! the command that plays it alone.

mod late;
mod lease;
mod lessons;
mod repeats;
mod stale;
mod table;
mod watches;
mod world;
mod writes;
