//! Each fault of an event does to a watch what its name says.

use http::Request;
use http_body_util::BodyExt;
use kube::api::WatchParams;
use kube::client::Body;

use super::super::{Effect, Ending, Fault, Matching, Verb};
use super::scene::{Scene, create, set};

fn events(name: &str) -> Matching {
    Matching::verb(Verb::Watch)
        .resource("configmaps")
        .name(name)
}

#[tokio::test]
async fn undisturbed_a_streaming_list_is_the_apiservers() {
    let scene = Scene::new().await;
    create(&scene.around, "there").await.unwrap();
    let mut watch = scene.watch().await;
    assert_eq!(watch.take().await, ["ADDED there", "COMPLETE"]);
    create(&scene.around, "new").await.unwrap();
    set(&scene.around, "new", "1").await.unwrap();
    assert_eq!(watch.take().await, ["ADDED new", "MODIFIED new 1"]);
}

#[tokio::test]
async fn a_dropped_event_is_missing_and_the_next_is_not() {
    let scene = Scene::new().await;
    let mut watch = scene.news().await;
    let armed = scene.strike(events("app"), Effect::DropEvents);
    create(&scene.around, "app").await.unwrap();
    set(&scene.around, "app", "1").await.unwrap();
    assert_eq!(watch.next().await, "MODIFIED app 1");
    assert_eq!(armed.struck(), 1);
}

#[tokio::test]
async fn a_held_event_keeps_its_place_among_those_of_its_object_until_it_is_released() {
    let scene = Scene::new().await;
    let mut watch = scene.news().await;
    let armed = scene.strike(events("app"), Effect::HoldEvents);
    create(&scene.around, "app").await.unwrap();
    set(&scene.around, "app", "1").await.unwrap();
    create(&scene.around, "other").await.unwrap();
    assert_eq!(watch.next().await, "ADDED other");
    armed.until_struck(1).await;
    armed.release();
    assert_eq!(watch.take().await, ["ADDED app", "MODIFIED app 1"]);
    set(&scene.around, "app", "2").await.unwrap();
    assert_eq!(watch.next().await, "MODIFIED app 2");
}

#[tokio::test]
async fn events_held_by_two_faults_keep_their_order_too() {
    let scene = Scene::new().await;
    let mut watch = scene.news().await;
    let first = scene.strike(events("app"), Effect::HoldEvents);
    let second = scene.strike(events("web"), Effect::HoldEvents);
    create(&scene.around, "app").await.unwrap();
    create(&scene.around, "web").await.unwrap();
    set(&scene.around, "app", "1").await.unwrap();
    create(&scene.around, "other").await.unwrap();
    assert_eq!(watch.next().await, "ADDED other");
    second.release();
    assert_eq!(watch.next().await, "ADDED web");
    first.release();
    assert_eq!(watch.take().await, ["ADDED app", "MODIFIED app 1"]);
}

#[tokio::test]
async fn a_duplicated_event_comes_twice() {
    let scene = Scene::new().await;
    let mut watch = scene.news().await;
    scene.strike(events("app"), Effect::DuplicateEvents);
    create(&scene.around, "app").await.unwrap();
    create(&scene.around, "other").await.unwrap();
    assert_eq!(
        watch.take().await,
        ["ADDED app", "ADDED app", "ADDED other"]
    );
}

#[tokio::test]
async fn a_cut_event_ends_the_watch_and_comes_whole_to_who_resumes() {
    let scene = Scene::new().await;
    let before = create(&scene.around, "before").await.unwrap();
    let mut watch = scene.news().await;
    scene.strike(events("app"), Effect::CutEvents);
    create(&scene.around, "app").await.unwrap();
    assert_eq!(watch.next().await, "END");
    let revision = before.metadata.resource_version.unwrap();
    let mut watch = scene.watch_with(&WatchParams::default(), &revision).await;
    assert_eq!(watch.next().await, "ADDED app");
}

#[tokio::test]
async fn of_a_cut_event_the_first_half_arrives() {
    let scene = Scene::new().await;
    create(&scene.around, "app").await.unwrap();
    scene.strike(events("app"), Effect::CutEvents);
    let uri = format!("/api/v1/namespaces/{}/configmaps?watch=1", scene.namespace);
    let request = Request::get(uri).body(Body::empty()).unwrap();
    let mut body = scene.client.send(request).await.unwrap().into_body();
    let mut seen = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        seen.extend_from_slice(frame.data_ref().unwrap());
    }
    let seen = String::from_utf8(seen).unwrap();
    assert!(seen.starts_with(r#"{"type":"ADDED""#), "{seen}");
    assert!(!seen.ends_with("}}\n") && !seen.ends_with("}}"), "{seen}");
}

#[tokio::test]
async fn a_revision_that_is_gone_is_an_error_event_and_the_end() {
    let scene = Scene::new().await;
    let mut watch = scene.news().await;
    scene.strike(events("app"), Effect::Gone);
    create(&scene.around, "app").await.unwrap();
    assert_eq!(watch.take().await, ["ERROR 410", "END"]);
}

#[tokio::test]
async fn a_bookmark_can_be_struck_by_what_it_contains() {
    let scene = Scene::new().await;
    let complete = Matching::verb(Verb::Watch).containing("initial-events-end");
    scene.proxy.inject(Fault::on(complete, Effect::DropEvents));
    let mut watch = scene.watch().await;
    create(&scene.around, "app").await.unwrap();
    assert_eq!(watch.next().await, "ADDED app");
}

#[tokio::test]
async fn a_watch_can_be_refused_and_cut_as_any_request() {
    let scene = Scene::new().await;
    let watches = Matching::verb(Verb::Watch);
    scene.strike(watches.clone(), Effect::Unexecuted(Ending::Reset));
    let params = WatchParams::default().initial_events();
    assert!(scene.through.watch(&params, "0").await.is_err());
    create(&scene.around, "app").await.unwrap();
    scene.strike(watches, Effect::CutBody(30));
    assert_eq!(scene.watch().await.next().await, "END");
    assert_eq!(scene.watch().await.next().await, "ADDED app");
}
