//! AWS at start: which region, which credentials, and who the operator is by them.
//!
//! What comes of the look is in the log, in `/readyz`, in a metric and in an Event on the pod. What
//! cannot work ends the operator, unless it is to wait: a pod that ended would be started again and
//! again, and say nothing between.

use std::path::Path;
use std::time::Duration;
use std::{env, fmt};

use aws_types::SdkConfig;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use tokio::time::Instant;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use super::flags::Flags;
use super::run::{Error, RETRY};
use crate::aws::error::is_hopeless;
use crate::aws::identity::{self, CallerIdentity};
use crate::aws::settings;
use crate::controller::{file_event, sentence};
use crate::pool::notes::{Note, Weight};
use crate::telemetry::{Telemetry, health};

/// An Event is gone after an hour (kube-apiserver, `--event-ttl`), and one that the apiserver
/// did not take is missed.
const REMIND: Duration = Duration::from_secs(300);

/// What the operator works with.
pub(super) struct Aws {
    pub(super) config: SdkConfig,
    pub(super) region: String,
    pub(super) caller: CallerIdentity,
}

/// Why it does not work yet.
enum Trouble {
    /// The network, or AWS: it may come right by itself.
    Passing(String),
    /// Somebody has to do something.
    Lasting(Error),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passing(what) => f.write_str(what),
            Self::Lasting(error) => error.fmt(f),
        }
    }
}

impl Trouble {
    fn log(&self) {
        match self {
            Self::Passing(what) => tracing::warn!("{what}"),
            Self::Lasting(error) => {
                tracing::error!("{error}; it is tried again every {} s", RETRY.as_secs());
            }
        }
    }

    /// Of Events: those of one reason are one Event with the first one's note.
    fn reason(&self) -> &'static str {
        match self {
            Self::Passing(_) => "AwsUnavailable",
            Self::Lasting(Error::Credentials { .. }) => "CredentialsRefused",
            Self::Lasting(_) => "AwsSettingsInvalid",
        }
    }
}

impl From<settings::Error> for Trouble {
    fn from(error: settings::Error) -> Self {
        Self::Lasting(error.into())
    }
}

/// Finds all of it, and waits for it: always for a network, and for region and credentials if the
/// flags say so.
pub(super) async fn find(flags: &Flags, telemetry: &Telemetry, pod: &Pod) -> Result<Aws, Error> {
    let keys = flags.aws_keys_directory.as_deref();
    let mut told = String::new();
    let mut filed = Instant::now();
    loop {
        // What the SDK logs of a look, it logs of the first alone.
        let seen = if told.is_empty() {
            look(keys).await
        } else {
            look(keys).with_subscriber(NoSubscriber::new()).await
        };
        let trouble = match seen {
            Ok(aws) => {
                telemetry.health.holds(health::AWS);
                telemetry.metrics.knows_identity();
                if !told.is_empty() {
                    let who = format!("the operator is {} in AWS", aws.caller.arn);
                    pod.tell(Weight::Normal, "AwsUsable", &who).await;
                }
                return Ok(aws);
            }
            Err(Trouble::Lasting(error)) if !flags.wait_for_aws => return Err(error),
            Err(trouble) => trouble,
        };
        let what = trouble.to_string();
        telemetry.health.fails(health::AWS, what.clone());
        let is_new = told != what;
        if is_new {
            trouble.log();
        }
        if is_new || filed.elapsed() > REMIND {
            pod.tell(Weight::Warning, trouble.reason(), &what).await;
            filed = Instant::now();
        }
        told = what;
        tokio::time::sleep(RETRY).await;
    }
}

/// Looks once. Keys of a folder are those of this look: what is found there later may be another
/// account's.
async fn look(keys: Option<&Path>) -> Result<Aws, Trouble> {
    settings::check().await?;
    let keys = keys.map(settings::keys).transpose()?;
    let config = identity::load_config(keys).await;
    let region = settings::region(&config)?;
    let failure = match identity::caller_identity(&config).await {
        Ok(caller) => {
            return Ok(Aws {
                config,
                region,
                caller,
            });
        }
        Err(failure) => failure,
    };
    let what = format!("{} ({})", failure.message, failure.code);
    if !is_hopeless(&failure) {
        let what = format!("AWS cannot be asked yet who the operator is: {what}");
        return Err(Trouble::Passing(what));
    }
    let advice = settings::advice(&failure);
    Err(Trouble::Lasting(Error::Credentials { what, advice }))
}

/// The pod that the operator runs in, if its variables `POD_NAME` and `POD_UID` say so.
pub(super) struct Pod(Option<(Client, ObjectReference)>);

impl Pod {
    /// The one of the environment, in the namespace of its service account.
    pub(super) fn of_environment(client: Client, namespace: &str) -> Self {
        let set = |variable: &str| env::var(variable).ok().filter(|value| !value.is_empty());
        let Some(name) = set("POD_NAME") else {
            return Self(None);
        };
        let pod = ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: Some(name),
            namespace: Some(namespace.to_owned()),
            uid: set("POD_UID"),
            ..ObjectReference::default()
        };
        Self(Some((client, pod)))
    }

    /// Files an Event. The log has the same, so an apiserver that does not take it is no matter.
    async fn tell(&self, weight: Weight, reason: &str, message: &str) {
        let Some((client, pod)) = &self.0 else {
            return;
        };
        let note = Note {
            weight,
            reason: reason.to_owned(),
            message: message.to_owned(),
        };
        if let Err(error) = file_event(client, pod, "Start", note).await {
            tracing::debug!(error = sentence(&error), "an Event was not filed");
        }
    }
}
