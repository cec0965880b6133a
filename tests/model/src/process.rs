//! What a process does: it begins a pass, asks the core, carries out the move, and rests.

use identity_pool_operator::api::names::CLAIM_ANNOTATION;
use identity_pool_operator::pool::call::{Answer, Call, FailureKind, Operation};
use identity_pool_operator::pool::claim::Claim;
use identity_pool_operator::pool::memory::{Arrival, Fate, Memory};
use identity_pool_operator::pool::moves::{Search, Trouble, Which};
use identity_pool_operator::pool::ownership::Owned;
use identity_pool_operator::pool::rest::{Outcome as End, Rest};
use identity_pool_operator::pool::settings::PoolId;
use identity_pool_operator::pool::{Move, Seen};
use jiff::Timestamp;

use super::aws::{FOREIGN, answered, failure, short, told};
use super::bounds::{Mutant, World};
use super::core::{Heard, later, time};
use super::etcd::{Object, Test, Write, status_print};
use super::events::Event;
use super::print::{Printed, print_of};
use super::scene::{Scene, name};
use super::state::{Breach, InFlight, Known, Outcome, Pass, Pool, Record, State, claim_of, owner};

/// What befalls the move of a process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Twist {
    None,
    /// The list misses this pool.
    Shifted(u8),
    /// The apiserver does not answer, and has carried it out, or has not.
    Unanswered(bool),
}

impl World {
    /// What the core asks for next in the pass of a process.
    pub(crate) fn asked(&self, state: &State, process: usize) -> Printed<Move> {
        let pass = state.processes[process].pass.as_ref();
        let facts = &pass.expect("a pass is under way").facts;
        self.core.ask(facts, state.asking(process))
    }
}

