//! An account that allows few calls: everything comes true all the same, with hardly a call in vain,
//! and what waits holds up nobody who need not.

use std::time::Duration;

use identity_pool_operator::api::IdentityPoolSpec;
use identity_pool_operator::aws::budget::Caps;
use serde_json::json;

use crate::rig::{Rig, Setup};

const CREATE: &str = "CreateIdentityPool";

const WAITING: &str = "identity_pool_operator_aws_budget_waiting{account=\"123456789012\",region=\"eu-west-1\",kind=\"write\"} 1\n";

#[tokio::test]
async fn a_limit_of_the_account_costs_some_calls_in_vain_and_no_status_that_speaks_of_it() {
    let rig = Rig::new("limit").await;
    rig.fake
        .configure(|settings| settings.account_rate = Some(25.0));
    let operator = rig.operator().await;
    for n in 0..60 {
        rig.create(&format!("app-{n}"), IdentityPoolSpec::default())
            .await;
    }
    for n in 0..60 {
        rig.until_ready(&format!("app-{n}")).await;
    }
    let page = operator.page();
    let status = "apiserver_writes_total{write=\"status\"} 60\n";
    assert!(page.contains(status), "{page}");
    let sent = rig.fake.count(CREATE);
    assert!((60..80).contains(&sent), "{sent} calls for 60 pools");
}

#[tokio::test]
async fn what_waits_for_the_budget_holds_up_neither_a_look_nor_an_edit() {
    let rig = Rig::new("waiting").await;
    let setup = Setup {
        // The one pass at once waits, if it held its place.
        concurrency: 1,
        caps: Caps {
            writes: Some(0.1),
            ..Caps::default()
        },
        ..Setup::default()
    };
    let operator = rig.operator_with(setup).await;
    rig.create("first", IdentityPoolSpec::default()).await;
    rig.until_ready("first").await;
    rig.create("second", IdentityPoolSpec::default()).await;
    operator.until_counted(WAITING).await;

    rig.look("first").await;
    rig.patch("first", json!({ "spec": { "allowClassicFlow": true } }))
        .await;
    rig.until_ready("first").await;
    let second = rig.pools.get("second").await.expect("it is there");
    assert!(
        second.metadata.finalizers.is_none(),
        "it waits before the claim"
    );

    rig.delete("second").await;
    rig.until_gone("second").await;
    operator.until_counted(&WAITING.replace("} 1", "} 0")).await;
    assert_eq!(rig.fake.count(CREATE), 1);
    operator.stop().await;
}

#[tokio::test]
async fn an_edit_overtakes_the_creation_that_waits() {
    let rig = Rig::new("overtaken").await;
    let setup = Setup {
        caps: Caps {
            writes: Some(0.5),
            ..Caps::default()
        },
        ..Setup::default()
    };
    let operator = rig.operator_with(setup).await;
    rig.create("first", IdentityPoolSpec::default()).await;
    rig.until_ready("first").await;
    rig.create("second", IdentityPoolSpec::default()).await;
    operator.until_counted(WAITING).await;
    rig.patch("second", json!({ "spec": { "allowClassicFlow": true } }))
        .await;
    rig.until_ready("second").await;
    assert_eq!(rig.fake.count(CREATE), 2);
    assert_eq!(
        rig.fake.count("UpdateIdentityPool"),
        0,
        "it is made as edited"
    );
    tokio::time::timeout(Duration::from_secs(60), operator.stop())
        .await
        .expect("it stops");
}
