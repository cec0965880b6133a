//! Each fault of a request does to the conversation, and to the cluster, what its name says.

use std::error::Error;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use http::Request;
use http_body_util::BodyExt;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::client::Body;

use super::super::{Effect, Ending, Fault, Matching, Refusal, Verb};
use super::scene::{Scene, create, set, value};
use crate::control_plane::ControlPlane;

fn creations() -> Matching {
    Matching::verb(Verb::Create).resource("configmaps")
}

/// The input-output error at the bottom of an error, if there is one.
fn io_kind(error: &(dyn Error + 'static)) -> Option<ErrorKind> {
    let own = error.downcast_ref::<std::io::Error>();
    own.map(std::io::Error::kind)
        .or_else(|| error.source().and_then(io_kind))
}

fn code(error: &kube::Error) -> u16 {
    match error {
        kube::Error::Api(status) => status.code,
        other => panic!("no answer of an apiserver: {other}"),
    }
}

#[tokio::test]
async fn undisturbed_it_is_the_apiserver() {
    let scene = Scene::new().await;
    let created = create(&scene.through, "app").await.unwrap();
    assert_eq!(scene.around.get("app").await.unwrap(), created);
    assert_eq!(scene.through.get("app").await.unwrap(), created);
    let listed = scene.through.list(&ListParams::default()).await.unwrap();
    assert_eq!(listed.items.len(), 1);
    assert_eq!(code(&create(&scene.through, "app").await.unwrap_err()), 409);
    set(&scene.through, "app", "new").await.unwrap();
    let stale = scene
        .through
        .replace("app", &PostParams::default(), &created)
        .await;
    assert_eq!(code(&stale.unwrap_err()), 409);
    assert_eq!(value(&scene.around.get("app").await.unwrap()), "new");
    scene
        .through
        .delete("app", &DeleteParams::default())
        .await
        .unwrap();
    assert!(!scene.exists("app").await);
}

#[tokio::test]
async fn the_journal_tells_what_was_asked_and_what_became_of_it() {
    let scene = Scene::new().await;
    scene.strike(creations(), Effect::Unanswered(Ending::Cut));
    scene.strike(creations(), Effect::Unexecuted(Ending::Cut));
    create(&scene.through, "one").await.unwrap_err();
    create(&scene.through, "two").await.unwrap_err();
    scene.through.get("one").await.unwrap();
    let said: Vec<_> = scene
        .proxy
        .requests()
        .into_iter()
        .map(|entry| (entry.target.verb, entry.executed, entry.effect))
        .collect();
    assert_eq!(
        said,
        [
            (
                Verb::Create,
                Some(201),
                Some(Effect::Unanswered(Ending::Cut))
            ),
            (Verb::Create, None, Some(Effect::Unexecuted(Ending::Cut))),
            (Verb::Get, Some(200), None),
        ]
    );
    assert_eq!(scene.proxy.count(&creations().containing("two")), 1);
    scene.proxy.reset_journal();
    assert_eq!(scene.proxy.count(&Matching::any()), 0);
}

#[tokio::test]
async fn programs_come_through_it_by_its_kubeconfig() {
    let scene = Scene::new().await;
    let plane = ControlPlane::shared().await;
    let path = scene.proxy.kubeconfig_path().display().to_string();
    let arguments = ["--kubeconfig", &path, "create", "configmap", "app"];
    let namespaced = [&arguments[..], &["-n", &scene.namespace]].concat();
    plane.kubectl(&namespaced).await.unwrap();
    assert!(scene.exists("app").await);
    assert_eq!(scene.proxy.count(&creations()), 1);
}

#[tokio::test]
async fn an_injected_answer_is_worded_as_the_apiservers_and_executes_nothing() {
    let scene = Scene::new().await;
    let refusal = Refusal::new(429, "TooManyRequests").retry_after(7);
    scene.strike(creations(), Effect::Unexecuted(Ending::Answer(refusal)));
    let uri = format!("/api/v1/namespaces/{}/configmaps", scene.namespace);
    let body = br#"{"metadata":{"name":"app"}}"#.to_vec();
    let request = Request::post(&uri).header("content-type", "application/json");
    let response = scene
        .client
        .send(request.body(Body::from(body)).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "7");
    assert!(!scene.exists("app").await);
    for (code, reason) in [
        (409, "Conflict"),
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
        (504, "Timeout"),
    ] {
        let refusal = Refusal::new(code, reason);
        scene.strike(creations(), Effect::Unexecuted(Ending::Answer(refusal)));
        let kube::Error::Api(status) = create(&scene.through, "app").await.unwrap_err() else {
            panic!("{code} is no answer");
        };
        assert_eq!((status.code, status.reason.as_str()), (code, reason));
        assert!(!scene.exists("app").await);
    }
    create(&scene.through, "app").await.unwrap();
}

#[tokio::test]
async fn a_refused_connection_executes_nothing() {
    let scene = Scene::new().await;
    for (ending, kind) in [
        (Ending::Cut, None),
        (Ending::Reset, Some(ErrorKind::ConnectionReset)),
    ] {
        scene.strike(creations(), Effect::Unexecuted(ending.clone()));
        let error = create(&scene.through, "app").await.unwrap_err();
        assert_eq!(io_kind(&error), kind, "{ending:?}: {error:?}");
        assert!(!scene.exists("app").await);
    }
    assert_eq!(
        scene.proxy.count(&creations()),
        2,
        "nobody repeats anything"
    );
}

#[tokio::test]
async fn an_unanswered_write_is_executed() {
    let scene = Scene::new().await;
    let timeout = Ending::Answer(Refusal::new(504, "Timeout"));
    for (name, ending) in [
        ("cut", Ending::Cut),
        ("reset", Ending::Reset),
        ("answer", timeout),
    ] {
        scene.strike(creations(), Effect::Unanswered(ending.clone()));
        let error = create(&scene.through, name).await.unwrap_err();
        assert!(scene.exists(name).await, "{name}");
        match ending {
            Ending::Cut => assert_eq!(io_kind(&error), None, "{error:?}"),
            Ending::Reset => assert_eq!(io_kind(&error), Some(ErrorKind::ConnectionReset)),
            Ending::Answer(_) => assert_eq!(code(&error), 504),
        }
    }
}

async fn until_executed(scene: &Scene, name: &str) {
    let executed = async {
        while !scene.exists(name).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let executed = tokio::time::timeout(Duration::from_secs(30), executed).await;
    executed.expect("it is executed");
}

#[tokio::test]
async fn a_delayed_write_comes_late() {
    let scene = Scene::new().await;
    let delay = Duration::from_millis(200);
    scene.strike(creations(), Effect::Delay(delay));
    let begun = Instant::now();
    create(&scene.through, "app").await.unwrap();
    assert!(begun.elapsed() >= delay, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_held_write_is_executed_at_its_release_though_the_client_has_gone() {
    let scene = Scene::new().await;
    let armed = scene.strike(creations(), Effect::Hold);
    let impatient = create(&scene.through, "app");
    tokio::select! {
        answered = impatient => panic!("{answered:?}"),
        () = armed.until_struck(1) => {}
    }
    create(&scene.through, "other").await.unwrap();
    assert!(!scene.exists("app").await);
    armed.release();
    until_executed(&scene, "app").await;
}

#[tokio::test]
async fn a_slow_body_comes_whole_and_late() {
    let scene = Scene::new().await;
    create(&scene.around, "app").await.unwrap();
    let pause = Duration::from_millis(20);
    let slow = Effect::SlowBody { piece: 40, pause };
    scene.strike(Matching::verb(Verb::Get), slow);
    let begun = Instant::now();
    let slow = scene.through.get("app").await.unwrap();
    assert!(begun.elapsed() >= pause * 4, "{:?}", begun.elapsed());
    assert_eq!(slow, scene.around.get("app").await.unwrap());
}

#[tokio::test]
async fn a_cut_body_is_that_long_and_its_request_is_executed() {
    let scene = Scene::new().await;
    create(&scene.around, "app").await.unwrap();
    for length in [0, 1, 40] {
        scene.strike(Matching::verb(Verb::Get), Effect::CutBody(length));
        let uri = format!("/api/v1/namespaces/{}/configmaps/app", scene.namespace);
        let request = Request::get(uri).body(Body::empty()).unwrap();
        let mut body = scene
            .client
            .send(request)
            .await
            .unwrap()
            .into_body()
            .into_data_stream();
        let mut seen = 0;
        let end = loop {
            match body.try_next().await {
                Ok(Some(chunk)) => seen += chunk.len(),
                end => break end,
            }
        };
        assert!(seen == length && end.is_err(), "{seen} of {length}");
    }
    scene.strike(creations(), Effect::CutBody(10));
    create(&scene.through, "cut").await.unwrap_err();
    assert!(scene.exists("cut").await);
}

#[tokio::test]
async fn a_fault_strikes_the_nth_request_and_as_many_as_it_was_told() {
    let scene = Scene::new().await;
    let fault = Fault::on(creations(), Effect::Unexecuted(Ending::Cut));
    let armed = scene.proxy.inject(fault.skip(1).times(2));
    let mut failed = Vec::new();
    for name in ["a", "b", "c", "d"] {
        failed.push(create(&scene.through, name).await.is_err());
    }
    assert_eq!(failed, [false, true, true, false]);
    assert_eq!(armed.struck(), 2);
    scene
        .proxy
        .inject(Fault::on(Matching::any(), Effect::Unexecuted(Ending::Cut)).always());
    scene.through.get("a").await.unwrap_err();
    scene.proxy.clear_faults();
    scene.through.get("a").await.unwrap();
}
