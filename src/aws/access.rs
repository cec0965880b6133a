//! Roles and principal tags on the wire: requests, and answers in our words.

use aws_sdk_cognitoidentity::config::Builder;
use aws_sdk_cognitoidentity::types::{
    AmbiguousRoleResolutionType, MappingRule, RoleMapping, RoleMappingType, RulesConfigurationType,
};
use aws_smithy_types::error::operation::BuildError;

use super::cognito::CognitoClient;
use super::complete::named;
use super::error::failure;
use crate::pool::access::{Mapping, RoleSet, Rule, TagMap};
use crate::pool::call::{Answer, Failure, FailureKind, Operation};
use crate::pool::settings::PoolId;

impl CognitoClient {
    pub(super) async fn roles(&self, id: &PoolId, with: Builder) -> Result<Answer, Failure> {
        let request = self.client.get_identity_pool_roles();
        let request = request.identity_pool_id(id.as_str());
        let sent = request.customize().config_override(with).send().await;
        let operation = Operation::GetIdentityPoolRoles;
        let found = sent.map_err(|error| failure(operation, &error))?;
        named(operation, id, found.identity_pool_id.as_deref())?;
        let mappings = found.role_mappings.unwrap_or_default().into_iter();
        Ok(Answer::Roles(RoleSet {
            roles: found.roles.unwrap_or_default().into_iter().collect(),
            mappings: mappings
                .map(|(key, mapping)| (key, read(mapping)))
                .collect(),
        }))
    }

    /// Both maps always: AWS clears the one that is left out.
    pub(super) async fn set_roles(
        &self,
        id: &PoolId,
        set: RoleSet,
        with: Builder,
    ) -> Result<Answer, Failure> {
        let mappings: Result<_, BuildError> = set
            .mappings
            .into_iter()
            .map(|(key, mapping)| Ok((key, written(mapping)?)))
            .collect();
        let mappings = mappings.map_err(|error| not_built(&error))?;
        let request = self
            .client
            .set_identity_pool_roles()
            .identity_pool_id(id.as_str())
            .set_roles(Some(set.roles.into_iter().collect()))
            .set_role_mappings(Some(mappings));
        let done = request.customize().config_override(with).send().await;
        done.map(|_| Answer::Done)
            .map_err(|error| failure(Operation::SetIdentityPoolRoles, &error))
    }

    pub(super) async fn principal_tags(
        &self,
        id: &PoolId,
        provider: String,
        with: Builder,
    ) -> Result<Answer, Failure> {
        let request = self
            .client
            .get_principal_tag_attribute_map()
            .identity_pool_id(id.as_str())
            .identity_provider_name(provider);
        let sent = request.customize().config_override(with).send().await;
        let operation = Operation::GetPrincipalTagAttributeMap;
        let found = sent.map_err(|error| failure(operation, &error))?;
        named(operation, id, found.identity_pool_id.as_deref())?;
        Ok(Answer::PrincipalTags(TagMap {
            use_defaults: found.use_defaults.unwrap_or(false),
            principal_tags: found
                .principal_tags
                .unwrap_or_default()
                .into_iter()
                .collect(),
        }))
    }

    pub(super) async fn set_principal_tags(
        &self,
        id: &PoolId,
        provider: String,
        map: TagMap,
        with: Builder,
    ) -> Result<Answer, Failure> {
        let request = self
            .client
            .set_principal_tag_attribute_map()
            .identity_pool_id(id.as_str())
            .identity_provider_name(provider)
            .use_defaults(map.use_defaults)
            .set_principal_tags(Some(map.principal_tags.into_iter().collect()));
        let sent = request.customize().config_override(with).send().await;
        sent.map(|_| Answer::Done)
            .map_err(|error| failure(Operation::SetPrincipalTagAttributeMap, &error))
    }
}

/// Where our words lack what AWS requires; the schema keeps it from happening.
fn not_built(error: &BuildError) -> Failure {
    Failure {
        operation: Operation::SetIdentityPoolRoles,
        kind: FailureKind::Invalid,
        code: "NotBuilt".to_owned(),
        message: error.to_string(),
        request_id: None,
    }
}

fn written(mapping: Mapping) -> Result<RoleMapping, BuildError> {
    let Mapping {
        kind,
        ambiguous_role_resolution,
        rules,
    } = mapping;
    let rules: Vec<MappingRule> = rules
        .into_iter()
        .map(written_rule)
        .collect::<Result<_, _>>()?;
    let rules = if rules.is_empty() {
        None
    } else {
        let rules = RulesConfigurationType::builder().set_rules(Some(rules));
        Some(rules.build()?)
    };
    let ambiguous = (!ambiguous_role_resolution.is_empty())
        .then(|| AmbiguousRoleResolutionType::from(ambiguous_role_resolution.as_str()));
    RoleMapping::builder()
        .r#type(RoleMappingType::from(kind.as_str()))
        .set_ambiguous_role_resolution(ambiguous)
        .set_rules_configuration(rules)
        .build()
}

fn written_rule(rule: Rule) -> Result<MappingRule, BuildError> {
    let Rule {
        claim,
        match_type,
        value,
        role_arn,
    } = rule;
    MappingRule::builder()
        .claim(claim)
        .match_type(match_type.as_str().into())
        .value(value)
        .role_arn(role_arn)
        .build()
}

fn read(mapping: RoleMapping) -> Mapping {
    let ambiguous = mapping.ambiguous_role_resolution;
    let rules = mapping.rules_configuration.map(|rules| rules.rules);
    let rule = |rule: MappingRule| Rule {
        claim: rule.claim,
        match_type: rule.match_type.as_str().to_owned(),
        value: rule.value,
        role_arn: rule.role_arn,
    };
    Mapping {
        kind: mapping.r#type.as_str().to_owned(),
        ambiguous_role_resolution: ambiguous.map_or(String::new(), |word| word.as_str().to_owned()),
        rules: rules.unwrap_or_default().into_iter().map(rule).collect(),
    }
}
