//! What the operator costs: calls and writes, which do not vary with the machine.

use std::time::Duration;

use identity_pool_operator::api::IdentityPoolSpec;

use serde_json::json;

use crate::rig::{Rig, Setup};

/// More than two pages of a list have.
const POOLS: usize = 130;
/// Of 60.
const PAGES: usize = 3;

/// A counter of the metrics page.
fn counted(page: &str, line: &str) -> u64 {
    let found = page
        .lines()
        .find_map(|candidate| candidate.strip_prefix(line));
    found.and_then(|rest| rest.trim().parse().ok()).unwrap_or(0)
}

fn writes(page: &str) -> [u64; 3] {
    ["claim", "status", "finalizer"].map(|write| {
        counted(
            page,
            &format!("identity_pool_operator_apiserver_writes_total{{write=\"{write}\"}}"),
        )
    })
}

#[tokio::test]
async fn a_creation_costs_one_call_and_two_writes_and_rest_costs_nothing() {
    let rig = Rig::new("counting").await;
    let operator = rig.operator().await;
    for n in 0..POOLS {
        rig.create(&format!("app-{n}"), IdentityPoolSpec::default())
            .await;
    }
    let mut versions = Vec::new();
    for n in 0..POOLS {
        versions.push(
            rig.until_ready(&format!("app-{n}"))
                .await
                .metadata
                .resource_version,
        );
    }
    assert_eq!(rig.fake.count("CreateIdentityPool"), POOLS);
    assert_eq!(rig.fake.count("DescribeIdentityPool"), 0);
    assert_eq!(
        rig.fake.calls().len() - rig.fake.count("ListIdentityPools"),
        POOLS
    );
    // A write counts when it is answered; the watch may have shown it before.
    let written = format!("apiserver_writes_total{{write=\"status\"}} {POOLS}\n");
    operator.until_counted(&written).await;
    let each = u64::try_from(POOLS).expect("a few");
    assert_eq!(writes(&operator.page()), [each, each, 0]);
    // Another restart finds everything as it should be and neither asks nor writes.
    operator.stop().await;
    rig.fake.reset_journal();
    let operator = rig.operator().await;
    let swept = async {
        while rig.fake.count("ListIdentityPools") < PAGES {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), swept)
        .await
        .expect("the account is listed");
    operator.stop().await;
    assert_eq!(
        rig.fake.calls().len(),
        PAGES,
        "the pages of one list and nothing else: {:#?}",
        rig.fake.calls()
    );
    for (n, version) in versions.iter().enumerate() {
        let object = rig
            .pools
            .get(&format!("app-{n}"))
            .await
            .expect("object is there");
        assert_eq!(
            object.metadata.resource_version, *version,
            "nothing was written"
        );
    }
}

/// The operations since the journal began, but for lists of the account.
fn called(rig: &Rig) -> Vec<String> {
    let calls = rig.fake.calls().into_iter().map(|call| call.operation);
    calls
        .filter(|operation| operation != "ListIdentityPools")
        .collect()
}

#[tokio::test]
async fn an_edit_costs_two_calls_and_a_write_and_a_deletion_three_and_a_write() {
    let rig = Rig::new("changes").await;
    let operator = rig.operator().await;
    rig.create("app", IdentityPoolSpec::default()).await;
    rig.until_ready("app").await;
    rig.fake.reset_journal();
    rig.patch("app", json!({ "spec": { "allowClassicFlow": true } }))
        .await;
    rig.until_ready("app").await;
    assert_eq!(called(&rig), ["DescribeIdentityPool", "UpdateIdentityPool"]);
    operator
        .until_counted("apiserver_writes_total{write=\"status\"} 2\n")
        .await;
    assert_eq!(writes(&operator.page()), [1, 2, 0]);
    rig.fake.reset_journal();
    rig.delete("app").await;
    rig.until_gone("app").await;
    let calls = [
        "DescribeIdentityPool",
        "ListIdentities",
        "DeleteIdentityPool",
    ];
    assert_eq!(called(&rig), calls);
    operator.stop().await;
}

#[tokio::test]
async fn a_resync_looks_once_and_writes_nothing() {
    let rig = Rig::new("resync").await;
    let setup = Setup {
        resync_period: Duration::from_secs(2),
        ..Setup::default()
    };
    let operator = rig.operator_with(setup).await;
    rig.create("app", IdentityPoolSpec::default()).await;
    let version = rig.until_ready("app").await.metadata.resource_version;
    let looked = async {
        while rig.fake.count("DescribeIdentityPool") < 3 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), looked)
        .await
        .expect("three looks");
    operator.stop().await;
    assert_eq!(
        rig.pools
            .get("app")
            .await
            .expect("there")
            .metadata
            .resource_version,
        version
    );
    assert_eq!(rig.fake.count("UpdateIdentityPool"), 0);
}
