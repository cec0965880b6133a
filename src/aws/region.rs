//! AWS by region: one adapter, one budget and one census for each, made when first
//! asked for and kept. Every call is counted here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_types::SdkConfig;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::SignedDuration;

use super::budget::{Budget, Caps};
use super::census::Census;
use super::cognito::CognitoClient;
use super::identity::CallerIdentity;
use super::paced::Paced;
use super::port::Cognito;
use crate::pool::call::{Answer, Call, Failure};
use crate::telemetry::Telemetry;

/// Identity pools of one region, with what belongs to it.
pub struct Region {
    /// The port, counted, at the pace of its budget.
    pub aws: Arc<Paced>,
    /// Which pools there are.
    pub census: Census,
}

impl Region {
    fn new(cognito: Arc<dyn Cognito>, budget: Budget) -> Self {
        let aws = Arc::new(Paced::new(cognito, budget));
        let census = Census::new(Arc::clone(&aws));
        Self { aws, census }
    }
}

/// The regions of one account.
pub struct Regions {
    config: SdkConfig,
    caller: CallerIdentity,
    caps: Caps,
    telemetry: Arc<Telemetry>,
    known: Mutex<HashMap<String, Arc<Region>>>,
}

impl Regions {
    /// With the credentials of one account. The caps hold in each region.
    #[must_use]
    pub fn new(
        config: SdkConfig,
        caller: CallerIdentity,
        caps: Caps,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        Self {
            config,
            caller,
            caps,
            telemetry,
            known: Mutex::default(),
        }
    }

    /// One region.
    #[must_use]
    pub fn of(&self, region: &str) -> Arc<Region> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(region) = known.get(region) {
            return Arc::clone(region);
        }
        let client = CognitoClient::new(&self.config, region, &self.caller);
        let counted = Counted {
            inner: client,
            telemetry: Arc::clone(&self.telemetry),
        };
        let metrics = &self.telemetry.metrics;
        let budget = Budget::new(self.caps, |kind| metrics.budget(region, kind.as_str()));
        let made = Arc::new(Region::new(Arc::new(counted), budget));
        known.insert(region.to_owned(), Arc::clone(&made));
        made
    }
}

/// A port whose calls are counted and logged.
struct Counted<C> {
    inner: C,
    telemetry: Arc<Telemetry>,
}

impl<C: Cognito> Cognito for Counted<C> {
    fn call_within(&self, call: Call, limit: Duration) -> BoxFuture<'_, Result<Answer, Failure>> {
        async move {
            let operation = call.operation();
            let pool = call.pool().map(ToString::to_string);
            let begun = Instant::now();
            let result = self.inner.call_within(call, limit).await;
            let failure = result.as_ref().err();
            let kind = failure.map(|failure| failure.kind);
            self.telemetry
                .metrics
                .aws_called(operation, kind, begun.elapsed());
            tracing::debug!(
                operation = operation.as_str(),
                pool_id = pool,
                code = failure.map(|failure| failure.code.as_str()),
                request_id = failure.and_then(|failure| failure.request_id.as_deref()),
                took = ?begun.elapsed(),
                "AWS call"
            );
            result
        }
        .boxed()
    }

    fn clock_offset(&self) -> Option<SignedDuration> {
        self.inner.clock_offset()
    }
}
