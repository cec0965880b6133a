//! AWS fails: every call that a workload makes to it, in every way that is known.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::cognito::{Fault, FaultKind};
use serde_json::json;

use crate::case::{Case, Played};
use crate::reference::{Reference, begin};
use crate::rig::Setup;
use crate::workloads;
use crate::world::World;

const KIND: &str = "aws";

/// Longer than the operator waits for an answer.
const TOO_LONG: Duration = Duration::from_secs(16);

/// How long a list lags behind in the cases that say so: well within the settle window.
const LAG: Duration = Duration::from_millis(600);

/// What goes wrong, and for how long.
#[derive(Clone)]
struct Trouble {
    name: &'static str,
    kind: FaultKind,
    /// Calls that it strikes in a row.
    times: usize,
    /// Whether a person has to act: it then lasts until the operator says so, and ends when
    /// somebody has seen to it and asks for a look.
    stalls: bool,
}

fn troubles() -> Vec<Trouble> {
    let passing = |name, kind| Trouble {
        name,
        kind,
        times: 1,
        stalls: false,
    };
    let lasting = |name, code: &str| Trouble {
        name,
        kind: error(400, code),
        times: usize::MAX,
        stalls: true,
    };
    let moment = Duration::from_millis(150);
    let mut troubles = vec![
        passing("throttled", FaultKind::Throttle),
        passing("concurrent", error(400, "ConcurrentModificationException")),
        passing("signature-too-old", error(400, "RequestExpired")),
        passing("unknown-code", error(400, "SomethingNewException")),
        passing("500", error(500, "InternalErrorException")),
        passing("503-of-a-proxy", error(503, "")),
        passing("500-executed", executed(500, "InternalErrorException")),
        passing("504-executed", executed(504, "")),
        passing("reset", FaultKind::ResetBefore),
        passing("no-answer", FaultKind::LoseReplyBeforeStatus),
        passing("no-body", FaultKind::LoseReplyAfterStatus),
        passing("half-a-body", FaultKind::CutBody),
        passing("slowly-executed", FaultKind::DelayBefore(moment)),
        passing("slowly-answered", FaultKind::DelayAfter(moment)),
        lasting("denied", "AccessDeniedException"),
        lasting("expired", "ExpiredTokenException"),
        lasting("quota", "LimitExceededException"),
    ];
    for (name, kind) in [
        ("throttled-twice", FaultKind::Throttle),
        ("no-answer-twice", FaultKind::LoseReplyBeforeStatus),
    ] {
        troubles.push(Trouble {
            times: 2,
            ..passing(name, kind)
        });
    }
    troubles
}

fn error(status: u16, code: &str) -> FaultKind {
    let code = code.to_owned();
    FaultKind::ErrorBefore { status, code }
}

fn executed(status: u16, code: &str) -> FaultKind {
    let code = code.to_owned();
    FaultKind::ErrorAfter { status, code }
}

/// Every call to AWS of every workload, with every trouble; and the two that take longest once for
/// each operation.
pub(crate) fn cases(references: &[Arc<Reference>]) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut timed_out = Vec::new();
    for reference in references {
        for call in reference.calls.iter().filter(|call| !call.contains(':')) {
            for trouble in troubles() {
                cases.push(case(reference, call, trouble, workloads::setup(), |_| {}));
            }
            if call.starts_with("CreateIdentityPool") {
                cases.extend(lagging(reference, call));
            }
            let operation = call.split('#').next().unwrap_or_default();
            if !timed_out.contains(&operation) {
                timed_out.push(operation);
                cases.extend(too_long(reference, call));
            }
        }
    }
    cases
}

/// What was made cannot be found for a while.
fn lagging<'a>(reference: &'a Arc<Reference>, call: &'a str) -> impl Iterator<Item = Case> + 'a {
    let lost = [
        ("500-executed-list-lags", executed(500, "InternalErrorException")),
        ("no-answer-list-lags", FaultKind::LoseReplyBeforeStatus),
        ("half-a-body-list-lags", FaultKind::CutBody),
    ];
    lost.into_iter().map(move |(name, kind)| {
        let trouble = Trouble {
            name,
            kind,
            times: 1,
            stalls: false,
        };
        case(reference, call, trouble, workloads::setup(), |world| {
            world.rig.fake.configure(|settings| settings.list_lag = LAG);
        })
    })
}

/// AWS honours a signature for shorter than the operator waits, or else what comes late would be
/// carried out after the settle window.
fn too_long<'a>(reference: &'a Arc<Reference>, call: &'a str) -> impl Iterator<Item = Case> + 'a {
    let kinds = [
        ("executed-too-late", FaultKind::DelayBefore(TOO_LONG)),
        ("answered-too-late", FaultKind::DelayAfter(TOO_LONG)),
    ];
    kinds.into_iter().map(move |(name, kind)| {
        let trouble = Trouble {
            name,
            kind,
            times: 1,
            stalls: false,
        };
        let setup = Setup {
            settle_window: Duration::from_secs(4),
            ..workloads::setup()
        };
        case(reference, call, trouble, setup, |world| {
            let window = Duration::from_secs(3);
            world
                .rig
                .fake
                .configure(|settings| settings.signature_window = window);
        })
    })
}

fn case(
    reference: &Arc<Reference>,
    call: &str,
    trouble: Trouble,
    setup: Setup,
    arrange: fn(&World),
) -> Case {
    let name = format!("{KIND}/{}/{call}/{}", reference.workload.name, trouble.name);
    let (reference, call) = (Arc::clone(reference), call.to_owned());
    Case::new(KIND, name, setup, move |world| async move {
        begin(&world, reference.workload).await;
        arrange(&world);
        strike(world, reference, call, trouble).await
    })
}

async fn strike(
    world: Arc<World>,
    reference: Arc<Reference>,
    call: String,
    trouble: Trouble,
) -> Played {
    let (operation, number) = call.split_once('#').unwrap_or((&call, "1"));
    let skip = number.parse::<usize>().map_or(0, |number| number - 1);
    let fault = Fault::on(operation, trouble.kind).skip(skip);
    world.rig.fake.inject(fault.times(trouble.times));
    let mut act = tokio::spawn((reference.workload.act)(Arc::clone(&world)));
    let over = over(&world, trouble.stalls);
    let ended = tokio::select! {
        biased;
        () = over => None,
        ended = &mut act => Some(ended),
    };
    let met = ended.is_none() || world.rig.fake.faults_are_spent();
    let begun = Instant::now();
    if trouble.stalls {
        world.rig.fake.clear_faults();
        world.ask_all().await;
    }
    let ended = match ended {
        Some(ended) => ended,
        None => act.await,
    };
    if let Err(error) = ended {
        resume_unwind(error.into_panic());
    }
    reference.expect_end(&world, trouble.times.min(2)).await;
    Played {
        recovered: begun.elapsed(),
        met,
    }
}

/// The fault has struck as often as it was to; where a person has to act, the operator has said so.
async fn over(world: &World, stalls: bool) {
    loop {
        if !stalls && world.rig.fake.faults_are_spent() {
            return;
        }
        if stalls && world.objects().await.iter().any(is_stalled) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(if stalls { 100 } else { 10 })).await;
    }
}

fn is_stalled(object: &identity_pool_operator::api::IdentityPool) -> bool {
    let status = json!(object.status);
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    conditions
        .iter()
        .any(|condition| condition["type"] == "Stalled" && condition["status"] == "True")
}
