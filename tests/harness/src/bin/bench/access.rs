//! What the rest of a pool costs: roles, principal tags, and a value from elsewhere that changes.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::case::Bench;
use crate::objects::{is_ready, object_with};
use crate::ready::Since;
use crate::row::Row;
use crate::scene::Scene;
use crate::tally::Tally;
use crate::{Outcome, real};

/// Objects of each measurement.
pub(crate) const POOLS: usize = 50;
/// A change that takes longer is broken.
const LIMIT: Duration = Duration::from_secs(60);

const UPDATE: &str = "UpdateIdentityPool";
const PROVIDER: &str = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Bench";

/// Calls for each object that is created with more than a pool.
pub(crate) async fn creation_rows(bench: &Bench<'_>) -> Outcome<Vec<Row>> {
    let role = "arn:aws:iam::123456789012:role/bench";
    let mut spec = json!({
        "roles": { "authenticated": role },
        "cognitoIdentityProviders": [{ "name": "staff", "providerName": PROVIDER, "clientId": "abc" }],
    });
    let with_roles = calls_each(bench, &spec).await?;
    spec["principalTagAttributeMaps"] =
        json!([{ "provider": "staff", "principalTags": { "team": "team" } }]);
    let with_tags = calls_each(bench, &spec).await?;
    Ok(vec![
        Row::new("AWS calls an object with roles", "", with_roles).exactly(3.0),
        Row::new("… and one map of principal tags", "", with_tags).exactly(5.0),
    ])
}

async fn calls_each(bench: &Bench<'_>, spec: &Value) -> Outcome<Vec<f64>> {
    let mut all = Vec::new();
    for _ in 0..bench.runs {
        let scene = Scene::operated(bench.plane, bench.binary, Duration::ZERO).await?;
        let before = Tally::at_rest(&scene).await;
        create(&scene, spec).await?;
        let spent = Tally::at_rest(&scene).await.since(&before);
        all.push(real(spent.all_calls()) / real(POOLS));
    }
    Ok(all)
}

async fn create(scene: &Scene, spec: &Value) -> Outcome<()> {
    let since = Since::now(&scene.api).await?;
    for number in 0..POOLS {
        let object = object_with(&format!("pool-{number}"), spec);
        scene.api.create(&PostParams::default(), &object).await?;
    }
    since.until(&scene.api, is_ready, POOLS).await?;
    Ok(())
}

/// A change of one value that every pool takes.
pub(crate) async fn reference_rows(bench: &Bench<'_>) -> Outcome<Vec<Row>> {
    let (mut updates, mut looks, mut others, mut took) = (vec![], vec![], vec![], vec![]);
    for _ in 0..bench.runs {
        let scene = Scene::operated(bench.plane, bench.binary, Duration::ZERO).await?;
        let from = json!({ "configMapKeyRef": { "name": "ids", "key": "client" } });
        write(&scene, "abc").await?;
        create(
            &scene,
            &json!({ "cognitoIdentityProviders": [{ "providerName": PROVIDER, "clientIdFrom": from }] }),
        )
        .await?;
        let before = Tally::at_rest(&scene).await;
        let begun = Instant::now();
        write(&scene, "def").await?;
        until_updated(&scene, before.calls_of(UPDATE) + POOLS).await?;
        took.push(begun.elapsed().as_secs_f64() * 1000.0);
        let spent = Tally::at_rest(&scene).await.since(&before);
        let both = spent.calls_of(UPDATE) + spent.looks();
        updates.push(real(spent.calls_of(UPDATE)));
        looks.push(real(spent.looks()));
        others.push(real(spent.all_calls() - both));
    }
    Ok(vec![
        Row::new("updates", "", updates).exactly(real(POOLS)),
        Row::new("looks before them", "", looks).exactly(0.0),
        Row::new("other calls", "", others).exactly(0.0),
        Row::new("write of the value to last update", "ms", took),
    ])
}

async fn write(scene: &Scene, client: &str) -> Outcome<()> {
    let maps: Api<ConfigMap> = scene.beside();
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "ids" }, "data": { "client": client },
    });
    let params = PatchParams::apply("bench").force();
    maps.patch("ids", &params, &Patch::Apply(&map)).await?;
    Ok(())
}

async fn until_updated(scene: &Scene, count: usize) -> Outcome<()> {
    let begun = Instant::now();
    while scene.fake.count(UPDATE) < count {
        if begun.elapsed() > LIMIT {
            return Err("the pools did not follow the value".into());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}
