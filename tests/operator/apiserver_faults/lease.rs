//! Every request that an election takes, with everything that can become of a request: the replica
//! wins the Lease, keeps it and gives it back, and passes go on or wait, but nothing is doubled.

use std::sync::Arc;
use std::time::Duration;

use harness::proxy::{Fault, Matching, Verb};
use identity_pool_operator::election::Timing;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::ResourceExt;
use kube::api::{Api, PostParams};

use super::table::{Case, play};
use super::world::World;
use super::writes::effects;
use crate::rig::{Running, Setup};

/// The replica of a case.
const REPLICA: &str = "one";

/// The name of the Lease, as of the operator.
const LEASE: &str = "identity-pool-operator";

/// A fault costs one answer of three seconds at most: what is left is enough to renew twice.
fn timing() -> Timing {
    Timing::new(12, 10, 1).expect("an order")
}

/// A request of the election.
#[derive(Clone, Copy, Debug)]
struct Struck {
    verb: Verb,
    /// How many of its kind go well before.
    skip: usize,
    /// The Lease is held by one who is gone when the replica begins.
    held: bool,
    /// It comes when the replica ends, not when it begins.
    last: bool,
}

/// A Lease is read, made, renewed; watched while another holds it, and taken over; given back. It
/// is never patched.
fn requests() -> [(&'static str, Struck); 7] {
    let on = |verb| Struck {
        verb,
        skip: 0,
        held: false,
        last: false,
    };
    let held = |verb| Struck {
        held: true,
        ..on(verb)
    };
    let again = Struck {
        skip: 2,
        ..on(Verb::Update)
    };
    let release = Struck {
        last: true,
        ..on(Verb::Update)
    };
    [
        ("read", on(Verb::Get)),
        ("create", on(Verb::Create)),
        ("renew", on(Verb::Update)),
        ("renew-again", again),
        ("watch", held(Verb::Watch)),
        ("take", held(Verb::Update)),
        ("release", release),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_about_the_lease_survives_every_fault_of_the_apiserver() {
    let mut cases = Vec::new();
    for (request, struck) in requests() {
        for (fault, effect) in effects() {
            let matching = Matching::verb(struck.verb).resource("leases");
            let fault_of = Fault::on(matching, effect).skip(struck.skip);
            let name = format!("lease/{request}/{fault}");
            cases.push(Case::new(name, move |world| {
                elected(world, fault_of, struck)
            }));
        }
    }
    play(
        "every_request_about_the_lease_survives_every_fault_of_the_apiserver",
        cases,
    )
    .await;
}

async fn elected(world: Arc<World>, fault: Fault, struck: Struck) {
    if struck.held {
        hold(&world).await;
    }
    let mut fault = Some(fault);
    let mut arm = || world.proxy.inject(fault.take().expect("once"));
    let early = (!struck.last).then(&mut arm);
    let operator = replica(&world).await;
    if let Some(armed) = &early {
        armed.until_struck(1).await;
    }
    world.create().await;
    world.settles_after_one_creation().await;
    until_renewed(&world).await;
    let late = struck.last.then(arm);
    operator.stop().await;
    if let Some(armed) = &late {
        assert_eq!(armed.struck(), 1, "the Lease was given back");
    }
    // Nobody waits for the lease of one who is gone.
    assert_eq!(holder(&lease(&world).await), "");
    assert_eq!(world.changes(), ["CreateIdentityPool"]);
}

/// The Lease of a replica that renews it no more.
async fn hold(world: &World) {
    let spec = LeaseSpec {
        holder_identity: Some("gone".to_owned()),
        lease_duration_seconds: Some(2),
        ..LeaseSpec::default()
    };
    let mut lease = Lease {
        spec: Some(spec),
        ..Lease::default()
    };
    lease.metadata.name = Some(LEASE.to_owned());
    let made = leases(world).create(&PostParams::default(), &lease).await;
    made.expect("accepted");
}

fn leases(world: &World) -> Api<Lease> {
    Api::namespaced(world.rig.client.clone(), &world.rig.namespace)
}

/// An operator that stands for election through the proxy, once it leads.
async fn replica(world: &World) -> Running {
    let config = world.proxy.config().await.expect("config");
    let setup = Setup {
        elected: Some((REPLICA, timing())),
        ..Setup::default()
    };
    let operator = world.rig.operator_through(config, &setup);
    operator.listed().await;
    operator
        .until_counted("\nidentity_pool_operator_leader 1\n")
        .await;
    operator
}

async fn lease(world: &World) -> Lease {
    leases(world).get(LEASE).await.expect("the Lease is there")
}

fn holder(lease: &Lease) -> String {
    let spec = lease.spec.clone().unwrap_or_default();
    spec.holder_identity.unwrap_or_default()
}

/// Waits until the replica has renewed its lease once more, and sees that it is the one that it was.
async fn until_renewed(world: &World) {
    let before = lease(world).await;
    assert_eq!(holder(&before), REPLICA);
    let renewed = async {
        while lease(world).await.resource_version() == before.resource_version() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let renewed = tokio::time::timeout(Duration::from_secs(60), renewed).await;
    renewed.expect("the lease is renewed");
    let now = lease(world).await;
    assert_eq!(holder(&now), REPLICA);
    let won = |lease: &Lease| lease.spec.as_ref().and_then(|spec| spec.lease_transitions);
    assert_eq!(won(&now), won(&before), "renewed, not won again");
}
