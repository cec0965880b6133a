//! The controller from start to stop.
//!
//! Stopping means: no new pass begins, running ones go on to their end, because a
//! pass broken off between a create call and its record costs a settle window. Only
//! then is the lease given back. A term that is lost breaks everything off at once.
//!
//! A replica that does not lead watches all the same, so that it can begin at once.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::channel::mpsc;
use futures::future::{BoxFuture, Shared, try_join_all};
use futures::{FutureExt, Stream, StreamExt, TryStreamExt};
use kube::Client;
use kube::api::Api;
use kube::runtime::controller::{self, Action, Config};
use kube::runtime::reflector::{Store, store};
use kube::runtime::{applier, watcher};
use tokio::sync::{Semaphore, watch as channel};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::classes::{ClassScope, Classes};
use super::clock::Clock;
use super::context::{Context, Guarded, readiness};
use super::leadership::{Candidacy, Election};
use super::listing::Listing;
use super::memories::Memories;
use super::publish::Publisher;
use super::references::References;
use super::touched::{self, Touched};
use super::watch::{Broken, Report};
use super::{class_watch, existence, reconcile, standby, watch};
use crate::aws::region::Regions;
use crate::election::{Loss, Term};
use crate::pool::facts::Operator;
use crate::telemetry::admin::Count;
use crate::telemetry::{Telemetry, health};

/// Running passes may take this long after a stop: two AWS calls at their
/// deadline and the writes around them; below Kubernetes' usual 30 s of grace.
const DRAIN: Duration = Duration::from_secs(25);

/// Between two looks for objects that went unseen. A look is a walk through the cache.
const FORGETTING: Duration = Duration::from_mins(10);

/// Which objects are this operator's business.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Namespaces; none means all.
    pub namespaces: Vec<String>,
    /// Label selector; none means all objects.
    pub selector: Option<String>,
}

/// Everything a controller runs with.
pub struct Options {
    /// The cluster.
    pub client: Client,
    /// What this process runs as.
    pub operator: Operator,
    /// AWS, by region.
    pub regions: Regions,
    /// Which objects.
    pub scope: Scope,
    /// Which classes; `None`: they are not looked after.
    pub classes: Option<ClassScope>,
    /// How it stands for election; `None`: it leads without being elected.
    pub candidacy: Option<Candidacy>,
    /// Passes at once, 1 at least.
    pub concurrency: u16,
    /// Where to tell.
    pub telemetry: Arc<Telemetry>,
}

/// What can end a controller besides a stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Passes were still running when the time to drain was over.
    #[error("passes were still running {} s after the stop", DRAIN.as_secs())]
    Drain,
    /// The apiserver does not understand the label selector.
    #[error(
        "--watch-selector {0}; write it as for kubectl -l, such as team=web or 'team in (web,api)'"
    )]
    Selector(String),
    /// Another replica may work from now on.
    #[error("leadership is lost, Lease {lease}: {loss}")]
    TermLost {
        /// Namespace and name.
        lease: String,
        /// How.
        loss: Loss,
    },
    /// The apiserver denies what an election needs.
    #[error(
        "the Lease {lease} cannot be {verb}: {message}; grant get, update and watch of it and create of \
         leases, name another namespace with --leader-election-namespace, or run one replica with \
         --leader-elect=false"
    )]
    LeaseDenied {
        /// Namespace and name.
        lease: String,
        /// What was tried.
        verb: String,
        /// What the apiserver said.
        message: String,
    },
    /// The election ended by a bug.
    #[error("the election broke off: {0}")]
    Election(#[from] tokio::task::JoinError),
}

/// One watch with its cache.
struct Watch {
    api: Api<Guarded>,
    reader: Store<Guarded>,
    writer: store::Writer<Guarded>,
}

/// A controller that is ready to run.
pub struct Controller {
    context: Arc<Context>,
    watches: Vec<Watch>,
    config: watcher::Config,
    election: Option<Election>,
    classes: Option<ClassScope>,
}

/// Completes when this replica leads; for everybody at once.
type Leading = Shared<BoxFuture<'static, ()>>;