impl Scene<'_> {
    fn asked(&self, process: usize) -> Printed<Move> {
        self.world.asked(&self.state, process)
    }

    /// A pass begins with a version of the object.
    pub(crate) fn begin(&mut self, process: usize, object: &Printed<Object>) {
        let at = self.state.instant(process);
        let known = &mut self.state.processes[process].known;
        let known = known
            .entry(object.uid)
            .or_insert_with(|| Known::new(Arrival::Listed));
        let memory = known.memory.clone();
        let meddled = known.said.is_some_and(|said| said != object.status);
        if !meddled {
            known.said = Some(object.status);
        }
        // From here on the object counts as dealt with, even if the pass is broken off.
        known.memory = Printed::of(Memory {
            handled: true,
            ..(*memory).clone()
        });
        let shown = |id: &String| {
            let mut pools = self.state.pools.iter();
            pools.any(|pool| pool.is_listed() && pool.seen.id.as_str() == id)
        };
        let missing = object.pool.as_ref().is_some_and(|id| !shown(id));
        let facts = self
            .world
            .core
            .begin(&object.whole, &memory, missing, meddled, at);
        self.state.processes[process].pass = Some(Pass {
            facts,
            object: object.clone(),
            waits: None,
            stopped: None,
            hairs: 0,
        });
        self.say(|_| {
            format!(
                "{}  begins a pass with u{}, version {} ({})",
                name(process),
                object.uid,
                object.version,
                object.ready
            )
        });
        self.settle(process);
    }

    /// Moves that touch nothing outside the process follow at once.
    fn settle(&mut self, process: usize) {
        loop {
            let mv = self.asked(process);
            match &*mv {
                Move::Reserve => self.learn(process, Heard::of(Seen::Reserved, 1)),
                Move::Rest(rest) => return self.end(process, rest),
                _ => return,
            }
        }
    }

    fn learn(&mut self, process: usize, heard: Heard) {
        let begun = self.pass(process).waits;
        let now = self.state.asking(process);
        let mut at = now;
        if let Some((clock, drawn)) = begun {
            at.clock = clock;
            at.drawn = drawn;
        }
        let pass = self.pass(process);
        let hairs = pass.hairs + 1;
        let facts = self.world.core.learn(&pass.facts, heard, at, (now, hairs));
        let pass = self.pass_mut(process);
        pass.hairs = hairs;
        pass.facts = facts;
        pass.waits = None;
    }

    /// What was seen is learned, and the process goes on.
    fn hear(&mut self, process: usize, heard: Heard) {
        self.learn(process, heard);
        self.settle(process);
    }

    fn end(&mut self, process: usize, rest: &Rest) {
        let pass = self.state.processes[process].pass.take();
        let object = pass.expect("a pass is under way").object;
        self.say(|_| {
            let detail = rest.detail.as_deref().unwrap_or_default();
            format!("{}  rests: {:?}. {detail}", name(process), rest.outcome)
        });
        let known = self.state.processes[process].known.entry(object.uid);
        let known = known.or_insert_with(|| Known::new(Arrival::Listed));
        let Some(memory) = &rest.memory else {
            *known = Known::new(Arrival::Listed);
            return;
        };
        // A pause saves work: nothing may depend on it, so it can end at any time.
        let mut memory = Memory {
            hold: None,
            failures: 0,
            ..memory.clone()
        };
        let lists = known.memory.lists;
        if lists != memory.lists {
            memory.relisted();
            memory.lists = lists;
        }
        known.memory = Printed::of(memory);
        if matches!(rest.outcome, End::Applied | End::Unchanged) {
            known.said = Some(object.status);
        }
    }

    /// One move of a process that waits for nothing.
    pub(crate) fn step(&mut self, process: usize, twist: Twist) {
        let asked = self.asked(process);
        let object = self.pass(process).object.clone();
        if self
            .state
            .etcd
            .object
            .as_ref()
            .is_some_and(|now| now.uid != object.uid)
        {
            self.note(Event::PassOfAnother);
        }
        match &*asked {
            Move::Reserve | Move::Rest(_) => self.settle(process),
            Move::ReadObject => self.read_object(process, twist),
            Move::WriteClaim(claim) => self.write_claim(process, claim, twist),
            Move::WriteStatus { status, .. } => {
                let write = Write::Status(status);
                self.note_find(process, status.identity_pool_id.as_deref());
                if object.going && ready(status) == "False/Settling" {
                    self.note(Event::WaitedToGo);
                }
                let said = status_print(Some(status));
                let known = &mut self.state.processes[process].known;
                if let Some(known) = known.get_mut(&object.uid) {
                    known.said = Some(said);
                }
                let done = self.ask_apiserver(process, Test::UidAndVersion, &write, twist);
                self.say(|_| {
                    let pool = status.identity_pool_id.as_deref().unwrap_or("none");
                    let what = format!("writes status ({}, pool {pool})", ready(status));
                    format!("{}  {what}: {}", name(process), told_write(&done))
                });
                let heard = written(
                    done,
                    |seen| {
                        Seen::StatusWritten(seen.map(|object| {
                            object
                                .expect("a status does not remove an object")
                                .whole
                                .arc()
                        }))
                    },
                    2,
                );
                self.hear(process, heard);
            }
            Move::DropFinalizer => self.drop_finalizer(process, twist),
            Move::Search { after } => self.search(process, *after, twist),
            Move::FindByName { name, which } => self.find_by_name(process, name, *which),
            Move::Call(call) if call.operation().mutates() => self.send(process, call),
            Move::Call(call) => self.look(process, call),
            Move::ReadReferences(_) | Move::ReadExport(_) | Move::WriteExport(_) => {
                unreachable!("no scenario has references or exports")
            }
        }
    }

    fn read_object(&mut self, process: usize, twist: Twist) {
        if matches!(twist, Twist::Unanswered(_)) {
            self.say(|_| format!("{}  reads the object: no answer", name(process)));
            let seen = Seen::Object(Err(silence()));
            return self.hear(process, Heard::of(seen, 3));
        }
        let uid = self.pass(process).object.uid;
        let found = self.state.etcd.object.clone();
        let same = found.filter(|object| object.uid == uid);
        self.say(|_| {
            let found = same.as_ref();
            let found = found.map_or("gone".to_owned(), |now| format!("version {}", now.version));
            format!("{}  reads the object: {found}", name(process))
        });
        let print = print_of((4, &same));
        let seen = Seen::Object(Ok(same.as_ref().map(|object| object.whole.arc())));
        if let Some(object) = same {
            self.pass_mut(process).object = object;
        }
        self.hear(process, Heard { seen, print });
    }

    /// The apiserver carries out a write, and its answer reaches the process or does not.
    fn ask_apiserver(&mut self, process: usize, test: Test, write: &Write, twist: Twist) -> Done {
        if matches!(twist, Twist::Unanswered(_)) {
            self.note(Event::Silenced);
        }
        if twist == Twist::Unanswered(false) {
            return Err(silence());
        }
        let seen = self.pass(process).object.clone();
        let done = self.write(&seen, test, write);
        if twist == Twist::Unanswered(true) {
            return Err(silence());
        }
        if let Ok(Some(object)) = &done {
            self.pass_mut(process).object = object.clone();
        }
        done
    }

    fn write_claim(&mut self, process: usize, claim: &Claim, twist: Twist) {
        let before = self.pass(process).object.clone();
        let fresh = claim.void.is_none() && !claim.adopted;
        if fresh {
            self.state.drawn += 1;
        }
        let mutant = self.world.scenario.mutant;
        let test = if mutant == Mutant::NoCompareAndSwap {
            Test::Uid
        } else {
            Test::UidAndVersion
        };
        let write = Write::Claim(claim);
        let done = if mutant == Mutant::NoClaim {
            let mut pretended = self.state.etcd.clone();
            pretended.write(&before, test, &write, &self.world.versions)
        } else {
            self.ask_apiserver(process, test, &write, twist)
        };
        self.say(|_| {
            let kind = claim
                .void
                .as_ref()
                .map_or(String::new(), |why| format!(" void ({why})"));
            let id = claim.id.to_string();
            let what = format!("writes claim {}{kind}", short(&id));
            format!("{}  {what}: {}", name(process), told_write(&done))
        });
        let on_record = self.state.etcd.object.as_ref().and_then(|now| now.claim);
        if fresh && on_record == Some(claim.id) {
            self.record(claim, &before);
        }
        if claim.void.is_some() && done.is_ok() {
            self.note(Event::Voided);
        }
        if mutant == Mutant::NoClaim
            && let Ok(Some(object)) = &done
        {
            self.pass_mut(process).object = object.clone();
        }
        if matches!(mutant, Mutant::NoFence | Mutant::StoppedClock) && fresh && done.is_ok() {
            self.pass_mut(process).stopped = Some(self.state.clock);
        }
        let print = print_of((5, claim));
        let claim = claim.clone();
        let heard = written(
            done,
            |seen| {
                Seen::ClaimWritten(
                    claim,
                    seen.map(|object| {
                        object
                            .expect("a claim does not remove an object")
                            .whole
                            .arc()
                    }),
                )
            },
            print,
        );
        self.hear(process, heard);
    }

    fn record(&mut self, claim: &Claim, before: &Object) {
        let known = |record: &Record| record.claim == claim.id;
        if self.state.records.iter().any(known) {
            return;
        }
        let annotations = before.whole.metadata.annotations.as_ref();
        let unclear = annotations
            .and_then(|all| all.get(CLAIM_ANNOTATION))
            .is_some_and(|text| !text.contains("void"));
        if unclear && before.pool.is_none() {
            let sent = |record: &&Record| Some(record.claim) == before.claim && record.sent > 0;
            let was_sent = self.state.records.iter().any(|record| sent(&record));
            self.note(if was_sent {
                Event::SettledWithNone
            } else {
                Event::FenceClosed
            });
        }
        self.state.records.push(Record {
            claim: claim.id,
            uid: before.uid,
            sent: 0,
        });
    }

    /// Counts a pool that is recorded by a process which had no answer to its creation.
    fn note_find(&self, process: usize, id: Option<&str>) {
        let pass = self.pass(process);
        let own = pass.facts.memory.own_claim.as_ref();
        let made = own
            .is_some_and(|own| matches!(&own.fate, Fate::Made(made) if Some(made.as_str()) == id));
        if id.is_some() && pass.object.pool.is_none() && !made {
            self.note(Event::FoundAgain);
        }
        let remade = pass.object.whole.status.as_ref();
        let remade = remade.and_then(|status| status.identity_pool_id.as_ref());
        if remade.is_some() && id.is_none() {
            self.note(Event::Remade);
        }
    }

    fn drop_finalizer(&mut self, process: usize, twist: Twist) {
        let seen = self.pass(process).object.clone();
        let test = if self.world.scenario.mutant == Mutant::FinalizerByName {
            Test::Name
        } else {
            Test::UidAndVersion
        };
        let before = self.state.etcd.object.clone();
        let done = self.ask_apiserver(process, test, &Write::DropFinalizer, twist);
        let dropped = before.filter(|now| now.held).filter(|now| {
            let still = self.state.etcd.object.as_ref();
            !still.is_some_and(|still| still.uid == now.uid && still.held)
        });
        self.say(|_| {
            format!(
                "{}  drops the finalizer: {}",
                name(process),
                told_write(&done)
            )
        });
        if let Some(object) = dropped {
            if object.uid != seen.uid {
                self.breach(Breach::ForeignFinalizer);
            }
            if object.pool.is_none() {
                self.note(Event::ReleasedWithNone);
            }
        }
        let done = match done {
            Ok(_) | Err(Trouble::Gone) => Ok(None),
            Err(other) => Err(other),
        };
        let heard = written(done, |seen| Seen::FinalizerDropped(seen.map(drop)), 6);
        self.hear(process, heard);
    }

    fn search(&mut self, process: usize, after: Timestamp, twist: Twist) {
        let pass = self.pass(process);
        let (uid, going) = (pass.object.uid, pass.object.going);
        let now = self.world.core.now(self.state.asking(process));
        let began = later(now, pass.hairs + 1).max(later(after, 1));
        let mutant = self.world.scenario.mutant;
        let blind = mutant == Mutant::NoSearchOnDeletion && going;
        let missed = |pool: &&Pool| blind || twist == Twist::Shifted(pool.serial);
        let ours: Vec<&Pool> = self.state.pools_of(uid).collect();
        if ours.iter().any(|pool| !pool.is_listed()) {
            self.note(Event::Unlisted);
        }
        if ours.iter().any(missed) {
            self.note(Event::Shifted);
        }
        let found: Vec<Owned> = ours
            .into_iter()
            .filter(|pool| pool.is_listed() && !missed(pool))
            .map(|pool| Owned {
                id: pool.seen.id.clone(),
                claim: pool.claim().map(|claim| claim.to_string()),
            })
            .collect();
        self.say(|_| {
            let ids: Vec<&str> = found.iter().map(|owned| owned.id.as_str()).collect();
            format!("{}  searches: finds [{}]", name(process), ids.join(", "))
        });
        let search = |list_began| Search {
            list_began: Some(list_began),
            found: found.clone(),
        };
        if mutant == Mutant::OneList {
            self.learn(process, Heard::searched(search(began)));
            let again = later(began, 1);
            return self.hear(process, Heard::searched(search(again)));
        }
        let list_began = if blind { time(100_000) } else { began };
        self.hear(process, Heard::searched(search(list_began)));
    }

    fn find_by_name(&mut self, process: usize, wanted: &str, which: Which) {
        assert_eq!(which, Which::Unrecorded, "no scenario adopts by name");
        let recorded = self.state.etcd.object.as_ref();
        let recorded = recorded.and_then(|object| object.pool.as_deref());
        let uid = self.pass(process).object.uid;
        let by_other = |pool: &Pool| {
            let other = self
                .state
                .etcd
                .object
                .as_ref()
                .is_some_and(|now| now.uid != uid);
            other && recorded == Some(pool.seen.id.as_str())
        };
        let found: Vec<PoolId> = self
            .state
            .pools
            .iter()
            .filter(|pool| pool.is_listed() && !by_other(pool))
            .filter(|pool| pool.seen.settings.identity_pool_name == wanted)
            .map(|pool| pool.seen.id.clone())
            .collect();
        self.say(|_| {
            format!(
                "{}  looks for pools named {wanted}: {found:?}",
                name(process)
            )
        });
        let print = print_of((7, &found));
        let seen = Seen::Named(Ok(found));
        self.hear(process, Heard { seen, print });
    }

    /// A call that changes nothing is answered at once.
    fn look(&mut self, process: usize, call: &Call) {
        let uid = self.pass(process).object.uid;
        let mut outcome = self.execute(call, uid);
        self.say(|_| {
            let what = call.operation().as_str();
            format!("{}  {what}: {}", name(process), answered(&outcome))
        });
        if call.pool().is_some_and(|id| id.as_str() == FOREIGN) {
            self.note(Event::ForeignSeen);
        }
        if self.world.scenario.mutant == Mutant::StatusTrusted
            && let Ok(Answer::Pool(pool)) = &mut outcome
        {
            let tag = identity_pool_operator::api::names::OWNER_TAG;
            pool.tags.insert(tag.into(), owner(uid));
        }
        self.hear(process, Heard::answered(call, outcome));
    }

    /// A call that changes something goes on the wire.
    fn send(&mut self, process: usize, call: &Call) {
        let pass = self.pass(process);
        let object = pass.object.clone();
        let asking = self.state.asking(process);
        let now = self.world.core.clock(self.state.instant(process));
        let mutant = self.world.scenario.mutant;
        let when_sent = matches!(mutant, Mutant::NoFence | Mutant::SignedWhenSent);
        let signed = match call {
            Call::CreateIdentityPool { .. } if when_sent => now,
            Call::CreateIdentityPool { signed_at, .. }
            | Call::DeleteIdentityPool { signed_at, .. } => {
                signed_at.as_second() - time(0).as_second()
            }
            _ => now,
        };
        let in_flight = InFlight {
            call: Printed::of(call.clone()),
            process,
            uid: object.uid,
            signed,
            outcome: None,
            awaited: true,
        };
        self.say(|_| format!("{}  sends {}", name(process), told(&in_flight)));
        self.count_use(call, object.uid);
        self.state.wire.push(in_flight);
        self.state
            .wire
            .sort_by_key(|call| (call.process, call.call.print));
        self.pass_mut(process).waits = Some((asking.clock, asking.drawn));
    }

    /// No pool is made without a claim on record, and none twice under one.
    pub(crate) fn count_use(&mut self, call: &Call, uid: u8) {
        let Some(claim) = claim_of(call) else {
            return;
        };
        let mut records = self.state.records.iter_mut();
        let record = records.find(|record| record.claim == claim && record.uid == uid);
        let breach = match record {
            None => Some(Breach::NoClaim),
            Some(record) => {
                record.sent += 1;
                (record.sent > 1).then_some(Breach::ClaimUsedTwice)
            }
        };
        if let Some(breach) = breach {
            self.breach(breach);
        }
    }

    /// The answer that a process waits for reaches it.
    pub(crate) fn reply(&mut self, process: usize) {
        let place = self.state.awaited(process).expect("a call is awaited");
        let call = self.state.wire.remove(place);
        let outcome = call.outcome.clone().expect("the call was carried out");
        self.say(|_| format!("{}  hears: {}", name(process), answered(&outcome)));
        self.hear(process, Heard::answered(&call.call, (*outcome).clone()));
    }

    /// AWS refuses the call that a process waits for.
    pub(crate) fn refuse(&mut self, process: usize, kind: FailureKind) {
        let place = self.state.awaited(process).expect("a call is awaited");
        let call = self.state.wire.remove(place);
        if call.claim().is_some() {
            self.note(Event::Refused);
        }
        let refusal = failure(call.call.operation(), kind);
        self.say(|_| format!("{}  hears: {kind:?}", name(process)));
        self.hear(process, Heard::answered(&call.call, Err(refusal)));
    }

    /// A process waits no longer for its call, which stays under way.
    pub(crate) fn time_out(&mut self, process: usize) {
        let place = self.state.awaited(process).expect("a call is awaited");
        let call = self.state.wire[place].clone();
        self.state.wire[place].awaited = false;
        if call.outcome.is_some() {
            self.state.wire.remove(place);
        }
        if self.world.scenario.mutant == Mutant::RetryOfCreate && call.claim().is_some() {
            self.say(|_| {
                format!(
                    "{}  hears nothing, and its transport sends again",
                    name(process)
                )
            });
            self.count_use(&call.call, call.uid);
            let outcome = None;
            self.state.wire.push(InFlight { outcome, ..call });
            return;
        }
        self.drop_expired();
        self.say(|_| format!("{}  hears nothing", name(process)));
        let lost = failure(call.call.operation(), FailureKind::Unanswered);
        self.hear(process, Heard::answered(&call.call, Err(lost)));
    }

    /// A process ends, and another begins that remembers nothing.
    pub(crate) fn crash(&mut self, process: usize) {
        self.say(|_| format!("{}  is killed and starts anew", name(process)));
        self.note(Event::Crashed);
        let newest = self.state.past.last().map_or(0, |(place, _)| *place);
        let ended = &mut self.state.processes[process];
        ended.pass = None;
        ended.known.clear();
        ended.cache = newest;
        for call in &mut self.state.wire {
            if call.process == process {
                call.awaited = false;
            }
        }
        self.state
            .wire
            .retain(|call| call.awaited || call.outcome.is_none());
        self.drop_expired();
    }
}

