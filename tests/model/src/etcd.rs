//! What the apiserver keeps of the one name that the model is about: an object, its versions,
//! and who may write.

use std::str::FromStr;

use identity_pool_operator::api::condition::{self, READY};
use identity_pool_operator::api::names::CLAIM_ANNOTATION;
use identity_pool_operator::api::{
    Adopt, DeletionPolicy, IdentityPool, IdentityPoolSpec, IdentityPoolStatus, OnExternalDeletion,
};
use identity_pool_operator::pool::claim::Claim;
use identity_pool_operator::pool::moves::Trouble;
use uuid::Uuid;

use super::apiserver::{Change, changed, fresh, tested};
use super::core::time;
use super::print::{Cache, Printed, print_of};

/// One version of the object, with what the rules ask of it often.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) whole: Printed<IdentityPool>,
    pub(crate) uid: u8,
    pub(crate) version: u16,
    pub(crate) going: bool,
    /// Bears our finalizer.
    pub(crate) held: bool,
    pub(crate) claim: Option<Uuid>,
    /// The recorded pool.
    pub(crate) pool: Option<String>,
    pub(crate) status: u64,
    /// Reason of the condition `Ready`, as `True/InSync`.
    pub(crate) ready: String,
    /// Whether status is about this generation.
    pub(crate) observed: bool,
}

impl Object {
    fn of(whole: IdentityPool) -> Printed<Self> {
        let meta = &whole.metadata;
        let text = serde_json::to_string(&whole).expect("an object");
        let status = whole.status.clone().unwrap_or_default();
        let annotations = meta.annotations.as_ref();
        let claim = annotations
            .and_then(|all| all.get(CLAIM_ANNOTATION))
            .and_then(|text| serde_json::from_str::<Claim>(text).ok());
        let ready = condition::find(&status.conditions, READY);
        let print = print_of(&text);
        let object = Self {
            uid: number(meta.uid.as_deref().unwrap_or_default()),
            version: number(meta.resource_version.as_deref().unwrap_or_default()),
            going: meta.deletion_timestamp.is_some(),
            held: meta.finalizers.is_some(),
            claim: claim.map(|claim| claim.id),
            pool: status.identity_pool_id.clone(),
            status: status_print(whole.status.as_ref()),
            ready: ready.map_or("-".into(), |ready| {
                format!("{}/{}", ready.status, ready.reason)
            }),
            observed: status.observed_generation == meta.generation,
            whole: Printed::new(whole, print),
        };
        Printed::new(object, print)
    }

    /// An object that a person has just applied.
    pub(crate) fn fresh(uid: u8, version: u16, kind: Kind) -> Printed<Self> {
        let spec = IdentityPoolSpec {
            deletion_policy: Some(DeletionPolicy::Delete),
            on_external_deletion: kind.on_external_deletion,
            adopt: (!kind.looks_back).then(|| Adopt {
                previous: Some(false),
                ..Adopt::default()
            }),
            ..IdentityPoolSpec::default()
        };
        Self::of(fresh(&uid_text(uid), &version.to_string(), spec))
    }
}

/// How objects of a scenario are applied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Kind {
    pub(crate) on_external_deletion: OnExternalDeletion,
    /// `spec.adopt` is left out, so that a pool of an earlier object is looked for.
    pub(crate) looks_back: bool,
}

pub(crate) fn uid_text(uid: u8) -> String {
    format!("u{uid}")
}

fn number<N: FromStr>(text: &str) -> N {
    let digits = text.trim_start_matches('u').parse();
    digits.unwrap_or_else(|_| panic!("{text} is a number"))
}

/// By the text, in which a status that was read equals the one that was written.
pub(crate) fn status_print(status: Option<&IdentityPoolStatus>) -> u64 {
    print_of(serde_json::to_string(&status).expect("a status"))
}

/// A change of the object.
#[derive(Clone, Debug)]
pub(crate) enum Write<'a> {
    Claim(&'a Claim),
    Status(&'a IdentityPoolStatus),
    DropFinalizer,
    /// A person deletes it.
    Delete(u32),
    /// A person gives the pool another name.
    Rename,
    /// Status is gone.
    EraseStatus,
    /// The claim is gone.
    EraseClaim,
    /// Status names a pool of somebody else.
    Forge(&'a str),
}

impl Write<'_> {
    fn print(&self) -> u64 {
        match self {
            Self::Claim(claim) => print_of((1, claim)),
            Self::Status(status) => print_of((2, status_print(Some(status)))),
            Self::DropFinalizer => 3,
            Self::Delete(at) => print_of((4, at)),
            Self::Rename => 5,
            Self::EraseStatus => 6,
            Self::EraseClaim => 7,
            Self::Forge(id) => print_of((8, id)),
        }
    }

    /// Carries it out by the apiserver's rules.
    fn change(&self, object: &IdentityPool, version: u16) -> Result<Option<IdentityPool>, Trouble> {
        let (mut spec, mut status) = (object.spec.clone(), object.status.clone());
        let change = match self {
            Self::Claim(claim) => Change::Claim(claim),
            Self::Status(status) => Change::Status(Some(status)),
            Self::DropFinalizer => Change::DropFinalizer,
            Self::Delete(at) => Change::Delete(time(i64::from(*at))),
            Self::Rename => {
                spec.identity_pool_name = Some("renamed".into());
                Change::Spec(&spec)
            }
            Self::EraseStatus => Change::Status(None),
            Self::EraseClaim => Change::Annotation(CLAIM_ANNOTATION, None),
            Self::Forge(id) => {
                status.get_or_insert_default().identity_pool_id = Some((*id).into());
                Change::Status(status.as_ref())
            }
        };
        changed(object, &change, || version.to_string())
    }
}

/// What the apiserver has stored.
#[derive(Clone, Debug, Hash, PartialEq)]
pub(crate) struct Etcd {
    pub(crate) object: Option<Printed<Object>>,
    pub(crate) version: u16,
}

/// What a write is tested on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Test {
    UidAndVersion,
    Uid,
    Name,
}

/// Versions that were made before, by what they were made of.
pub(crate) type Versions = Cache<Result<Option<Printed<Object>>, Trouble>>;

impl Etcd {
    /// Carries out a write by a process that has seen this version of the object.
    pub(crate) fn write(
        &mut self,
        seen: &Object,
        test: Test,
        write: &Write,
        versions: &Versions,
    ) -> Result<Option<Printed<Object>>, Trouble> {
        let stored = self.object.as_ref().map(|object| &*object.whole);
        match (test, tested(stored, &seen.whole)) {
            (Test::UidAndVersion, Err(trouble)) => Err(trouble),
            (Test::Uid, _) if self.object.as_ref().is_none_or(|now| now.uid != seen.uid) => {
                Err(Trouble::Gone)
            }
            (Test::Name, _) if self.object.is_none() => Err(Trouble::Gone),
            _ => self.change(write, versions),
        }
    }

    /// Carries out a write. The object goes when it is deleted and nobody holds it.
    pub(crate) fn change(
        &mut self,
        write: &Write,
        versions: &Versions,
    ) -> Result<Option<Printed<Object>>, Trouble> {
        let Some(before) = self.object.clone() else {
            return Ok(None);
        };
        let version = self.version + 1;
        let key = print_of((before.print, write.print(), version));
        let after = versions.or_insert(key, || {
            let after = write.change(&before.whole, version);
            after.map(|object| object.map(Object::of))
        })?;
        // A write that changes nothing makes no version.
        if after.as_ref() != Some(&before) {
            self.version = version;
        }
        self.object.clone_from(&after);
        Ok(after)
    }
}
