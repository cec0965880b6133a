//! The election carried out: reads, writes and watches the Lease as [`Candidate`] asks.
//!
//! Runs as a task of its own with a client of its own, so that nothing that slows
//! passes down slows a renewal down. Decides nothing: what the apiserver says goes in,
//! with the instant by this process's clock.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, Error as Refusal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::clock::Clock;
use super::run::Error;
use super::stream;
use super::watch::WATCH_SECONDS;
use crate::api::names::OPERATOR;
use crate::election::{Candidate, Step, Term, Timing};
use crate::telemetry::Telemetry;

/// How a replica stands for election.
pub struct Candidacy {
    /// A client that only the election uses.
    pub client: Client,
    /// Namespace of the Lease.
    pub namespace: String,
    /// Unlike that of any other process, also of an earlier one of the same pod.
    pub identity: String,
    /// How long a lease is, and how it is renewed.
    pub timing: Timing,
}

/// An election under way.
pub(super) struct Election {
    api: Api<Lease>,
    /// Namespace and name of the Lease, for people.
    lease: String,
    identity: String,
    candidate: Candidate,
    clock: Clock,
    /// Versions of the Lease, until this replica leads: a release is noticed at once.
    news: Option<BoxStream<'static, watcher::Result<Lease>>>,
    terms: watch::Sender<Term>,
    telemetry: Arc<Telemetry>,
    /// The last holder that was told.
    told: Option<String>,
    has_led: bool,
}

impl Election {
    pub(super) fn new(
        candidacy: Candidacy,
        clock: Clock,
        terms: watch::Sender<Term>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        let Candidacy {
            client,
            namespace,
            identity,
            timing,
        } = candidacy;
        let api = Api::namespaced(client, &namespace);
        Self {
            news: Some(news(api.clone())),
            api,
            lease: format!("{namespace}/{OPERATOR}"),
            candidate: Candidate::new(OPERATOR, &identity, timing),
            identity,
            clock,
            terms,
            telemetry,
            told: None,
            has_led: false,
        }
    }

    /// Wins the lease when it can be had and renews it, until `resign`; then gives it back.
    ///
    /// # Errors
    /// When the term is lost, or the apiserver denies the Lease to a replica that never led.
    pub(super) async fn run(mut self, resign: CancellationToken) -> Result<(), Error> {
        loop {
            if resign.is_cancelled() {
                self.candidate.resign();
            }
            match self.candidate.next(self.clock.instant()) {
                Step::Read => self.read().await?,
                Step::Create(lease) => self.create(&lease).await?,
                Step::Replace(lease) => self.replace(&lease).await?,
                Step::Wait(until) => self.wait(until, &resign).await,
                Step::Resigned => {
                    self.tell();
                    return Ok(());
                }
                Step::Lost(loss) => {
                    self.terms.send_replace(Term::None);
                    self.telemetry.metrics.leads(false);
                    let lease = self.lease.clone();
                    return Err(Error::TermLost { lease, loss });
                }
            }
            self.tell();
        }
    }

    async fn read(&mut self) -> Result<(), Error> {
        let patience = self.candidate.patience(self.clock.uptime());
        let answer = within(patience, self.api.get_opt(OPERATOR)).await;
        match answer {
            Ok(lease) => self.candidate.observe(lease, self.clock.uptime()),
            Err(error) => {
                self.failed("read", error)?;
                self.candidate.read_failed(self.clock.uptime());
            }
        }
        Ok(())
    }

    async fn create(&mut self, lease: &Lease) -> Result<(), Error> {
        let sent = self.clock.uptime();
        let patience = self.candidate.patience(sent);
        let answer = within(patience, self.api.create(&ours(), lease)).await;
        self.written("created", sent, answer)
    }

    async fn replace(&mut self, lease: &Lease) -> Result<(), Error> {
        let sent = self.clock.uptime();
        let patience = self.candidate.patience(sent);
        let answer = within(patience, self.api.replace(OPERATOR, &ours(), lease)).await;
        self.written("updated", sent, answer)
    }

