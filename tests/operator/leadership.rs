//! Several replicas, one leader: real processes, a real Lease, real signals.

use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use harness::cognito::{Fault, FaultKind};
use harness::control_plane::ControlPlane;
use harness::operator::{Operator, Signal};
use harness::scratch::Scratch;
use identity_pool_operator::api::IdentityPoolSpec;
use identity_pool_operator::election::Timing;
use k8s_openapi::api::coordination::v1::Lease;
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use crate::binary::until_page;
use crate::rig::{Rig, Setup, pool_id};
use crate::start::{BINARY, command, run};

/// Code 2, and the reason in the last line on standard error.
fn assert_misuse(output: &Output, says: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    let last = said.lines().last().unwrap_or_default();
    assert!(last.contains(says), "{says:?} not in {said}");
}

const LEADS: &str = "\nidentity_pool_operator_leader 1\n";
const STANDS_BY: &str = "\nidentity_pool_operator_leader 0\n";
const LEASE: &str = "identity-pool-operator";

/// Longer than any hand-over here takes, shorter than what would make a test useless.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lease, renew deadline and retry period in seconds, for tests that wait for the end of a lease.
const SHORT: [u32; 3] = [5, 4, 1];
/// The flags' defaults.
const USUAL: [u32; 3] = [15, 10, 2];

/// A world, and a folder for the logs of its replicas.
struct Stage {
    rig: Rig,
    scratch: Scratch,
    leases: Api<Lease>,
}

impl Stage {
    async fn new(prefix: &str) -> Self {
        let rig = Rig::new(prefix).await;
        let leases = Api::namespaced(rig.client.clone(), &rig.namespace);
        let scratch = Scratch::new().expect("a folder");
        Self {
            rig,
            scratch,
            leases,
        }
    }

    fn flags(&self, [lease, renew, retry]: [u32; 3]) -> Vec<String> {
        let namespace = &self.rig.namespace;
        vec![
            format!("--watch-namespaces={namespace}"),
            format!("--installation-id={namespace}"),
            "--leader-elect=true".to_owned(),
            format!("--leader-election-namespace={namespace}"),
            format!("--leader-election-lease-duration-seconds={lease}"),
            format!("--leader-election-renew-deadline-seconds={renew}"),
            format!("--leader-election-retry-period-seconds={retry}"),
        ]
    }

    fn start(&self, kubeconfig: &Path, name: &str, timing: [u32; 3]) -> Operator {
        let log = self.scratch.path().join(format!("{name}.log"));
        let binary = Path::new(BINARY);
        let flags = self.flags(timing);
        Operator::start(binary, &self.rig.fake, Some(kubeconfig), flags, &log).expect("it starts")
    }

    /// Starts a replica and waits until it has listed its objects.
    async fn replica(&self, name: &str, timing: [u32; 3]) -> Operator {
        let replica = self.start(self.rig.plane.kubeconfig_path(), name, timing);
        replica.ready().await.expect("ready");
        replica
    }

    /// A leader and a replica that stands by.
    async fn pair(&self, timing: [u32; 3]) -> (Operator, Operator) {
        let one = self.replica("one", timing).await;
        until_page(&one, LEADS).await;
        let two = self.replica("two", timing).await;
        until_page(&two, STANDS_BY).await;
        (one, two)
    }

    async fn lease(&self) -> Lease {
        self.leases.get(LEASE).await.expect("the Lease is there")
    }

    async fn holder(&self) -> String {
        let spec = self.lease().await.spec.expect("a spec");
        spec.holder_identity.unwrap_or_default()
    }

    /// Calls that changed something, or tried to.
    fn changes(&self) -> usize {
        let mutates = |operation: &str| {
            ["Create", "Update", "Delete", "Tag", "Untag"]
                .iter()
                .any(|verb| operation.starts_with(verb))
        };
        self.rig.fake.count_where(|call| mutates(&call.operation))
    }

