//! The operator under nothing but the chart's rules: it uses each of them, nothing else, and without
//! any of them something fails that it tells of.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt;
use futures::stream;

use crate::audit::{Grant, Requests, take_from};

use crate::work::{Run, Use, rendered};

/// Runs at once: each has two operators, on machines with two cores.
const AT_ONCE: usize = 4;

/// A whole life under the rules as they are: nothing is refused. The grants, and what was used.
async fn lives(used_for: Use, lists_apart: bool) -> (Vec<Grant>, BTreeSet<Grant>) {
    let run = Run::new(used_for, lists_apart, None).await;
    run.until_granted().await;
    run.life().await;
    let mut requests = Requests::of(run.plane, &run.user);
    if used_for == Use::Namespaced {
        // Only to warn of a namespace that does not exist: there the Role could not exist either.
        requests
            .forbidden
            .retain(|grant| grant.resource != "namespaces");
    }
    assert!(
        requests.forbidden.is_empty(),
        "refused: {:?}",
        requests.forbidden
    );
    (run.grants, requests.allowed)
}

/// Every grant is used, on the one apiserver or the other, and nothing but these.
async fn uses_exactly_what_it_is_granted(used_for: Use) {
    let ((grants, mut used), (_, more)) =
        tokio::join!(lives(used_for, false), lives(used_for, true));
    used.extend(more);
    let unused: Vec<_> = grants
        .iter()
        .filter(|grant| !used.contains(*grant))
        .collect();
    assert!(unused.is_empty(), "granted and never used: {unused:?}");
    let ungranted: Vec<_> = used.iter().filter(|used| !grants.contains(used)).collect();
    assert!(ungranted.is_empty(), "used by other means: {ungranted:?}");
}

/// The same without one grant: the apiserver refuses just that, and the operator tells of it.
async fn misses(used_for: Use, grant: Grant) -> Result<(), String> {
    let run = Run::new(used_for, grant.verb == "list", Some(&grant)).await;
    run.until_granted().await;
    let resource = grant.resource.split('/').next().unwrap_or_default();
    let refused = async {
        loop {
            let requests = Requests::of(run.plane, &run.user);
            if requests.forbidden.contains(&grant) && run.tells_of(resource).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::select! {
        biased;
        () = refused => Ok(()),
        () = run.life() => {
            // What was refused has been by now, and is told at once.
            let requests = Requests::of(run.plane, &run.user);
            let told = run.tells_of(resource).await;
            (requests.forbidden.contains(&grant) && told).then_some(()).ok_or_else(|| {
                format!("{grant} was not missed: refused {:?}, told {told}", requests.forbidden)
            })
        }
    }
}

/// Each grant of a use is taken away in turn, but for those that another use has tried.
async fn misses_each(used_for: Use, chosen: impl Fn(&Grant) -> bool) {
    let documents = rendered(used_for, "any");
    let mut grants: Vec<Grant> = documents
        .into_iter()
        .flat_map(|mut document| take_from(&mut document, None))
        .filter(chosen)
        .collect();
    grants.sort();
    grants.dedup();
    assert!(!grants.is_empty());
    let runs = stream::iter(grants).map(|grant| misses(used_for, grant));
    let outcomes: Vec<_> = runs.buffer_unordered(AT_ONCE).collect().await;
    let kept: Vec<String> = outcomes.into_iter().filter_map(Result::err).collect();
    assert!(kept.is_empty(), "{kept:#?}");
}

/// What only classes need; `get` of a namespace is for the installation id.
fn is_of_classes(grant: &Grant) -> bool {
    let resource = grant.resource.as_str();
    let labels = resource == "namespaces" && grant.verb != "get";
    labels || resource == "secrets" || resource.starts_with("identitypoolclasses")
}

fn is_reference(grant: &Grant) -> bool {
    ["configmaps", "secrets", "roles"].contains(&grant.resource.as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_is_used_and_no_other() {
    uses_exactly_what_it_is_granted(Use::Pools).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_is_used_and_no_other_with_named_namespaces() {
    uses_exactly_what_it_is_granted(Use::Watched).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_is_used_and_no_other_with_roles_in_one_namespace() {
    let documents = rendered(Use::Namespaced, "any");
    let kinds = documents
        .iter()
        .map(|document| document["kind"].as_str().expect("a kind"));
    assert!(
        kinds.clone().all(|kind| !kind.starts_with("Cluster")),
        "{:?}",
        kinds.collect::<Vec<_>>()
    );
    uses_exactly_what_it_is_granted(Use::Namespaced).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_for_references_is_used_and_no_other() {
    uses_exactly_what_it_is_granted(Use::References).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_for_exports_is_used_and_no_other() {
    uses_exactly_what_it_is_granted(Use::Exports).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_for_classes_is_used_and_no_other() {
    uses_exactly_what_it_is_granted(Use::Classes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_for_classes_is_missed() {
    misses_each(Use::Classes, is_of_classes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_is_missed() {
    misses_each(Use::Pools, |_| true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_for_references_is_missed() {
    misses_each(Use::References, is_reference).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_for_exports_is_missed() {
    misses_each(Use::Exports, is_reference).await;
}
