//! Storms: two processes that know nothing of each other work on one object, one
//! move at a time in any order, with clocks that are off, stale caches, lost, late
//! and refused calls, lost writes, crashes, lost terms, edits, a deletion. Whatever
//! happens there is at most one pool, and when the storm is over there is just the one
//! that is recorded, or none where the object was deleted.
//!
//! A failing seed is printed; `STORM_SEED=n cargo test --test lifecycle storm` runs
//! that one alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use identity_pool_operator::api::{
    CognitoIdentityProvider, ConfigMapExport, DeletionPolicy, Export, IdentityPool,
    IdentityPoolSpec,
};
use identity_pool_operator::pool::call::{FailureKind, Operation};
use identity_pool_operator::pool::export::Refusal;
use identity_pool_operator::pool::memory::{Arrival, Memory};
use identity_pool_operator::pool::moves::Trouble;
use identity_pool_operator::pool::sources::{Findings, Source, Target, Text};
use identity_pool_operator::pool::{Facts, Move, Seen, next};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::world::{Fate, World, operator};

/// Storms of one test run; a second or so.
const SEEDS: u64 = 1_500;
/// Moves of one storm.
const STEPS: usize = 160;

const CLIENT: &str = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Staff";

/// What the edits of a storm refer to.
fn client_id() -> Source {
    let target = Target {
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        name: "ids".to_owned(),
    };
    Source::ConfigMap(target, "client".to_owned())
}

/// A user pool client whose id stands in another object.
fn referring() -> Vec<CognitoIdentityProvider> {
    let key = json!({ "configMapKeyRef": { "name": "ids", "key": "client" } });
    let clients = json!([{ "providerName": CLIENT, "clientIdFrom": key }]);
    serde_json::from_value(clients).expect("a client")
}

/// One operator process.
struct Process {
    memory: Memory,
    pass: Option<Facts>,
    /// How far its clock is ahead of AWS's.
    ahead: SignedDuration,
    /// The newest version of the object that its cache has.
    cache: usize,
    wakes: Timestamp,
    /// The versions of `ConfigMaps` that it dealt with last; `None`: there was none.
    exports: BTreeMap<String, Option<String>>,
}

/// Everything in one storm.
struct Storm {
    world: World,
    random: Rng,
    processes: Vec<Process>,
    /// Every version of the object, oldest first.
    versions: Vec<IdentityPool>,
    /// Whether values come from elsewhere: in one storm of twenty, since the schema is
    /// asked about each, which costs more than all the rest.
    refers: bool,
}

