//! Between our words and the SDK's types. Taken apart without `..`, so that a new
//! field does not compile until it is sent and read.

use std::collections::HashMap;

use aws_sdk_cognitoidentity::operation::create_identity_pool::CreateIdentityPoolOutput;
use aws_sdk_cognitoidentity::operation::create_identity_pool::builders::CreateIdentityPoolFluentBuilder;
use aws_sdk_cognitoidentity::operation::describe_identity_pool::DescribeIdentityPoolOutput;
use aws_sdk_cognitoidentity::operation::update_identity_pool::UpdateIdentityPoolOutput;
use aws_sdk_cognitoidentity::operation::update_identity_pool::builders::UpdateIdentityPoolFluentBuilder;
use aws_sdk_cognitoidentity::types::CognitoIdentityProvider;

use crate::pool::settings::{AppId, Observed, PoolId, Settings, Tags, UserPoolClient};

/// Puts every parameter into a request: the SDK has a builder for each operation,
/// the list of fields is one. Empty ones go as `{}` and `[]`, since AWS sets what is
/// left out of an update to its default; a developer provider name cannot be empty.
macro_rules! fill {
    ($request:ident, $settings:ident, $tags:ident) => {{
        let Settings {
            identity_pool_name,
            allow_unauthenticated_identities,
            allow_classic_flow,
            supported_login_providers,
            developer_provider_name,
            open_id_connect_provider_arns,
            saml_provider_arns,
            cognito_identity_providers,
        } = $settings;
        $request
            .identity_pool_name(identity_pool_name)
            .allow_unauthenticated_identities(allow_unauthenticated_identities)
            .allow_classic_flow(allow_classic_flow)
            .set_supported_login_providers(Some(app_ids(supported_login_providers)))
            .set_developer_provider_name(developer_provider_name)
            .set_open_id_connect_provider_arns(Some(
                open_id_connect_provider_arns.into_iter().collect(),
            ))
            .set_saml_provider_arns(Some(saml_provider_arns.into_iter().collect()))
            .set_cognito_identity_providers(Some(clients(cognito_identity_providers)))
            .set_identity_pool_tags(Some($tags.into_iter().collect()))
    }};
}

/// All parameters of a creation.
pub(super) fn create_request(
    request: CreateIdentityPoolFluentBuilder,
    settings: Settings,
    tags: Tags,
) -> CreateIdentityPoolFluentBuilder {
    fill!(request, settings, tags)
}

/// All parameters of an update.
pub(super) fn update_request(
    request: UpdateIdentityPoolFluentBuilder,
    settings: Settings,
    tags: Tags,
) -> UpdateIdentityPoolFluentBuilder {
    fill!(request, settings, tags)
}

fn app_ids(ids: impl IntoIterator<Item = (String, AppId)>) -> HashMap<String, String> {
    let reveal = |(provider, id): (String, AppId)| (provider, id.reveal());
    ids.into_iter().map(reveal).collect()
}

fn clients(clients: impl IntoIterator<Item = UserPoolClient>) -> Vec<CognitoIdentityProvider> {
    let client = |UserPoolClient {
                      provider_name,
                      client_id,
                      server_side_token_check,
                  }| {
        CognitoIdentityProvider::builder()
            .provider_name(provider_name)
            .client_id(client_id)
            .server_side_token_check(server_side_token_check)
            .build()
    };
    clients.into_iter().map(client).collect()
}

/// The shape that AWS answers to three operations, which the SDK makes three types of.
struct Shape {
    id: String,
    name: String,
    guests: bool,
    classic: Option<bool>,
    login: Option<HashMap<String, String>>,
    developer: Option<String>,
    oidc: Option<Vec<String>>,
    saml: Option<Vec<String>>,
    clients: Option<Vec<CognitoIdentityProvider>>,
    tags: Option<HashMap<String, String>>,
}

macro_rules! shape_from {
    ($output:ty) => {
        impl From<$output> for Observed {
            fn from(output: $output) -> Self {
                observed(Shape {
                    id: output.identity_pool_id,
                    name: output.identity_pool_name,
                    guests: output.allow_unauthenticated_identities,
                    classic: output.allow_classic_flow,
                    login: output.supported_login_providers,
                    developer: output.developer_provider_name,
                    oidc: output.open_id_connect_provider_arns,
                    saml: output.saml_provider_arns,
                    clients: output.cognito_identity_providers,
                    tags: output.identity_pool_tags,
                })
            }
        }
    };
}

shape_from!(CreateIdentityPoolOutput);
shape_from!(UpdateIdentityPoolOutput);
shape_from!(DescribeIdentityPoolOutput);

/// Normal form: absent, false, "" and empty are one and the same.
fn observed(shape: Shape) -> Observed {
    let Shape {
        id,
        name,
        guests,
        classic,
        login,
        developer,
        oidc,
        saml,
        clients,
        tags,
    } = shape;
    let client = |provider: CognitoIdentityProvider| UserPoolClient {
        provider_name: provider.provider_name.unwrap_or_default(),
        client_id: provider.client_id.unwrap_or_default(),
        server_side_token_check: provider.server_side_token_check.unwrap_or(false),
    };
    Observed {
        id: PoolId::new(id),
        settings: Settings {
            identity_pool_name: name,
            allow_unauthenticated_identities: guests,
            allow_classic_flow: classic.unwrap_or(false),
            supported_login_providers: login
                .unwrap_or_default()
                .into_iter()
                .map(|(provider, id)| (provider, AppId::new(id)))
                .collect(),
            developer_provider_name: developer.filter(|name| !name.is_empty()),
            open_id_connect_provider_arns: oidc.unwrap_or_default().into_iter().collect(),
            saml_provider_arns: saml.unwrap_or_default().into_iter().collect(),
            cognito_identity_providers: clients
                .unwrap_or_default()
                .into_iter()
                .map(client)
                .collect(),
        },
        tags: tags.unwrap_or_default().into_iter().collect(),
    }
}
