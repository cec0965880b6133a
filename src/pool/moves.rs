//! What the core can ask for, and what can come back. The two lists read as a table.
//!
//! A shell carries out a [`Move`] and answers with the [`Seen`] of the same place.
//! A failure is something seen like any other.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::call::{Answer, Call, Failure};
use super::claim::Claim;
use super::export;
use super::notes::Note;
use super::ownership::Owned;
use super::rest::Rest;
use super::settings::PoolId;
use super::sources::{Findings, Source};
use crate::api::{IdentityPool, IdentityPoolStatus};

/// The next thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Move {
    /// Read the object from the apiserver itself, not from a cache.
    ReadObject,
    /// Read the values that the object takes from others of its namespace, and follow them.
    ReadReferences(BTreeSet<Source>),
    /// Wait for a token of the write budget and keep it for the next call that changes something.
    Reserve,
    /// Patch finalizer and claim into the metadata, tested on uid and resourceVersion.
    WriteClaim(Claim),
    /// Find pools with our owner tag, in lists begun after this instant.
    Search {
        /// Lists begun at or before it do not count.
        after: Timestamp,
    },
    /// Find pools by their name.
    FindByName {
        /// The name in AWS.
        name: String,
        /// Among which pools.
        which: Which,
    },
    /// Ask AWS.
    Call(Call),
    /// Write status, tested on uid and resourceVersion, and tell of it where it is news.
    WriteStatus {
        /// The whole of it.
        status: Box<IdentityPoolStatus>,
        /// The Event that goes with it.
        note: Option<Note>,
    },
    /// Read a `ConfigMap` of this name in the object's namespace.
    ReadExport(String),
    /// Write a `ConfigMap`.
    WriteExport(export::Write),
    /// Patch our finalizer away, tested on uid and resourceVersion.
    DropFinalizer,
    /// End the pass.
    Rest(Box<Rest>),
}

impl Move {
    /// Whether only the leader may begin it: what changes AWS, and the claim that
    /// announces such a change, since a claim that nobody follows up costs a settle window.
    /// A `ConfigMap` is written by the version that was read, so a late write loses nothing.
    pub(super) const fn needs_a_term(&self) -> bool {
        match self {
            Self::WriteClaim(_) => true,
            Self::Call(call) => call.operation().mutates(),
            Self::ReadObject
            | Self::ReadReferences(_)
            | Self::Reserve
            | Self::Search { .. }
            | Self::FindByName { .. }
            | Self::WriteStatus { .. }
            | Self::ReadExport(_)
            | Self::WriteExport(_)
            | Self::DropFinalizer
            | Self::Rest(_) => false,
        }
    }
}

/// Among which pools one is looked for by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All that a list shows which was begun after this instant.
    All {
        /// Lists begun at or before it do not count.
        after: Timestamp,
    },
    /// Those that no other object records, in the latest list that is at hand.
    Unrecorded,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Seen {
    /// The object; `None` when it is gone or another object has its name.
    Object(Result<Option<Arc<IdentityPool>>, Trouble>),
    /// What stands where the values come from.
    References(Result<Findings, String>),
    /// A token is kept.
    Reserved,
    /// No token came for a long time, of a reservation or of a call, which was not sent. The place
    /// in the line is kept for who asks again.
    Crowded,
    /// A person changed the object while a token was waited for, of a reservation or of a call,
    /// which was not sent. The place in the line is kept for what is as urgent.
    Overtaken,
    /// The object with the claim.
    ClaimWritten(Claim, Result<Arc<IdentityPool>, Trouble>),
    /// What a search found.
    Searched(Result<Search, Failure>),
    /// The pools of a name.
    Named(Result<Vec<PoolId>, Failure>),
    /// What AWS answered.
    Answered(Box<Call>, Result<Answer, Failure>),
    /// The object with the new status.
    StatusWritten(Result<Arc<IdentityPool>, Trouble>),
    /// The `ConfigMap` of that name, if there is one.
    ExportRead(String, Result<Option<export::Found>, export::Refusal>),
    /// What came of that write.
    ExportWritten(export::Write, Result<(), export::Refusal>),
    /// The finalizer is gone.
    FinalizerDropped(Result<(), Trouble>),
}

/// An answer to a search.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Search {
    /// When the full list began that it rests on; `None` for an answer from memory,
    /// which is a hint where to look and no evidence that there is nothing else.
    pub list_began: Option<Timestamp>,
    /// The pools that bear our owner tag.
    pub found: Vec<Owned>,
}

/// What the apiserver can answer besides yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The object has changed since it was read.
    Stale,
    /// The object is gone, or another object has its name.
    Gone,
    /// Anything else: the write may or may not have taken effect.
    Failed(String),
}
