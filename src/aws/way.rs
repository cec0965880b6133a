//! Ways into AWS: the operator's own, and that of each class.
//!
//! A way is rebuilt when what it depends on changes, and only then.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use aws_sdk_sts::config::SharedCredentialsProvider;
use aws_types::SdkConfig;

use super::cap::Caps;
use super::identity::{self, CallerIdentity};
use super::region::Region;
use super::session::{Provider, Role, Sessions};
use crate::pool::call::Failure;

/// What a way depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The role to assume; `None`: the operator's own credentials.
    pub role: Option<Role>,
    /// Where calls for pools go; `None`: where the operator's own go.
    pub endpoint: Option<String>,
    /// Most calls a second.
    pub caps: Caps,
}

/// As whom, to where, and at most how fast.
pub struct Way {
    pub(super) config: SdkConfig,
    /// Who the operator is there.
    pub caller: CallerIdentity,
    pub(super) caps: Caps,
    /// Whether credentials differ from object to object, so that no client may keep them.
    pub(super) by_subject: bool,
    /// By region.
    pub(super) known: Mutex<HashMap<String, Arc<Region>>>,
}

impl Way {
    /// The operator's own.
    #[must_use]
    pub fn own(config: SdkConfig, caller: CallerIdentity) -> Self {
        Self {
            config,
            caller,
            caps: Caps::default(),
            by_subject: false,
            known: Mutex::default(),
        }
    }

    /// Goes a way for the first time: assumes the role, if there is one, and asks who the operator
    /// is by it.
    ///
    /// # Errors
    /// As AWS refuses it, with the operation that it refused.
    pub async fn find(own: &Self, terms: &Terms, installation: &str) -> Result<Self, Failure> {
        let mut config = own.config.clone().into_builder();
        let by_subject = terms.role.is_some();
        if let Some(role) = &terms.role {
            let sessions = Arc::new(Sessions::new(&own.config, role.clone(), installation));
            sessions.try_once().await?;
            let provider = SharedCredentialsProvider::new(Provider(sessions));
            config = config.credentials_provider(provider);
        }
        let config = config.build();
        let caller = identity::caller_identity(&config).await?;
        let config = match &terms.endpoint {
            Some(url) => config.into_builder().endpoint_url(url).build(),
            None => config,
        };
        Ok(Self {
            config,
            caller,
            caps: terms.caps,
            by_subject,
            known: Mutex::default(),
        })
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way")
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}
