//! A client of the apiserver that never repeats a write by itself and never waits
//! for ever.
//!
//! The library's defaults replay any verb up to 15 times over minutes and bound
//! no answer: a replayed write meets its own first copy as a conflict, and a
//! silent apiserver would hang a pass until the process ends.

use std::time::Duration;

use kube::client::ClientBuilder;
use kube::{Client, Config};
use tower::timeout::TimeoutLayer;

use crate::election::candidate::ANSWER;

/// Bounds the answer to every request, though not the body of a watch. Well above
/// the apiserver's normal milliseconds, well below the 15 s of an AWS call.
const DEADLINE: Duration = Duration::from_secs(10);

/// Makes the client.
///
/// # Errors
/// When the configuration names no usable cluster or credentials.
pub fn careful_client(config: Config) -> kube::Result<Client> {
    within(config, DEADLINE)
}

/// Makes a client for the election alone, with connections of its own: a renewal that
/// stands in line behind the requests of passes could come too late.
///
/// # Errors
/// As [`careful_client`].
pub fn election_client(config: Config) -> kube::Result<Client> {
    within(config, ANSWER)
}

fn within(mut config: Config, deadline: Duration) -> kube::Result<Client> {
    config.default_retry = false;
    config.connect_timeout = Some(deadline / 2);
    Ok(ClientBuilder::try_from(config)?
        .with_layer(&TimeoutLayer::new(deadline))
        .build())
}

/// Bounds an answer with its body, which the client's own limit does not cover: that one
/// must let a watch go on. For every request but a watch.
pub(super) async fn whole<T>(request: impl Future<Output = kube::Result<T>>) -> kube::Result<T> {
    let answer = tokio::time::timeout(DEADLINE, request).await;
    answer.unwrap_or_else(|_| {
        let what = format!("no whole answer within {} s", DEADLINE.as_secs());
        Err(kube::Error::Service(what.into()))
    })
}
