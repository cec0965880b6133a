//! What can happen next, and the checker's view of it.

use std::collections::BTreeMap;

use identity_pool_operator::pool::Move;
use identity_pool_operator::pool::call::FailureKind;
use identity_pool_operator::pool::memory::Arrival;
use identity_pool_operator::pool::settings::{Observed, PoolId, Settings, Tags};
use stateright::{Model, Property};

use super::aws::FOREIGN;
use super::bounds::{VERSIONS, World};
use super::etcd::{Etcd, Object, Write};
use super::events::Event;
use super::exposure;
use super::print::Printed;
use super::process::Twist;
use super::rules;
use super::scene::Scene;
use super::state::{Backup, Breaches, Known, Pool, Process, State, Tokens};

/// Something that can happen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Action {
    /// A pass begins with what is stored now.
    Begin(usize),
    /// A pass begins with an older version.
    BeginStale(usize, u16),
    Step(usize, Twist),
    /// A process hears the answer to its call.
    Reply(usize),
    /// AWS refuses the call of a process.
    Refuse(usize, FailureKind),
    TimeOut(usize),
    Crash(usize),
    /// The call at this place of the wire reaches AWS.
    Arrive(usize),
    /// From now on lists show this pool.
    List(u8),
    Tick(u32),
    Delete,
    Recreate,
    Rename,
    EraseStatus,
    EraseClaim,
    Forge,
    Remove(u8),
    Backup,
    Restore,
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.beginning()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for process in 0..state.processes.len() {
            of_process(self, state, process, actions);
        }
        of_aws(self, state, actions);
        of_people(state, actions);
        of_etcd(state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut scene = Scene::new(self, last.clone());
        scene.perform(action);
        self.is_expected(&scene.state, action)
            .then_some(scene.state)
    }

    fn within_boundary(&self, state: &State) -> bool {
        state.etcd.version <= VERSIONS
    }

    fn properties(&self) -> Vec<Property<Self>> {
        rules::properties()
    }
}

impl World {
    /// Whether the design promises anything after this.
    fn is_expected(&self, state: &State, action: Action) -> bool {
        let (before, now) = (&self.scenario.tokens, &state.tokens);
        let uncovers = match action {
            Action::Restore | Action::EraseClaim | Action::EraseStatus => true,
            Action::Crash(_) => {
                before.restores > now.restores || before.lost_claims > now.lost_claims
            }
            _ => false,
        };
        self.scenario.residual || !uncovers || !exposure::is_exposed(self, state)
    }

    fn beginning(&self) -> State {
        let tokens = self.scenario.tokens;
        let new = Known::new(Arrival::Event);
        let process = Process {
            known: BTreeMap::from([(1, new)]),
            pass: None,
            cache: 0,
        };
        let etcd = Etcd {
            object: Some(Object::fresh(1, 1, self.scenario.kind)),
            version: 1,
        };
        let mut scene = Scene::new(
            self,
            State {
                clock: 0,
                drawn: 0,
                etcd,
                uids: 1,
                past: Vec::new(),
                backup: None,
                pools: Vec::new(),
                serial: 0,
                wire: Vec::new(),
                processes: vec![process; self.scenario.processes],
                tokens,
                records: Vec::new(),
                orphaned: 0,
                breaches: Breaches::default(),
            },
        );
        if tokens.forgeries > 0 {
            scene.state.pools.push(foreign());
        }
        scene.remember_version();
        scene.state
    }
}

/// A pool that somebody else made.
fn foreign() -> Pool {
    let seen = Observed {
        id: PoolId::new(FOREIGN),
        settings: Settings::default(),
        tags: Tags::new(),
    };
    Pool {
        serial: 0,
        listed_by: 0,
        seen: Printed::of(seen),
    }
}

fn of_process(world: &World, state: &State, process: usize, actions: &mut Vec<Action>) {
    let tokens = &state.tokens;
    let Some(pass) = &state.processes[process].pass else {
        if state.etcd.object.is_some() {
            actions.push(Action::Begin(process));
        }
        if tokens.stale > 0 {
            let now = state.etcd.object.as_ref();
            let cache = state.processes[process].cache;
            let old = state
                .past
                .iter()
                .filter(|(place, object)| *place >= cache && now != Some(object));
            actions.extend(old.map(|(place, _)| Action::BeginStale(process, *place)));
        }
        return;
    };
    if tokens.crashes > 0 {
        actions.push(Action::Crash(process));
    }
    if pass.waits.is_some() {
        return of_waiting(state, process, actions);
    }
    actions.push(Action::Step(process, Twist::None));
    match &*world.asked(state, process) {
        Move::WriteClaim(_) | Move::WriteStatus { .. } | Move::DropFinalizer
            if tokens.silences > 0 =>
        {
            let silent = [true, false].map(|done| Action::Step(process, Twist::Unanswered(done)));
            actions.extend(silent);
        }
        Move::Search { .. } if tokens.shifts > 0 => {
            let ours = state
                .pools_of(pass.object.uid)
                .filter(|pool| pool.is_listed());
            let missed = ours.map(|pool| Action::Step(process, Twist::Shifted(pool.serial)));
            actions.extend(missed);
        }
        _ => {}
    }
}

