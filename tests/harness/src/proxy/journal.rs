//! The journal: every request that arrived, in order, and what became of it.

use super::fault::Effect;
use super::matching::Matching;
use super::target::Target;

/// One request.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it was about.
    pub target: Target,
    /// Path and query as sent.
    pub path: String,
    /// The body as sent.
    pub body: String,
    /// The apiserver's status; `None` while it has not answered, or when it was never asked.
    pub executed: Option<u16>,
    /// What went wrong with it, if anything. Faults of a watch's events are not noted.
    pub effect: Option<Effect>,
}

/// All requests since the start or the last reset.
#[derive(Debug, Default)]
pub(super) struct Journal {
    entries: Vec<Entry>,
    /// How many entries resets have swept away.
    swept: usize,
}

impl Journal {
    /// Enters a request and gives it its place.
    pub(super) fn enter(&mut self, entry: Entry) -> usize {
        self.entries.push(entry);
        self.swept + self.entries.len() - 1
    }

    /// Notes the apiserver's answer; an entry that a reset has swept away stays away.
    pub(super) fn executed(&mut self, place: usize, status: u16) {
        let index = place.checked_sub(self.swept);
        if let Some(entry) = index.and_then(|index| self.entries.get_mut(index)) {
            entry.executed = Some(status);
        }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn count(&self, matching: &Matching) -> usize {
        let fits = |entry: &&Entry| matching.fits(&entry.target, &[&entry.path, &entry.body]);
        self.entries.iter().filter(fits).count()
    }

    pub(super) fn reset(&mut self) {
        self.swept += self.entries.len();
        self.entries.clear();
    }
}
