//! The test's side of the fake: start it, look into it, meddle with it.
//!
//! Everything here happens behind the service's back: no journal entry, no
//! monitor, no lag of its own. The server ends with the handle.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::faults::Fault;
use super::journal::Call;
use super::operations;
use super::pools::{Pool, Standing};
use super::server;
use super::service::Shared;
use super::settings::Settings;
use crate::seam::Seam;

/// A running fake. Dropping it closes the port and every connection.
#[derive(Debug)]
pub struct FakeCognito {
    shared: Arc<Shared>,
    address: SocketAddr,
    server: JoinHandle<std::convert::Infallible>,
}

/// A fake about to be started.
#[derive(Debug)]
#[must_use = "call `start` to run the server"]
pub struct Builder {
    listen: SocketAddr,
    settings: Settings,
}

impl Builder {
    /// Listens on this address instead of a free port of `127.0.0.1`.
    pub fn listen(self, listen: SocketAddr) -> Self {
        Self { listen, ..self }
    }

    /// Changes the settings that the fake starts with.
    pub fn configure(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Starts the server on the current tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn try_start(self) -> std::io::Result<FakeCognito> {
        let listener = TcpListener::bind(self.listen).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        shared.world().settings = self.settings;
        let server = tokio::spawn(server::run(listener, Arc::clone(&shared)));
        Ok(FakeCognito {
            shared,
            address,
            server,
        })
    }

    /// Starts the server on the current tokio runtime.
    ///
    /// # Panics
    /// When the address cannot be listened on.
    pub async fn start(self) -> FakeCognito {
        let listen = self.listen;
        match self.try_start().await {
            Ok(fake) => fake,
            Err(error) => panic!("the fake Cognito cannot listen on {listen}: {error}"),
        }
    }
}

impl FakeCognito {
    /// Starts with default settings on a free port of `127.0.0.1`.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Prepares a fake with other settings.
    pub fn builder() -> Builder {
        Builder {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            settings: Settings::default(),
        }
    }

    /// The URL for `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Shows every call that is signed with an access key to a seam, before it is executed and
    /// before it is answered.
    pub fn attach(&self, access_key: &str, seam: &Arc<Seam>) {
        let mut seams = self.shared.seams();
        seams.insert(access_key.to_owned(), Arc::clone(seam));
    }

    // === look ===

    /// Every session that was opened for a role.
    #[must_use]
    pub fn sessions(&self) -> Vec<super::Session> {
        self.shared.world().sessions.all().cloned().collect()
    }

    /// Wire JSON of every live pool of every account and region.
    #[must_use]
    pub fn pools(&self) -> Vec<Value> {
        let world = self.shared.world();
        world.pools.all().map(wire).collect()
    }

    /// Wire JSON of one pool.
    #[must_use]
    pub fn pool(&self, id: &str) -> Option<Value> {
        self.shared.world().pools.find(id).map(wire)
    }

    /// Roles and role mappings of one pool, as `{"Roles": …, "RoleMappings": …}`.
    #[must_use]
    pub fn roles(&self, id: &str) -> Option<Value> {
        let world = self.shared.world();
        let pool = world.pools.find(id)?;
        let (roles, mappings) = (&pool.roles, &pool.role_mappings);
        Some(serde_json::json!({"Roles": roles, "RoleMappings": mappings}))
    }

    /// The principal tags of one provider of a pool, as AWS answers to a read; `None` where
    /// none were set.
    #[must_use]
    pub fn principal_tags(&self, id: &str, provider: &str) -> Option<Value> {
        let world = self.shared.world();
        world.pools.find(id)?.principal_tags.get(provider).cloned()
    }

    /// The principal tags of every provider that some were set for.
    #[must_use]
    pub fn all_principal_tags(&self, id: &str) -> Map<String, Value> {
        let world = self.shared.world();
        let pool = world.pools.find(id);
        let maps = pool.map(|pool| pool.principal_tags.clone());
        maps.unwrap_or_default().into_iter().collect()
    }

    /// The journal, in order of arrival.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.world().journal.calls().to_vec()
    }

