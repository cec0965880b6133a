//! What is known of each class: its object, and where its way into AWS leads.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use kube::{Client, ResourceExt};
use tokio::time::Instant;

use super::client::whole;
use super::context::Context;
use super::sentence::sentence;
use crate::api::identity_pool_class::SecretKey;
use crate::api::names::DEFAULT_CLASS_ANNOTATION;
use crate::api::{IdentityPoolClass, IdentityPoolClassSpec, RequestBudget};
use crate::aws::cap::Caps;
use crate::aws::session::Role;
use crate::aws::way::{Terms, Way};
use crate::pool::class::{Bar, Class, Home, Offer};
use crate::pool::class_report;

/// Time until a way that does not work is tried again: a trust policy that was mended is picked up
/// within seconds.
const AGAIN: Duration = Duration::from_secs(10);

/// Passes wait this long for a way that is tried for the first time, all of them together: a role
/// that hangs must not hold up those of other classes. It takes two calls.
pub(super) const TRIED_WITHIN: Duration = Duration::from_secs(2);

/// A way that leads somewhere.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) way: Arc<Way>,
    /// What it was found by.
    terms: Terms,
}

/// A class, and what came of trying its way.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) object: Arc<IdentityPoolClass>,
    /// The way that worked last.
    pub(super) found: Option<Found>,
    /// Why it does not work, or did not when it was last tried.
    pub(super) trouble: Option<Bar>,
    /// Since when nothing is known of its way.
    since: Instant,
    /// Counts the tries, so that the answer to an old one is told from that to the latest.
    pub(super) tries: u64,
    pub(super) is_trying: bool,
    pub(super) due: Instant,
}

/// What came of a try.
pub(super) struct Tried {
    pub(super) class: String,
    pub(super) tries: u64,
    pub(super) outcome: Result<Found, Bar>,
    /// The way leads to the account, but a list is refused there.
    pub(super) listing: Option<Bar>,
}

impl Kept {
    pub(super) fn new(object: IdentityPoolClass) -> Self {
        Self {
            object: Arc::new(object),
            found: None,
            trouble: None,
            since: Instant::now(),
            tries: 0,
            is_trying: false,
            due: Instant::now(),
        }
    }

    /// Whether it is worth while to wait for what comes of the first try.
    pub(super) fn is_untried(&self) -> bool {
        let unknown = self.found.is_none() && self.trouble.is_none();
        unknown && self.since.elapsed() < TRIED_WITHIN
    }

    /// Takes in another version of the object. Only what the way depends on makes it a new one.
    pub(super) fn take(&mut self, object: IdentityPoolClass) {
        if object.metadata.uid != self.object.metadata.uid {
            *self = Self {
                tries: self.tries + 1,
                ..Self::new(object)
            };
            return;
        }
        if !leads_alike(&object.spec, &self.object.spec) {
            self.found = None;
            self.trouble = None;
            self.is_trying = false;
            self.tries += 1;
            self.since = Instant::now();
            self.due = Instant::now();
        }
        self.object = Arc::new(object);
    }

    /// Takes in what came of a try; one that is too old counts for nothing.
    pub(super) fn learn(&mut self, tried: Tried, period: Duration) {
        if tried.tries != self.tries {
            return;
        }
        self.is_trying = false;
        let before = (self.found.is_some(), self.trouble.clone());
        let is_fine = tried.outcome.is_ok() && tried.listing.is_none();
        self.due = Instant::now() + if is_fine { period } else { AGAIN };
        match tried.outcome {
            Ok(found) => {
                self.trouble = tried.listing;
                // The same way keeps its clients and sessions.
                let same = self.found.as_ref().is_some_and(|kept| {
                    kept.terms == found.terms
                        && kept.way.caller.account_id == found.way.caller.account_id
                });
                if !same {
                    self.found = Some(found);
                }
            }
            // What worked before is not given up: each call says itself what is wrong.
            Err(bar) => self.trouble = Some(bar),
        }
        if before != (self.found.is_some(), self.trouble.clone()) {
            self.tell();
        }
    }

    /// The log has what the status has, also where that cannot be written.
    fn tell(&self) {
        let class = self.object.name_any();
        let account = self
            .found
            .as_ref()
            .map(|found| &found.way.caller.account_id);
        if let Some(Bar { reason, message }) = &self.trouble {
            tracing::warn!(class, account, reason = reason.as_str(), "{message}");
        } else {
            tracing::info!(class, account, "the credentials of the class work");
        }
    }

