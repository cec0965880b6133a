//! What the apiserver keeps of the one name that the model is about: an object, its versions,
//! and who may write.

use std::str::FromStr;

use identity_pool_operator::api::condition::{self, READY};
use identity_pool_operator::api::names::{CLAIM_ANNOTATION, FINALIZER};
use identity_pool_operator::api::{
    Adopt, DeletionPolicy, IdentityPool, IdentityPoolSpec, IdentityPoolStatus, OnExternalDeletion,
};
use identity_pool_operator::pool::claim::Claim;
use identity_pool_operator::pool::moves::Trouble;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use uuid::Uuid;

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
        let mut object = IdentityPool::new("app", spec);
        object.metadata.namespace = Some("web".into());
        object.metadata.uid = Some(uid_text(uid));
        object.metadata.generation = Some(1);
        object.metadata.resource_version = Some(version.to_string());
        object.status = Some(IdentityPoolStatus {
            observed_generation: Some(-1),
            ..IdentityPoolStatus::default()
        });
        Self::of(object)
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

    fn change(&self, object: &mut IdentityPool) {
        let meta = &mut object.metadata;
        match self {
            Self::Claim(claim) => {
                meta.finalizers = Some(vec![FINALIZER.into()]);
                let text = claim.to_annotation().expect("text");
                meta.annotations
                    .get_or_insert_default()
                    .insert(CLAIM_ANNOTATION.into(), text);
            }
            Self::Status(status) => object.status = Some((*status).clone()),
            Self::DropFinalizer => meta.finalizers = None,
            Self::Delete(at) => {
                meta.deletion_timestamp = Some(Time(time(i64::from(*at))));
                meta.generation = meta.generation.map(|generation| generation + 1);
            }
            Self::Rename => {
                object.spec.identity_pool_name = Some("renamed".into());
                meta.generation = meta.generation.map(|generation| generation + 1);
            }
            Self::EraseStatus => object.status = None,
            Self::EraseClaim => meta.annotations = None,
            Self::Forge(id) => {
                object.status.get_or_insert_default().identity_pool_id = Some((*id).into());
            }
        }
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
pub(crate) type Versions = Cache<Printed<Object>>;

impl Etcd {
    /// Carries out a write by a process that has seen this version of the object.
    pub(crate) fn write(
        &mut self,
        seen: &Object,
        test: Test,
        write: &Write,
        versions: &Versions,
    ) -> Result<Option<Printed<Object>>, Trouble> {
        match &self.object {
            None => Err(Trouble::Gone),
            Some(object) if test != Test::Name && object.uid != seen.uid => Err(Trouble::Gone),
            Some(object) if test == Test::UidAndVersion && object.version != seen.version => {
                Err(Trouble::Stale)
            }
            Some(_) => Ok(self.change(write, versions)),
        }
    }

    /// Carries out a write. The object goes when it is deleted and nobody holds it.
    pub(crate) fn change(&mut self, write: &Write, versions: &Versions) -> Option<Printed<Object>> {
        let before = self.object.take()?;
        self.version += 1;
        let key = print_of((before.print, write.print(), self.version));
        let after = versions.or_insert(key, || {
            let mut object = (*before.whole).clone();
            write.change(&mut object);
            object.metadata.resource_version = Some(self.version.to_string());
            Object::of(object)
        });
        self.object = Some(after).filter(|after| !after.going || after.held);
        self.object.clone()
    }
}
