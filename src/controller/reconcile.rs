//! One pass over one object: the only loop of the shell.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use kube::ResourceExt;
use kube::runtime::controller::Action;
use tokio::sync::SemaphorePermit;
use tracing::{Instrument, Span, field};

use super::act::Hands;
use super::context::{Context, Guarded};
use crate::api::IdentityPool;
use crate::aws::session::Subject;
use crate::pool::class::Membership;
use crate::pool::facts::Facts;
use crate::pool::notes::Weight;
use crate::pool::rest::{Outcome, Rest};
use crate::pool::settings::PoolId;
use crate::pool::urgency::Urgency;
use crate::pool::{Move, next, notes, resolve, urgency};

/// Passes never fail towards the queue: what went wrong is in the rest they take.
pub(super) async fn reconcile(
    guarded: Arc<Guarded>,
    context: Arc<Context>,
) -> Result<Action, Infallible> {
    let Ok(object) = &guarded.0 else {
        // Told by the watch; there is nothing to do until somebody changes it.
        return Ok(Action::await_change());
    };
    let span = tracing::info_span!(
        "reconcile",
        namespace = object.namespace(),
        name = field::Empty,
        uid = object.uid(),
        pool_id = field::Empty,
    );
    // Recorded later: in JSON the name of the span itself takes this place at first.
    span.record("name", object.name_any());
    // Objects wait here for news of their class, and many may wait for a slot: until then a pass
    // is next to nothing. Never closed.
    context.classes.settled(object).await;
    let slot = context.slots.acquire().await.ok();
    let rest = Box::pin(pass(Arc::new(object.clone()), slot, &context))
        .instrument(span)
        .await;
    Ok(rest.map_or_else(Action::await_change, Action::requeue))
}

async fn pass<'a>(
    object: Arc<IdentityPool>,
    slot: Option<SemaphorePermit<'a>>,
    context: &'a Context,
) -> Option<std::time::Duration> {
    let begun = Instant::now();
    let uid = object.uid().unwrap_or_default();
    context.telemetry.metrics.pass_begun();
    let subject = Subject::new(&object.namespace().unwrap_or_default(), &object.name_any());
    let moved = Box::pin(moves(object, &uid, slot, context));
    let (last, rest) = subject.scope(moved).await;
    if matches!(rest.outcome, Outcome::Applied | Outcome::Unchanged) {
        // What others added to it is in order too.
        context.memories.says(&uid, last.status.as_ref());
    }
    context.memories.end(&uid, rest.memory.clone());
    if rest.outcome == Outcome::Released || resolve::sources(&last.spec).is_none() {
        context.references.forget(Some(&uid));
    }
    if rest.outcome == Outcome::Released {
        context.classes.forget(&uid);
    }
    tell(&last, &rest, context);
    let reason = rest.reason.map(crate::api::Reason::as_str);
    context
        .telemetry
        .metrics
        .pass_ended(rest.outcome, reason, begun.elapsed());
    rest.after
}

/// Facts in, moves out, until the core wants to rest.
async fn moves<'a>(
    object: Arc<IdentityPool>,
    uid: &str,
    slot: Option<SemaphorePermit<'a>>,
    context: &'a Context,
) -> (Arc<IdentityPool>, Rest) {
    let membership = context.membership(&object);
    context.classes.begin(uid, &membership);
    let region = context.region(&membership, &object);
    let mut hands = Hands {
        context,
        region,
        slot,
        urgency: Urgency::Resync,
        reserved: None,
        ticket: None,
    };
    let mut facts = observe(Arc::clone(&object), uid, membership, &hands);
    loop {
        facts.moment = context.moment(&hands.region);
        if let Some(object) = &facts.object {
            let now = context.classes.table().membership(object);
            facts.note_membership(&now);
        }
        let mv = next(&facts);
        hands.urgency = urgency(&facts, &mv);
        // Of an object that is gone the core asks nothing but what became of its pool.
        let object = facts
            .object
            .as_ref()
            .map_or_else(|| Arc::clone(&object), Arc::clone);
        let seen = match mv {
            Move::ReadObject => hands.read(&object).await,
            Move::ReadReferences(sources) => hands.read_references(&object, &sources).await,
            Move::Reserve => hands.reserve(&object).await,
            Move::WriteClaim(claim) => hands.write_claim(&object, claim).await,
            Move::Search { after } => hands.search(&object, after).await,
            Move::FindByName { name, which } => hands.find_by_name(&object, &name, which).await,
            Move::Call(call) => hands.call(&object, call, facts.moment.term_left).await,
            Move::WriteStatus { status, note } => hands.write_status(&object, &status, note).await,
            Move::ReadExport(name) => hands.read_export(&object, name).await,
            Move::WriteExport(write) => hands.write_export(&object, write).await,
            Move::DropFinalizer => hands.drop_finalizer(&object).await,
            Move::Rest(rest) => return (object, *rest),
        };
        facts.learn(seen, context.clock.now());
    }
}

/// What is known before anything is asked.
fn observe(
    object: Arc<IdentityPool>,
    uid: &str,
    membership: Membership,
    hands: &Hands<'_>,
) -> Facts {
    let context = hands.context;
    let recorded = object
        .status
        .as_ref()
        .and_then(|status| status.identity_pool_id.as_deref())
        .map(PoolId::new);
    let owner = crate::pool::ownership::owner_of(&context.operator.installation, uid);
    let moment = context.moment(&hands.region);
    let memory = context.memories.begin(uid);
    let meddled = context.memories.is_foreign(uid, object.status.as_ref()) == Some(true);
    if !meddled {
        context.memories.says(uid, object.status.as_ref());
    }
    let touched = context.touched.is(&object);
    let operator = Arc::clone(&context.operator);
    let mut facts = Facts::begin_as(membership, operator, moment, object, memory);
    facts.meddled = meddled;
    facts.export_touched = touched;
    facts.missing = recorded.is_some_and(|id| context.is_missing(&id));
    facts.known = hands.region.census.known_owned(&owner);
    facts
}

/// The log and the Events of a pass.
fn tell(object: &IdentityPool, rest: &Rest, context: &Context) {
    let pool = object
        .status
        .as_ref()
        .and_then(|status| status.identity_pool_id.as_deref());
    Span::current().record("pool_id", pool);
    if let Some(note) = notes::corrected(&rest.corrected) {
        context.publisher.publish(object, note);
    }
    for field in &rest.corrected {
        context.telemetry.metrics.drift_corrected(field);
    }
    log(rest);
}

fn log(rest: &Rest) {
    let changed: Vec<&str> = rest.changed.iter().map(|done| done.as_str()).collect();
    let some = |names: &[&str]| (!names.is_empty()).then(|| names.join(", "));
    let corrected: Vec<&str> = rest.corrected.iter().map(String::as_str).collect();
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                outcome = rest.outcome.as_str(),
                reason = rest.reason.map(crate::api::Reason::as_str),
                changed = some(&changed),
                corrected = some(&corrected),
                request_id = rest.request_id,
                detail = rest.detail,
                "pass ended"
            )
        };
    }
    let uneventful = matches!(rest.outcome, Outcome::Unchanged | Outcome::Waiting);
    match rest.weight {
        Weight::Warning => line!(warn),
        Weight::Normal if uneventful && rest.detail.is_none() => line!(debug),
        Weight::Normal => line!(info),
    }
}