fn of_waiting(state: &State, process: usize, actions: &mut Vec<Action>) {
    let Some(place) = state.awaited(process) else {
        return;
    };
    let call = &state.wire[place];
    if call.outcome.is_some() {
        actions.push(Action::Reply(process));
    } else if !state.is_honoured(call) {
        actions.push(Action::Refuse(process, FailureKind::SignatureTooOld));
    } else if state.tokens.refusals > 0 {
        actions.push(Action::Refuse(process, FailureKind::Throttled));
    }
    if state.tokens.losses > 0 {
        actions.push(Action::TimeOut(process));
    }
}

fn of_aws(world: &World, state: &State, actions: &mut Vec<Action>) {
    let under_way = state.wire.iter().enumerate();
    let under_way = under_way.filter(|(_, call)| call.outcome.is_none() && state.is_honoured(call));
    actions.extend(under_way.map(|(place, _)| Action::Arrive(place)));
    let unlisted = state.pools.iter().filter(|pool| !pool.is_listed());
    actions.extend(unlisted.map(|pool| Action::List(pool.serial)));
    if state.tokens.ticks > 0 {
        actions.extend(world.scenario.jumps.iter().map(|by| Action::Tick(*by)));
    }
    if state.tokens.removals > 0 {
        let ours = state.pools.iter().filter(|pool| pool.serial > 0);
        actions.extend(ours.map(|pool| Action::Remove(pool.serial)));
    }
}

fn of_people(state: &State, actions: &mut Vec<Action>) {
    let tokens = &state.tokens;
    let Some(object) = &state.etcd.object else {
        if tokens.recreations > 0 {
            actions.push(Action::Recreate);
        }
        return;
    };
    if tokens.deletions > 0 && !object.going {
        actions.push(Action::Delete);
    }
    if tokens.renames > 0 && !object.going {
        actions.push(Action::Rename);
    }
    if tokens.forgeries > 0 && object.pool.as_deref() != Some(FOREIGN) {
        actions.push(Action::Forge);
    }
}

fn of_etcd(state: &State, actions: &mut Vec<Action>) {
    let tokens = &state.tokens;
    if let Some(object) = &state.etcd.object {
        if tokens.lost_statuses > 0 && object.whole.status.is_some() {
            actions.push(Action::EraseStatus);
        }
        if tokens.lost_claims > 0 && object.claim.is_some() {
            actions.push(Action::EraseClaim);
        }
        if tokens.restores > 0 && state.backup.is_none() {
            actions.push(Action::Backup);
        }
    }
    if state
        .backup
        .as_ref()
        .is_some_and(|backup| backup.etcd != state.etcd)
    {
        actions.push(Action::Restore);
    }
}

