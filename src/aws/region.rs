//! AWS by region: an adapter for each way, one budget and one census for each account and
//! region, made when first asked for and kept. Every call is counted here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_types::SdkConfig;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::SignedDuration;

use super::budget::{Asker, Budget, Caps, Kind};
use super::cap::Cap;
use super::census::Census;
use super::cognito::CognitoClient;
use super::identity::CallerIdentity;
use super::paced::Paced;
use super::port::Cognito;
use super::way::Way;
use crate::pool::call::{Answer, Call, Failure, FailureKind};
use crate::pool::urgency::Urgency;
use crate::telemetry::Telemetry;
use crate::telemetry::metrics::BudgetGauges;

/// Identity pools of one region by one way, with what belongs to account and region.
pub struct Region {
    /// The port, counted, at the pace of its budget.
    pub aws: Arc<Paced>,
    /// Which pools there are.
    pub census: Arc<Census>,
}

/// One region of one account, whichever ways lead there.
struct Place {
    budget: Arc<Budget>,
    /// The way that worked last, for what is nobody's call in particular.
    latest: Arc<Latest>,
    census: Arc<Census>,
}

impl Place {
    fn new(port: Arc<dyn Cognito>, budget: Budget) -> Self {
        let budget = Arc::new(budget);
        let latest = Arc::new(Latest(Mutex::new(port)));
        let paced = Paced::sharing(Arc::clone(&latest) as Arc<dyn Cognito>, &budget, None);
        Self {
            budget,
            latest,
            census: Arc::new(Census::new(Arc::new(paced))),
        }
    }
}

/// The regions that the operator's own way and those of classes lead to.
pub struct Regions {
    own: Way,
    caps: Caps,
    telemetry: Arc<Telemetry>,
    /// By account and region.
    places: Mutex<HashMap<(String, String), Place>>,
    nowhere: Arc<Region>,
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
        let unseen = Budget::new(caps, |_| BudgetGauges::default());
        let place = Place::new(Arc::new(Nowhere), unseen);
        let nowhere = Region {
            aws: Arc::new(Paced::sharing(Arc::new(Nowhere), &place.budget, None)),
            census: place.census,
        };
        Self {
            own: Way::own(config, caller),
            caps,
            telemetry,
            places: Mutex::default(),
            nowhere: Arc::new(nowhere),
        }
    }

    /// The operator's own way.
    #[must_use]
    pub const fn own(&self) -> &Way {
        &self.own
    }

    /// One region by the operator's own way.
    #[must_use]
    pub fn of(&self, region: &str) -> Arc<Region> {
        self.by(&self.own, region)
    }

    /// For an object that no way leads from: no call gets through.
    #[must_use]
    pub fn nowhere(&self) -> Arc<Region> {
        Arc::clone(&self.nowhere)
    }

    /// One region by some way.
    #[must_use]
    pub fn by(&self, way: &Way, region: &str) -> Arc<Region> {
        let mut known = way.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(region) = known.get(region) {
            return Arc::clone(region);
        }
        let port: Arc<dyn Cognito> = Arc::new(Counted {
            inner: CognitoClient::by(way, region),
            telemetry: Arc::clone(&self.telemetry),
        });
        let account = way.caller.account_id.as_str();
        let at = (account.to_owned(), region.to_owned());
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let place = places
            .entry(at)
            .or_insert_with(|| Place::new(Arc::clone(&port), self.budget(account, region)));
        place.latest.set(&port);
        let latest = Arc::clone(&place.latest);
        let port = Arc::new(Proven { port, latest });
        let made = Arc::new(Region {
            aws: Arc::new(Paced::sharing(port, &place.budget, Cap::of(way.caps))),
            census: Arc::clone(&place.census),
        });
        known.insert(region.to_owned(), Arc::clone(&made));
        made
    }

    fn budget(&self, account: &str, region: &str) -> Budget {
        let metrics = &self.telemetry.metrics;
        Budget::new(self.caps, |kind| {
            metrics.budget(account, region, kind.as_str())
        })
    }

    /// Asks for one pool of a list, to see whether a way leads in.
    ///
    /// # Errors
    /// As AWS refuses it.
    pub async fn peek(&self, way: &Way, region: &str) -> Result<(), Failure> {
        let asker = Asker::everybody(Urgency::Creation);
        let mut ticket = self.by(way, region).aws.join(Kind::Read, asker);
        drop(ticket.turn().await);
        CognitoClient::by(way, region).peek().await
    }
}

/// A port that is remembered each time it works.
struct Proven {
    port: Arc<dyn Cognito>,
    latest: Arc<Latest>,
}

impl Cognito for Proven {
    fn call_within(&self, call: Call, limit: Duration) -> BoxFuture<'_, Result<Answer, Failure>> {
        async move {
            let answer = self.port.call_within(call, limit).await?;
            self.latest.set(&self.port);
            Ok(answer)
        }
        .boxed()
    }

    fn clock_offset(&self) -> Option<SignedDuration> {
        self.port.clock_offset()
    }
}

/// The port that worked last.
struct Latest(Mutex<Arc<dyn Cognito>>);

impl Latest {
    fn set(&self, port: &Arc<dyn Cognito>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(port);
    }

    fn get(&self) -> Arc<dyn Cognito> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Cognito for Latest {
    fn call_within(&self, call: Call, limit: Duration) -> BoxFuture<'_, Result<Answer, Failure>> {
        let port = self.get();
        async move { port.call_within(call, limit).await }.boxed()
    }

    fn clock_offset(&self) -> Option<SignedDuration> {
        self.get().clock_offset()
    }
}

/// No AWS at all. The core asks it for nothing; should it do so, nothing is sent.
struct Nowhere;

impl Cognito for Nowhere {
    fn call_within(&self, call: Call, _: Duration) -> BoxFuture<'_, Result<Answer, Failure>> {
        let failure = Failure {
            operation: call.operation(),
            kind: FailureKind::NotSent,
            code: "NoClass".to_owned(),
            message: "the object has no class that can be used".to_owned(),
            request_id: None,
        };
        std::future::ready(Err(failure)).boxed()
    }

    fn clock_offset(&self) -> Option<SignedDuration> {
        None
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
