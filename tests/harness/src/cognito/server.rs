//! HTTP/1.1 over TCP, with answers that can go wrong on purpose.
//!
//! hyper is used without a framework, because the faults need the connection:
//! a service that fails closes it without a byte, a body that fails closes it
//! half-way, and a socket that lingers for zero seconds resets it.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::control;
use super::service::{self, Delivery, Shared};
use super::wire::{Reply, Request};

/// Serves until it is dropped, and every connection with it.
pub(super) async fn run(listener: TcpListener, shared: Arc<Shared>) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&shared)));
                }
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
    let socket = Socket {
        stream,
        reset: Arc::clone(&reset),
    };
    let service = service_fn(move |request| {
        let (shared, reset) = (Arc::clone(&shared), Arc::clone(&reset));
        async move { respond(&shared, &reset, request).await }
    });
    // An error here is a client that left or a fault that worked.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(socket), service)
        .await;
}

async fn respond(
    shared: &Arc<Shared>,
    reset: &AtomicBool,
    request: hyper::Request<Incoming>,
) -> Result<Response<Payload>, Hangup> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Hangup)?.to_bytes();
    if let Some(path) = head.uri.path().strip_prefix("/_fake/") {
        return Ok(response(
            control::answer(shared, &head.method, path, &body),
            None,
        ));
    }
    match service::answer(shared, Request::read(&head.headers, body)).await {
        Delivery::Whole(reply) => Ok(response(reply, None)),
        Delivery::Cut(reply, at) => Ok(response(reply, Some(at))),
        Delivery::Silence => Err(Hangup),
        Delivery::Reset => {
            reset.store(true, Ordering::Relaxed);
            Err(Hangup)
        }
    }
}

fn response(reply: Reply, cut: Option<usize>) -> Response<Payload> {
    let announced = reply.body.len() as u64;
    let mut response = Response::new(match cut {
        None => Payload::Whole(Some(reply.body)),
        Some(at) => Payload::Cut {
            announced,
            left: Some(reply.body.slice(..at)),
            flushed: false,
        },
    });
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = reply.headers;
    response
}

/// The connection ends here, on purpose or because the client left.
#[derive(Debug, thiserror::Error)]
#[error("connection closed")]
struct Hangup;

/// A body that arrives whole, or announces more than it delivers.
enum Payload {
    Whole(Option<Bytes>),
    Cut {
        announced: u64,
        left: Option<Bytes>,
        flushed: bool,
    },
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Hangup;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Hangup>>> {
        match &mut *self {
            Self::Whole(body) => Poll::Ready(body.take().map(|body| Ok(Frame::data(body)))),
            Self::Cut { left, flushed, .. } => {
                if let Some(part) = left.take().filter(|part| !part.is_empty()) {
                    return Poll::Ready(Some(Ok(Frame::data(part))));
                }
                if *flushed {
                    return Poll::Ready(Some(Err(Hangup)));
                }
                // hyper writes out what it has before it polls again; an error
                // at once would take the head with it.
                *flushed = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(body) => body.as_ref().map_or(0, |body| body.len() as u64),
            Self::Cut { announced, .. } => *announced,
        })
    }
}

/// A TCP stream that is reset instead of closed when told so.
struct Socket {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            // A socket that is gone already needs no reset.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
