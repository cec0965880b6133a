//! The Helm chart: what it renders, what of it a real apiserver takes, what it permits.

mod audit;
mod helm;
mod install;
mod rbac;
mod space;
mod values;
