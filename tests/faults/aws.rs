//! AWS fails: every call that a workload makes to it, in every way that is known.

use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::cognito::{Fault, FaultKind};
use identity_pool_operator::api::IdentityPool;

use crate::case::{Case, Played};
use crate::reference::{Reference, begin};
use crate::rig::condition;
use crate::run::Run;
use crate::world::{Stage, World};

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

/// What passes by itself.
pub(crate) fn passing() -> Vec<FaultKind> {
    let all = troubles().into_iter();
    all.filter(|trouble| !trouble.stalls)
        .map(|trouble| trouble.kind)
        .collect()
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
                cases.push(case(reference, call, trouble, Stage::QUICK, |_| {}));
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
        (
            "500-executed-list-lags",
            executed(500, "InternalErrorException"),
        ),
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
        case(reference, call, trouble, Stage::LATE, |world| {
            world.rig.fake.configure(|settings| settings.list_lag = LAG);
        })
    })
}

/// The operator gives up before AWS answers, or before it even begins.
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
        case(reference, call, trouble, Stage::LATE, |_| {})
    })
}

fn case(
    reference: &Arc<Reference>,
    call: &str,
    trouble: Trouble,
    stage: Stage,
    arrange: fn(&World),
) -> Case {
    let name = format!("{KIND}/{}/{call}/{}", reference.workload.name, trouble.name);
    let (reference, call) = (Arc::clone(reference), call.to_owned());
    Case::new(KIND, name, stage, move |world| async move {
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
    let fault = Fault::on(operation, trouble.kind.clone()).skip(skip);
    world.rig.fake.inject(fault.times(trouble.times));
    let mut run = Run::of(reference.workload, &world);
    run.until(over(&world, &trouble)).await;
    let begun = Instant::now();
    if trouble.stalls {
        world.rig.fake.clear_faults();
        world.ask_all().await;
    }
    run.finish().await;
    reference.expect_end(&world, trouble.times.min(2)).await;
    Played {
        recovered: begun.elapsed(),
        met: world.rig.fake.strikes() > 0,
    }
}

/// The fault has struck as often as it was to; where a person has to act, the operator has said so.
async fn over(world: &World, trouble: &Trouble) {
    if !trouble.stalls {
        while world.rig.fake.strikes() < trouble.times {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        return;
    }
    while !world.objects().await.iter().any(says_so) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A role that is not accepted is waited for: it may only be new.
fn says_so(object: &IdentityPool) -> bool {
    let status = object.status.clone().unwrap_or_default();
    condition(&status, "Stalled").starts_with("True")
        || condition(&status, "Reconciling") == "True/RoleNotAccepted"
}
