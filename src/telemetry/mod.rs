//! What the operator tells about itself: metrics, health, logs.
//!
//! No object names and no secrets in labels: both would be without bound, and the
//! second without excuse.

pub mod admin;
pub mod causes;
pub mod health;
pub mod log;
pub mod metrics;

use std::sync::Arc;

pub use health::Health;
pub use metrics::Metrics;

/// Handed to everything that has something to tell.
#[derive(Debug, Default)]
pub struct Telemetry {
    /// Counters and gauges.
    pub metrics: Metrics,
    /// What has to be true before the operator is ready.
    pub health: Health,
}

impl Telemetry {
    /// With all counters at zero and nothing ready yet.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }
}