    /// The class as passes see it.
    pub(super) fn offer(&self, region: &str) -> Offer {
        let name = self.object.name_any();
        let annotations = self.object.annotations();
        let default = annotations.get(DEFAULT_CLASS_ANNOTATION);
        let class = match (&self.found, &self.trouble) {
            (Some(found), _) => self.read(&name, home(&self.object.spec, found, region)),
            (None, Some(bar)) => Err(bar.clone()),
            (None, None) => Err(class_report::not_tried(&name)),
        };
        Offer {
            is_default: default.is_some_and(|value| value == "true"),
            allowed: self.object.spec.allowed_namespaces.clone(),
            class,
        }
    }

    fn read(&self, name: &str, home: Home) -> Result<Arc<Class>, Bar> {
        let meta = &self.object.metadata;
        let edition = format!("{:?} {:?}", meta.uid, meta.generation);
        Class::read(name, &self.object.spec, home, &edition)
            .map(Arc::new)
            .map_err(|what| class_report::unreadable(name, &what))
    }
}

/// Where a way leads, for objects that name no region.
pub(super) fn home(spec: &IdentityPoolClassSpec, found: &Found, region: &str) -> Home {
    let caller = &found.way.caller;
    Home {
        account_id: caller.account_id.clone(),
        partition: caller.partition.clone(),
        region: spec.region.clone().unwrap_or_else(|| region.to_owned()),
    }
}

fn leads_alike(one: &IdentityPoolClassSpec, other: &IdentityPoolClassSpec) -> bool {
    let parts = |spec: &IdentityPoolClassSpec| {
        (
            spec.role_arn.clone(),
            spec.external_id.clone(),
            spec.external_id_from.clone(),
            spec.endpoint_url.clone(),
            spec.request_budget,
        )
    };
    parts(one) == parts(other)
}

/// Goes the way of a class.
pub(super) async fn attempt(context: &Context, object: &IdentityPoolClass, tries: u64) -> Tried {
    let class = object.name_any();
    let outcome = find(context, object).await;
    let listing = match &outcome {
        Ok(found) => peek(context, object, found).await,
        Err(_) => None,
    };
    Tried {
        class,
        tries,
        outcome,
        listing,
    }
}

async fn find(context: &Context, object: &IdentityPoolClass) -> Result<Found, Bar> {
    let name = object.name_any();
    let external_id = external_id(&context.client, object).await?;
    let terms = terms(&object.spec, external_id);
    let own = context.regions.own();
    let installation = &context.operator.installation;
    match Way::find(own, &terms, installation).await {
        Ok(way) => Ok(Found {
            way: Arc::new(way),
            terms,
        }),
        Err(failure) => {
            let role = object.spec.role_arn.as_deref();
            Err(class_report::no_way(&name, role, &own.caller.arn, &failure))
        }
    }
}

async fn peek(context: &Context, object: &IdentityPoolClass, found: &Found) -> Option<Bar> {
    let region = home(&object.spec, found, &context.operator.region).region;
    let failure = context.regions.peek(&found.way, &region).await.err()?;
    let (name, arn) = (object.name_any(), &found.way.caller.arn);
    Some(class_report::no_way(&name, None, arn, &failure))
}

fn terms(spec: &IdentityPoolClassSpec, external_id: Option<String>) -> Terms {
    let rate = |rate: Option<i32>| rate.and_then(|rate| u32::try_from(rate).ok());
    let RequestBudget {
        reads_per_second,
        writes_per_second,
    } = spec.request_budget.unwrap_or_default();
    Terms {
        role: spec.role_arn.clone().map(|arn| Role { arn, external_id }),
        endpoint: spec.endpoint_url.clone(),
        caps: Caps {
            reads: rate(reads_per_second),
            writes: rate(writes_per_second),
        },
    }
}

async fn external_id(client: &Client, object: &IdentityPoolClass) -> Result<Option<String>, Bar> {
    let spec = &object.spec;
    let Some(source) = &spec.external_id_from else {
        return Ok(spec.external_id.clone());
    };
    let SecretKey { name, key } = &source.secret_key_ref;
    let api: Api<Secret> = Api::default_namespaced(client.clone());
    let namespace = client.default_namespace();
    let missing = |what: String| {
        let field = "spec.externalIdFrom.secretKeyRef";
        let what =
            format!("{field} is key {key} of Secret {name} in namespace {namespace}, but {what}.");
        class_report::unreadable(&object.name_any(), &what)
    };
    let secret = whole(api.get(name)).await;
    let secret = secret.map_err(|error| missing(sentence(&error)))?;
    let value = secret.data.as_ref().and_then(|data| data.get(key));
    let value = value.ok_or_else(|| missing("it has no such key".to_owned()))?;
    let text = String::from_utf8(value.0.clone());
    text.map(Some)
        .map_err(|_| missing("what stands there is no text".to_owned()))
}
