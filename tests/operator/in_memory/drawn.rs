//! What is drawn: who writes what, and on what it rests.

use identity_pool_operator::api::names::FINALIZER;
use identity_pool_operator::api::{IdentityPoolSpec, IdentityPoolStatus, Managed};
use identity_pool_operator::pool::claim::Claim;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use uuid::Uuid;

use crate::rig::{ACCOUNT, REGION};

/// A controller beside ours.
const OTHER: &str = "example.com/other";

/// Whose write it is, and on what it rests.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Create(Box<IdentityPoolSpec>),
    /// A person's, on whatever is there.
    Blindly(Write),
    /// The operator's, on the object as it was so many looks ago.
    On(usize, Write),
}

#[derive(Clone, Debug)]
pub(super) enum Write {
    Claim(Box<Claim>),
    Status(Box<IdentityPoolStatus>),
    DropFinalizer,
    Spec(Box<IdentityPoolSpec>),
    Annotate(Option<String>),
    Strip,
    Finalizers(Vec<&'static str>),
    Erase,
    Delete,
}

impl Step {
    pub(super) fn name(&self) -> &'static str {
        let write = match self {
            Self::Create(_) => return "create",
            Self::Blindly(write) | Self::On(_, write) => write,
        };
        match write {
            Write::Claim(_) => "claim",
            Write::Status(_) => "status",
            Write::DropFinalizer => "drop finalizer",
            Write::Spec(_) => "spec",
            Write::Annotate(_) => "annotate",
            Write::Strip => "strip",
            Write::Finalizers(_) => "finalizers",
            Write::Erase => "erase",
            Write::Delete => "delete",
        }
    }
}

/// The next step; claims are of the object with this uid.
pub(super) fn step(random: &mut fastrand::Rng, uid: &str) -> Step {
    let back = [0, 0, 0, 1, 2, 7][random.usize(..6)];
    match random.u8(..20) {
        0..=2 => Step::Create(Box::new(spec(random))),
        3..=5 => Step::On(back, Write::Claim(Box::new(claim(random, uid)))),
        6..=9 => Step::On(back, Write::Status(Box::new(status(random)))),
        10 | 11 => Step::On(back, Write::DropFinalizer),
        12 | 13 => Step::Blindly(Write::Spec(Box::new(spec(random)))),
        14 => {
            let at = random.bool().then(|| random.u8(..2).to_string());
            Step::Blindly(Write::Annotate(at))
        }
        15 => Step::Blindly(Write::Strip),
        16 => {
            let sets: [&[&'static str]; 4] = [&[], &[OTHER], &[FINALIZER], &[FINALIZER, OTHER]];
            Step::Blindly(Write::Finalizers(sets[random.usize(..4)].to_vec()))
        }
        17 => Step::Blindly(Write::Erase),
        _ => Step::Blindly(Write::Delete),
    }
}

fn spec(random: &mut fastrand::Rng) -> IdentityPoolSpec {
    IdentityPoolSpec {
        identity_pool_name: random.bool().then(|| "shop".to_owned()),
        allow_unauthenticated_identities: random.bool(),
        ..IdentityPoolSpec::default()
    }
}

fn claim(random: &mut fastrand::Rng, uid: &str) -> Claim {
    Claim {
        // One of few, so that it is also written again.
        id: Uuid::from_u128(u128::from(random.u8(..3))),
        uid: uid.to_owned(),
        account_id: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        void: random.bool().then(|| "NotSent".to_owned()),
        adopted: false,
    }
}

fn status(random: &mut fastrand::Rng) -> IdentityPoolStatus {
    let ready = Condition {
        type_: "Ready".to_owned(),
        status: ["True", "False"][random.usize(..2)].to_owned(),
        reason: "Drawn".to_owned(),
        message: String::new(),
        observed_generation: Some(1),
        last_transition_time: Time(Timestamp::UNIX_EPOCH),
    };
    let managed = Managed {
        roles: true,
        ..Managed::default()
    };
    IdentityPoolStatus {
        observed_generation: Some(random.i64(1..3)),
        identity_pool_id: random.bool().then(|| format!("{REGION}:1")),
        conditions: random.bool().then_some(ready).into_iter().collect(),
        managed: random.bool().then_some(managed),
        ..IdentityPoolStatus::default()
    }
}
