//! Reads stand still or go back in time; writes meet the present.

use kube::api::{DeleteParams, ListParams, PostParams, WatchParams};

use super::scene::{Scene, create, set, value};

async fn listed(scene: &Scene) -> Vec<String> {
    let list = scene.through.list(&ListParams::default()).await.unwrap();
    let shown = |object| format!("{}={}", object_name(object), value(object));
    list.items.iter().map(shown).collect()
}

fn object_name(object: &k8s_openapi::api::core::v1::ConfigMap) -> &str {
    object.metadata.name.as_deref().unwrap_or_default()
}

#[tokio::test]
async fn a_frozen_apiserver_answers_reads_as_of_then_and_writes_as_of_now() {
    let scene = Scene::new().await;
    create(&scene.through, "app").await.unwrap();
    let old = set(&scene.through, "app", "1").await.unwrap();
    create(&scene.around, "gone").await.unwrap();
    scene.proxy.freeze().await.unwrap();

    set(&scene.around, "app", "2").await.unwrap();
    create(&scene.through, "late").await.unwrap();
    scene
        .around
        .delete("gone", &DeleteParams::default())
        .await
        .unwrap();

    assert!(scene.exists("late").await, "a write goes through");
    assert_eq!(scene.through.get("app").await.unwrap(), old);
    assert!(scene.through.get_opt("late").await.unwrap().is_none());
    assert_eq!(listed(&scene).await, ["app=1", "gone="]);
    let stale = scene
        .through
        .replace("app", &PostParams::default(), &old)
        .await;
    assert!(
        matches!(stale, Err(kube::Error::Api(status)) if status.is_conflict()),
        "what rests on the past is refused"
    );

    scene.proxy.thaw();
    assert_eq!(listed(&scene).await, ["app=2", "late="]);
}

#[tokio::test]
async fn a_running_watch_misses_everything_until_the_thaw_and_nothing_after_it() {
    let scene = Scene::new().await;
    let mut watch = scene.news().await;
    scene.proxy.freeze().await.unwrap();
    create(&scene.around, "app").await.unwrap();
    set(&scene.around, "app", "1").await.unwrap();
    // Another watch, made now, tells that the events are there to be had.
    let mut resumed = scene.news().await;
    let late = create(&scene.around, "late").await.unwrap();
    assert_eq!((watch.now(), resumed.now()), (None, None));

    scene.proxy.thaw();
    let missed = ["ADDED app", "MODIFIED app 1", "ADDED late"];
    assert_eq!(watch.take().await, missed);
    assert_eq!(resumed.take().await, missed);
    scene.proxy.freeze().await.unwrap();
    let revision = late.metadata.resource_version.unwrap();
    let mut ahead = scene.watch_with(&WatchParams::default(), &revision).await;
    create(&scene.around, "last").await.unwrap();
    assert_eq!((watch.now(), ahead.now()), (None, None));
    scene.proxy.thaw();
    assert_eq!(ahead.next().await, "ADDED last");
}

#[tokio::test]
async fn who_lists_anew_goes_back_in_time() {
    let scene = Scene::new().await;
    create(&scene.around, "app").await.unwrap();
    set(&scene.around, "app", "1").await.unwrap();
    let then = scene.proxy.revision().await.unwrap();
    set(&scene.around, "app", "2").await.unwrap();
    scene
        .around
        .delete("app", &DeleteParams::default())
        .await
        .unwrap();
    create(&scene.around, "app").await.unwrap();

    scene.proxy.freeze_at(then);
    assert_eq!(listed(&scene).await, ["app=1"]);
    assert_eq!(value(&scene.through.get("app").await.unwrap()), "1");
    let mut watch = scene.watch().await;
    assert_eq!(watch.take().await, ["ADDED app 1", "COMPLETE"]);

    scene.proxy.thaw();
    assert_eq!(
        watch.take().await,
        ["MODIFIED app 2", "DELETED app 2", "ADDED app"]
    );
}

#[tokio::test]
async fn a_watch_without_a_revision_goes_back_in_time_too() {
    let scene = Scene::new().await;
    create(&scene.around, "app").await.unwrap();
    scene.proxy.freeze().await.unwrap();
    create(&scene.around, "late").await.unwrap();
    let mut watch = scene.watch_with(&WatchParams::default(), "0").await;
    assert_eq!(watch.next().await, "ADDED app");
    scene.proxy.thaw();
    assert_eq!(watch.next().await, "ADDED late");
}
