//! From any state on: nothing goes wrong any more, every process gets its turn, time passes.
//! Then the object has its one pool, recorded and in sync, or is gone without a trace, and
//! nothing changes from there on.

use identity_pool_operator::pool::call::FailureKind;

use super::aws::{FOREIGN, SIGNATURE};
use super::bounds::World;
use super::print::print_of;
use super::process::Twist;
use super::rules;
use super::scene::Scene;
use super::state::{State, Tokens};

/// Rounds until all has to be well, of [`ROUND`] seconds each: two settle windows.
const ROUNDS: usize = 16;
const ROUND: u32 = 60;

/// Whether a call whose sender is gone takes effect at once or as late as it can.
#[derive(Clone, Copy, Debug, Hash, PartialEq)]
enum Weather {
    Prompt,
    Late,
}

impl Weather {
    const BOTH: [Self; 2] = [Self::Prompt, Self::Late];
}

/// The property that is broken, and how it comes to that.
pub(crate) struct Trouble {
    pub(crate) breaks: &'static str,
    pub(crate) account: Vec<String>,
}

/// The property that is broken on the way or in the end.
pub(crate) fn breaks(world: &World, state: &State) -> Option<&'static str> {
    let late = state.wire.iter().any(|call| !call.awaited);
    let weathers: &[Weather] = if late {
        &Weather::BOTH
    } else {
        &[Weather::Prompt]
    };
    weathers.iter().find_map(|weather| {
        let end = end(world, state, *weather, None);
        end.err().map(|trouble| trouble.breaks)
    })
}

/// How it comes to that.
pub(crate) fn account(world: &World, state: &State) -> Vec<String> {
    let told = || Some(Vec::new());
    let mut ends = Weather::BOTH
        .iter()
        .map(|weather| end(world, state, *weather, told()));
    let trouble = ends.find_map(Result::err);
    trouble.map_or(Vec::new(), |trouble| trouble.account)
}

fn end(
    world: &World,
    state: &State,
    weather: Weather,
    told: Option<Vec<String>>,
) -> Result<(), Trouble> {
    let mut scene = Scene::new(world, state.clone());
    scene.counts = false;
    scene.told = told;
    scene.state.tokens = Tokens {
        restores: state.tokens.restores,
        ..Tokens::default()
    };
    scene.state.past.clear();
    scene.state.backup = None;
    for process in &mut scene.state.processes {
        process.cache = 0;
    }
    let mut calm = Calm {
        scene,
        weather,
        turn: 0,
        round: 0,
        well_since: None,
    };
    let mut passed = Vec::new();
    let end = loop {
        let key = print_of((
            &calm.scene.state,
            weather,
            calm.turn,
            calm.well_since.is_some(),
        ));
        if calm.scene.told.is_none() && world.calm.get(key).is_some() {
            break Ok(());
        }
        passed.push(key);
        if let Some(end) = calm.step() {
            break end;
        }
    };
    match end {
        Ok(()) => {
            for key in passed {
                world.calm.insert(key, ());
            }
            Ok(())
        }
        Err((breaks, why)) => {
            let mut account = calm.scene.told.unwrap_or_default();
            account.push(format!("!  {why}"));
            Err(Trouble { breaks, account })
        }
    }
}

/// The property that is broken, and a word about it.
type Why = (&'static str, String);

/// What goes on when nothing goes wrong.
struct Calm<'a> {
    scene: Scene<'a>,
    weather: Weather,
    /// The process that begins the next pass.
    turn: usize,
    round: usize,
    /// What there was when all was well first, and the rounds since.
    well_since: Option<(u64, usize)>,
}