    /// Calls of an operation that arrived, whatever became of them.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        self.count_where(|call| call.operation == operation)
    }

    /// Calls of an operation that were carried out, whatever the client saw.
    #[must_use]
    pub fn executed(&self, operation: &str) -> usize {
        self.count_where(|call| call.executed && call.operation == operation)
    }

    /// Calls in the journal that fulfil a condition.
    pub fn count_where(&self, condition: impl Fn(&Call) -> bool) -> usize {
        let world = self.shared.world();
        let calls = world.journal.calls().iter();
        calls.filter(|call| condition(call)).count()
    }

    /// Forgets the calls so far; numbering goes on.
    pub fn reset_journal(&self) {
        self.shared.world().journal.reset();
    }

    // === promises ===

    /// The promises broken so far, each as a sentence.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.shared.world().monitor.violations().to_vec()
    }

    /// Fails the test if a pool was made twice for one owner, a foreign pool
    /// was written to, or an owner tag was changed.
    ///
    /// # Panics
    /// When a promise was broken; the message lists every breach.
    pub fn assert_sound(&self) {
        let violations = self.violations();
        assert!(
            violations.is_empty(),
            "{} broken promises:\n  {}",
            violations.len(),
            violations.join("\n  ")
        );
    }

    /// Tells the monitors that this pool's owner is expected to change: it is
    /// adopted or released. It may be written to without an owner tag, and the
    /// tag may change.
    pub fn expect_handover(&self, id: &str) {
        if let Some(pool) = self.shared.world().pools.find_mut(id) {
            pool.standing = Standing::HandedOver;
        }
    }

    // === meddle ===

    /// Arms a fault.
    pub fn inject(&self, fault: Fault) {
        self.shared.world().faults.arm(fault);
    }

    /// How often a fault has struck.
    #[must_use]
    pub fn strikes(&self) -> usize {
        self.shared.world().faults.strikes()
    }

    /// Disarms every fault.
    pub fn clear_faults(&self) {
        self.shared.world().faults.clear();
    }

    /// Changes settings while the fake runs.
    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.shared.world().settings);
    }

    /// Changes a pool's wire JSON as someone at the console would.
    ///
    /// # Panics
    /// When there is no such pool, or the change makes it no JSON object.
    pub fn tamper(&self, id: &str, change: impl FnOnce(&mut Value)) {
        let edited = self.shared.world().pools.edit(id, |wire| {
            let mut value = Value::Object(std::mem::take(wire));
            change(&mut value);
            match value {
                Value::Object(changed) => *wire = changed,
                other => panic!("a pool must stay a JSON object, not {other}"),
            }
        });
        assert!(edited.is_some(), "no pool {id}");
    }

    /// Sets roles and role mappings as someone at the console would.
    ///
    /// # Panics
    /// When there is no such pool.
    pub fn tamper_roles(&self, id: &str, roles: Map<String, Value>, mappings: Map<String, Value>) {
        let mut world = self.shared.world();
        let pool = world.pools.find_mut(id);
        let pool = pool.unwrap_or_else(|| panic!("no pool {id}"));
        pool.roles = roles;
        pool.role_mappings = mappings;
    }

    /// Deletes a pool as someone at the console would.
    ///
    /// # Panics
    /// When there is no such pool.
    pub fn remove(&self, id: &str) {
        let removed = self.shared.world().pools.remove(id);
        assert!(removed.is_some(), "no pool {id}");
    }

    /// Adds a pool that was not made over the wire and answers its id. The
    /// wire JSON may bring its own `IdentityPoolId`, whose region then counts,
    /// and names default to something legal. A foreign pool may not be written
    /// to, whatever its tags say.
    ///
    /// # Panics
    /// When the wire JSON is no object.
    #[expect(clippy::must_use_candidate, reason = "pools that only fill a list")]
    pub fn seed(&self, wire: Value, foreign: bool) -> String {
        let Value::Object(wire) = wire else {
            panic!("a pool must be a JSON object, not {wire}");
        };
        self.shared.world().seed(wire, foreign)
    }

    /// Adds an identity, as an application would with `GetId`.
    ///
    /// # Panics
    /// When there is no such pool.
    pub fn add_identity(&self, id: &str) {
        let mut world = self.shared.world();
        let pool = world.pools.find_mut(id);
        let pool = pool.unwrap_or_else(|| panic!("no pool {id}"));
        operations::add_identity(pool, &[]);
    }
}

impl Drop for FakeCognito {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn wire(pool: &Pool) -> Value {
    Value::Object(pool.wire.clone())
}
