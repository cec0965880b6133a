//! What is said of a class: why it cannot be used, and its status.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::call::{Failure, FailureKind, Operation};
use super::class::{Bar, Home, several_defaults};
use crate::api::condition::{self, READY};
use crate::api::{ClassPools, IdentityPoolClassStatus, Reason};

/// Condition of a class that says it is the default: whether it is.
const DEFAULT: &str = "Default";

/// Why a way into AWS does not work. What may come right by itself is not told as somebody's fault.
#[must_use]
pub fn no_way(class: &str, role: Option<&str>, operator: &str, failure: &Failure) -> Bar {
    let passing = !matches!(
        failure.kind,
        FailureKind::Denied | FailureKind::Credentials | FailureKind::Invalid
    );
    let begin = format!("Class {class} cannot be used: {failure}.");
    match role {
        _ if passing => Bar::new(
            Reason::ClassNotReady,
            format!("{begin} It is tried again within a minute."),
        ),
        Some(role) if failure.operation == Operation::AssumeRole => Bar::new(
            Reason::RoleNotAssumable,
            format!(
                "{begin} The trust policy of {role} has to allow {operator} sts:AssumeRole and \
                 sts:TagSession, with the class's external id if it asks for one, and the operator's \
                 own policy sts:AssumeRole and sts:TagSession on that role."
            ),
        ),
        _ => Bar::new(
            failure.kind.reason(),
            format!("{begin} {}", failure.kind.reason().next_step()),
        ),
    }
}

/// The class says something that cannot be read.
#[must_use]
pub fn unreadable(class: &str, what: &str) -> Bar {
    Bar::new(
        Reason::InvalidClass,
        format!("Class {class} cannot be used: {what}"),
    )
}

/// Nobody has gone the class's way yet.
#[must_use]
pub fn not_tried(class: &str) -> Bar {
    Bar::new(
        Reason::ClassNotReady,
        format!("Class {class} cannot be used yet: its credentials are being tried."),
    )
}

/// What is known of a class.
pub struct Known<'a> {
    /// Its generation.
    pub generation: Option<i64>,
    /// What was said before.
    pub before: &'a IdentityPoolClassStatus,
    /// Where it leads, if that is known, and the operator's ARN there.
    pub home: Option<(&'a Home, &'a str)>,
    /// Why it cannot be used, or could not when it was last tried.
    pub trouble: Option<&'a Bar>,
    /// Whether the deletion of the class waits for those who use it.
    pub is_going: bool,
    /// Its objects.
    pub pools: ClassPools,
    /// Whether it says that it is the default, and all classes that do.
    pub default: Option<&'a [&'a str]>,
    /// This instant.
    pub now: Timestamp,
}

/// The status of a class.
#[must_use]
pub fn report(known: &Known<'_>) -> IdentityPoolClassStatus {
    let ready = ready(known);
    let default = known.default.map(|names| match names {
        [] | [_] => said(
            DEFAULT,
            "True",
            Reason::ClassUsable,
            "Objects that name no class are of this one.",
        ),
        several => {
            let bar = several_defaults(several);
            said(DEFAULT, "False", bar.reason, &bar.message)
        }
    });
    let conditions = [Some(ready), default].into_iter().flatten();
    IdentityPoolClassStatus {
        observed_generation: known.generation,
        account_id: known.home.map(|(home, _)| home.account_id.clone()),
        region: known.home.map(|(home, _)| home.region.clone()),
        identity_arn: known.home.map(|(_, arn)| arn.to_owned()),
        pools: Some(known.pools),
        last_error: known.trouble.map(|bar| bar.message.clone()),
        conditions: conditions.map(|new| dated(known, new)).collect(),
    }
}

fn ready(known: &Known<'_>) -> Condition {
    let users = known.pools.ready + known.pools.not_ready + known.pools.unknown;
    match known.trouble {
        Some(bar) => said(READY, "False", bar.reason, &bar.message),
        None if known.is_going => said(
            READY,
            "True",
            Reason::ClassUsable,
            &format!(
                "The class is being deleted and stays while {users} objects use it. Delete these, or \
                 give them another class."
            ),
        ),
        None => said(READY, "True", Reason::ClassUsable, "The credentials work."),
    }
}

fn said(kind: &str, status: &str, reason: Reason, message: &str) -> Condition {
    Condition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_string(),
        message: message.to_owned(),
        observed_generation: None,
        last_transition_time: Time(Timestamp::UNIX_EPOCH),
    }
}

fn dated(known: &Known<'_>, new: Condition) -> Condition {
    let old = condition::find(&known.before.conditions, &new.type_);
    let kept = old.filter(|old| old.status == new.status);
    Condition {
        observed_generation: known.generation,
        last_transition_time: kept.map_or(Time(known.now), |old| old.last_transition_time.clone()),
        ..new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(operation: Operation, kind: FailureKind) -> Failure {
        Failure {
            operation,
            kind,
            code: "AccessDenied".into(),
            message: "not so".into(),
            request_id: None,
        }
    }

    fn known<'a>(before: &'a IdentityPoolClassStatus, trouble: Option<&'a Bar>) -> Known<'a> {
        Known {
            generation: Some(2),
            before,
            home: None,
            trouble,
            is_going: false,
            pools: ClassPools::default(),
            default: None,
            now: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_role_that_cannot_be_assumed_is_told_with_what_its_trust_policy_has_to_say() {
        let role = "arn:aws:iam::210987654321:role/pools";
        let failure = refused(Operation::AssumeRole, FailureKind::Denied);
        let bar = no_way("shops", Some(role), "arn:aws:iam::1:user/op", &failure);
        assert_eq!(bar.reason, Reason::RoleNotAssumable);
        for part in [
            "AccessDenied",
            role,
            "arn:aws:iam::1:user/op",
            "sts:TagSession",
        ] {
            assert!(bar.message.contains(part), "{part}: {}", bar.message);
        }
    }

    #[test]
    fn what_may_pass_is_nobodys_fault() {
        for kind in [
            FailureKind::Unanswered,
            FailureKind::NotSent,
            FailureKind::Throttled,
        ] {
            let bar = no_way(
                "shops",
                Some("r"),
                "o",
                &refused(Operation::AssumeRole, kind),
            );
            assert_eq!(bar.reason, Reason::ClassNotReady, "{kind:?}");
        }
        let own = no_way(
            "shops",
            None,
            "o",
            &refused(Operation::ListIdentityPools, FailureKind::Denied),
        );
        assert_eq!(own.reason, Reason::AccessDenied);
    }

    #[test]
    fn the_time_of_a_condition_moves_with_its_status_alone() {
        let before = report(&known(&IdentityPoolClassStatus::default(), None));
        let later = Timestamp::UNIX_EPOCH + std::time::Duration::from_secs(60);
        let same = report(&Known {
            now: later,
            ..known(&before, None)
        });
        assert_eq!(same, before);
        let bar = not_tried("shops");
        let other = report(&Known {
            now: later,
            ..known(&before, Some(&bar))
        });
        assert_eq!(other.conditions[0].last_transition_time, Time(later));
        assert_eq!(other.last_error, Some(bar.message));
    }

    #[test]
    fn each_of_several_defaults_names_all_of_them() {
        let before = IdentityPoolClassStatus::default();
        for (names, expected) in [(&["a"][..], "True"), (&["a", "b"], "False")] {
            let status = report(&Known {
                default: Some(names),
                ..known(&before, None)
            });
            let found = condition::find(&status.conditions, DEFAULT).expect("a condition");
            assert_eq!(found.status, expected);
            assert_eq!(found.message.contains("a, b"), names.len() == 2);
        }
    }
}
