//! AWS's clock, read off the `Date` header of every answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::{DateTime, Format};
use jiff::{SignedDuration, Timestamp};

/// No answer has been heard yet.
const UNHEARD: i64 = i64::MIN;

/// How far AWS's clock is ahead of ours, in milliseconds.
#[derive(Debug)]
pub(super) struct Ahead(AtomicI64);

impl Ahead {
    /// As heard elsewhere, or not yet.
    pub(super) fn heard(offset: Option<SignedDuration>) -> Self {
        let millis = offset.and_then(|offset| i64::try_from(offset.as_millis()).ok());
        Self(AtomicI64::new(millis.unwrap_or(UNHEARD)))
    }

    /// By the latest answer.
    pub(super) fn offset(&self) -> Option<SignedDuration> {
        let millis = self.0.load(Ordering::Relaxed);
        (millis != UNHEARD).then(|| SignedDuration::from_millis(millis))
    }
}

/// Listens to the answers of one client.
#[derive(Debug)]
pub(super) struct Listen(Arc<Ahead>);

impl Listen {
    pub(super) fn new(ahead: Arc<Ahead>) -> Self {
        Self(ahead)
    }
}

#[dyn_dispatch_hint]
impl Intercept for Listen {
    fn name(&self) -> &'static str {
        "ListenToClock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(millis) = context.response().headers().get("date").and_then(ahead) {
            self.0.0.store(millis, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// A `Date` header says the second that has begun: on average half a second ago.
fn ahead(date: &str) -> Option<i64> {
    let said = DateTime::from_str(date, Format::HttpDate)
        .ok()?
        .to_millis()
        .ok()?
        + 500;
    Some(said - Timestamp::now().as_millisecond())
}
