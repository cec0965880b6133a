//! Ways in: kubeconfig files and client configurations, for the administrator and for others.
//!
//! Others are impersonated by the administrator. RBAC judges an impersonated user exactly as one
//! who has logged in, and unlike a certificate it takes any number of groups.

use std::path::{Path, PathBuf};

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

use super::Error;
use super::certificates::{Certificates, Pair};
use crate::files;

/// A kubeconfig, as JSON, for who has this certificate.
pub(super) fn kubeconfig(server: &str, authority: &Path, pair: &Pair) -> Value {
    let credentials = json!({"client-certificate": pair.public, "client-key": pair.private});
    kubeconfig_with(server, authority, &credentials)
}

fn kubeconfig_with(server: &str, authority: &Path, credentials: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": "test",
            "cluster": {"server": server, "certificate-authority": authority},
        }],
        "users": [{"name": "user", "user": credentials}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "user"}}],
        "current-context": "test",
    })
}

/// A user and the groups the user is in.
pub(super) type User<'a> = Option<(&'a str, &'a [&'a str])>;

/// Where the server is and how the administrator proves to be one.
#[derive(Debug)]
pub(super) struct Access {
    server: String,
    authority: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    admin_kubeconfig: PathBuf,
}

impl Access {
    pub(super) fn new(server: String, files: &Certificates, folder: &Path) -> Result<Self, Error> {
        let access = Self {
            server,
            authority: files.authority.clone(),
            certificate: files.admin.public.clone(),
            key: files.admin.private.clone(),
            admin_kubeconfig: folder.join("admin.kubeconfig"),
        };
        files::write(
            &access.admin_kubeconfig,
            &format!("{:#}\n", access.kubeconfig(None)),
        )?;
        Ok(access)
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    pub(super) fn admin_kubeconfig(&self) -> &Path {
        &self.admin_kubeconfig
    }

    /// A kubeconfig as JSON, which is YAML too; `None` is the administrator.
    pub(super) fn kubeconfig(&self, user: User<'_>) -> Value {
        let mut credentials =
            json!({"client-certificate": self.certificate, "client-key": self.key});
        if let Some((name, groups)) = user {
            credentials["as"] = json!(name);
            credentials["as-groups"] = json!(groups);
        }
        kubeconfig_with(&self.server, &self.authority, &credentials)
    }

    pub(super) async fn config(&self, user: User<'_>) -> Result<Config, Error> {
        let kubeconfig: Kubeconfig = serde_json::from_value(self.kubeconfig(user))
            .expect("what is written above is a kubeconfig");
        let mut config =
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        config.default_retry = false;
        Ok(config)
    }
}
