//! The shipped core under a model checker.
//!
//! The checker explores every order in which the operator's processes, the apiserver, AWS,
//! people and faults can act, within the bounds of a scenario. What a process does is
//! `identity_pool_operator::pool::next`, the function that runs in production: there is no
//! second copy of the protocol here. What surrounds it is modelled as its contract says.

mod actions;
mod aws;
mod bounds;
mod calm;
mod check;
mod core;
mod etcd;
mod events;
mod exposure;
mod print;
mod process;
mod rules;
mod scene;
mod state;
mod trace;

#[cfg(test)]
mod skeleton {
    use super::bounds::{Mutant, Scenario};
    use super::check::check;
    use super::state::Tokens;

    #[test]
    fn play() {
        let n = |name: &str| {
            std::env::var(name)
                .ok()
                .and_then(|text| text.parse().ok())
                .unwrap_or(0)
        };
        let tokens = Tokens {
            crashes: n("CR"),
            losses: n("LO"),
            refusals: n("RF"),
            silences: n("SI"),
            stale: n("ST"),
            shifts: n("SH"),
            ticks: n("TI"),
            deletions: n("DE"),
            recreations: n("RC"),
            renames: n("RN"),
            lost_statuses: n("LS"),
            lost_claims: n("LC"),
            forgeries: n("FO"),
            removals: n("RM"),
            restores: n("RS"),
        };
        let mut scenario = Scenario::new("play", usize::from(n("N").max(1)), tokens);
        let mutants = [
            Mutant::None,
            Mutant::NoCompareAndSwap,
            Mutant::NoSearchOnDeletion,
            Mutant::NoSettling,
            Mutant::FinalizerByName,
            Mutant::RetryOfCreate,
            Mutant::NoFence,
            Mutant::StoppedClock,
            Mutant::SignedWhenSent,
            Mutant::NoClaim,
            Mutant::OneList,
            Mutant::StatusTrusted,
        ];
        scenario.mutant = mutants[usize::from(n("MU"))];
        scenario.residual = n("RE") > 0;
        if n("SK") > 0 {
            scenario.ahead = [25, -25, 0];
        }
        if n("BACK") > 0 {
            scenario.kind.looks_back = true;
        }
        let run = check(scenario, &[]);
        println!(
            "{} states, {} transitions, depth {}, {:?}, asked {:?}",
            run.states, run.transitions, run.depth, run.time, run.asked
        );
        for (event, count) in &run.events {
            println!("  {count:>9}  {}", event.text());
        }
        for (property, trace) in run.broken {
            println!("BROKEN {property}\n{trace}");
        }
    }
}
