//! `identity-pool-operator iam-policy`: flags in, policy document out.

use clap::{ArgAction, Args};

use super::flags::installation_id;
use super::run::Error;
use crate::api::region::is_region;
use crate::aws::policy::{Uses, document};

/// What the policy is to allow.
#[derive(Debug, Args)]
pub(super) struct Flags {
    /// Installation id of the operator, as of `run` [default: pools of every installation]
    #[arg(long, value_parser = installation_id)]
    installation_id: Option<String>,
    /// Regions with pools, comma-separated [default: all]
    #[arg(long, value_delimiter = ',', value_parser = region)]
    region: Vec<String>,
    /// Account of the pools, twelve digits [default: that of the policy]
    #[arg(long, value_parser = account)]
    account_id: Option<String>,
    /// Partition of AWS: aws, aws-cn, aws-us-gov, aws-eusc
    #[arg(long, default_value = "aws", value_parser = partition)]
    partition: String,
    /// ARN patterns of the roles that objects may name, comma-separated [default: no roles]
    #[arg(long, value_delimiter = ',', value_parser = role)]
    pass_roles: Vec<String>,
    /// ARN patterns of the roles that classes name, comma-separated [default: none is assumed]
    #[arg(long, value_delimiter = ',', value_parser = role)]
    assume_roles: Vec<String>,
    /// Objects have principalTagAttributeMaps
    #[arg(long)]
    principal_tags: bool,
    /// The operator runs with --allow-adoption
    #[arg(long)]
    allow_adoption: bool,
    /// The operator deletes pools; false where every object has deletionPolicy Retain
    #[arg(long, value_name = "BOOL", default_value_t = true, default_missing_value = "true",
        action = ArgAction::Set, num_args = 0..=1, require_equals = true)]
    deletion: bool,
}

/// Prints the policy.
pub(super) fn print(flags: Flags) -> Result<(), Error> {
    let Flags {
        installation_id,
        region,
        account_id,
        partition,
        pass_roles,
        assume_roles,
        principal_tags,
        allow_adoption,
        deletion,
    } = flags;
    let uses = Uses {
        partition,
        account_id,
        regions: region,
        installation: installation_id,
        roles: pass_roles,
        class_roles: assume_roles,
        principal_tags,
        adoption: allow_adoption,
        deletion,
    };
    print!("{}", document(&uses)?);
    Ok(())
}

fn region(text: &str) -> Result<String, &'static str> {
    let is_region = is_region(text);
    is_region
        .then(|| text.to_owned())
        .ok_or("a region is written like eu-west-1; several are separated by a comma alone")
}

fn account(text: &str) -> Result<String, &'static str> {
    let digits = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits
        .then(|| text.to_owned())
        .ok_or("an account id has twelve digits")
}

fn partition(text: &str) -> Result<String, &'static str> {
    let fits = |char: char| char.is_ascii_lowercase() || char == '-';
    (text.starts_with("aws") && text.chars().all(fits))
        .then(|| text.to_owned())
        .ok_or("a partition is one of aws, aws-cn, aws-us-gov and aws-eusc")
}

/// All roles of an account would hand its administrators' to whoever may write an object.
fn role(text: &str) -> Result<String, &'static str> {
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let named = match fields[..] {
        ["arn", partition, "iam", "", _, resource] => {
            let name = resource.strip_prefix("role/").unwrap_or_default();
            partition.starts_with("aws") && !name.is_empty() && !name.starts_with(['*', '?'])
        }
        _ => false,
    };
    named.then(|| text.to_owned()).ok_or(
        "a role is named by its ARN, in which * stands for any characters, but not for all roles of \
         an account: arn:aws:iam::123456789012:role/identity-pools/*",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_named_and_never_all_of_them() {
        for good in [
            "arn:aws:iam::123456789012:role/identity-pools/*",
            "arn:aws-cn:iam::123456789012:role/guest",
            "arn:aws:iam::*:role/guest-?",
        ] {
            assert_eq!(role(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "*",
            "guest",
            "arn:aws:iam::123456789012:role/*",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:user/x",
            "arn:aws:s3:::role/x",
        ] {
            assert!(role(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn places_are_refused_that_are_none() {
        assert!(region("eu-west-1").is_ok() && region("ireland").is_err());
        assert!(account("123456789012").is_ok() && account("12345678901x").is_err());
        assert!(partition("aws-cn").is_ok() && partition("azure").is_err());
    }
}
