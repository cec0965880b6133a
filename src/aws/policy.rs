//! The IAM policy that the operator needs, by what it is used for, and the page about it.
//!
//! As narrow as AWS lets it be. Where IAM knows the tags of a pool, only pools with the
//! owner tag may be changed; where it does not, the operator's own look at that tag is the
//! only fence, and the page says so. A search must see every pool: a look that is refused
//! is no answer to it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::api::names::OWNER_TAG;
use crate::pool::call::Operation;

/// The version of IAM's policy language.
const LANGUAGE: &str = "2012-10-17";

/// Stands for every region, account or installation.
const ANY: &str = "*";

/// What the operator is used for, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uses {
    /// `aws`, `aws-cn`, `aws-us-gov`, `aws-eusc`.
    pub partition: String,
    /// Twelve digits; `None`: the account that the policy is in.
    pub account_id: Option<String>,
    /// Regions with pools; none means all.
    pub regions: Vec<String>,
    /// `--installation-id` of the operator; `None`: pools of every installation.
    pub installation: Option<String>,
    /// ARN patterns of the roles that objects may name; none means no roles at all.
    pub roles: Vec<String>,
    /// ARN patterns of the roles that classes name; none means that no role is assumed.
    pub class_roles: Vec<String>,
    /// Whether objects have `principalTagAttributeMaps`.
    pub principal_tags: bool,
    /// Whether it runs with `--allow-adoption`.
    pub adoption: bool,
    /// Whether it deletes pools; without, every object is to have `deletionPolicy: Retain`.
    pub deletion: bool,
}

impl Default for Uses {
    /// Pools without roles, anywhere in the account, deleted with their objects.
    fn default() -> Self {
        Self {
            partition: "aws".to_owned(),
            account_id: None,
            regions: Vec::new(),
            installation: None,
            roles: Vec::new(),
            class_roles: Vec::new(),
            principal_tags: false,
            adoption: false,
            deletion: true,
        }
    }
}

/// A policy document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

/// One value, or several; IAM takes both, and tools that read policies know one better.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Several(Vec<String>),
}

impl From<Vec<String>> for Values {
    fn from(values: Vec<String>) -> Self {
        match <[String; 1]>::try_from(values) {
            Ok([value]) => Self::One(value),
            Err(values) => Self::Several(values),
        }
    }
}

/// By operator, by key.
type Conditions = BTreeMap<&'static str, BTreeMap<String, Values>>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    sid: &'static str,
    effect: &'static str,
    action: Vec<String>,
    resource: Values,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    condition: Conditions,
}

/// Of a pool that is taken over, an earlier object's too, roles and principal tags are always
/// looked at: what stays as others left it is told.
const READS: [Operation; 2] = [
    Operation::GetIdentityPoolRoles,
    Operation::GetPrincipalTagAttributeMap,
];

impl Statement {
    /// Allows operations without any condition.
    fn allow(sid: &'static str, operations: &[Operation], resource: Vec<String>) -> Self {
        let action = operations.iter().map(|operation| action(*operation));
        Self {
            sid,
            effect: "Allow",
            action: action.collect(),
            resource: resource.into(),
            condition: Conditions::new(),
        }
    }

    /// Allows them only where a key has one of these values.
    fn only(mut self, operator: &'static str, key: impl Into<String>, values: &[String]) -> Self {
        let keys = self.condition.entry(operator).or_default();
        keys.insert(key.into(), values.to_vec().into());
        self
    }
}

fn action(operation: Operation) -> String {
    format!("cognito-identity:{}", operation.as_str())
}

/// The policy document, in JSON, with its last line ended.
///
/// # Errors
/// When it cannot be written as JSON, which no document is.
pub fn document(uses: &Uses) -> serde_json::Result<String> {
    let policy = Policy {
        version: LANGUAGE,
        statement: uses.statements(),
    };
    Ok(serde_json::to_string_pretty(&policy)? + "\n")
}

impl Uses {
    fn statements(&self) -> Vec<Statement> {
        let always = [
            self.create(),
            self.tag_new(),
            self.find(),
            self.look(),
            self.keep(),
        ];
        let wanted = [self.delete(), self.grant(), self.pass(), self.assume()];
        always
            .into_iter()
            .chain(wanted.into_iter().flatten())
            .collect()
    }

