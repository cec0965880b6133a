//! AWS by region: one adapter, one budget and one census for each, made when
//! first asked for and kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use aws_types::SdkConfig;

use super::budget::{Budget, Permit};
use super::census::Census;
use super::cognito::CognitoClient;
use super::identity::CallerIdentity;
use super::port::Cognito;
use crate::pool::call::{Answer, Call, Failure, FailureKind};
use crate::telemetry::Telemetry;

/// Identity pools of one region, with what belongs to it.
pub struct Region {
    /// The port, measured.
    pub cognito: Arc<dyn Cognito>,
    /// How fast it may be asked.
    pub budget: Arc<Budget>,
    /// Which pools there are.
    pub census: Census,
}