    /// Waits until so many calls of an operation have arrived.
    async fn arrived(&self, operation: &str, count: usize) {
        let arrived = async {
            while self.rig.fake.count(operation) < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let arrived = tokio::time::timeout(PATIENCE, arrived).await;
        assert!(arrived.is_ok(), "{count} times {operation}");
    }
}

/// Waits until the apiserver denies the Lease to a user.
async fn until_denied(stage: &Stage, user: &str) {
    let client = stage
        .rig
        .plane
        .client_for(user, &[])
        .await
        .expect("a client");
    let leases: Api<Lease> = Api::namespaced(client, &stage.rig.namespace);
    let denied = async {
        while leases.get_opt(LEASE).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, denied)
        .await
        .expect("denied");
}

/// Waits for the end of a replica; its exit code and last line.
async fn end(replica: &mut Operator) -> (Option<i32>, String) {
    let status = replica.ended(PATIENCE).await.expect("it ends");
    let log = replica.log();
    let last = log.lines().last().unwrap_or_default().to_owned();
    (status.code(), last)
}

#[tokio::test]
async fn of_two_replicas_one_works_and_the_other_is_ready_and_does_nothing() {
    let stage = Stage::new("replicas").await;
    let one = stage.replica("one", USUAL).await;
    until_page(&one, LEADS).await;
    let make = async |from, to| {
        for n in from..to {
            let name = format!("app-{n}");
            stage.rig.create(&name, IdentityPoolSpec::default()).await;
            stage.rig.until_ready(&name).await;
        }
    };
    make(0, 5).await;
    let mut two = stage.replica("two", USUAL).await;
    make(5, 10).await;
    assert_eq!(stage.rig.fake.count("CreateIdentityPool"), 10);
    until_page(
        &one,
        "identity_pool_operator_reconcile_total{outcome=\"applied\"} 10",
    )
    .await;
    let page = until_page(
        &two,
        "identity_pool_operator_identity_pools{ready=\"true\"} 10",
    )
    .await;
    for busy in [
        "reconcile_total{",
        "aws_requests_total{",
        "apiserver_writes_total{",
    ] {
        assert!(!page.contains(busy), "{busy} in {page}");
    }
    assert!(page.contains(STANDS_BY), "{page}");
    let holder = stage.holder().await;
    two.signal(Signal::TERM).expect("it runs");
    assert_eq!(end(&mut two).await.0, Some(0), "{}", two.log());
    assert_eq!(
        stage.holder().await,
        holder,
        "a standby has nothing to give back"
    );
    assert!(
        two.log().contains(&format!("holder=\"{holder}\"")),
        "{}",
        two.log()
    );
}

#[tokio::test]
async fn a_leader_that_is_asked_to_stop_hands_over_at_once() {
    let stage = Stage::new("handover").await;
    // Nobody looks by the clock in the time of this test: the release itself is noticed.
    let (mut one, two) = stage.pair([60, 50, 30]).await;
    stage
        .rig
        .create("before", IdentityPoolSpec::default())
        .await;
    stage.rig.until_ready("before").await;
    stage.rig.fake.reset_journal();
    let asked = Instant::now();
    one.signal(Signal::TERM).expect("it runs");
    until_page(&two, LEADS).await;
    let took = asked.elapsed();
    println!(
        "graceful hand-over: {took:.0?} from SIGTERM until the other replica says that it leads"
    );
    assert!(
        took < Duration::from_secs(10),
        "as long as if it had died: {took:?}"
    );
    assert_eq!(end(&mut one).await.0, Some(0), "{}", one.log());
    until_page(&two, "identity_pool_operator_lease_transitions_total 1").await;
    let spec = stage.lease().await.spec.expect("a spec");
    // Won by the first, emptied, won by the second.
    assert_eq!(spec.lease_transitions, Some(1));
    stage.rig.create("after", IdentityPoolSpec::default()).await;
    stage.rig.until_ready("after").await;
    assert_eq!(stage.changes(), 1, "what was done is not done again");
}

#[tokio::test]
async fn a_leader_keeps_its_lease_while_its_last_passes_end() {
    let stage = Stage::new("drain").await;
    let (mut one, two) = stage.pair([6, 5, 1]).await;
    let slow = FaultKind::DelayAfter(Duration::from_secs(3));
    stage.rig.fake.inject(Fault::on("CreateIdentityPool", slow));
    stage.rig.create("app", IdentityPoolSpec::default()).await;
    stage.arrived("CreateIdentityPool", 1).await;
    one.signal(Signal::TERM).expect("it runs");
    let (at_stop, holder) = (stage.lease().await, stage.holder().await);
    let mut last = at_stop.clone();
    let released = async {
        while stage.holder().await == holder {
            last = stage.lease().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let released = tokio::time::timeout(PATIENCE, released).await;
    released.expect("the lease is given back");
    assert!(
        last.resource_version() != at_stop.resource_version(),
        "it was renewed"
    );
    let object = stage.rig.pools.get("app").await.expect("object is there");
    assert!(
        stage.rig.fake.pool(&pool_id(&object)).is_some(),
        "the pass came to its end first"
    );
    assert_eq!(end(&mut one).await.0, Some(0), "{}", one.log());
    until_page(&two, LEADS).await;
    stage.rig.until_ready("app").await;
    assert_eq!(stage.rig.fake.count("CreateIdentityPool"), 1);
}

#[tokio::test]
async fn a_leader_that_is_killed_is_followed_when_its_lease_is_over() {
    let stage = Stage::new("killed").await;
    let (one, two) = stage.pair(SHORT).await;
    let killed = Instant::now();
    // Dropping it is SIGKILL and a wait.
    drop(one);
    stage.rig.create("app", IdentityPoolSpec::default()).await;
    until_page(&two, LEADS).await;
    println!(
        "loss: {:.1?} from SIGKILL until the other replica leads, lease 5 s",
        killed.elapsed()
    );
    let object = stage.rig.until_ready("app").await;
    assert_eq!(stage.rig.pools_owned_by(&object), [pool_id(&object)]);
    assert_eq!(stage.rig.fake.count("CreateIdentityPool"), 1);
}

#[tokio::test]
async fn a_leader_that_stood_still_beyond_its_term_changes_nothing_more_and_ends() {
    let stage = Stage::new("frozen").await;
    let (mut one, two) = stage.pair(SHORT).await;
    let names: Vec<String> = (0..8).map(|n| format!("app-{n}")).collect();
    for name in &names {
        stage.rig.create(name, IdentityPoolSpec::default()).await;
    }
    for name in &names {
        stage.rig.until_ready(name).await;
    }
    // Every pass looks at its pool before it changes it: that is where they are caught.
    let slow = FaultKind::DelayAfter(Duration::from_secs(2));
    stage
        .rig
        .fake
        .inject(Fault::on("DescribeIdentityPool", slow).always());
    stage.rig.fake.reset_journal();
    for name in &names {
        stage
            .rig
            .set(name, "identityPoolName", &json!(format!("new {name}")))
            .await;
    }
    stage.arrived("DescribeIdentityPool", names.len()).await;
    one.signal(Signal::STOP).expect("it runs");
    assert_eq!(stage.changes(), 0, "all are caught before the change");
    stage.rig.fake.clear_faults();
    until_page(&two, LEADS).await;
    for name in &names {
        stage.rig.until_ready(name).await;
    }
    stage.rig.fake.reset_journal();
    one.signal(Signal::CONT).expect("it is there");
    let (code, last) = end(&mut one).await;
    assert_eq!(code, Some(1), "{}", one.log());
    assert!(
        last.contains("leadership is lost") && last.contains("not renewed"),
        "{last}"
    );
    assert_eq!(stage.changes(), 0);
    until_page(&two, LEADS).await;
    stage.rig.fake.assert_sound();
}

#[tokio::test]
async fn a_leader_whose_lease_is_taken_ends_and_says_who_has_it() {
    let stage = Stage::new("taken").await;
    let mut one = stage.replica("one", USUAL).await;
    until_page(&one, LEADS).await;
    let patch = Patch::Merge(json!({ "spec": { "holderIdentity": "somebody-else" } }));
    let params = PatchParams::default();
    stage
        .leases
        .patch(LEASE, &params, &patch)
        .await
        .expect("accepted");
    let (code, last) = end(&mut one).await;
    assert_eq!(code, Some(1), "{}", one.log());
    assert!(last.contains("somebody-else holds it now"), "{last}");
    assert_eq!(
        stage.holder().await,
        "somebody-else",
        "what is another's is not given back"
    );
}

#[tokio::test]
async fn a_leader_that_cannot_renew_ends_by_itself() {
    let mut plane = ControlPlane::start().await.expect("a control plane");
    let crds = identity_pool_operator::api::crds::crds_yaml().expect("CRDs");
    plane.apply_crds(&crds).await.expect("accepted");
    let stage = Stage::new("alone").await;
    let created = ["create", "namespace", &stage.rig.namespace];
    plane.kubectl(&created).await.expect("accepted");
    let mut one = stage.start(plane.kubeconfig_path(), "one", SHORT);
    until_page(&one, LEADS).await;
    plane.stop_apiserver();
    let (code, last) = end(&mut one).await;
    assert_eq!(code, Some(1), "{}", one.log());
    assert!(last.contains("not renewed within 4 s"), "{last}");
}

#[tokio::test]
async fn an_object_that_came_while_another_led_is_searched_for_before_it_is_created() {
    let stage = Stage::new("warm").await;
    let rig = &stage.rig;
    let elected = |name| Setup {
        elected: Some((name, Timing::new(5, 4, 1).expect("an order"))),
        ..Setup::default()
    };
    let one = rig.operator_with(elected("one")).await;
    one.listed().await;
    let two = rig.operator_with(elected("two")).await;
    two.listed().await;
    rig.create("app", IdentityPoolSpec::default()).await;
    let before = pool_id(&rig.until_ready("app").await);
    let holder = stage.holder().await;
    let (leader, standby) = if holder == "one" {
        (one, two)
    } else {
        (two, one)
    };
    leader.kill();
    // What the leader did is no longer to be seen on the object, only in AWS.
    rig.erase("app").await;
    let object = rig.until_ready("app").await;
    assert_eq!(pool_id(&object), before);
    assert_eq!(rig.fake.count("CreateIdentityPool"), 1);
    assert_ne!(stage.holder().await, holder);
    standby.stop().await;
    assert_eq!(stage.holder().await, "", "who stops gives the lease back");
    rig.fake.assert_sound();
}

#[tokio::test]
async fn a_change_is_given_up_before_the_lease_of_its_sender_can_be_over() {
    let stage = Stage::new("limit").await;
    let rig = &stage.rig;
    let setup = Setup {
        elected: Some(("one", Timing::new(5, 4, 1).expect("an order"))),
        ..Setup::default()
    };
    let one = rig.operator_with(setup).await;
    one.listed().await;
    // Any other call is given 15 s.
    let slow = FaultKind::DelayAfter(Duration::from_secs(10));
    rig.fake.inject(Fault::on("CreateIdentityPool", slow));
    rig.create("app", IdentityPoolSpec::default()).await;
    let given_up = async {
        while !one
            .page()
            .contains("aws_requests_total{operation=\"CreateIdentityPool\"")
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let given_up = tokio::time::timeout(PATIENCE, given_up).await;
    given_up.expect("the call ends");
    let page = one.page();
    let unanswered = "operation=\"CreateIdentityPool\",outcome=\"unanswered\"} 1";
    assert!(page.contains(unanswered), "{page}");
    let object = rig.until_ready("app").await;
    assert_eq!(rig.pools_owned_by(&object), [pool_id(&object)]);
    assert_eq!(rig.fake.count("CreateIdentityPool"), 1);
}

#[tokio::test]
async fn a_lease_that_the_apiserver_denies_ends_it_at_the_start_with_one_line() {
    let stage = Stage::new("denied").await;
    let plane = stage.rig.plane;
    let nobody = plane.kubeconfig_for("nobody", &[]).expect("written");
    let endpoint = stage.rig.fake.endpoint();
    let mut line = vec!["run".to_owned()];
    line.extend(stage.flags(USUAL));
    line.extend(["--metrics-bind-address=0", "--health-probe-bind-address=0"].map(str::to_owned));
    let arguments: Vec<&str> = line.iter().map(String::as_str).collect();
    let denied = run(command(&nobody, &endpoint), &arguments).await;
    for says in [
        "Lease",
        "cannot be read",
        "forbidden",
        "--leader-elect=false",
    ] {
        assert_misuse(&denied, says);
    }
    let missing = arguments
        .iter()
        .map(|argument| match argument.split_once('=') {
            Some(("--leader-election-namespace", _)) => {
                "--leader-election-namespace=nowhere-at-all"
            }
            _ => *argument,
        });
    let missing: Vec<&str> = missing.collect();
    let no_namespace = run(command(plane.kubeconfig_path(), &endpoint), &missing).await;
    assert_misuse(&no_namespace, "nowhere-at-all");
    let disorder = ["run", "--leader-election-renew-deadline-seconds=20"];
    let disorder = run(command(plane.kubeconfig_path(), &endpoint), &disorder).await;
    assert_misuse(&disorder, "lease duration > renew deadline");
}

/// The roles as the page on running shows them, bound to a user.
fn documented_roles(namespace: &str, user: &str) -> String {
    let page = include_str!("../../docs/running.md");
    let blocks = page.split("```yaml").skip(1);
    let roles = blocks.filter_map(|block| block.split("```").next());
    let roles = roles.collect::<Vec<_>>().join("\n---\n");
    let bind = |kind: &str, role: &str| {
        let name = format!("{namespace}-{role}");
        let group = "rbac.authorization.k8s.io";
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": format!("{kind}Binding"),
            "metadata": { "name": name, "namespace": namespace },
            "roleRef": { "apiGroup": group, "kind": kind, "name": role },
            "subjects": [{ "apiGroup": group, "kind": "User", "name": user }],
        })
    };
    let cluster = bind("ClusterRole", "identity-pool-operator");
    let lease = bind("Role", "identity-pool-operator");
    format!("{roles}\n---\n{cluster}\n---\n{lease}\n")
}

#[tokio::test]
async fn the_documented_permissions_are_enough_to_lead_to_stand_by_and_to_work() {
    let stage = Stage::new("roles").await;
    let (plane, namespace) = (stage.rig.plane, &stage.rig.namespace);
    let roles = documented_roles(namespace, namespace);
    let arguments = ["apply", "--namespace", namespace, "-f", "-"];
    let applied = plane.kubectl_with_input(&arguments, &roles).await;
    applied.expect("the page's YAML is accepted");
    let kubeconfig = plane.kubeconfig_for(namespace, &[]).expect("written");
    let mut one = stage.start(&kubeconfig, "one", USUAL);
    until_page(&one, LEADS).await;
    let two = stage.start(&kubeconfig, "two", USUAL);
    two.ready().await.expect("ready");
    stage.rig.create("app", IdentityPoolSpec::default()).await;
    stage.rig.until_ready("app").await;
    one.signal(Signal::TERM).expect("it runs");
    until_page(&two, LEADS).await;
    assert_eq!(end(&mut one).await.0, Some(0), "{}", one.log());
    stage.rig.delete("app").await;
    stage.rig.until_gone("app").await;
    for replica in [&one, &two] {
        assert!(!replica.log().contains("forbidden"), "{}", replica.log());
    }
}

/// As `helm uninstall` does it: the permissions go before the pods have ended.
#[tokio::test]
async fn a_leader_that_may_not_give_its_lease_back_ends_without_trying_again() {
    let stage = Stage::new("uninstalled").await;
    let (plane, namespace) = (stage.rig.plane, &stage.rig.namespace);
    let roles = documented_roles(namespace, namespace);
    let arguments = ["apply", "--namespace", namespace, "-f", "-"];
    let applied = plane.kubectl_with_input(&arguments, &roles).await;
    applied.expect("the page's YAML is accepted");
    let kubeconfig = plane.kubeconfig_for(namespace, &[]).expect("written");
    // Nothing is renewed in the time of this test.
    let mut one = stage.start(&kubeconfig, "one", [60, 50, 30]);
    until_page(&one, LEADS).await;
    let holder = stage.holder().await;

    let all = ["delete", "rolebindings", "--all", "--namespace", namespace];
    plane.kubectl(&all).await.expect("deleted");
    until_denied(&stage, namespace).await;
    one.signal(Signal::TERM).expect("it runs");

    assert_eq!(end(&mut one).await.0, Some(0), "{}", one.log());
    let log = one.log();
    assert_eq!(log.matches("may not be given back").count(), 1, "{log}");
    assert!(!log.contains("tried again"), "{log}");
    assert_eq!(stage.holder().await, holder, "it runs out by itself");
}
