//! The proxy before a real apiserver, seen by a plain client that knows nothing of it.

mod requests;
mod scene;
mod time;
mod watches;
