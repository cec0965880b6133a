//! Applies custom resource definitions and waits until their objects can be made.
//!
//! `Established` is not yet enough: the apiserver sets it a moment before the handler is there, and
//! a request in that moment is answered with 404.

use std::time::Duration;

use http::Request;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionSpec,
};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::Value;

use super::Error;
use crate::deadline::Deadline;

/// It takes 0.1 s; busy machines get this long.
const LIMIT: Duration = Duration::from_secs(30);

/// Applies every definition in `yaml`, then waits for each.
pub(super) async fn apply(client: &Client, yaml: &str) -> Result<(), Error> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(yaml).map_err(|error| Error::Yaml(Box::new(error)))?;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let params = PatchParams::apply("harness").force();
    let mut names = Vec::new();
    for document in documents {
        let name = document["metadata"]["name"]
            .as_str()
            .ok_or(Error::Nameless)?
            .to_owned();
        // The text itself is sent, not a typed copy, which would lose fields the types do not know.
        definitions
            .patch(&name, &params, &Patch::Apply(&document))
            .await?;
        names.push(name);
    }
    for name in names {
        wait_until_served(client, &definitions, &name).await?;
    }
    Ok(())
}

async fn wait_until_served(
    client: &Client,
    definitions: &Api<CustomResourceDefinition>,
    name: &str,
) -> Result<(), Error> {
    let deadline = Deadline::after(LIMIT);
    loop {
        let definition = definitions.get(name).await?;
        if is_established(&definition) && is_served(client, &definition.spec).await? {
            return Ok(());
        }
        if !deadline.allows_another_look().await {
            let conditions = format!(
                "{:?}",
                definition.status.and_then(|status| status.conditions)
            );
            return Err(Error::NotServed {
                name: name.to_owned(),
                limit: LIMIT,
                conditions,
            });
        }
    }
}

fn is_established(definition: &CustomResourceDefinition) -> bool {
    let status = definition.status.as_ref();
    let mut conditions = status
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default()
        .iter();
    conditions.any(|condition| condition.type_ == "Established" && condition.status == "True")
}

async fn is_served(client: &Client, spec: &CustomResourceDefinitionSpec) -> Result<bool, Error> {
    for version in spec.versions.iter().filter(|version| version.served) {
        let path = format!(
            "/apis/{}/{}/{}?limit=1",
            spec.group, version.name, spec.names.plural
        );
        let list = Request::get(path)
            .body(Vec::new())
            .map_err(kube::Error::HttpError)?;
        match client.request_text(list).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}
