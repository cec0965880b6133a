//! A state in which something happens, and what is told of it.

use super::bounds::World;
use super::etcd::{Object, Test, Write};
use super::events::Event;
use super::print::Printed;
use super::state::{Breach, Pass, State};

/// One step from a state to the next.
pub(crate) struct Scene<'a> {
    pub(crate) world: &'a World,
    pub(crate) state: State,
    /// What happened, in sentences, where somebody wants to read it.
    pub(crate) told: Option<Vec<String>>,
    /// Whether what happens counts as covered.
    pub(crate) counts: bool,
}

impl<'a> Scene<'a> {
    pub(crate) fn new(world: &'a World, state: State) -> Self {
        Self {
            world,
            state,
            told: None,
            counts: true,
        }
    }

    pub(crate) fn say(&mut self, sentence: impl FnOnce(&State) -> String) {
        if let Some(told) = &mut self.told {
            told.push(format!(
                "t={:<5}{}",
                self.state.clock,
                sentence(&self.state)
            ));
        }
    }

    pub(crate) fn note(&self, event: Event) {
        if self.counts {
            self.world.events.note(event);
        }
    }

    pub(crate) fn breach(&mut self, breach: Breach) {
        self.state.breaches.note(breach);
        self.say(|_| format!("!  {breach:?}"));
    }

    pub(crate) fn pass(&self, process: usize) -> &Pass {
        let pass = self.state.processes[process].pass.as_ref();
        pass.expect("a pass is under way")
    }

    pub(crate) fn pass_mut(&mut self, process: usize) -> &mut Pass {
        let pass = self.state.processes[process].pass.as_mut();
        pass.expect("a pass is under way")
    }

    /// The apiserver changes the object by itself, as a person or a fault asks.
    pub(crate) fn change(&mut self, write: &Write) {
        let before = self.state.etcd.object.clone();
        let changed = self.state.etcd.change(write, &self.world.versions);
        changed.expect("people add no finalizers");
        self.after_write(before.as_ref());
    }

    /// A process writes what rests on a version.
    pub(crate) fn write(
        &mut self,
        seen: &Object,
        test: Test,
        write: &Write,
    ) -> Result<Option<Printed<Object>>, identity_pool_operator::pool::moves::Trouble> {
        let before = self.state.etcd.object.clone();
        let written = self
            .state
            .etcd
            .write(seen, test, write, &self.world.versions);
        match &written {
            Ok(_) => self.after_write(before.as_ref()),
            Err(_) => self.note(Event::Conflict),
        }
        written
    }

    fn after_write(&mut self, before: Option<&Printed<Object>>) {
        self.remember_version();
        let Some(before) = before.filter(|_| self.state.etcd.object.is_none()) else {
            return;
        };
        let restored = self.world.scenario.tokens.restores > self.state.tokens.restores;
        if restored && !before.held {
            // A restore took the finalizer away, and nobody had put it back.
            self.state.orphaned |= 1 << before.uid;
        }
    }

    /// Caches show every version in turn.
    pub(crate) fn remember_version(&mut self) {
        if self.state.tokens.stale == 0 {
            return self.forget_versions();
        }
        let Some(object) = &self.state.etcd.object else {
            return;
        };
        let last = self.state.past.last();
        if last.is_none_or(|(_, last)| last != object) {
            let place = last.map_or(0, |(place, _)| *place) + 1;
            self.state.past.push((place, object.clone()));
        }
        if self.state.past.len() > VERSIONS {
            self.state.past.remove(0);
        }
    }

    /// Nobody reads old versions any more.
    fn forget_versions(&mut self) {
        self.state.past.clear();
        for process in &mut self.state.processes {
            process.cache = 0;
        }
    }
}

/// Versions that a cache may lag behind, the newest among them.
const VERSIONS: usize = 3;

/// A process's name in a trace.
pub(crate) fn name(process: usize) -> char {
    ['A', 'B', 'C'][process]
}
