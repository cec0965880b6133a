//! `kubectl wait` as docs/gitops.md has it.

use crate::failure::Failure;
use crate::scene::{Scene, text};

/// Runs every line of the page on a fresh object; the last ones delete it.
pub(crate) async fn documented(scene: &Scene) -> Result<(), Failure> {
    scene.kubectl("create namespace shop").await?;
    let web =
        "{apiVersion: cognito-identity.dev/v1alpha1, kind: IdentityPool, metadata: {name: web}}";
    scene
        .kubectl_with(&["apply", "-n", "shop", "-f", "-"], web)
        .await?;
    let page = text("docs/gitops.md")?;
    for line in page
        .lines()
        .filter_map(|line| line.strip_prefix("kubectl "))
    {
        let command = line.split(" #").next().unwrap_or_default();
        scene.kubectl(&command.replace('\'', "")).await?;
    }
    Ok(())
}
