//! The port's implementation: one account and region, over the AWS SDK.
//!
//! Sends each call once, within its deadline. The SDK's retries are off, because
//! they repeat a create call whose reply was lost; its clock-skew correction is
//! off, because it would move the signing time that the protocol sets.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_cognitoidentity::Client;
use aws_sdk_cognitoidentity::config::{Builder, IdentityCache, Region, SharedIdentityCache};
use aws_sdk_cognitoidentity::types::IdentityPoolShortDescription;
use aws_smithy_async::time::StaticTimeSource;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

use super::clock::{Ahead, Listen};
use super::complete::{about, listed, no_list};
use super::convert::{create_request, update_request};
use super::error::failure;
use super::identity::CallerIdentity;
use super::port::Cognito;
use super::way::Way;
use crate::pool::call::{Answer, Call, DEADLINE, Failure, Operation};
use crate::pool::settings::{Observed, PoolId, Settings, Tags};

/// A host that does not take the connection by then is not there; AWS takes it in
/// milliseconds.
const CONNECT: Duration = Duration::from_secs(3);

/// Credentials that are not there by then fail the call before it is sent. By itself the
/// SDK gives them the whole deadline, and then nobody can tell whether it was sent.
pub(super) const CREDENTIALS: Duration = Duration::from_secs(5);

/// Largest page that `ListIdentityPools` gives.
const PAGE: i32 = 60;

/// One account and region.
#[derive(Clone, Debug)]
pub struct CognitoClient {
    pub(super) client: Client,
    /// `arn:<partition>:cognito-identity:<region>:<account>:identitypool/`, the
    /// front of a pool's ARN.
    arn_front: String,
    ahead: Arc<Ahead>,
}

impl CognitoClient {
    /// For one region, by some way.
    #[must_use]
    pub fn by(way: &Way, region: &str) -> Self {
        let cache = if way.by_subject {
            IdentityCache::no_cache()
        } else {
            kept()
        };
        Self::with(&way.config, region, &way.caller, cache)
    }

    /// For one region, with the credentials and endpoint of a configuration.
    #[must_use]
    pub fn new(config: &SdkConfig, region: &str, caller: &CallerIdentity) -> Self {
        Self::with(config, region, caller, kept())
    }

    fn with(
        config: &SdkConfig,
        region: &str,
        caller: &CallerIdentity,
        cache: SharedIdentityCache,
    ) -> Self {
        let ahead = Arc::new(Ahead::heard(caller.clock_offset));
        let settings = Builder::from(config)
            .region(Region::new(region.to_owned()))
            .retry_config(RetryConfig::disabled())
            .identity_cache(cache)
            .disable_clock_skew_correction(true)
            .interceptor(Listen::new(Arc::clone(&ahead)))
            .build();
        let CallerIdentity {
            account_id,
            partition,
            ..
        } = caller;
        Self {
            client: Client::from_conf(settings),
            arn_front: format!(
                "arn:{partition}:cognito-identity:{region}:{account_id}:identitypool/"
            ),
            ahead,
        }
    }

    async fn send(&self, call: Call, limit: Duration) -> Result<Answer, Failure> {
        let (operation, asked) = (call.operation(), call.pool().cloned());
        let answer = self.ask(call, limit).await?;
        about(operation, asked.as_ref(), answer)
    }

    async fn ask(&self, call: Call, limit: Duration) -> Result<Answer, Failure> {
        let with = bounds(limit);
        match call {
            Call::CreateIdentityPool {
                settings,
                tags,
                signed_at,
            } => {
                self.create(settings, tags, signed_as_of(with, signed_at))
                    .await
            }
            Call::UpdateIdentityPool { id, settings, tags } => {
                self.update(&id, settings, tags, with).await
            }
            Call::DescribeIdentityPool { id } => self.describe(&id, with).await,
            Call::DeleteIdentityPool { id, signed_at } => {
                self.delete(&id, signed_as_of(with, signed_at)).await
            }
            Call::ListIdentityPools { next_token } => self.list(next_token, with).await,
            Call::ListIdentities { id } => self.identities(&id, with).await,
            Call::TagResource { id, tags } => self.tag(&id, tags, with).await,
            Call::UntagResource { id, keys } => self.untag(&id, keys, with).await,
            Call::GetIdentityPoolRoles { id } => self.roles(&id, with).await,
            Call::SetIdentityPoolRoles { id, set } => self.set_roles(&id, set, with).await,
            Call::GetPrincipalTagAttributeMap { id, provider } => {
                self.principal_tags(&id, provider, with).await
            }
            Call::SetPrincipalTagAttributeMap { id, provider, map } => {
                self.set_principal_tags(&id, provider, map, with).await
            }
        }
    }

    async fn create(
        &self,
        settings: Settings,
        tags: Tags,
        with: Builder,
    ) -> Result<Answer, Failure> {
        let request = create_request(self.client.create_identity_pool(), settings, tags);
        let sent = request.customize().config_override(with).send().await;
        sent.map(pool)
            .map_err(|error| failure(Operation::CreateIdentityPool, &error))
    }