    fn create(&self) -> Statement {
        let statement = self.everywhere(Statement::allow(
            "CreatePools",
            &[Operation::CreateIdentityPool],
            any(),
        ));
        statement.only("StringLike", request_tag(), &self.owners())
    }

    /// AWS asks for this of a creation with tags, and of a later tag call; what has an
    /// owner is not given another.
    fn tag_new(&self) -> Statement {
        let tag = &[Operation::TagResource];
        Statement::allow("TagNewPools", tag, self.pools())
            .only("StringLike", request_tag(), &self.owners())
            .only("Null", resource_tag(), &["true".to_owned()])
    }

    fn find(&self) -> Statement {
        self.everywhere(Statement::allow(
            "FindPools",
            &[Operation::ListIdentityPools],
            any(),
        ))
    }

    /// Before a pool is taken over, status shows what would change, roles included.
    fn look(&self) -> Statement {
        let mut looks = vec![Operation::DescribeIdentityPool];
        if self.adoption {
            looks.extend(READS);
        }
        Statement::allow("LookAtPools", &looks, self.pools())
    }

    fn keep(&self) -> Statement {
        let mut calls = vec![
            Operation::UpdateIdentityPool,
            Operation::TagResource,
            Operation::UntagResource,
        ];
        if !self.adoption {
            calls.extend(READS);
        }
        self.own(Statement::allow("KeepOwnPools", &calls, self.pools()))
    }

    fn delete(&self) -> Option<Statement> {
        let calls = [Operation::ListIdentities, Operation::DeleteIdentityPool];
        self.deletion
            .then(|| self.own(Statement::allow("DeleteOwnPools", &calls, self.pools())))
    }

    /// IAM knows neither pool nor tags of these two calls.
    fn grant(&self) -> Option<Statement> {
        let mut calls = Vec::new();
        if self.has_roles() {
            calls.push(Operation::SetIdentityPoolRoles);
        }
        if self.principal_tags {
            calls.push(Operation::SetPrincipalTagAttributeMap);
        }
        (!calls.is_empty()).then(|| self.everywhere(Statement::allow("GrantAccess", &calls, any())))
    }

    fn pass(&self) -> Option<Statement> {
        self.has_roles().then(|| Statement {
            action: vec!["iam:PassRole".to_owned()],
            ..Statement::allow("PassRoles", &[], self.roles.clone())
        })
    }

    /// Sessions of classes bear tags.
    fn assume(&self) -> Option<Statement> {
        (!self.class_roles.is_empty()).then(|| Statement {
            action: vec!["sts:AssumeRole".to_owned(), "sts:TagSession".to_owned()],
            ..Statement::allow("AssumeClassRoles", &[], self.class_roles.clone())
        })
    }

    fn has_roles(&self) -> bool {
        !self.roles.is_empty()
    }

    /// Only in the regions, where the call is for no pool in particular.
    fn everywhere(&self, statement: Statement) -> Statement {
        if self.regions.is_empty() {
            return statement;
        }
        statement.only("StringEquals", "aws:RequestedRegion", &self.regions)
    }

    /// Only on pools with the owner tag.
    fn own(&self, statement: Statement) -> Statement {
        statement.only("StringLike", resource_tag(), &self.owners())
    }

    /// Pattern of the owner tag's values.
    fn owners(&self) -> [String; 1] {
        let installation = self.installation.as_deref().unwrap_or(ANY);
        [crate::pool::ownership::owner_of(installation, ANY)]
    }

    /// ARN patterns of all pools.
    fn pools(&self) -> Vec<String> {
        let partition = &self.partition;
        let account = self.account_id.as_deref().unwrap_or(ANY);
        let arn = |region: &str| {
            format!("arn:{partition}:cognito-identity:{region}:{account}:identitypool/*")
        };
        if self.regions.is_empty() {
            return vec![arn(ANY)];
        }
        self.regions.iter().map(|region| arn(region)).collect()
    }
}

fn any() -> Vec<String> {
    vec![ANY.to_owned()]
}

fn request_tag() -> String {
    format!("aws:RequestTag/{OWNER_TAG}")
}

fn resource_tag() -> String {
    format!("aws:ResourceTag/{OWNER_TAG}")
}

