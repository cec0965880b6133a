//! What may never be seen, whatever goes wrong, judged at the instant at which it happens.
//!
//! The fake has monitors of its own (a second pool of one owner, a write to a foreign pool, a lost
//! owner tag). These here need to know both sides: what the apiserver has on record when AWS is
//! called, and what AWS has when the apiserver is told that all is well.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use harness::cognito::{Call, FakeCognito};
use harness::proxy::Verb;
use harness::seam::Heard;
use identity_pool_operator::api::names::{CLAIM_ANNOTATION, CLAIM_TAG, OWNER_TAG};
use serde_json::Value;

use crate::{current, logs};

#[derive(Debug)]
pub(crate) struct Oracle {
    namespace: String,
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    /// Uid of the object by the id of each claim that came on record.
    claims: HashMap<String, String>,
    /// Claims under which a create call was sent.
    sent: HashSet<String>,
    /// Uids of objects whose pools may go.
    deletable: HashSet<String>,
    broken: Vec<String>,
}

impl Oracle {
    /// Listens to the operators of a namespace, whose installation has its name.
    pub(crate) fn of(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            books: Mutex::default(),
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The promises broken so far, each as a sentence.
    pub(crate) fn broken(&self) -> Vec<String> {
        self.books().broken.clone()
    }

    /// The object of this uid is being deleted, and its policy lets the pool go.
    pub(crate) fn may_delete(&self, uid: &str) {
        self.books().deletable.insert(uid.to_owned());
    }

    pub(crate) fn hear(&self, heard: &Heard<'_>, fake: &FakeCognito) {
        if let Heard::Executed {
            target, request, ..
        } = heard
            && logs::tells_a_secret(&String::from_utf8_lossy(request))
        {
            let what = format!("{target} tells a secret");
            self.books().broken.push(what);
        }
        match heard {
            Heard::Called(call) if call.operation == "CreateIdentityPool" => self.creates(call),
            Heard::Called(call) if call.operation == "DeleteIdentityPool" => {
                self.deletes(call, fake);
            }
            Heard::Executed {
                target,
                status: 200,
                answer,
                ..
            } if target.resource == "identitypools" && target.verb == Verb::Patch => {
                let object: Value = serde_json::from_slice(answer).unwrap_or_default();
                self.claimed(&object);
                self.reported(&object, fake);
            }
            _ => {}
        }
    }

    fn claimed(&self, object: &Value) {
        let claim = object["metadata"]["annotations"][CLAIM_ANNOTATION].as_str();
        let claim: Value = claim
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        if let (Some(id), Some(uid)) = (claim["id"].as_str(), object["metadata"]["uid"].as_str()) {
            self.books().claims.insert(id.to_owned(), uid.to_owned());
        }
    }

    /// A create call is sent under a claim that is on record, and once under each.
    fn creates(&self, call: &Call) {
        let tag = |key: &str| call.request["IdentityPoolTags"][key].as_str();
        let (owner, claim) = (tag(OWNER_TAG).unwrap_or("-"), tag(CLAIM_TAG).unwrap_or("-"));
        let mut books = self.books();
        let seq = call.seq;
        let on_record = books.claims.get(claim);
        let expected = on_record.map(|uid| format!("{}/{uid}", self.namespace));
        if expected.as_deref() != Some(owner) {
            books.broken.push(format!(
                "call {seq}: CreateIdentityPool for {owner} without its claim {claim} on record"
            ));
        }
        if !books.sent.insert(claim.to_owned()) {
            let what = format!("call {seq}: CreateIdentityPool twice under claim {claim}");
            books.broken.push(what);
        }
    }

    /// A delete call is for a pool whose object is going, and whose policy lets it go.
    fn deletes(&self, call: &Call, fake: &FakeCognito) {
        let id = call.pool_id.as_deref().unwrap_or_default();
        let Some(pool) = fake.pool(id) else { return };
        let owner = pool["IdentityPoolTags"][OWNER_TAG].as_str();
        let uid = owner.and_then(|owner| owner.rsplit('/').next());
        let mut books = self.books();
        if !uid.is_some_and(|uid| books.deletable.contains(uid)) {
            books.broken.push(format!(
                "call {}: DeleteIdentityPool of {id} against its policy",
                call.seq
            ));
        }
    }

    /// Whoever takes the object for current, as kstatus does, finds its spec in AWS.
    fn reported(&self, object: &Value, fake: &FakeCognito) {
        if !current::is_current(object) {
            return;
        }
        if let Some(difference) = current::difference(object, &self.namespace, fake) {
            let (name, generation) = (
                &object["metadata"]["name"],
                &object["metadata"]["generation"],
            );
            self.books().broken.push(format!(
                "{name} is said to be current at generation {generation}, but {difference}"
            ));
        }
    }
}