    async fn update(
        &self,
        id: &PoolId,
        settings: Settings,
        tags: Tags,
        with: Builder,
    ) -> Result<Answer, Failure> {
        let request = self
            .client
            .update_identity_pool()
            .identity_pool_id(id.as_str());
        let request = update_request(request, settings, tags);
        let sent = request.customize().config_override(with).send().await;
        sent.map(pool)
            .map_err(|error| failure(Operation::UpdateIdentityPool, &error))
    }

    async fn describe(&self, id: &PoolId, with: Builder) -> Result<Answer, Failure> {
        let request = self
            .client
            .describe_identity_pool()
            .identity_pool_id(id.as_str());
        let sent = request.customize().config_override(with).send().await;
        sent.map(pool)
            .map_err(|error| failure(Operation::DescribeIdentityPool, &error))
    }

    async fn delete(&self, id: &PoolId, with: Builder) -> Result<Answer, Failure> {
        let request = self
            .client
            .delete_identity_pool()
            .identity_pool_id(id.as_str());
        let sent = request.customize().config_override(with).send().await;
        sent.map(|_| Answer::Done)
            .map_err(|error| failure(Operation::DeleteIdentityPool, &error))
    }

    async fn list(&self, next_token: Option<String>, with: Builder) -> Result<Answer, Failure> {
        let request = self
            .client
            .list_identity_pools()
            .max_results(PAGE)
            .set_next_token(next_token);
        let sent = request.customize().config_override(with).send().await;
        let page = sent.map_err(|error| failure(Operation::ListIdentityPools, &error))?;
        let pools = listed(Operation::ListIdentityPools, page.identity_pools)?;
        let entry = |pool: IdentityPoolShortDescription| {
            let id = pool.identity_pool_id.filter(|id| !id.is_empty());
            let id =
                id.ok_or_else(|| no_list(Operation::ListIdentityPools, "a pool without id"))?;
            Ok((PoolId::new(id), pool.identity_pool_name.unwrap_or_default()))
        };
        Ok(Answer::Page {
            entries: pools.into_iter().map(entry).collect::<Result<_, _>>()?,
            next_token: page.next_token.filter(|token| !token.is_empty()),
        })
    }

    async fn identities(&self, id: &PoolId, with: Builder) -> Result<Answer, Failure> {
        let request = self
            .client
            .list_identities()
            .identity_pool_id(id.as_str())
            .max_results(1);
        let sent = request.customize().config_override(with).send().await;
        let page = sent.map_err(|error| failure(Operation::ListIdentities, &error))?;
        let identities = listed(Operation::ListIdentities, page.identities)?;
        // A page may be empty while another follows: then there may be identities.
        let some = !identities.is_empty() || page.next_token.is_some();
        Ok(Answer::HasIdentities(some))
    }

    async fn tag(&self, id: &PoolId, tags: Tags, with: Builder) -> Result<Answer, Failure> {
        let tags = tags.into_iter().collect();
        let request = self
            .client
            .tag_resource()
            .resource_arn(self.arn(id))
            .set_tags(Some(tags));
        let sent = request.customize().config_override(with).send().await;
        sent.map(|_| Answer::Done)
            .map_err(|error| failure(Operation::TagResource, &error))
    }

    async fn untag(
        &self,
        id: &PoolId,
        keys: Vec<String>,
        with: Builder,
    ) -> Result<Answer, Failure> {
        let request = self
            .client
            .untag_resource()
            .resource_arn(self.arn(id))
            .set_tag_keys(Some(keys));
        let sent = request.customize().config_override(with).send().await;
        sent.map(|_| Answer::Done)
            .map_err(|error| failure(Operation::UntagResource, &error))
    }

    /// Asks for one pool of a list, to see whether that is allowed.
    pub(super) async fn peek(&self) -> Result<(), Failure> {
        let request = self.client.list_identity_pools().max_results(1);
        let with = bounds(DEADLINE);
        let sent = request.customize().config_override(with).send().await;
        sent.map(drop)
            .map_err(|error| failure(Operation::ListIdentityPools, &error))
    }

    /// Tag calls refuse the bare id.
    fn arn(&self, id: &PoolId) -> String {
        format!("{}{id}", self.arn_front)
    }
}

impl Cognito for CognitoClient {
    fn call_within(&self, call: Call, limit: Duration) -> BoxFuture<'_, Result<Answer, Failure>> {
        self.send(call, limit).boxed()
    }

    fn clock_offset(&self) -> Option<SignedDuration> {
        self.ahead.offset()
    }
}

/// Credentials that are kept until they end.
fn kept() -> SharedIdentityCache {
    IdentityCache::lazy().load_timeout(CREDENTIALS).build()
}

fn pool(output: impl Into<Observed>) -> Answer {
    Answer::Pool(output.into())
}

/// The SDK bounds nothing but the connection by itself: a silent host would hang a
/// pass for ever.
fn bounds(deadline: Duration) -> Builder {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_timeout(deadline)
        .operation_attempt_timeout(deadline)
        .build();
    Builder::new()
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
}

fn signed_as_of(with: Builder, at: Timestamp) -> Builder {
    with.time_source(StaticTimeSource::new(SystemTime::from(at)))
}
