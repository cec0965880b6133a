//! The kind `IdentityPool`: what a person asks for, and what the operator answers.
//!
//! Only data and its rules. A field that is an AWS parameter has the parameter's own name
//! with a small first letter; `rename_all` would make `samlProviderArns`, so ARN fields are
//! renamed one by one. The schema in `crds/` is made from these types by
//! [`crd`](crate::api::crds::crd), and `kubectl explain` shows the field docs: they are
//! written for users, without markup.

mod adopt;
mod export;
mod principal_tags;
mod roles;
mod rules;
mod sources;
mod spec;
mod status;
mod violations;

pub use adopt::Adopt;
pub use export::{ConfigMapExport, Export};
pub use principal_tags::PrincipalTagAttributeMap;
pub use roles::{
    AmbiguousRoleResolution, MappingRule, MatchType, RoleMapping, RoleMappingType, Roles,
};
pub use sources::{FieldRef, KeyRef, LoginProviderSource, ValueSource};
pub use spec::{
    CognitoIdentityProvider, DeletionPolicy, DriftPolicy, IdentityPool, IdentityPoolSpec,
    ManagementPolicy, OnExternalDeletion,
};
pub use status::{FieldDrift, IdentityPoolStatus, Managed, PlannedCall};
pub use violations::violations;
