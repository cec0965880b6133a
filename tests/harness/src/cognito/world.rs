//! The world behind the endpoint: everything that one mutex guards.
//!
//! A call passes through it in three steps. [`World::arrive`] enters it into
//! the journal, asks monitor 2 and draws a fault. [`World::admit`] is AWS's
//! front end: signature, permission, rate, shape, and the refusal of writes
//! that overlap. [`World::execute`] runs the operation and asks the other
//! monitors. An admitted turn must be executed, or its pool stays locked.

use std::collections::HashSet;
use std::time::Instant;

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::authorization;
use super::error::ApiError;
use super::faults::{FaultKind, Faults};
use super::journal::{Call, Journal, Outcome};
use super::monitor::Monitor;
use super::operations::{self, Answer, Effect, Operation, Service, Turn};
use super::policy::Policy;
use super::pools::{OWNER_TAG, Object, Pool, Pools, Scope, Standing};
use super::sessions::Sessions;
use super::settings::Settings;
use super::signature;
use super::throttle::Throttle;
use super::validate;
use super::wire::Request;

/// Region of a seeded pool whose id does not name one.
const SEED_REGION: &str = "us-east-1";

/// All state of the fake.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) settings: Settings,
    pub(super) pools: Pools,
    pub(super) journal: Journal,
    pub(super) monitor: Monitor,
    pub(super) faults: Faults,
    pub(super) sessions: Sessions,
    throttle: Throttle,
    writing: HashSet<String>,
}

/// A call that has arrived.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) seq: u64,
    pub(super) request: Request,
    pub(super) scope: Scope,
    pub(super) fault: Option<FaultKind>,
}

impl Visit {
    fn access_key(&self) -> &str {
        let signed = self.request.signed.as_ref();
        signed.map_or("", |signed| signed.access_key.as_str())
    }
}

/// A call that AWS has let in.
#[must_use = "the pool stays locked until the turn is executed"]
pub(super) struct Admitted {
    operation: &'static Operation,
    input: Object,
    locked: Option<String>,
}

impl World {
    /// Adds a pool that nobody made over the wire.
    pub(super) fn seed(&mut self, mut wire: Object, foreign: bool) -> String {
        let given = wire.get("IdentityPoolId").and_then(Value::as_str);
        let id = given.map_or_else(
            || format!("{SEED_REGION}:{}", Uuid::new_v4()),
            str::to_owned,
        );
        let region = id.split_once(':').map_or(SEED_REGION, |(region, _)| region);
        let scope = Scope {
            account: self.settings.default_account.clone(),
            region: region.to_owned(),
        };
        wire.insert("IdentityPoolId".to_owned(), id.clone().into());
        wire.entry("IdentityPoolName").or_insert("seeded".into());
        wire.entry("AllowUnauthenticatedIdentities")
            .or_insert(false.into());
        let mut pool = Pool::new(scope, wire);
        if foreign {
            pool.standing = Standing::Foreign;
        }
        self.pools.insert(pool);
        id
    }

    /// Enters a call into the books.
    pub(super) fn arrive(&mut self, request: Request) -> Visit {
        let signed = request.signed.as_ref().ok();
        let input = request.input.as_ref().ok();
        let pool_id = input.and_then(operations::named_pool).map(str::to_owned);
        let scope = self.scope_of(&request, pool_id.as_deref());
        let seq = self.journal.enter(Call {
            seq: 0,
            at: Timestamp::now(),
            operation: request.operation.clone(),
            region: scope.region.clone(),
            account: scope.account.clone(),
            access_key: signed.map_or(String::new(), |signed| signed.access_key.clone()),
            pool_id: pool_id.clone(),
            request: input.cloned().map_or(Value::Null, Value::Object),
            signed_at: signed.map(|signed| signed.at),
            outcome: Outcome::Pending,
            executed: false,
        });
        let effect = operations::find(request.service, &request.operation)
            .map_or(Effect::Reads, |operation| operation.effect);
        let pool = pool_id.and_then(|id| self.pools.get(&scope, &id));
        if let (Effect::Writes | Effect::WritesAlone, Some(pool)) = (effect, pool) {
            self.monitor.arrived(seq, &request.operation, pool);
        }
        let fault = self.faults.strike(&request.operation, &request.text());
        Visit {
            seq,
            request,
            scope,
            fault,
        }
    }

    /// Lets a call in, or says why not.
    pub(super) fn admit(&mut self, visit: &Visit) -> Result<Admitted, ApiError> {
        let request = &visit.request;
        let operation = operations::find(request.service, &request.operation).ok_or_else(|| {
            let what = format!("Unknown operation {}", request.operation);
            ApiError::new("UnknownOperationException", what)
        })?;
        if operation.signed {
            self.authenticate(request)?;
        }
        self.authorize(visit, operation)?;
        let (scope, now) = (&visit.scope, Instant::now());
        let (settings, name) = (&self.settings, operation.name);
        let limited = operation.service == Service::CognitoIdentity;
        if limited && !self.throttle.admits(settings, scope, name, now) {
            return Err(ApiError::too_many_requests());
        }
        let input = request.input.clone()?;
        validate::check(operation.input, &input)?;
        let locked = self.lock_pool(operation, &input)?;
        Ok(Admitted {
            operation,
            input,
            locked,
        })
    }

