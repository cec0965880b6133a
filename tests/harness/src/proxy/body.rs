//! How the bytes of an answer arrive: whole, as they come, in pieces, or not all of them.

use std::time::Duration;

use bytes::Bytes;
use futures::future::ready;
use futures::stream::{self, BoxStream, Stream, StreamExt};

/// The connection ends here, on purpose or because a side has left.
#[derive(Debug, thiserror::Error)]
#[error("connection closed")]
pub(super) struct Hangup;

/// The bytes of a body; an error closes the connection where it stands.
pub(super) type Chunks = BoxStream<'static, Result<Bytes, Hangup>>;

/// A body that is there.
pub(super) fn whole(bytes: Bytes) -> Chunks {
    stream::iter([Ok(bytes)]).boxed()
}

/// The first `length` bytes of a body, then the end of the connection.
pub(super) fn cut(body: Chunks, length: usize) -> Chunks {
    let head = body.scan(length, |left, chunk| {
        let part = chunk.map(|mut chunk| {
            chunk.truncate(*left);
            *left -= chunk.len();
            chunk
        });
        ready(Some(part))
    });
    // The part that fits may be followed by chunks of which nothing does.
    let head = head.take_while(|part| ready(part.as_ref().map_or(true, |part| !part.is_empty())));
    head.chain(hangup()).boxed()
}

/// A body in pieces, with a pause before each.
pub(super) fn slow(body: Chunks, piece: usize, pause: Duration) -> Chunks {
    let pieces = body.flat_map(move |chunk| match chunk {
        Ok(chunk) => stream::iter(split(&chunk, piece).map(Ok).collect::<Vec<_>>()),
        Err(hangup) => stream::iter(vec![Err(hangup)]),
    });
    pieces
        .then(move |piece| async move {
            tokio::time::sleep(pause).await;
            piece
        })
        .boxed()
}

fn split(chunk: &Bytes, piece: usize) -> impl Iterator<Item = Bytes> + '_ {
    let piece = piece.max(1);
    let starts = (0..chunk.len()).step_by(piece);
    starts.map(move |start| chunk.slice(start..chunk.len().min(start + piece)))
}

/// The end of the connection. hyper writes out what it has before it polls again; an error at once
/// would take the bytes before it along.
fn hangup() -> impl Stream<Item = Result<Bytes, Hangup>> + Send {
    stream::once(async {
        tokio::task::yield_now().await;
        Err(Hangup)
    })
}