/// The page of the documentation about it.
///
/// # Errors
/// As [`document`].
pub fn page() -> serde_json::Result<String> {
    let text = include_str!("policy/page.md");
    let text = text.replace("{{least}}", document(&Uses::default())?.trim_end());
    Ok(text.replace("{{all}}", document(&example())?.trim_end()))
}

/// Everything in use, narrowed as far as can be: what the page shows.
fn example() -> Uses {
    let account = "123456789012";
    Uses {
        account_id: Some(account.to_owned()),
        regions: vec!["eu-west-1".to_owned()],
        installation: Some("production".to_owned()),
        roles: vec![format!("arn:aws:iam::{account}:role/identity-pools/*")],
        class_roles: vec!["arn:aws:iam::210987654321:role/identity-pools".to_owned()],
        principal_tags: true,
        adoption: true,
        ..Uses::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What IAM allows a managed policy, white space aside.
    const MOST_CHARACTERS: usize = 6144;

    fn actions(uses: &Uses) -> BTreeSet<String> {
        let statements = uses.statements().into_iter();
        statements.flat_map(|statement| statement.action).collect()
    }

    #[test]
    fn with_everything_in_use_every_call_is_allowed_and_no_other() {
        let all = Operation::ALL.iter().map(|operation| action(*operation));
        // STS needs no permission to say who asks, and has one of its own for the other call.
        let of_sts = ["GetCallerIdentity", "AssumeRole"];
        let all = all.filter(|action| !of_sts.iter().any(|name| action.ends_with(name)));
        let others = ["iam:PassRole", "sts:AssumeRole", "sts:TagSession"].map(str::to_owned);
        let expected: BTreeSet<String> = all.chain(others).collect();
        assert_eq!(actions(&example()), expected);
        let closed = Uses {
            adoption: false,
            ..example()
        };
        assert_eq!(actions(&closed), expected);
    }

    #[test]
    fn what_is_not_used_is_not_allowed() {
        let least = Uses {
            deletion: false,
            ..Uses::default()
        };
        let expected = [
            "CreateIdentityPool",
            "DescribeIdentityPool",
            "GetIdentityPoolRoles",
            "GetPrincipalTagAttributeMap",
            "ListIdentityPools",
            "TagResource",
            "UntagResource",
            "UpdateIdentityPool",
        ];
        let expected = expected.map(|name| format!("cognito-identity:{name}"));
        assert_eq!(actions(&least), BTreeSet::from(expected));
        let more = |uses: &Uses| -> Vec<String> {
            let more = actions(uses);
            more.difference(&actions(&least)).cloned().collect()
        };
        let roles = Uses {
            roles: vec!["arn:aws:iam::1:role/x".to_owned()],
            ..least.clone()
        };
        let set = "cognito-identity:SetIdentityPoolRoles";
        assert_eq!(more(&roles), [set, "iam:PassRole"]);
        let tags = Uses {
            principal_tags: true,
            ..least.clone()
        };
        let set = "cognito-identity:SetPrincipalTagAttributeMap";
        assert_eq!(more(&tags), [set]);
    }

    #[test]
    fn no_call_that_changes_a_pool_goes_without_a_condition_where_iam_has_one() {
        // IAM has no condition on a pool for these (AWS: service authorization reference).
        let blind = [
            Operation::SetIdentityPoolRoles,
            Operation::SetPrincipalTagAttributeMap,
        ];
        let guarded = |statement: &Statement| {
            let keys = statement.condition.values().flatten();
            keys.into_iter().any(|(key, _)| key.ends_with(OWNER_TAG))
        };
        for statement in example().statements() {
            for operation in Operation::ALL {
                let listed = statement.action.contains(&action(*operation));
                if listed && operation.mutates() && !blind.contains(operation) {
                    assert!(guarded(&statement), "{}: {operation:?}", statement.sid);
                }
            }
        }
    }

    #[test]
    fn it_fits_into_a_managed_policy() {
        let uses = Uses {
            regions: (0..10).map(|n| format!("ap-southeast-{n}")).collect(),
            installation: Some("i".repeat(36)),
            ..example()
        };
        let text = document(&uses).expect("JSON");
        let size = text.chars().filter(|char| !char.is_whitespace()).count();
        assert!(size < MOST_CHARACTERS, "{size}");
    }
}
