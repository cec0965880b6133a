//! The Helm chart: what it renders, what of it a real apiserver takes, what it permits.

mod audit;
mod docs;
mod flags;
mod gitops;
mod guardrails;
mod helm;
mod install;
mod observed;
mod rbac;
mod readme;
mod shape;
mod space;
mod states;
mod traffic;
mod tried;
mod values;
mod work;
