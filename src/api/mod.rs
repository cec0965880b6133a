//! The API: CRD types, validation rules, condition vocabulary.
//!
//! Pure data. Knows neither the cluster nor AWS; every other module may use it,
//! it uses none of them.

pub mod condition;
pub mod crds;
pub mod identity_pool;
pub mod identity_pool_class;
pub mod names;
pub mod region;

pub use condition::Reason;
pub use identity_pool::{
    Adopt, AmbiguousRoleResolution, CognitoIdentityProvider, ConfigMapExport, DeletionPolicy,
    DriftPolicy, Export, FieldDrift, FieldRef, IdentityPool, IdentityPoolSpec, IdentityPoolStatus,
    KeyRef, LoginProviderSource, Managed, ManagementPolicy, MappingRule, MatchType,
    OnExternalDeletion, PlannedCall, PrincipalTagAttributeMap, RoleMapping, RoleMappingType, Roles,
    ValueSource, violations,
};
pub use identity_pool_class::{
    AdoptionGuardrail, ClassDefaults, ClassPools, Guardrails, IdentityPoolClass,
    IdentityPoolClassSpec, IdentityPoolClassStatus, OnRevocation, ProviderGuardrails,
    RequestBudget,
};
