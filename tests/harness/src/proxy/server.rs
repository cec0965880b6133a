//! Connections: HTTP/1.1, ended in the way that a fault asks for.
//!
//! A service that fails ends its connection without a byte, a body that fails ends it where it
//! stands, and a socket that lingers for zero seconds is reset.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::TryStreamExt;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::body::{Chunks, Hangup};
use super::service::{self, Delivery, Shared};
use super::upstream::Call;

/// Serves until it is dropped, and every connection with it.
pub(super) async fn run(listener: TcpListener, shared: Arc<Shared>) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(serve(stream, Arc::clone(&shared)))),
                // Out of file descriptors, most likely: wait for some to close.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Small answers must not wait for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&reset);
    let service = service_fn(move |request| respond(&shared, &told, request));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // An error here is a client that left or a fault that worked.
    let _ = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    if reset.load(Ordering::Relaxed) {
        // A socket that is gone already needs no reset.
        let _ = connection.into_parts().io.inner().set_zero_linger();
    }
}

fn respond(
    shared: &Arc<Shared>,
    reset: &Arc<AtomicBool>,
    request: Request<Incoming>,
) -> BoxFuture<'static, Result<Response<impl Body<Data = Bytes, Error = Hangup> + use<>>, Hangup>> {
    let (shared, reset) = (Arc::clone(shared), Arc::clone(reset));
    async move {
        let (head, body) = request.into_parts();
        let call = Call {
            method: head.method,
            uri: head.uri,
            headers: head.headers,
            body: body.collect().await.map_err(|_| Hangup)?.to_bytes(),
        };
        match service::answer(&shared, call).await {
            Delivery::Answer(response) => Ok(response.map(framed)),
            Delivery::Cut => Err(Hangup),
            Delivery::Reset => {
                reset.store(true, Ordering::Relaxed);
                Err(Hangup)
            }
        }
    }
    .boxed()
}

fn framed(chunks: Chunks) -> impl Body<Data = Bytes, Error = Hangup> {
    StreamBody::new(chunks.map_ok(Frame::data))
}
