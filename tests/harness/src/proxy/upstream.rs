//! The real apiserver: passes requests on as they came.

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;

use super::body::Hangup;
use super::gate::Revision;

/// What one connection says to the next hop only; and compression, because watches are read line
/// by line on their way.
const OF_THE_HOP: [http::HeaderName; 5] = [
    ACCEPT_ENCODING,
    CONNECTION,
    CONTENT_LENGTH,
    HOST,
    TRANSFER_ENCODING,
];

/// A request with its whole body.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Call {
    /// A read of another address with the same credentials; the answer is JSON.
    pub(super) fn reading(&self, uri: Uri) -> Self {
        let mut headers = self.headers.clone();
        headers.insert(
            http::header::ACCEPT,
            http::HeaderValue::from_static("application/json"),
        );
        Self {
            method: Method::GET,
            uri,
            headers,
            body: Bytes::new(),
        }
    }
}

/// The way to the apiserver.
pub(super) struct Upstream(pub(super) Client);

impl Upstream {
    /// The answer with a body that is still coming.
    pub(super) async fn open(&self, call: &Call) -> Result<Response<Body>, Hangup> {
        let mut request = Request::new(Body::from(call.body.clone()));
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = call.uri.clone();
        *request.headers_mut() = onward(&call.headers);
        // Whoever asks learns of an apiserver that is gone as everybody does: by silence.
        let mut response = self.0.send(request).await.map_err(|_| Hangup)?;
        *response.headers_mut() = onward(response.headers());
        Ok(response)
    }

    /// The whole answer.
    pub(super) async fn ask(&self, call: &Call) -> Result<Response<Bytes>, Hangup> {
        collect(self.open(call).await?).await
    }

    /// The revision of this moment, if the apiserver tells.
    pub(super) async fn revision(&self) -> Result<Option<Revision>, kube::Error> {
        let uri = Uri::from_static("/api/v1/namespaces?limit=1");
        let mut request = Request::new(Vec::new());
        *request.uri_mut() = uri;
        let list: serde_json::Value = self.0.request(request).await?;
        let revision = list["metadata"]["resourceVersion"].as_str();
        Ok(revision.and_then(|text| text.parse().ok()))
    }
}

/// Waits for the rest of a body.
pub(super) async fn collect(response: Response<Body>) -> Result<Response<Bytes>, Hangup> {
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(|_| Hangup)?.to_bytes();
    Ok(Response::from_parts(head, body))
}

fn onward(headers: &HeaderMap) -> HeaderMap {
    let mut onward = headers.clone();
    for name in OF_THE_HOP {
        onward.remove(name);
    }
    onward
}
