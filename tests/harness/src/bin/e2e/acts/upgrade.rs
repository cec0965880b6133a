//! The definitions come with the chart, and go forward with it.

use crate::charts::NEW_FIELD;
use crate::failure::{Failure, require};
use crate::scene::Scene;

use super::objects;

const VALUE: u32 = 3600;

/// What the version before does not know is refused, not dropped in silence.
pub(crate) async fn is_refused(scene: &Scene) -> Result<(), Failure> {
    match set_field(scene).await {
        Ok(_) => Err(Failure::new(
            "the version before takes a field that it does not know",
        )),
        Err(Failure(why)) => require(why.contains(NEW_FIELD), &format!("it is named: {why}")),
    }
}

/// The release becomes this version, and its objects stay what they are.
pub(crate) async fn upgrade(scene: &Scene) -> Result<(), Failure> {
    scene.helm_with_chart("upgrade", &scene.chart).await?;
    objects::wait_until_ready(scene).await?;
    objects::one_creation_each(scene)
}

/// After the upgrade it is part of the spec.
pub(crate) async fn is_taken(scene: &Scene) -> Result<(), Failure> {
    set_field(scene).await?;
    objects::wait_until_ready(scene).await?;
    let object = scene.get("shop", "idpool/bare").await?;
    require(object["spec"][NEW_FIELD] == VALUE, "the new field is kept")
}

async fn set_field(scene: &Scene) -> Result<String, Failure> {
    let manifest = format!(
        "apiVersion: cognito-identity.dev/v1alpha1\nkind: IdentityPool\n\
         metadata: {{name: bare, namespace: shop}}\nspec: {{{NEW_FIELD}: {VALUE}}}\n"
    );
    scene.kubectl_with(&["apply", "-f", "-"], &manifest).await
}