impl Storm {
    fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let world = World::new(IdentityPoolSpec::default());
        let mut process = |arrival| Process {
            memory: Memory::new(arrival),
            pass: None,
            ahead: SignedDuration::from_secs(random.i64(-25..=25)),
            cache: 0,
            wakes: world.now,
            exports: BTreeMap::new(),
        };
        let processes = vec![process(Arrival::Event), process(Arrival::Event)];
        let versions = vec![world.object.clone().expect("an object")];
        Self {
            refers: random.u32(0..20) == 0,
            world,
            random,
            processes,
            versions,
        }
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.random.u32(0..n) == 0
    }

    /// Anything may happen.
    fn rage(&mut self, seed: u64) {
        for step in 0..STEPS {
            self.time_passes();
            match self.random.u32(0..40) {
                0 => self.crash(),
                1 => self.edit(),
                2 => self.arrive(),
                4 => self.refer(),
                3 if step > STEPS / 2 => self.delete(),
                _ => self.step(true),
            }
            self.note_version();
            let owned = self.world.owned();
            assert!(
                owned.len() <= 1,
                "seed {seed}, step {step}: two pools: {owned:?}"
            );
        }
    }

    /// Nothing more goes wrong, and both processes go on.
    fn calm(&mut self, seed: u64) {
        let client = Text::plain("calm");
        self.world.elsewhere = Findings::from([(client_id(), Ok(client))]);
        for process in &mut self.processes {
            process.memory.hold = None;
        }
        self.news();
        for _ in 0..600 {
            self.arrive();
            self.step(false);
            self.note_version();
            self.world
                .wait(Duration::from_millis(self.random.u64(1..8_000)));
            let owned = self.world.owned();
            assert!(
                owned.len() <= 1,
                "seed {seed}, in the calm: two pools: {owned:?}"
            );
        }
        let owned = self.world.owned();
        if self.world.object.is_none() {
            assert!(
                owned.is_empty(),
                "seed {seed}: the object is gone and left {owned:?}"
            );
            return;
        }
        let recorded = self.world.status().identity_pool_id;
        assert_eq!(owned.len(), 1, "seed {seed}: {:#?}", self.world.status());
        assert_eq!(recorded.as_deref(), Some(owned[0].as_str()), "seed {seed}");
        assert_eq!(self.world.condition("Ready"), "True/InSync", "seed {seed}");
        let spec = self.world.object.as_ref().map(|object| &object.spec);
        let refers = spec.is_some_and(|spec| !spec.cognito_identity_providers.is_empty());
        let clients = &self.world.pools[&owned[0]]
            .settings
            .cognito_identity_providers;
        let ids: Vec<&str> = clients
            .iter()
            .map(|client| client.client_id.as_str())
            .collect();
        assert_eq!(
            ids,
            if refers { vec!["calm"] } else { vec![] },
            "seed {seed}"
        );
        if let Some(Export { config_map }) = spec.and_then(|spec| spec.export.as_ref()) {
            let told = self.world.config_maps.get(&config_map.name);
            let id = told.and_then(|map| map.data.get("IDENTITY_POOL_ID"));
            assert_eq!(id, recorded.as_ref(), "seed {seed}");
        }
    }

    /// What a watch of `ConfigMaps` would compare with.
    fn note_export(&mut self, place: usize, seen: &Seen) {
        let name = match seen {
            Seen::ExportRead(name, Ok(_)) => name.clone(),
            Seen::ExportWritten(write, Ok(())) => write.name().to_owned(),
            _ => return,
        };
        let map = self.world.config_maps.get(&name);
        let version = map.map(|map| map.version.clone());
        self.processes[place].exports.insert(name, version);
    }

    fn time_passes(&mut self) {
        let millis = match self.random.u32(0..30) {
            0 => self.random.u64(0..400_000),
            1..5 => self.random.u64(0..30_000),
            _ => self.random.u64(0..200),
        };
        self.world.wait(Duration::from_millis(millis));
    }

    fn crash(&mut self) {
        let place = self.random.usize(0..self.processes.len());
        let process = &mut self.processes[place];
        process.pass = None;
        process.memory = Memory::new(Arrival::Listed);
        process.exports.clear();
        process.cache = self.versions.len() - 1;
    }

    fn edit(&mut self) {
        let name = format!("edit {}", self.random.u32(0..100));
        let export = self.random.usize(0..3).checked_sub(1).map(|which| Export {
            config_map: ConfigMapExport {
                name: ["one", "other"][which].to_owned(),
            },
        });
        let clients = if self.refers && self.one_in(2) {
            referring()
        } else {
            Vec::new()
        };
        if self.world.object.is_some() {
            self.world.edit(|spec| {
                spec.identity_pool_name = Some(name);
                spec.export = export;
                spec.cognito_identity_providers = clients;
            });
        }
    }

    fn delete(&mut self) {
        let going = self
            .world
            .object
            .as_ref()
            .is_none_or(|object| object.metadata.deletion_timestamp.is_some());
        if !going {
            self.world
                .edit(|spec| spec.deletion_policy = Some(DeletionPolicy::Delete));
            self.world.delete();
            let marked = self
                .world
                .object
                .as_ref()
                .is_some_and(|object| object.metadata.finalizers.is_some());
            if !marked {
                // The apiserver removes what nobody holds.
                self.world.object = None;
            }
        }
    }

    /// What objects refer to comes, changes or goes.
    fn refer(&mut self) {
        let value = format!("client{}", self.random.u32(0..100));
        self.world.elsewhere = if self.one_in(2) {
            Findings::from([(client_id(), Ok(Text::plain(value)))])
        } else {
            Findings::new()
        };
        self.news();
    }

    /// Every process hears that something changed which the object refers to.
    fn news(&mut self) {
        for process in &mut self.processes {
            process.memory.news += 1;
        }
    }

    /// A call that was held up arrives.
    fn arrive(&mut self) {
        if !self.world.wire.is_empty() {
            let place = self.random.usize(0..self.world.wire.len());
            let call = self.world.wire.remove(place);
            self.world.deliver(call);
        }
    }

    fn note_version(&mut self) {
        let Some(object) = &self.world.object else {
            return;
        };
        let newest = self
            .versions
            .last()
            .map(|version| &version.metadata.resource_version);
        if newest != Some(&object.metadata.resource_version) {
            self.versions.push(object.clone());
        }
    }

    /// One move of one process.
    fn step(&mut self, faults: bool) {
        let place = self.random.usize(0..self.processes.len());
        let now = self
            .world
            .now
            .checked_add(self.processes[place].ahead)
            .expect("in range");
        let mut moment = self.world.moment_at(now);
        moment.clock_offset = Some(-self.processes[place].ahead);
        moment.jitter = self.random.u16(0..=1000);
        if faults && self.one_in(20) {
            moment.term_left = Duration::ZERO;
        }
        let Some(mut facts) = self.processes[place].pass.take() else {
            return self.begin(place, moment, faults);
        };
        facts.moment = moment;
        let mv = next(&facts);
        if let Move::Rest(rest) = mv {
            let process = &mut self.processes[place];
            let news = process.memory.news;
            process.memory = rest.memory.unwrap_or_else(|| Memory::new(Arrival::Listed));
            process.memory.news = news;
            let pause = rest.after.unwrap_or(Duration::from_secs(60));
            process.wakes = self.world.now.checked_add(pause).expect("in range");
            return;
        }
        let seen = self.carry_out(mv, &facts, faults);
        self.note_export(place, &seen);
        facts.learn(seen, now);
        self.processes[place].pass = Some(facts);
    }

    fn begin(
        &mut self,
        place: usize,
        moment: identity_pool_operator::pool::facts::Moment,
        faults: bool,
    ) {
        let newest = self.versions.len() - 1;
        let process = &mut self.processes[place];
        // A cache lags behind but never goes back.
        process.cache = if faults {
            self.random.usize(process.cache..=newest)
        } else {
            newest
        };
        if self.world.object.is_none() {
            return;
        }
        let object = Arc::new(self.versions[process.cache].clone());
        let mut facts = Facts::begin(operator(), moment, object, process.memory.clone());
        let now = |name: &String| self.world.config_maps.get(name).map(|map| &map.version);
        let mut exports = process.exports.iter();
        facts.export_touched = exports.any(|(name, then)| now(name) != then.as_ref());
        process.memory.handled = true;
        process.pass = Some(facts);
    }

    fn carry_out(&mut self, mv: Move, facts: &Facts, faults: bool) -> Seen {
        if !faults {
            return self.world.carry_out(mv, facts);
        }
        self.tempt(&mv);
        let lost = matches!(
            mv,
            Move::ReadReferences(_)
                | Move::WriteClaim(_)
                | Move::WriteStatus { .. }
                | Move::WriteExport(_)
                | Move::DropFinalizer
        ) && self.one_in(12);
        if lost && self.one_in(2) {
            return unanswered(mv);
        }
        let copy = mv.clone();
        let seen = self.world.carry_out(mv, facts);
        if lost { unanswered(copy) } else { seen }
    }

    /// Decides what befalls the call of a move.
    fn tempt(&mut self, mv: &Move) {
        let operation = match mv {
            Move::Call(call) => call.operation(),
            Move::Search { .. } => Operation::ListIdentityPools,
            _ => return,
        };
        self.world.fates.clear();
        let kinds = [
            FailureKind::Throttled,
            FailureKind::Denied,
            FailureKind::NotSent,
            FailureKind::Concurrent,
        ];
        let fate = match self.random.u32(0..14) {
            0 => Fate::Refused(kinds[self.random.usize(0..kinds.len())]),
            1 => Fate::ReplyLost,
            2 => Fate::Lost,
            3 => Fate::Late,
            _ => return,
        };
        if operation != Operation::ListIdentityPools || matches!(fate, Fate::Refused(_)) {
            self.world.fates.push_back((operation, fate));
        }
    }
}

/// The apiserver's answer to a write is lost.
fn unanswered(mv: Move) -> Seen {
    let lost = || Trouble::Failed("no answer".to_owned());
    match mv {
        Move::ReadReferences(_) => Seen::References(Err("no answer".to_owned())),
        Move::WriteClaim(claim) => Seen::ClaimWritten(claim, Err(lost())),
        Move::WriteStatus { .. } => Seen::StatusWritten(Err(lost())),
        Move::WriteExport(write) => {
            Seen::ExportWritten(write, Err(Refusal::Failed("no answer".to_owned())))
        }
        _ => Seen::FinalizerDropped(Err(lost())),
    }
}

fn run(seed: u64) {
    let mut storm = Storm::new(seed);
    storm.rage(seed);
    storm.calm(seed);
}

#[test]
fn no_storm_makes_two_pools_or_loses_one() {
    if let Some(seed) = std::env::var("STORM_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
    {
        return run(seed);
    }
    let from = fastrand::u64(..1 << 40);
    println!("storms {from} to {}", from + SEEDS);
    for seed in from..from + SEEDS {
        run(seed);
    }
}
