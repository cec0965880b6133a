//! The pages for kubelet and scrapers: `/livez`, `/readyz`, `/metrics`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Telemetry;
use super::metrics::Readiness;

/// A port that cannot be had.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot listen on {address} ({flag}): {source}; choose another address, or 0 to turn it off"
)]
pub struct Error {
    flag: &'static str,
    address: SocketAddr,
    source: std::io::Error,
}

/// Counts the objects when somebody asks.
pub type Count = Arc<dyn Fn() -> Readiness + Send + Sync>;

/// The page with the metrics.
pub fn metrics(telemetry: Arc<Telemetry>, count: Count) -> Router {
    let page = move || {
        let page = telemetry.metrics.page(count());
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        std::future::ready(([(header::CONTENT_TYPE, kind)], page))
    };
    Router::new().route("/metrics", get(page))
}

/// The pages for kubelet.
pub fn probes(telemetry: Arc<Telemetry>) -> Router {
    let ready = move || {
        let (ready, page) = telemetry.health.report();
        let code = if ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        std::future::ready((code, page).into_response())
    };
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
}

/// Serves pages until `stop`. Answers with the address, whose port may have been 0.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve(
    flag: &'static str,
    address: SocketAddr,
    pages: Router,
    stop: CancellationToken,
) -> Result<SocketAddr, Error> {
    let failed = |source| Error {
        flag,
        address,
        source,
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    tokio::spawn(async move {
        let served = axum::serve(listener, pages)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await;
        if let Err(error) = served {
            tracing::error!(%error, flag, "pages are no longer served");
        }
    });
    Ok(bound)
}
