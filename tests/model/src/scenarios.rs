//! What is explored in CI, what `make model-check` explores, and the mutants.
//!
//! No scenario has every kind of trouble at once: the states multiply. Each kind meets each other
//! in some scenario, and a list of events that all have to happen keeps the whole from being
//! empty.

use super::bounds::{Mutant, Scenario};
use super::etcd::Kind;
use super::rules::{P1, P3, P4, P12};
use super::state::Tokens;

const NONE: Tokens = Tokens {
    crashes: 0,
    losses: 0,
    refusals: 0,
    silences: 0,
    stale: 0,
    shifts: 0,
    ticks: 0,
    deletions: 0,
    recreations: 0,
    renames: 0,
    lost_statuses: 0,
    lost_claims: 0,
    forgeries: 0,
    removals: 0,
    restores: 0,
};

/// What CI explores.
pub(crate) fn bounded() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "1 process: crash, lost and refused call, silence, stale cache, shifted list",
            1,
            Tokens {
                crashes: 1,
                losses: 1,
                refusals: 1,
                silences: 1,
                stale: 1,
                shifts: 1,
                ticks: 1,
                ..NONE
            },
        ),
        looking_back(Scenario::new(
            "1 process: restore, crash, deletion, re-creation",
            1,
            Tokens {
                crashes: 1,
                ticks: 1,
                deletions: 1,
                recreations: 1,
                restores: 1,
                ..NONE
            },
        )),
        Scenario::new(
            "1 process: status and claim erased, foreign pool forged, pool removed, crash",
            1,
            Tokens {
                crashes: 1,
                lost_statuses: 1,
                lost_claims: 1,
                forgeries: 1,
                removals: 1,
                ..NONE
            },
        ),
        Scenario::new("2 processes: time", 2, Tokens { ticks: 2, ..NONE }),
        skewed(Scenario::new(
            "2 processes, clocks 50 s apart: crash, time",
            2,
            Tokens {
                crashes: 1,
                ticks: 1,
                ..NONE
            },
        )),
        Scenario::new(
            "2 processes: stale cache, deletion, re-creation",
            2,
            Tokens {
                stale: 1,
                deletions: 1,
                recreations: 1,
                ..NONE
            },
        ),
        Scenario::new(
            "2 processes: lost call, rename",
            2,
            Tokens {
                losses: 1,
                renames: 1,
                ..NONE
            },
        ),
        Scenario::new(
            "2 processes: restore, crash",
            2,
            Tokens {
                crashes: 1,
                restores: 1,
                ..NONE
            },
        ),
        Scenario::new(
            "2 processes: status and claim erased",
            2,
            Tokens {
                lost_statuses: 1,
                lost_claims: 1,
                ..NONE
            },
        ),
        skewed(Scenario::new("3 processes, clocks 50 s apart", 3, NONE)),
        Scenario::new("3 processes: crash", 3, Tokens { crashes: 1, ..NONE }),
    ]
}

/// What `make model-check` explores besides, each a step beyond CI.
pub(crate) fn large() -> Vec<Scenario> {
    vec![
        Scenario::new("3 processes: lost call", 3, Tokens { losses: 1, ..NONE }),
        Scenario::new(
            "2 processes: restore, deletion",
            2,
            Tokens {
                deletions: 1,
                restores: 1,
                ..NONE
            },
        ),
        Scenario::new(
            "2 processes: foreign pool forged, pool removed, deletion",
            2,
            Tokens {
                forgeries: 1,
                removals: 1,
                deletions: 1,
                ..NONE
            },
        ),
    ]
}

/// An earlier object's pool is looked for.
fn looking_back(scenario: Scenario) -> Scenario {
    let kind = Kind {
        looks_back: true,
        ..scenario.kind
    };
    Scenario { kind, ..scenario }
}

/// As far apart as the operator creates pools at all.
fn skewed(scenario: Scenario) -> Scenario {
    let ahead = [25, -25, 0];
    Scenario { ahead, ..scenario }
}

/// What the design leaves open, let happen.
pub(crate) fn open_risks() -> Vec<Scenario> {
    let open = |name, processes, tokens| Scenario {
        residual: true,
        ..Scenario::new(name, processes, tokens)
    };
    vec![
        open(
            "restore to before a claim, and its sender gone",
            1,
            Tokens {
                crashes: 1,
                ticks: 1,
                restores: 1,
                ..NONE
            },
        ),
        open(
            "claim stripped, and its sender gone",
            1,
            Tokens {
                crashes: 1,
                lost_claims: 1,
                ..NONE
            },
        ),
        open(
            "restore to before a claim, and another process acts",
            2,
            Tokens {
                restores: 1,
                ..NONE
            },
        ),
    ]
}

/// A part of the protocol that is left out, the smallest trouble in which that shows, and the
/// property that it breaks.
pub(crate) fn mutants() -> Vec<(Scenario, &'static str)> {
    let mutant = |name, mutant, processes, tokens| Scenario {
        mutant,
        ..Scenario::new(name, processes, tokens)
    };
    let crash = Tokens { crashes: 1, ..NONE };
    let gone = Tokens {
        deletions: 1,
        ..crash
    };
    vec![
        (
            mutant(
                "no compare-and-swap",
                Mutant::NoCompareAndSwap,
                2,
                Tokens { ticks: 1, ..NONE },
            ),
            P1,
        ),
        (
            mutant(
                "no search on deletion",
                Mutant::NoSearchOnDeletion,
                1,
                Tokens { ticks: 2, ..gone },
            ),
            P3,
        ),
        (mutant("no settling", Mutant::NoSettling, 1, crash), P1),
        (
            mutant("no settling on deletion", Mutant::NoSettling, 1, gone),
            P3,
        ),
        (
            mutant(
                "finalizer by name only",
                Mutant::FinalizerByName,
                2,
                Tokens {
                    deletions: 1,
                    recreations: 1,
                    ..NONE
                },
            ),
            P3,
        ),
        (
            mutant(
                "retry of create",
                Mutant::RetryOfCreate,
                1,
                Tokens { losses: 1, ..NONE },
            ),
            P1,
        ),
        (
            mutant("no fence", Mutant::NoFence, 2, Tokens { ticks: 2, ..NONE }),
            P1,
        ),
        (mutant("no claim", Mutant::NoClaim, 1, NONE), P12),
        (
            mutant(
                "one list is enough",
                Mutant::OneList,
                1,
                Tokens {
                    shifts: 1,
                    ticks: 2,
                    ..crash
                },
            ),
            P1,
        ),
        (
            mutant(
                "status is trusted",
                Mutant::StatusTrusted,
                1,
                Tokens {
                    deletions: 1,
                    forgeries: 1,
                    ..NONE
                },
            ),
            P4,
        ),
    ]
}

/// Two parts that stand in for each other: without either, the other holds.
pub(crate) fn spare_parts() -> Vec<Scenario> {
    let part = |name, mutant| Scenario {
        mutant,
        ..Scenario::new(name, 2, Tokens { ticks: 2, ..NONE })
    };
    vec![
        part(
            "no fence, but signed with the claim's time",
            Mutant::StoppedClock,
        ),
        part("signed when sent, but fenced", Mutant::SignedWhenSent),
    ]
}