impl Calm<'_> {
    /// The next thing that happens; the end when it is known.
    fn step(&mut self) -> Option<Result<(), Why>> {
        let scene = &mut self.scene;
        for pool in &mut scene.state.pools {
            pool.listed_by = 0;
        }
        if let Some(broken) = rules::broken(&scene.state) {
            return Some(Err((broken, format!("{broken}: not so"))));
        }
        if scene.deliver(self.weather) {
            return None;
        }
        let mut processes = scene.state.processes.iter();
        if let Some(busy) = processes.position(|process| process.pass.is_some()) {
            scene.go_on(busy);
            return None;
        }
        if self.turn < scene.state.processes.len() {
            if let Some(object) = scene.state.etcd.object.clone() {
                scene.begin(self.turn, &object);
            }
            self.turn += 1;
            return None;
        }
        self.end_round()
    }

    /// Every process has made a pass. Once all is well, two more rounds, one of them after the
    /// resync period, change nothing.
    fn end_round(&mut self) -> Option<Result<(), Why>> {
        let state = &self.scene.state;
        let print = print_of((&state.etcd, &state.pools));
        self.turn = 0;
        self.round += 1;
        match (is_well(state), &mut self.well_since) {
            (Ok(()), None) => self.well_since = Some((print, 0)),
            (Ok(()), Some((before, rounds))) if *before == print => *rounds += 1,
            (Ok(()), Some(_)) => return Some(Err(unwell("it changes though it was well"))),
            (Err(what), Some(_)) => {
                return Some(Err(unwell(&format!("it does not stay well: {what}"))));
            }
            (Err(what), None) if self.round == ROUNDS => return Some(Err(unwell(&what))),
            (Err(_), None) => {}
        }
        let rounds = self.well_since.map(|(_, rounds)| rounds);
        if rounds == Some(2) {
            return Some(Ok(()));
        }
        self.scene
            .time_passes(if rounds == Some(1) { 2 * 1800 } else { ROUND });
        None
    }
}

fn unwell(why: &str) -> Why {
    (rules::ESR, why.to_owned())
}

/// Whether nothing is left to do.
fn is_well(state: &State) -> Result<(), String> {
    if !state.wire.is_empty() || state.processes.iter().any(|process| process.pass.is_some()) {
        return Err("something is still under way".into());
    }
    let Some(object) = &state.etcd.object else {
        return Ok(());
    };
    if object.going {
        return needs_a_person(state, &object.ready)
            .ok_or(format!("the object does not go: {}", object.ready));
    }
    let pools: Vec<&str> = state
        .pools_of(object.uid)
        .map(|pool| pool.seen.id.as_str())
        .collect();
    let [pool] = pools[..] else {
        return needs_a_person(state, &object.ready).ok_or(format!("no pool: {}", object.ready));
    };
    if object.pool.as_deref() != Some(pool) {
        return Err(format!(
            "pool {pool} is not the recorded one, {:?}",
            object.pool
        ));
    }
    let in_sync = object.ready == "True/InSync" && object.observed;
    let named = object
        .whole
        .spec
        .identity_pool_name
        .as_deref()
        .unwrap_or("web-app");
    let mut same = state.pools.iter().filter(|pool| pool.is_of(object.uid));
    if !in_sync || same.any(|pool| pool.seen.settings.identity_pool_name != named) {
        return Err(format!("not in sync: {}", object.ready));
    }
    Ok(())
}

/// Where the design says that a person has to act: status names a foreign pool, or there is a
/// pool that an object left which a restore took away.
fn needs_a_person(state: &State, ready: &str) -> Option<()> {
    let object = state.etcd.object.as_ref()?;
    let forged = object.pool.as_deref() == Some(FOREIGN) && ready == "False/ForeignOwner";
    let orphans = (1..=state.uids).filter(|uid| state.is_orphaned(*uid));
    let orphans = orphans.flat_map(|uid| state.pools_of(uid)).count();
    let left = orphans > 0 && ready == "False/PreviousPoolFound";
    (forged || left).then_some(())
}

impl Scene<'_> {
    /// A call whose sender is gone takes effect, if there is one.
    fn deliver(&mut self, weather: Weather) -> bool {
        let clock = i64::from(self.state.clock);
        let can_wait = |signed: i64| {
            weather == Weather::Late && clock + i64::from(ROUND) - signed <= SIGNATURE
        };
        let mut calls = self.state.wire.iter();
        let due = calls.position(|call| !call.awaited && !can_wait(call.signed));
        if let Some(place) = due {
            self.arrive(place);
        }
        due.is_some()
    }

    /// The pass of a process goes on.
    fn go_on(&mut self, process: usize) {
        let Some(place) = self.state.awaited(process) else {
            return self.step(process, Twist::None);
        };
        let call = &self.state.wire[place];
        if call.outcome.is_some() {
            self.reply(process);
        } else if self.state.is_honoured(call) {
            self.arrive(place);
        } else {
            self.refuse(process, FailureKind::SignatureTooOld);
        }
    }
}
