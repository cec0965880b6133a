//! A namespace of its own for each test: tests that share a control plane do not meet.

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::{Api, Client};
use uuid::Uuid;

use super::Error;

/// A namespace that no other test uses. It is never deleted: without controllers a deletion would
/// not end, and the control plane goes soon anyway.
#[derive(Debug, Clone)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one whose name begins with `prefix`, so that a log tells which test it was.
    ///
    /// # Errors
    /// When the apiserver refuses it, as for a prefix that is no part of a DNS label.
    pub async fn create(client: &Client, prefix: &str) -> Result<Self, Error> {
        let mut unique = Uuid::new_v4().simple().to_string();
        unique.truncate(10);
        let name = format!("{prefix}-{unique}");
        let metadata = ObjectMeta {
            name: Some(name.clone()),
            ..ObjectMeta::default()
        };
        let namespace = v1::Namespace {
            metadata,
            ..v1::Namespace::default()
        };
        let namespaces: Api<v1::Namespace> = Api::all(client.clone());
        namespaces
            .create(&PostParams::default(), &namespace)
            .await?;
        Ok(Self { name })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}