    /// Runs an admitted call.
    pub(super) fn execute(&mut self, visit: &Visit, admitted: Admitted) -> Answer {
        let Admitted {
            operation,
            input,
            locked,
        } = admitted;
        if let Some(id) = locked {
            self.writing.remove(&id);
        }
        let named = operations::named_pool(&input);
        let before = named.and_then(|id| self.owner_of(&visit.scope, id));
        let twin = self.twin(&visit.scope, operation, &input);

        let answer = (operation.run)(&mut Turn {
            world: self,
            scope: &visit.scope,
            access_key: visit.access_key(),
            input: &input,
        })?;
        if let Some((owner, twin)) = twin {
            self.monitor
                .created_twice(visit.seq, &visit.scope, &owner, &twin);
        }
        if let Some(pool) = named.and_then(|id| self.pools.get(&visit.scope, id)) {
            self.monitor
                .written(visit.seq, operation.name, before.as_deref(), pool);
        }
        Ok(answer)
    }

    fn authenticate(&self, request: &Request) -> Result<(), ApiError> {
        let signed = request.signed.as_ref().map_err(ApiError::clone)?;
        if signed.access_key.starts_with("UNKNOWN") {
            return Err(ApiError::new(
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ));
        }
        let service = request.service.signing_name();
        let settings = &self.settings;
        signature::check(
            signed,
            service,
            settings.aws_now(),
            settings.signature_window,
        )?;
        let session = self.sessions.get(&signed.access_key);
        if signed.access_key.starts_with("ASIA") && session.is_none() {
            return Err(ApiError::new(
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ));
        }
        let is_over = session.is_some_and(|session| session.expires <= settings.aws_now());
        if is_over || signed.access_key.starts_with("EXPIRED") {
            return Err(ApiError::new(
                "ExpiredTokenException",
                "The security token included in the request is expired",
            ));
        }
        Ok(())
    }

    fn authorize(&self, visit: &Visit, operation: &Operation) -> Result<(), ApiError> {
        let signed = visit.request.signed.as_ref().ok();
        let denied_key = signed.is_some_and(|signed| signed.access_key.starts_with("DENIED"));
        let denied_here = self.settings.denied.contains(operation.name);
        // Nobody needs a permission to ask who they are.
        if denied_here || (denied_key && operation.service != Service::Sts) {
            let action = format!("{}:{}", operation.service.signing_name(), operation.name);
            return Err(ApiError::access_denied(&visit.scope.account, &action, "*"));
        }
        let policy = signed.and_then(|signed| self.policy_of(&signed.access_key));
        policy.map_or(Ok(()), |policy| {
            let input = visit.request.input.as_ref().ok();
            authorization::check(policy, operation, input, &visit.scope, &self.pools)
        })
    }

    /// What IAM allows an access key, or the role of its session.
    fn policy_of(&self, access_key: &str) -> Option<&Policy> {
        let Some(session) = self.sessions.get(access_key) else {
            return self.settings.policies.get(access_key);
        };
        self.settings.roles.get(&session.role)?.policy.as_ref()
    }

    fn account_of(&self, access_key: &str) -> String {
        let session = self.sessions.get(access_key);
        session.map_or_else(
            || self.settings.account_of(access_key),
            |session| session.account().to_owned(),
        )
    }

    fn lock_pool(
        &mut self,
        operation: &Operation,
        input: &Object,
    ) -> Result<Option<String>, ApiError> {
        let Some(id) = operations::named_pool(input) else {
            return Ok(None);
        };
        if operation.effect != Effect::WritesAlone {
            return Ok(None);
        }
        if !self.writing.insert(id.to_owned()) {
            return Err(ApiError::new(
                "ConcurrentModificationException",
                "Only one request to update resource type Identity Pool can be processed at a time",
            ));
        }
        Ok(Some(id.to_owned()))
    }

    /// A live pool with the owner tag that a create is about to use again.
    fn twin(
        &self,
        scope: &Scope,
        operation: &Operation,
        input: &Object,
    ) -> Option<(String, String)> {
        if operation.effect != Effect::Creates {
            return None;
        }
        let owner = input.get("IdentityPoolTags")?.get(OWNER_TAG)?.as_str()?;
        let twin = self.pools.owned_by(scope, owner)?;
        Some((owner.to_owned(), twin.to_owned()))
    }

    fn owner_of(&self, scope: &Scope, id: &str) -> Option<String> {
        self.pools.get(scope, id)?.owner().map(str::to_owned)
    }

    /// Account and region that a call is for. An unsigned one says neither;
    /// the region is then part of the pool id.
    fn scope_of(&self, request: &Request, pool_id: Option<&str>) -> Scope {
        match &request.signed {
            Ok(signed) => Scope {
                account: self.account_of(&signed.access_key),
                region: signed.region.clone(),
            },
            Err(_) => Scope {
                account: self.settings.default_account.clone(),
                region: pool_id
                    .and_then(|id| id.split_once(':'))
                    .map_or(String::new(), |(region, _)| region.to_owned()),
            },
        }
    }
}
