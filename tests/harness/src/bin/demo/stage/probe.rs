//! An object that makes every other operator on a cluster show itself.
//!
//! It lies in the namespace `default`, which is there already: a namespace of its own would
//! be left half deleted where no controllers run. It is suspended, so nothing is done for it.

use super::Stage;
use crate::failure::Failure;

impl Stage {
    /// Makes the object, and shows it.
    pub(crate) async fn make_probe(&mut self) -> Result<(), Failure> {
        let manifest = format!(
            "apiVersion: cognito-identity.dev/v1alpha1\n\
             kind: IdentityPool\n\
             metadata: {{name: {}, namespace: default}}\n\
             spec: {{managementPolicy: Suspend}}\n",
            self.namespace
        );
        self.traces.probe = true;
        self.apply(&manifest).await
    }

    /// Whether somebody has written a status to it.
    pub(crate) async fn probe_has_answer(&self) -> Result<bool, Failure> {
        let conditions = "-o=jsonpath={.status.conditions}";
        let get = ["get", "idpool", &self.namespace, "-n=default", conditions];
        Ok(!self.quietly(&get).await?.is_empty())
    }

    /// Removes the object.
    pub(crate) async fn remove_probe(&mut self) -> Result<(), Failure> {
        let name = self.namespace.clone();
        let delete = [
            "delete",
            "-n=default",
            "--ignore-not-found",
            "--timeout=30s",
        ];
        self.kubectl(&[&delete[..], &["idpool", &name]].concat())
            .await?;
        self.traces.probe = false;
        Ok(())
    }
}