    fn written(
        &mut self,
        verb: &str,
        sent: Duration,
        answer: kube::Result<Lease>,
    ) -> Result<(), Error> {
        match answer {
            Ok(lease) => self.candidate.wrote(lease, sent, self.clock.uptime()),
            Err(error) if is_forbidden(&error) => {
                if self.candidate.write_denied(self.clock.uptime()) {
                    let lease = &self.lease;
                    tracing::warn!(lease, %error, "the Lease may not be given back and runs out by itself");
                } else {
                    self.failed(verb, error)?;
                }
            }
            Err(error) => {
                self.candidate.write_failed(self.clock.uptime());
                self.failed(verb, error)?;
            }
        }
        Ok(())
    }

    /// A replica that never led and may not do this is set up wrongly: waiting mends nothing.
    fn failed(&self, verb: &str, error: Refusal) -> Result<(), Error> {
        let lease = &self.lease;
        match error {
            Refusal::Api(status) if status.is_conflict() || status.is_already_exists() => {
                tracing::debug!(lease, "another replica was faster");
            }
            Refusal::Api(status) if !self.has_led && is_denial(&status, verb) => {
                return Err(Error::LeaseDenied {
                    lease: lease.clone(),
                    verb: verb.to_owned(),
                    message: status.message.clone(),
                });
            }
            error => tracing::warn!(lease, %error, "the Lease was not {verb}; tried again"),
        }
        Ok(())
    }

    async fn wait(&mut self, until: Duration, resign: &CancellationToken) {
        let pause = until.saturating_sub(self.clock.uptime());
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            // Heard once; what follows are the steps of the resignation.
            () = resign.cancelled(), if !resign.is_cancelled() => {}
            Some(news) = next(&mut self.news) => match news {
                Ok(lease) => self.candidate.observe(Some(lease), self.clock.uptime()),
                // What the watch does not say is read at the next turn.
                Err(error) => tracing::warn!(lease = self.lease, %error, "the watch of the Lease broke and is started again"),
            }
        }
    }

    /// Passes, metrics and log hear who leads.
    fn tell(&mut self) {
        let term = self.candidate.term();
        if term.has_begun() {
            self.has_led = true;
            self.news = None;
        }
        self.telemetry.metrics.leads(term.has_begun());
        self.terms.send_replace(term);
        let Some(holder) = self.candidate.holder() else {
            return;
        };
        if self.told.as_deref() == Some(holder) {
            return;
        }
        if self.told.is_some() {
            self.telemetry.metrics.lease_changed_hands();
        }
        let lease = &self.lease;
        if holder == self.identity {
            tracing::info!(lease, holder, "this replica leads");
        } else {
            tracing::info!(lease, holder, "another replica leads; this one stands by");
        }
        self.told = Some(holder.to_owned());
    }
}

/// An answer in time, or none.
async fn within<T>(
    patience: Duration,
    request: impl Future<Output = kube::Result<T>>,
) -> kube::Result<T> {
    tokio::time::timeout(patience, request)
        .await
        .unwrap_or_else(|late| Err(Refusal::Service(Box::new(late))))
}

fn is_forbidden(error: &Refusal) -> bool {
    matches!(error, Refusal::Api(status) if status.is_forbidden())
}

/// What the apiserver says to a person's mistake. A Lease that cannot be created because
/// it is not found has no namespace.
fn is_denial(status: &kube::core::Status, verb: &str) -> bool {
    status.is_forbidden() || (status.is_not_found() && verb == "created")
}

fn ours() -> PostParams {
    PostParams {
        field_manager: Some(OPERATOR.to_owned()),
        ..PostParams::default()
    }
}

/// Versions of the Lease as they come. Only asked for the one object, so that a role that
/// names it is enough.
fn news(api: Api<Lease>) -> BoxStream<'static, watcher::Result<Lease>> {
    let config = watcher::Config::default()
        .fields(&format!("metadata.name={OPERATOR}"))
        .timeout(WATCH_SECONDS);
    stream::events(api, config)
        .default_backoff()
        .applied_objects()
        .boxed()
}

/// What comes next, if there is a stream.
async fn next<S: Stream + Unpin>(stream: &mut Option<S>) -> Option<S::Item> {
    stream.as_mut()?.next().await
}
