//! Pools whose objects are no more: counted and told, never touched, and never those of a
//! neighbour.

use std::path::Path;

use harness::operator::Operator;
use harness::scratch::Scratch;
use identity_pool_operator::api::IdentityPoolSpec;
use serde_json::json;

use crate::binary::until_page;
use crate::rig::{REGION, Rig, pool_id};
use crate::start::BINARY;

const METRIC: &str = "identity_pool_operator_orphaned_pools{region=\"eu-west-1\"}";

/// Starts the binary on some namespaces, for the installation that a rig's pools belong to.
fn start(rig: &Rig, namespaces: &[&Rig], scratch: &Scratch, more: &[&str]) -> Operator {
    let names: Vec<&str> = namespaces.iter().map(|it| it.namespace.as_str()).collect();
    let mut flags = vec![
        format!("--installation-id={}", rig.namespace),
        format!("--watch-namespaces={}", names.join(",")),
    ];
    flags.extend(more.iter().map(|flag| (*flag).to_owned()));
    let log = scratch.path().join("operator.log");
    let kubeconfig = Some(rig.plane.kubeconfig_path());
    Operator::start(Path::new(BINARY), &rig.fake, kubeconfig, flags, &log).expect("it starts")
}

/// Makes objects with pools, and then one of them vanish without its pool.
async fn with_an_orphan(rig: &Rig) -> String {
    let operator = rig.operator().await;
    for name in ["kept", "lost"] {
        rig.create(name, IdentityPoolSpec::default()).await;
        rig.until_ready(name).await;
    }
    let orphan = pool_id(&rig.pools.get("lost").await.expect("object is there"));
    operator.stop().await;
    rig.delete("lost").await;
    rig.patch("lost", json!({ "metadata": { "finalizers": null } }))
        .await;
    rig.until_gone("lost").await;
    orphan
}

#[tokio::test]
async fn a_pool_whose_object_was_removed_by_force_is_counted_told_once_and_left_alone() {
    let rig = Rig::new("orphans").await;
    let orphan = with_an_orphan(&rig).await;
    let theirs = format!("{REGION}:{}", uuid::Uuid::new_v4());
    let theirs = json!({ "IdentityPoolId": theirs, "IdentityPoolName": "theirs" });
    rig.fake.seed(theirs, true);
    rig.fake.reset_journal();
    let scratch = Scratch::new().expect("a folder");
    let operator = start(&rig, &[&rig], &scratch, &[]);
    until_page(&operator, &format!("{METRIC} 1")).await;
    let (log, source) = (operator.log(), format!("{}/lost", rig.namespace));
    let told = log.lines().filter(|line| line.contains(&orphan));
    let told: Vec<&str> = told.collect();
    assert_eq!(told.len(), 1, "{log}");
    assert!(
        told[0].contains(" WARN ") && told[0].contains(&source),
        "{told:?}"
    );
    assert_eq!(rig.fake.count("ListIdentityPools"), 1);
    assert_eq!(
        rig.fake.count("DescribeIdentityPool"),
        2,
        "those unrecorded"
    );
    assert_eq!(
        rig.fake.calls().len(),
        3 + rig.fake.count("GetCallerIdentity")
    );
    assert!(rig.fake.pool(&orphan).is_some());
    rig.fake.assert_sound();
}

#[tokio::test]
async fn an_operator_that_sees_part_of_a_cluster_calls_no_pool_of_the_rest_an_orphan() {
    let (rig, neighbour) = (Rig::new("part").await, Rig::new("rest").await);
    with_an_orphan(&rig).await;
    let scratch = [(); 3].map(|()| Scratch::new().expect("a folder"));
    // One operator for both, so that the neighbour's pool has this installation's tag too.
    let both = start(&rig, &[&rig, &neighbour], &scratch[0], &[]);
    until_page(&both, &format!("{METRIC} 1")).await;
    neighbour.create("app", IdentityPoolSpec::default()).await;
    neighbour.until_ready("app").await;
    drop(both);
    let neighbours = start(&rig, &[&neighbour], &scratch[1], &[]);
    until_page(&neighbours, &format!("{METRIC} 0")).await;
    let labels = json!({ "metadata": { "labels": { "team": "web" } } });
    rig.patch("kept", labels.clone()).await;
    rig.fake.reset_journal();
    let selective = start(&rig, &[&rig], &scratch[2], &["--watch-selector=team=web"]);
    rig.create("app", IdentityPoolSpec::default()).await;
    rig.patch(
        "app",
        json!({ "metadata": { "labels": { "team": "web" } } }),
    )
    .await;
    rig.until_ready("app").await;
    let page = selective.metrics().await;
    assert!(!page.contains("orphaned_pools{"), "{page}");
}
