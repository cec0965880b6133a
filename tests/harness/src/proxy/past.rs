//! Reads as of an earlier revision.
//!
//! The apiserver lists a collection exactly as it was at any revision that etcd has not compacted,
//! which happens every five minutes. Everything else is made of that: one object is a list of one,
//! and a watch from the beginning is a list told as events, followed by a watch from there.

use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use serde_json::{Value, json};

use super::body::Hangup;
use super::fault::Refusal;
use super::gate::Revision;
use super::target::{Target, Verb};
use super::upstream::{Call, Upstream};

/// What a query may say about which objects and how many, or about the watch itself.
const KEPT_BY_LISTS: [&str; 3] = ["labelSelector", "fieldSelector", "limit"];
const KEPT_BY_WATCHES: [&str; 5] = [
    "labelSelector",
    "fieldSelector",
    "timeoutSeconds",
    "allowWatchBookmarks",
    "watch",
];

/// The answer to a get or a list.
pub(super) async fn read(
    upstream: &Upstream,
    call: &Call,
    target: &Target,
    revision: Revision,
) -> Result<Response<Bytes>, Hangup> {
    // The pages of a list are all of the first one's revision.
    if target.resource.is_empty() || parameter(&call.uri, "continue").is_some() {
        return upstream.ask(call).await;
    }
    if target.verb == Verb::Get {
        return get(upstream, call, target, revision).await;
    }
    let uri = as_of(call.uri.path(), &kept(&call.uri, &KEPT_BY_LISTS), revision);
    upstream.ask(&call.reading(uri)).await
}

async fn get(
    upstream: &Upstream,
    call: &Call,
    target: &Target,
    revision: Revision,
) -> Result<Response<Bytes>, Hangup> {
    let below = if target.subresource.is_empty() { 1 } else { 2 };
    let collection = call.uri.path().rsplitn(below + 1, '/').last();
    let named = [(
        "fieldSelector".to_owned(),
        format!("metadata.name={}", target.name),
    )];
    let uri = as_of(collection.unwrap_or_default(), &named, revision);
    let listed = upstream.ask(&call.reading(uri)).await?;
    if !listed.status().is_success() {
        return Ok(listed);
    }
    let list: Value = serde_json::from_slice(listed.body()).map_err(|_| Hangup)?;
    let (status, body) = match objects(&list).next() {
        Some(object) => (StatusCode::OK, object.to_string().into()),
        None => (StatusCode::NOT_FOUND, Refusal::new(404, "NotFound").body()),
    };
    let (mut head, _) = listed.into_parts();
    head.status = status;
    Ok(Response::from_parts(head, body))
}

/// Whether a watch begins with what is there instead of with a revision that the client knows.
pub(super) fn begins_with_state(uri: &Uri) -> bool {
    let revision = parameter(uri, "resourceVersion").unwrap_or_default();
    sends_initial_events(uri) || revision.is_empty() || revision == "0"
}

fn sends_initial_events(uri: &Uri) -> bool {
    parameter(uri, "sendInitialEvents").is_some_and(|value| value == "true")
}

/// The first events of such a watch, and the watch that follows; or a refusal of the apiserver.
pub(super) async fn begin_watch(
    upstream: &Upstream,
    call: &Call,
    revision: Revision,
) -> Result<Result<(Vec<String>, Call), Response<Bytes>>, Hangup> {
    let path = call.uri.path();
    let selected = kept(&call.uri, &KEPT_BY_LISTS[..2]);
    let listed = upstream
        .ask(&call.reading(as_of(path, &selected, revision)))
        .await?;
    if !listed.status().is_success() {
        return Ok(Err(listed));
    }
    let list: Value = serde_json::from_slice(listed.body()).map_err(|_| Hangup)?;
    let mut frames: Vec<String> = objects(&list)
        .map(|object| json!({ "type": "ADDED", "object": object }).to_string())
        .collect();
    if sends_initial_events(&call.uri) {
        frames.push(end_of_state(&list, revision));
    }
    let mut following = kept(&call.uri, &KEPT_BY_WATCHES);
    following.push(("resourceVersion".to_owned(), revision.to_string()));
    Ok(Ok((frames, call.reading(address(path, &following)))))
}

/// The bookmark by which a streaming list says that it is complete.
fn end_of_state(list: &Value, revision: Revision) -> String {
    let metadata = json!({
        "resourceVersion": revision.to_string(),
        "creationTimestamp": null,
        "annotations": { "k8s.io/initial-events-end": "true" },
    });
    let object = json!({
        "kind": kind_of_items(list),
        "apiVersion": list["apiVersion"],
        "metadata": metadata,
    });
    json!({ "type": "BOOKMARK", "object": object }).to_string()
}

/// The objects of a list, each with the kind that it has outside of one.
fn objects(list: &Value) -> impl Iterator<Item = Value> + '_ {
    let items = list["items"].as_array().map(Vec::as_slice);
    items.unwrap_or_default().iter().map(|item| {
        let mut item = item.clone();
        item["kind"] = kind_of_items(list);
        item["apiVersion"] = list["apiVersion"].clone();
        item
    })
}

fn kind_of_items(list: &Value) -> Value {
    let kind = list["kind"].as_str().unwrap_or_default();
    json!(kind.strip_suffix("List").unwrap_or(kind))
}

fn as_of(path: &str, query: &[(String, String)], revision: Revision) -> Uri {
    let exactly = [
        ("resourceVersion".to_owned(), revision.to_string()),
        ("resourceVersionMatch".to_owned(), "Exact".to_owned()),
    ];
    address(path, &[query, &exactly].concat())
}

fn address(path: &str, query: &[(String, String)]) -> Uri {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .finish();
    let address = format!("{path}?{query}");
    // Both parts come from an address or are encoded.
    address.parse().unwrap_or_default()
}

fn kept(uri: &Uri, keys: &[&str]) -> Vec<(String, String)> {
    let query = uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes())
        .filter(|(key, _)| keys.contains(&key.as_ref()))
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect()
}

fn parameter(uri: &Uri, key: &str) -> Option<String> {
    kept(uri, &[key]).pop().map(|(_, value)| value)
}
