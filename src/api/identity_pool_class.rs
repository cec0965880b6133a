//! The kind `IdentityPoolClass`: what a platform team offers its tenants, as a `StorageClass`
//! offers storage: which account and region, as whom, with which defaults, and what is allowed
//! there.
//!
//! Only data and its rules; what is allowed in the end is decided by the pure core at every pass.

mod guardrails;
mod rules;
mod selection;
mod spec;
mod status;

pub use guardrails::{AdoptionGuardrail, Guardrails, ProviderGuardrails};
pub use selection::selects;
pub use spec::{
    ClassDefaults, ExternalIdSource, IdentityPoolClass, IdentityPoolClassSpec, OnRevocation,
    RequestBudget, SecretKey,
};
pub use status::{ClassPools, IdentityPoolClassStatus};