impl Controller {
    /// Puts the parts together; starts nothing but the filing of Events.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let Options {
            client,
            operator,
            regions,
            scope,
            classes,
            candidacy,
            concurrency,
            telemetry,
        } = options;
        let watches = watches(&client, &scope);
        let clock = Clock::start();
        let (sender, terms) = channel::channel(match candidacy {
            Some(_) => Term::None,
            None => Term::Unbounded,
        });
        telemetry.metrics.leads(candidacy.is_none());
        let election = candidacy
            .map(|candidacy| Election::new(candidacy, clock, sender, Arc::clone(&telemetry)));
        let memories = Arc::new(Memories::default());
        let follower = References::new(
            client.clone(),
            scope.namespaces.is_empty(),
            Arc::clone(&memories),
            Arc::clone(&telemetry),
        );
        let context = Context {
            references: Arc::new(follower),
            publisher: Publisher::start(client.clone(), Arc::clone(&telemetry)),
            client,
            operator: Arc::new(operator),
            regions,
            classes: Classes::new(classes.as_ref()),
            memories,
            telemetry,
            clock,
            terms,
            stores: watches.iter().map(|watch| watch.reader.clone()).collect(),
            missing: std::sync::Mutex::default(),
            is_selective: scope.selector.is_some(),
            slots: Arc::new(Semaphore::new(concurrency.max(1).into())),
            touched: Touched::over(&scope.namespaces),
        };
        Self {
            context: Arc::new(context),
            watches,
            config: watch::config(scope.selector.as_deref()),
            election,
            classes,
        }
    }

    /// Counts the objects, for the metrics page.
    #[must_use]
    pub fn count(&self) -> Count {
        let stores = self.context.stores.clone();
        Arc::new(move || readiness(&stores))
    }

    /// Runs until `stop`, then drains, then gives the lease back.
    ///
    /// # Errors
    /// When passes do not end in time, the selector is none, or this replica may not lead
    /// any more.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Error> {
        let Some(election) = self.election.take() else {
            return self.work(stop).await;
        };
        let drained = CancellationToken::new();
        let task = tokio::spawn(election.run(drained.clone()));
        let mut election = AbortOnDropHandle::new(task);
        let worked = tokio::select! {
            biased;
            ended = &mut election => return ended?,
            worked = self.work(stop) => worked,
        };
        if worked.is_err() {
            // Left alone it would still speak after the line that says why the operator ends.
            election.abort();
            let _ = election.await;
            return worked;
        }
        drained.cancel();
        election.await?
    }

    /// Watches, and works while this replica leads.
    async fn work(self, stop: CancellationToken) -> Result<(), Error> {
        let Self {
            context,
            watches,
            config,
            election: _,
            classes,
        } = self;
        let leading = leading(&context);
        let mut wakes = Vec::new();
        let mut queues = Vec::new();
        let listing = Listing::new(watches.len(), Arc::clone(&context.telemetry));
        for (place, watch) in watches.into_iter().enumerate() {
            let (sender, receiver) = mpsc::unbounded();
            wakes.push(sender);
            let report = Report {
                watch: place,
                selector: config.label_selector.clone(),
                listing: Arc::clone(&listing),
                memories: Arc::clone(&context.memories),
                references: Arc::clone(&context.references),
                telemetry: Arc::clone(&context.telemetry),
            };
            let keys = watch::keys(watch.api, config.clone(), watch.writer, report);
            let keys = futures::stream::select(keys, receiver.map(Ok));
            let keys = watch::until(keys, stop.clone());
            let context = Arc::clone(&context);
            let queue = queue(context, keys, watch.reader, leading.clone());
            queues.push(queue);
        }
        context.references.wake_through(&wakes);
        let existence = async {
            leading.clone().await;
            existence::watch(&context, &wakes).await;
        };
        let exports = async {
            leading.clone().await;
            touched::watch(&context, &wakes).await;
        };
        let classes = followed(&context, classes, &wakes);
        let forgetting = forget(&context);
        let stopped = async {
            stop.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            ended = try_join_all(queues) => ended.map(drop),
            () = existence => Ok(()),
            () = exports => Ok(()),
            never = classes => match never {},
            () = forgetting => Ok(()),
            () = stopped => Err(Error::Drain),
        }
    }
}

/// Follows classes, where they are looked after.
async fn followed(
    context: &Arc<Context>,
    classes: Option<ClassScope>,
    wakes: &[mpsc::UnboundedSender<existence::Wake>],
) -> Infallible {
    let Some(scope) = classes else {
        return std::future::pending().await;
    };
    context
        .telemetry
        .health
        .fails(health::CLASSES, "identitypoolclasses are being listed");
    let selector = scope.selector.as_deref();
    Box::pin(class_watch::watch(context, selector, wakes)).await
}

/// Forgets objects that went unseen, from time to time, for ever.
async fn forget(context: &Context) {
    for store in &context.stores {
        // An error means that the watch has ended, and with it the operator.
        let _ = store.wait_until_ready().await;
    }
    loop {
        context.memories.keep(&context.uids());
        tokio::time::sleep(FORGETTING).await;
    }
}

fn watches(client: &Client, scope: &Scope) -> Vec<Watch> {
    let apis = if scope.namespaces.is_empty() {
        vec![Api::all(client.clone())]
    } else {
        let one = |namespace: &String| Api::namespaced(client.clone(), namespace);
        scope.namespaces.iter().map(one).collect()
    };
    let watch = |api| {
        let writer = store::Writer::default();
        Watch {
            api,
            reader: writer.as_reader(),
            writer,
        }
    };
    apis.into_iter().map(watch).collect()
}

/// Waits for the first term. What is known of objects by then counts as another's work.
fn leading(context: &Context) -> Leading {
    let mut terms = context.terms.clone();
    let memories = Arc::clone(&context.memories);
    let begun = async move {
        if terms.wait_for(Term::has_begun).await.is_err() {
            // The election has ended, and with it the operator.
            std::future::pending::<()>().await;
        }
        memories.term_begins();
    };
    begun.boxed().shared()
}

/// Works off keys while this replica leads, never two of one object at once. How many of
/// different ones is the passes' own business: see [`Context::slots`].
async fn queue(
    context: Arc<Context>,
    keys: impl Stream<Item = Result<existence::Wake, Broken>> + Send,
    reader: Store<Guarded>,
    leading: Leading,
) -> Result<(), Error> {
    let mut keys = Box::pin(keys);
    let Some(all) = standby::all_keys_at(leading, &mut keys, &reader, Broken::is_final).await
    else {
        return Ok(());
    };
    let keys = futures::stream::iter(all).chain(keys);
    applier(
        |object, context| Box::pin(reconcile::reconcile(object, context)),
        |_, never: &Infallible, _| -> Action { match *never {} },
        context,
        reader,
        keys,
        Config::default(),
    )
    .map(|outcome| match outcome {
        Err(controller::Error::QueueError(Broken::Selector(why))) => Err(Error::Selector(why)),
        // What went wrong with an object is in its status; a key without one is of another watch.
        _ => Ok(()),
    })
    .try_for_each(|()| std::future::ready(Ok(())))
    .await
}