/// What the apiserver answers to a write.
type Done = Result<Option<Printed<Object>>, Trouble>;

fn silence() -> Trouble {
    Trouble::Failed("no answer".into())
}

fn ready(status: &identity_pool_operator::api::IdentityPoolStatus) -> String {
    use identity_pool_operator::api::condition::{READY, find};
    find(&status.conditions, READY).map_or("-".into(), |ready| {
        format!("{}/{}", ready.status, ready.reason)
    })
}

fn told_write(done: &Done) -> String {
    match done {
        Ok(Some(object)) => format!("version {}", object.version),
        Ok(None) => "the object is gone".into(),
        Err(trouble) => format!("{trouble:?}"),
    }
}

/// The answer to a write, with a fingerprint of what was asked.
fn written(done: Done, seen: impl FnOnce(Done) -> Seen, asked: u64) -> Heard {
    let print = match &done {
        Ok(object) => print_of((asked, 0, object)),
        Err(Trouble::Stale) => print_of((asked, 1)),
        Err(Trouble::Gone) => print_of((asked, 2)),
        Err(Trouble::Failed(_)) => print_of((asked, 3)),
    };
    Heard {
        seen: seen(done),
        print,
    }
}

impl Heard {
    /// Something that looks the same each time.
    fn of(seen: Seen, kind: u8) -> Self {
        let print = print_of((8, kind));
        Self { seen, print }
    }

    fn searched(search: Search) -> Self {
        let print = print_of((9, &search));
        let seen = Seen::Searched(Ok(search));
        Self { seen, print }
    }

    fn answered(call: &Call, outcome: Outcome) -> Self {
        let print = print_of((10, call, &outcome));
        let seen = Seen::Answered(Box::new(call.clone()), outcome);
        Self { seen, print }
    }
}

/// The operation that a move is about, if it is a call that makes a pool.
pub(crate) fn creates(mv: &Move) -> bool {
    matches!(mv, Move::Call(call) if call.operation() == Operation::CreateIdentityPool)
}
