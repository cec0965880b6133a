//! The metrics, in the text format of `OpenMetrics`.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::pool::call::{FailureKind, Operation};
use crate::pool::rest::Outcome;

/// Seconds. AWS answers in 30–300 ms, a pass without AWS in under 10 ms; beyond
/// 15 s every call has met its deadline.
const BUCKETS: [f64; 7] = [0.01, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0];

/// One label: what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

/// One label: a reason of the closed set.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabel {
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FieldLabel {
    field: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RegionLabel {
    region: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WriteLabel {
    write: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReadyLabel {
    ready: &'static str,
}

type Timings<L> = Family<L, Histogram, fn() -> Histogram>;

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

/// Seconds. Waits are below the first without a limit, and minutes behind a rollout on an
/// account with a low one.
const WAITS: [f64; 7] = [0.01, 0.1, 1.0, 5.0, 30.0, 120.0, 600.0];

fn waits() -> Histogram {
    Histogram::new(WAITS)
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BudgetLabels {
    account: String,
    region: String,
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WaitLabels {
    kind: &'static str,
    urgency: &'static str,
}

/// What one line before a request budget shows of itself.
#[derive(Clone, Debug)]
pub struct BudgetGauges {
    /// Of which region.
    pub region: String,
    /// Calls a second that are allowed at present.
    pub rate: Gauge<f64, AtomicU64>,
    /// Calls that wait.
    pub waiting: Gauge,
    waited: Timings<WaitLabels>,
}

impl Default for BudgetGauges {
    fn default() -> Self {
        Self {
            region: String::new(),
            rate: Gauge::default(),
            waiting: Gauge::default(),
            waited: Family::new_with_constructor(waits),
        }
    }
}

impl BudgetGauges {
    /// A call was let go after so long.
    pub fn waited(&self, kind: &'static str, urgency: &'static str, time: Duration) {
        self.waited
            .get_or_create(&WaitLabels { kind, urgency })
            .observe(time.as_secs_f64());
    }
}

/// How many objects are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// `Ready=True`.
    pub yes: i64,
    /// `Ready=False`.
    pub no: i64,
    /// `Ready=Unknown`, or no such condition yet.
    pub unknown: i64,
}

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    reconciles: Family<OutcomeLabel, Counter>,
    reconcile_seconds: Timings<OutcomeLabel>,
    reconcile_errors: Family<ReasonLabel, Counter>,
    in_flight: Gauge,
    aws_requests: Family<CallLabels, Counter>,
    aws_seconds: Timings<OperationLabel>,
    budget_rate: Family<BudgetLabels, Gauge<f64, AtomicU64>>,
    budget_waiting: Family<BudgetLabels, Gauge>,
    budget_waits: Timings<WaitLabels>,
    apiserver_writes: Family<WriteLabel, Counter>,
    watch_errors: Counter,
    undecodable: Counter,
    drift: Family<FieldLabel, Counter>,
    pools: Family<ReadyLabel, Gauge>,
    orphans: Family<RegionLabel, Gauge>,
    leader: Gauge,
    lease_transitions: Counter,
    aws_identity: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("identity_pool_operator"),
            reconciles: Family::default(),
            reconcile_seconds: Family::new_with_constructor(histogram),
            reconcile_errors: Family::default(),
            in_flight: Gauge::default(),
            aws_requests: Family::default(),
            aws_seconds: Family::new_with_constructor(histogram),
            budget_rate: Family::default(),
            budget_waiting: Family::default(),
            budget_waits: Family::new_with_constructor(waits),
            apiserver_writes: Family::default(),
            watch_errors: Counter::default(),
            undecodable: Counter::default(),
            drift: Family::default(),
            pools: Family::default(),
            orphans: Family::default(),
            leader: Gauge::default(),
            lease_transitions: Counter::default(),
            aws_identity: Gauge::default(),
        };
        metrics.register();
        metrics.register_budget();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("reconcile", "Passes by outcome", self.reconciles.clone());
        registry.register(
            "reconcile_duration_seconds",
            "Time of a pass by outcome",
            self.reconcile_seconds.clone(),
        );
        registry.register(
            "reconcile_errors",
            "Passes that did not reach their end, by reason",
            self.reconcile_errors.clone(),
        );
        registry.register(
            "reconcile_in_flight",
            "Passes under way",
            self.in_flight.clone(),
        );
        registry.register(
            "aws_requests",
            "AWS calls by operation and outcome",
            self.aws_requests.clone(),
        );
        registry.register(
            "aws_request_duration_seconds",
            "Time of an AWS call by operation",
            self.aws_seconds.clone(),
        );
        registry.register(
            "apiserver_writes",
            "Writes to the apiserver by what is written",
            self.apiserver_writes.clone(),
        );
        registry.register(
            "watch_errors",
            "Watches that broke",
            self.watch_errors.clone(),
        );
        registry.register(
            "undecodable_objects",
            "Events of objects that this version cannot read",
            self.undecodable.clone(),
        );
        registry.register(
            "drift_corrected",
            "Changes made outside that were put right, by spec field",
            self.drift.clone(),
        );
        registry.register("identity_pools", "Objects by readiness", self.pools.clone());
        registry.register(
            "orphaned_pools",
            "Pools of this installation whose objects are no more, by region",
            self.orphans.clone(),
        );
        registry.register(
            "leader",
            "Whether this replica leads (1) or stands by (0)",
            self.leader.clone(),
        );
        registry.register(
            "lease_transitions",
            "Changes of the leader that this replica saw",
            self.lease_transitions.clone(),
        );
        registry.register(
            "aws_identity",
            "Whether the operator has found out who it is in AWS (1) or not yet (0)",
            self.aws_identity.clone(),
        );
    }

    fn register_budget(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "aws_budget_rate",
            "Calls a second that the request budget allows at present, by account, region and kind",
            self.budget_rate.clone(),
        );
        registry.register(
            "aws_budget_waiting",
            "Calls that wait for the request budget, by account, region and kind",
            self.budget_waiting.clone(),
        );
        registry.register(
            "aws_budget_wait_seconds",
            "Time that calls waited for the request budget, by kind and urgency",
            self.budget_waits.clone(),
        );
    }

    /// What the line for calls of a kind shows.
    #[must_use]
    pub fn budget(&self, account: &str, region: &str, kind: &'static str) -> BudgetGauges {
        let labels = BudgetLabels {
            account: account.to_owned(),
            region: region.to_owned(),
            kind,
        };
        BudgetGauges {
            region: region.to_owned(),
            rate: self.budget_rate.get_or_create(&labels).clone(),
            waiting: self.budget_waiting.get_or_create(&labels).clone(),
            waited: self.budget_waits.clone(),
        }
    }

    /// A pass has begun.
    pub fn pass_begun(&self) {
        self.in_flight.inc();
    }

    /// A pass has ended.
    pub fn pass_ended(&self, outcome: Outcome, reason: Option<&'static str>, took: Duration) {
        self.in_flight.dec();
        let label = OutcomeLabel {
            outcome: outcome.as_str(),
        };
        self.reconciles.get_or_create(&label).inc();
        self.reconcile_seconds
            .get_or_create(&label)
            .observe(took.as_secs_f64());
        if let Some(reason) = reason {
            self.reconcile_errors
                .get_or_create(&ReasonLabel { reason })
                .inc();
        }
    }

    /// An AWS call has been answered, or not.
    pub fn aws_called(&self, operation: Operation, failure: Option<FailureKind>, took: Duration) {
        let outcome = match failure {
            None => "ok",
            Some(FailureKind::Throttled) => "throttled",
            Some(FailureKind::NotFound) => "not_found",
            Some(FailureKind::Unanswered | FailureKind::NotSent) => "unanswered",
            Some(_) => "refused",
        };
        let operation = operation.as_str();
        self.aws_requests
            .get_or_create(&CallLabels { operation, outcome })
            .inc();
        self.aws_seconds
            .get_or_create(&OperationLabel { operation })
            .observe(took.as_secs_f64());
    }

    /// Something was written to the apiserver: `claim`, `status`, `finalizer`, `event`.
    pub fn apiserver_written(&self, write: &'static str) {
        self.apiserver_writes
            .get_or_create(&WriteLabel { write })
            .inc();
    }

    /// A watch broke and is started again.
    pub fn watch_broke(&self) {
        self.watch_errors.inc();
    }

    /// An object cannot be read by this version.
    pub fn undecodable(&self) {
        self.undecodable.inc();
    }

    /// A field was changed outside and put right. Which entry of a list it was would be a
    /// label without bound.
    pub fn drift_corrected(&self, field: &str) {
        let list = field.split('[').next().unwrap_or(field);
        self.drift
            .get_or_create(&FieldLabel {
                field: list.to_owned(),
            })
            .inc();
    }

    /// So many pools of a region have no object any more.
    pub fn orphaned(&self, region: &str, pools: usize) {
        let region = region.to_owned();
        let pools = i64::try_from(pools).unwrap_or(i64::MAX);
        self.orphans
            .get_or_create(&RegionLabel { region })
            .set(pools);
    }

    /// Whether this replica leads.
    pub fn leads(&self, leads: bool) {
        self.leader.set(leads.into());
    }

    /// Another replica leads than before.
    pub fn lease_changed_hands(&self) {
        self.lease_transitions.inc();
    }

    /// The operator has found out who it is in AWS.
    pub fn knows_identity(&self) {
        self.aws_identity.set(1);
    }

    /// The page for a scraper.
    #[must_use]
    pub fn page(&self, readiness: Readiness) -> String {
        let Readiness { yes, no, unknown } = readiness;
        for (ready, count) in [("true", yes), ("false", no), ("unknown", unknown)] {
            self.pools.get_or_create(&ReadyLabel { ready }).set(count);
        }
        let mut page = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut page, &self.registry);
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_counts_what_happened() {
        let metrics = Metrics::default();
        metrics.pass_begun();
        metrics.pass_ended(
            Outcome::Failed,
            Some("Throttled"),
            Duration::from_millis(20),
        );
        metrics.aws_called(
            Operation::CreateIdentityPool,
            Some(FailureKind::Throttled),
            Duration::from_millis(20),
        );
        let page = metrics.page(Readiness {
            yes: 3,
            no: 1,
            unknown: 0,
        });
        for line in [
            "identity_pool_operator_reconcile_total{outcome=\"failed\"} 1",
            "identity_pool_operator_reconcile_errors_total{reason=\"Throttled\"} 1",
            "identity_pool_operator_aws_requests_total{operation=\"CreateIdentityPool\",outcome=\"throttled\"} 1",
            "identity_pool_operator_identity_pools{ready=\"true\"} 3",
            "identity_pool_operator_reconcile_in_flight 0",
        ] {
            assert!(page.contains(line), "{line} not in\n{page}");
        }
    }
}