impl Scene<'_> {
    pub(crate) fn perform(&mut self, action: Action) {
        match action {
            Action::Begin(process) => {
                let newest = self.state.etcd.object.clone().expect("an object");
                self.state.processes[process].cache =
                    self.state.past.last().map_or(0, |(place, _)| *place);
                self.begin(process, &newest);
            }
            Action::BeginStale(process, place) => self.begin_stale(process, place),
            Action::Step(process, twist) => self.twisted(process, twist),
            Action::Reply(process) => self.reply(process),
            Action::Refuse(process, kind) => {
                if kind == FailureKind::Throttled {
                    self.state.tokens.refusals -= 1;
                }
                self.refuse(process, kind);
            }
            Action::TimeOut(process) => {
                self.state.tokens.losses -= 1;
                self.time_out(process);
            }
            Action::Crash(process) => {
                self.state.tokens.crashes -= 1;
                self.crash(process);
            }
            Action::Arrive(place) => self.arrive(place),
            Action::List(serial) => self.list(serial),
            Action::Tick(by) => {
                self.state.tokens.ticks -= 1;
                self.say(|_| format!("   {by} s pass"));
                self.time_passes(by);
            }
            Action::Remove(serial) => {
                self.state.tokens.removals -= 1;
                self.say(|_| format!("   somebody deletes pool {serial} in AWS"));
                self.state.pools.retain(|pool| pool.serial != serial);
            }
            Action::Delete
            | Action::Recreate
            | Action::Rename
            | Action::EraseStatus
            | Action::EraseClaim
            | Action::Forge => self.edit(action),
            Action::Backup => {
                self.say(|_| "   etcd is backed up".into());
                let etcd = self.state.etcd.clone();
                self.state.backup = Some(Backup { etcd });
            }
            Action::Restore => self.restore(),
        }
    }

    fn begin_stale(&mut self, process: usize, place: u16) {
        self.note(Event::StalePass);
        let mut past = self.state.past.iter();
        let found = past.find(|(at, _)| *at == place).expect("it is remembered");
        let object = found.1.clone();
        self.state.tokens.stale -= 1;
        self.state.processes[process].cache = place;
        self.remember_version();
        self.begin(process, &object);
    }

    fn twisted(&mut self, process: usize, twist: Twist) {
        match twist {
            Twist::None => {}
            Twist::Shifted(_) => self.state.tokens.shifts -= 1,
            Twist::Unanswered(_) => self.state.tokens.silences -= 1,
        }
        self.step(process, twist);
    }

    fn list(&mut self, serial: u8) {
        self.say(|_| format!("   lists show pool {serial}"));
        for pool in &mut self.state.pools {
            if pool.serial == serial {
                pool.listed_by = 0;
            }
        }
    }

    /// People and accidents change the object.
    fn edit(&mut self, action: Action) {
        let tokens: &mut Tokens = &mut self.state.tokens;
        let clock = self.state.clock;
        let (what, write) = match action {
            Action::Delete => {
                tokens.deletions -= 1;
                ("a person deletes the object", Write::Delete(clock))
            }
            Action::Rename => {
                tokens.renames -= 1;
                ("a person renames the pool", Write::Rename)
            }
            Action::EraseStatus => {
                tokens.lost_statuses -= 1;
                ("status is erased", Write::EraseStatus)
            }
            Action::EraseClaim => {
                tokens.lost_claims -= 1;
                ("the claim is erased", Write::EraseClaim)
            }
            Action::Forge => {
                tokens.forgeries -= 1;
                (
                    "status is made to name a foreign pool",
                    Write::Forge(FOREIGN),
                )
            }
            _ => return self.recreate(),
        };
        self.say(|_| format!("   {what}"));
        self.change(&write);
    }

    fn recreate(&mut self) {
        self.note(Event::Recreated);
        self.state.tokens.recreations -= 1;
        self.state.uids += 1;
        self.state.etcd.version += 1;
        let uid = self.state.uids;
        let kind = self.world.scenario.kind;
        let object = Object::fresh(uid, self.state.etcd.version, kind);
        self.say(|_| format!("   a person applies an object of the same name, u{uid}"));
        self.state.etcd.object = Some(object);
        for process in &mut self.state.processes {
            process.known.insert(uid, Known::new(Arrival::Event));
        }
        self.remember_version();
    }

    /// The apiserver starts with the backup, and every watch lists anew.
    fn restore(&mut self) {
        self.state.tokens.restores -= 1;
        let backup = self.state.backup.take().expect("there is one");
        self.note_restore(&backup);
        let kept = backup.etcd.object.as_ref().map(|object| object.uid);
        for uid in (1..=self.state.uids).filter(|uid| Some(*uid) != kept) {
            self.state.orphaned |= 1 << uid;
        }
        self.say(|_| {
            let version = backup.etcd.version;
            format!("   etcd is restored to version {version}")
        });
        self.state.etcd = backup.etcd;
        self.state.past.clear();
        for process in &mut self.state.processes {
            process.cache = 0;
            for known in process.known.values_mut() {
                let mut memory = (*known.memory).clone();
                memory.relisted();
                known.memory = Printed::of(memory);
            }
        }
        self.remember_version();
    }

    fn note_restore(&self, backup: &Backup) {
        let Some(object) = &backup.etcd.object else {
            return;
        };
        let mut living = self.state.pools_of(object.uid);
        match &object.pool {
            None if living.next().is_some() => self.note(Event::RestoredLiving),
            Some(id) if living.all(|pool| pool.seen.id.as_str() != id) => {
                self.note(Event::RestoredGone);
            }
            _ => {}
        }
        let newer = |record: &super::state::Record| Some(record.claim) != object.claim;
        if self.state.records.last().is_some_and(newer) {
            self.note(Event::RestoredBeforeClaim);
        }
        if self
            .state
            .processes
            .iter()
            .any(|process| process.pass.is_some())
        {
            self.note(Event::RestoredMidPass);
        }
    }
}
