//! What AWS does with a call, and what it may never be asked to do.

use identity_pool_operator::api::names::OWNER_TAG;
use identity_pool_operator::pool::call::{Answer, Call, Failure, FailureKind, Operation};
use identity_pool_operator::pool::settings::{Observed, PoolId};

use super::events::Event;
use super::print::Printed;
use super::scene::Scene;
use super::state::{Breach, InFlight, Outcome, Pool, owner};

/// How far a signature may be from AWS's clock.
pub(crate) const SIGNATURE: i64 = 300;
/// How long a list may lack a new pool.
pub(crate) const LAG: u32 = 60;
/// A pool that somebody else made.
pub(crate) const FOREIGN: &str = "eu-west-1:foreign";

pub(crate) fn failure(operation: Operation, kind: FailureKind) -> Failure {
    Failure {
        operation,
        kind,
        code: format!("{kind:?}"),
        message: "as the model wants it".into(),
        request_id: None,
    }
}

impl Scene<'_> {
    /// A call that changes something reaches AWS.
    pub(crate) fn arrive(&mut self, place: usize) {
        let call = self.state.wire[place].clone();
        let outcome = self.execute(&call.call, call.uid);
        self.say(|_| format!("AWS carries out {}: {}", told(&call), answered(&outcome)));
        if !call.awaited && call.claim().is_some() && outcome.is_ok() {
            self.note(Event::ArrivedLate);
        }
        if call.awaited {
            self.state.wire[place].outcome = Some(Printed::of(outcome));
        } else {
            self.state.wire.remove(place);
        }
    }

    /// Carries out a call that is sent for the object of this uid.
    pub(crate) fn execute(&mut self, call: &Call, uid: u8) -> Outcome {
        if let Call::CreateIdentityPool { settings, tags, .. } = call {
            self.note(Event::Created);
            self.state.serial += 1;
            let seen = Observed {
                id: PoolId::new(format!("eu-west-1:{}", self.state.serial)),
                settings: settings.clone(),
                tags: tags.clone(),
            };
            self.state.pools.push(Pool {
                serial: self.state.serial,
                listed_by: self.state.clock + LAG,
                seen: Printed::of(seen.clone()),
            });
            return Ok(Answer::Pool(seen));
        }
        let id = call.pool().expect("a call about a pool");
        let Some(place) = self.state.pools.iter().position(|pool| pool.seen.id == *id) else {
            return Err(failure(call.operation(), FailureKind::NotFound));
        };
        if call.operation().mutates() && !self.state.pools[place].is_of(uid) {
            self.breach(Breach::ForeignWrite);
        }
        match call {
            Call::DescribeIdentityPool { .. } => {
                Ok(Answer::Pool((*self.state.pools[place].seen).clone()))
            }
            Call::ListIdentities { .. } => Ok(Answer::HasIdentities(false)),
            Call::UpdateIdentityPool { settings, tags, .. } => {
                let seen = Observed {
                    id: id.clone(),
                    settings: settings.clone(),
                    tags: tags.clone(),
                };
                if tags.get(OWNER_TAG) != Some(&owner(uid)) {
                    self.breach(Breach::LostOwnerTag);
                }
                self.note(Event::Renamed);
                self.state.pools[place].seen = Printed::of(seen.clone());
                Ok(Answer::Pool(seen))
            }
            Call::DeleteIdentityPool { .. } => {
                self.judge_deletion(uid);
                self.note(Event::DeletedPool);
                self.state.pools.remove(place);
                Ok(Answer::Done)
            }
            Call::CreateIdentityPool { .. }
            | Call::ListIdentityPools { .. }
            | Call::TagResource { .. }
            | Call::UntagResource { .. }
            | Call::GetIdentityPoolRoles { .. }
            | Call::SetIdentityPoolRoles { .. }
            | Call::GetPrincipalTagAttributeMap { .. }
            | Call::SetPrincipalTagAttributeMap { .. } => {
                unreachable!("no scenario leads to {}", call.operation().as_str())
            }
        }
    }

    /// Nothing is deleted whose object stays; but a restore may bring an object back that was
    /// seen going.
    fn judge_deletion(&mut self, uid: u8) {
        let stays = |object: &Printed<super::etcd::Object>| object.uid == uid && !object.going;
        let restored = self.world.scenario.tokens.restores > self.state.tokens.restores;
        if !restored && self.state.etcd.object.as_ref().is_some_and(stays) {
            self.breach(Breach::LivingDeleted);
        }
    }

    /// What time does to calls and lists.
    pub(crate) fn time_passes(&mut self, seconds: u32) {
        self.state.clock += seconds;
        let clock = self.state.clock;
        for pool in &mut self.state.pools {
            if pool.listed_by <= clock {
                pool.listed_by = 0;
            }
        }
        self.drop_expired();
    }

    /// Calls whose sender is gone and that AWS would refuse.
    pub(crate) fn drop_expired(&mut self) {
        let state = &self.state;
        if state
            .wire
            .iter()
            .all(|call| call.awaited || state.is_honoured(call))
        {
            return;
        }
        let (kept, expired): (Vec<_>, Vec<_>) = state
            .wire
            .iter()
            .cloned()
            .partition(|call| call.awaited || state.is_honoured(call));
        self.state.wire = kept;
        for call in expired {
            self.note(Event::Expired);
            self.say(|_| format!("AWS would refuse {} from now on", told(&call)));
        }
    }
}

/// A call in a trace.
pub(crate) fn told(call: &InFlight) -> String {
    let about = match (call.claim(), call.call.pool()) {
        (Some(claim), _) => format!("under claim {}", short(&claim.to_string())),
        (None, Some(id)) => format!("of {id}"),
        (None, None) => String::new(),
    };
    format!(
        "{}'s {} {about} (for u{}, signed t={})",
        super::scene::name(call.process),
        call.call.operation().as_str(),
        call.uid,
        call.signed
    )
}

/// An answer of AWS in a trace.
pub(crate) fn answered(outcome: &Outcome) -> String {
    match outcome {
        Ok(Answer::Pool(pool)) => {
            let owner = pool.tags.get(OWNER_TAG).map_or("nobody", String::as_str);
            format!("pool {} of {owner}", pool.id)
        }
        Ok(answer) => format!("{answer:?}"),
        Err(failure) => format!("{:?}", failure.kind),
    }
}

/// The end of a claim id tells it from the others.
pub(crate) fn short(claim: &str) -> &str {
    &claim[claim.len() - 4..]
}
