//! The claim: the intent to create a pool, on record before anything is sent.
//!
//! `CreateIdentityPool` has no idempotency token, so a blind repeat makes a second
//! pool. A claim on the object says "a call may be under way since this instant,
//! to this account and region". Only the process that wrote it may send under it,
//! and only for [`SEND_FENCE`]; everybody else searches, and treats the claim as
//! settled only when no copy of the call can take effect any more.
//!
//! Where AWS clearly refused, or nothing was sent, the claim is marked void before the
//! pass ends, so that no other process has to wait for what cannot come.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::time;

/// A claim not sent by then is given up for a new one. Long enough for a slow
/// apiserver, short against the 5 minutes for which AWS honours a signature.
pub const SEND_FENCE: Duration = Duration::from_secs(20);

/// Beyond this distance between AWS's clock and ours nothing is created: the
/// settle window allows for 60 s between any two of the three clocks.
pub const MAX_CLOCK_OFFSET: SignedDuration = SignedDuration::from_secs(30);

/// How far from its own clock AWS honours a signature (Signature Version 4).
pub const SIGNATURE_WINDOW: Duration = Duration::from_secs(300);

/// For this long after its claim a pool that AWS does not show is thought late,
/// not gone: reading one's own creation is undocumented, if usual.
pub const VISIBLE_WITHIN: Duration = Duration::from_mins(1);

/// A claim this far ahead of our clock can come from a replica whose clock is off
/// by less than [`MAX_CLOCK_OFFSET`], as ours may be the other way.
const MAX_AHEAD: Duration = Duration::from_mins(1);

/// The claim as it stands in the annotation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// `UUIDv7`: unique, and carries the instant of the claim.
    pub id: Uuid,
    /// Uid of the object. A restored copy has another, and its claim counts for nothing.
    pub uid: String,
    /// Account that the pool is made in. Frozen from here on.
    pub account_id: String,
    /// Region that the pool is made in. Frozen from here on.
    pub region: String,
    /// Why nothing came of it and nothing can: AWS's error code, or `NotSent`. An earlier
    /// version, which does not know this field, waits as for any other claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<String>,
    /// Whether the pool was taken over, not made: no create call was sent under this claim.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
}

impl Claim {
    /// When it was made, by the clock of its maker.
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        time_of(self.id)
    }

    /// The text for the annotation.
    ///
    /// # Errors
    /// None in practice: a claim is plain strings.
    pub fn to_annotation(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

/// What an object's annotation is worth.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reading {
    /// There is none.
    Absent,
    /// One that no process of ours can have written for this object just so:
    /// malformed, from the future, or another object's. With its time, if it has one
    /// and is about this object: a clock that was wrong may have written it.
    Untrusted(Option<Timestamp>),
    /// A claim, and when it was made.
    Trusted(Claim, Timestamp),
    /// A claim under which certainly nothing was made and nothing will be.
    Void(Claim),
}

/// Reads an annotation.
#[must_use]
pub fn read(annotation: Option<&str>, uid: &str, now: Timestamp) -> Reading {
    let Some(text) = annotation else {
        return Reading::Absent;
    };
    let Ok(claim) = serde_json::from_str::<Claim>(text) else {
        return Reading::Untrusted(None);
    };
    match claim.time() {
        Some(at) if claim.uid == uid && at <= time::after(now, MAX_AHEAD) => {
            if claim.void.is_some() {
                return Reading::Void(claim);
            }
            Reading::Trusted(claim, at)
        }
        at => Reading::Untrusted(at.filter(|_| claim.uid == uid)),
    }
}

/// The instant inside a `UUIDv7`.
pub(super) fn time_of(id: Uuid) -> Option<Timestamp> {
    if id.get_version_num() != 7 {
        return None;
    }
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim() -> (Claim, Timestamp) {
        let claim = Claim {
            id: Uuid::now_v7(),
            uid: "u1".into(),
            account_id: "123456789012".into(),
            region: "eu-west-1".into(),
            void: None,
            adopted: false,
        };
        let at = claim.time().expect("v7");
        (claim, at)
    }

    #[test]
    fn a_claim_survives_its_annotation() {
        let (claim, at) = claim();
        let text = claim.to_annotation().expect("text");
        assert_eq!(read(Some(&text), "u1", at), Reading::Trusted(claim, at));
    }

    #[test]
    fn no_annotation_is_no_claim() {
        assert_eq!(read(None, "u1", Timestamp::now()), Reading::Absent);
    }

    #[test]
    fn a_void_claim_is_told_from_a_live_one() {
        let (claim, at) = claim();
        let void = Claim {
            void: Some("LimitExceededException".into()),
            ..claim
        };
        let text = void.to_annotation().expect("text");
        assert_eq!(read(Some(&text), "u1", at), Reading::Void(void));
    }

    #[test]
    fn what_we_cannot_have_written_is_not_trusted() {
        let (claim, at) = claim();
        let text = claim.to_annotation().expect("text");
        let random = Claim {
            id: Uuid::nil(),
            ..claim
        }
        .to_annotation()
        .expect("text");
        let long_before =
            time::until(Timestamp::UNIX_EPOCH, at).saturating_sub(Duration::from_secs(61));
        let early = time::after(Timestamp::UNIX_EPOCH, long_before);
        // Its time counts only where it is about this object: that may be a clock that was wrong.
        for (what, annotation, uid, now, time) in [
            ("malformed", "{", "u1", at, None),
            ("empty", "", "u1", at, None),
            ("of another object", text.as_str(), "u2", at, None),
            ("from the future", text.as_str(), "u1", early, Some(at)),
            ("without a time", random.as_str(), "u1", at, None),
        ] {
            let reading = read(Some(annotation), uid, now);
            assert_eq!(reading, Reading::Untrusted(time), "{what}");
        }
    }
}
