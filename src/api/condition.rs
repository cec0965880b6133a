//! The vocabulary of conditions: types, and the closed set of reasons.
//!
//! A reason is a promise to alert rules and scripts: its name and meaning never
//! change once released. `docs/reasons.md` is made from the table below, and a
//! test fails when the two differ.

use std::fmt::{self, Write as _};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// Summary: the pool equals the spec.
pub const READY: &str = "Ready";
/// kstatus: the operator is at work or waits for something that comes by itself.
pub const RECONCILING: &str = "Reconciling";
/// kstatus: only a person can mend it; waiting alone cannot.
pub const STALLED: &str = "Stalled";
/// The pool in AWS was changed by somebody else and is not (yet) put right.
pub const DRIFTED: &str = "Drifted";
/// Legal but doubtful settings, and findings that need no action of the operator.
pub const ADVISORY: &str = "Advisory";

/// The condition of a type, if it is there.
#[must_use]
pub fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == kind)
}

/// Whether the condition of a type is there and `True`.
#[must_use]
pub fn holds(conditions: &[Condition], kind: &str) -> bool {
    find(conditions, kind).is_some_and(|condition| condition.status == "True")
}

/// Whose move it is while a reason stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stance {
    /// Nothing to do.
    Good,
    /// The operator goes on by itself: `Reconciling=True`.
    Progressing,
    /// A person has to act: `Stalled=True`.
    Stalled,
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident: $stance:ident, next $next:literal;)+) => {
        /// Why a condition has its status. Closed set with a stable meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Reason {
            /// Every reason, in the order of the docs.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The name as it stands in a condition.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// Whose move it is.
            #[must_use]
            pub const fn stance(self) -> Stance {
                match self { $(Self::$name => Stance::$stance,)+ }
            }

            /// What it means, for the docs.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+),)+ }
            }

            /// What the reader should do about it.
            #[must_use]
            pub const fn next_step(self) -> &'static str {
                match self { $(Self::$name => $next,)+ }
            }
        }
    };
}

reasons! {
    /// The pool exists, is ours and equals the spec.
    InSync: Good, next "Nothing.";
    /// A change is on its way to AWS.
    Updating: Progressing, next "Nothing; the next status says how it went.";
    /// A create call got no clear answer. The pool is looked for, and a new call waits until the old one can no longer take effect.
    Settling: Progressing, next "Nothing; it ends by itself after the settle window at the latest.";
    /// AWS does not show a pool that was created a moment ago.
    NotYetVisible: Progressing, next "Nothing.";
    /// AWS accepted a change of roles or principal tags and does not show it yet. Waited for half a minute.
    ChangeNotYetVisible: Progressing, next "Nothing; if it stays the change is made once more, and then a person is asked.";
    /// AWS asked for a slower pace.
    Throttled: Progressing, next "It is tried again; if it stays, ask AWS for a higher request rate.";
    /// AWS could not be reached, failed, or gave no clear answer.
    AwsUnavailable: Progressing, next "Check the network path to AWS and the AWS health page if it stays.";
    /// Somebody else wrote to the pool in the same moment.
    ConcurrentModification: Progressing, next "Find the other writer if it stays (console, Terraform, a second cluster).";
    /// A value comes from another object, which or whose field is not there yet. Meanwhile a new pool is made without it, and an existing one stays as it is.
    WaitingForReferences: Progressing, next "Nothing if the object is on its way; else correct the reference that the message names, or give the operator the permission.";
    /// A value that comes from another object is not of the form that its field takes. The pool is not changed.
    InvalidReference: Stalled, next "Correct the value where it stands, or the reference; the message names both and the rule.";
    /// AWS refuses a value of the spec.
    InvalidRequest: Stalled, next "Correct the spec; AWS's own sentence says what it refuses.";
    /// Two entries of the spec are for one provider in AWS, which keeps one only.
    ConflictingEntries: Stalled, next "Put the entries that the message names into one.";
    /// AWS denies the call to the operator's identity.
    AccessDenied: Stalled, next "Permit the operator's identity this operation; it is tried again every five minutes or so, at once with the annotation reconcile-at.";
    /// AWS did not accept a role: it may be too new for IAM, or not allowed. Tried again for two minutes.
    RoleNotAccepted: Progressing, next "It is tried again for two minutes, within which IAM knows a role that was just made.";
    /// AWS does not accept a role for longer than IAM needs to know a new one.
    RoleRefused: Stalled, next "Check that the role exists in the pool's account and that the operator may pass it (iam:PassRole on it); it is tried again every five minutes or so.";
    /// The operator has no valid AWS credentials.
    CredentialsRefused: Stalled, next "Renew or repair the operator's credentials; it is tried again every five minutes or so.";
    /// The account has as many pools as its quota allows.
    QuotaExceeded: Stalled, next "Delete pools, or ask AWS for a higher quota; it is tried again every five minutes or so.";
    /// AWS refuses for a reason that this version does not know.
    Refused: Stalled, next "See the AWS error code in the message.";
    /// The clock of the operator and that of AWS are too far apart to create safely.
    ClockSkew: Stalled, next "Set the clock of the node right.";
    /// The pool that is recorded, or that spec.adopt leads to, is not this object's. Nothing is written to it.
    ForeignOwner: Stalled, next "Of a recorded pool put the owner tag back, remove the wrong id from status, or set deletionPolicy to Retain to let go; of one to adopt see whose it is in the message.";
    /// spec.adopt names a pool, and the operator may not take over any.
    AdoptionNotAllowed: Stalled, next "Run the operator with --allow-adoption, or remove spec.adopt.";
    /// The pool that spec.adopt leads to is not there.
    AdoptionTargetMissing: Stalled, next "Correct spec.adopt, or remove it to have a new pool made.";
    /// More than one pool has the name in spec.adopt.
    AdoptionAmbiguous: Stalled, next "Set spec.adopt.identityPoolId to one of the pools that the message names.";
    /// A pool can be taken over; nothing is changed before spec.adopt.overwrite is true.
    AdoptionPending: Stalled, next "See status.drift and status.plan, then set spec.adopt.overwrite to true.";
    /// An earlier object of this namespace and name left a pool. It is neither taken nor doubled by itself.
    PreviousPoolFound: Stalled, next "Set spec.adopt.previous to true to take it with its identities, or to false for a new pool.";
    /// Several pools bear the owner tag of this object, and none of them is recorded or carries its claim.
    DuplicatePools: Stalled, next "Delete or untag the pools that are not wanted.";
    /// The pool was deleted outside, and it is not to be made anew by itself.
    PoolGone: Stalled, next "Set onExternalDeletion to Recreate (the new pool has a new id), or delete the object.";
    /// The pool has issued identities, and the deletion policy is to keep those.
    PoolNotEmpty: Stalled, next "Set deletionPolicy to Delete (identities are lost) or to Retain (the pool stays).";
    /// AWS can neither change nor clear developerProviderName once it is set.
    ImmutableField: Stalled, next "Write the value that AWS has into the spec, or make a new object.";
    /// The object would be led to another account or region than the one its pool lives in.
    AccountMismatch: Stalled, next "Undo the edit of className or region, or of the class; without a class, run the operator with the old account and region.";
    /// spec.className names no class that there is.
    UnknownClass: Stalled, next "Correct spec.className, or have the class made; it is picked up within seconds.";
    /// The class does not take objects of this namespace.
    ClassNotAllowed: Stalled, next "Choose another class, or have the namespace labelled as allowedNamespaces of the class asks.";
    /// More than one class says that it is the default, so none of them is.
    SeveralDefaultClasses: Stalled, next "Take the annotation is-default-class off all classes but one, or set spec.className.";
    /// The operator runs with --require-class, the object names no class, and there is no default one.
    ClassRequired: Stalled, next "Set spec.className to a class that takes this namespace.";
    /// The class has a pattern or selector that cannot be read, or takes its external id from a Secret that is not there.
    InvalidClass: Stalled, next "Correct the class; the message names the field.";
    /// The class's role cannot be assumed.
    RoleNotAssumable: Stalled, next "Have the role's trust policy allow the operator sts:AssumeRole and sts:TagSession with the class's external id.";
    /// The class's credentials have not been seen to work yet.
    ClassNotReady: Progressing, next "Nothing; if it stays, see the condition Ready of the class.";
    /// The class does not allow what the spec asks for. Nothing is written.
    DeniedByClass: Stalled, next "Change the field that the message names, or have the guardrail of the class changed.";
    /// The class's credentials work.
    ClassUsable: Good, next "Nothing.";
    /// The pool was changed outside, and driftPolicy is Report.
    Drifted: Stalled, next "Put the change into the spec, undo it in AWS, or set driftPolicy to Correct.";
    /// AWS accepted an update and still shows another value.
    ChangeNotTaken: Stalled, next "See the field in status.drift; AWS may not know the value (yet).";
    /// Spec tags, tags of others and the owner's tags together exceed AWS's limit.
    TooManyTags: Stalled, next "Remove tags from the spec or from the pool.";
    /// A `ConfigMap` of the name in export exists and does not belong to this object. It is not touched.
    ExportConflict: Stalled, next "Delete that ConfigMap, or set export.configMap.name to another name; it is looked at again every five minutes or so, at once with the annotation reconcile-at.";
    /// The apiserver refuses the `ConfigMap` of export: a permission that the operator lacks, a quota or an admission policy.
    ExportForbidden: Stalled, next "Give the operator get, create, patch and delete on configmaps in the namespace, or mend what the message names.";
    /// managementPolicy is Suspend.
    Suspended: Good, next "Set managementPolicy to Manage to go on.";
    /// managementPolicy is Plan, and AWS does not equal the spec: status.plan shows what would be done.
    Planned: Good, next "Set managementPolicy to Manage to have it done.";
    /// The object is deleted while managementPolicy is Suspend or Plan.
    DeletionSuspended: Stalled, next "Set managementPolicy to Manage, or deletionPolicy to Retain.";
    /// The classic flow lets guests choose their role themselves.
    ClassicFlowWithGuests: Good, next "Turn off allowClassicFlow or allowUnauthenticatedIdentities unless both are wanted.";
    /// Guests are allowed and get no role.
    GuestsWithoutRole: Good, next "Set roles.unauthenticated, or allowUnauthenticatedIdentities to false.";
    /// There is a role for guests, who are not allowed.
    RoleWithoutGuests: Good, next "Remove roles.unauthenticated, or set allowUnauthenticatedIdentities to true.";
    /// Users whom a mapping leads to no role get the default role.
    AmbiguousRole: Good, next "Set ambiguousRoleResolution to Deny unless that is wanted.";
    /// Users who were signed out or disabled keep getting credentials until their token ends.
    NoTokenCheck: Good, next "Set serverSideTokenCheck to true, at the price of a call to the user pool at each exchange.";
    /// A second pool bears this object's owner tag. It is not touched.
    SecondPool: Good, next "Find out who copied the tags; delete or untag the second pool.";
    /// The pool was taken over with roles or role mappings that the spec does not manage. They stay as they are.
    SettingsLeftAlone: Good, next "Write what the message names into the spec, empty to clear it, unless it is wanted as it is.";
    /// spec.adopt leads to another pool than the one that the object has. It is not followed.
    AdoptionIgnored: Good, next "Remove spec.adopt, or take the other pool with an object of its own.";
    /// Nothing doubtful was found.
    NoAdvice: Good, next "Nothing.";
    /// The pool is as the operator left it.
    NoDrift: Good, next "Nothing.";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Event: the pool was made.
pub const CREATED: &str = "Created";
/// Event: a pool with the object's owner tag was found and recorded.
pub const FOUND: &str = "Found";
/// Reason of the Event about a pool that was taken over.
pub const ADOPTED: &str = "Adopted";
/// Event: a change made outside was undone.
pub const DRIFT_CORRECTED: &str = "DriftCorrected";

/// The reasons that only Events have.
const EVENTS: [(&str, &str); 4] = [
    (
        ADOPTED,
        "A pool that was there before was taken over, as spec.adopt asks.",
    ),
    (CREATED, "The pool was made."),
    (
        FOUND,
        "A pool that bears the object's owner tag was found and recorded, after a lost answer, a crash or a restore; no other was made.",
    ),
    (
        DRIFT_CORRECTED,
        "Fields were changed outside and put right; the message names them.",
    ),
];

/// The page `docs/reasons.md`.
#[must_use]
pub fn reasons_page() -> String {
    let mut page = String::from(
        "<!-- Made from src/api/condition.rs by `make generate`. -->\n\
         # Reasons\n\n\
         Every condition of an `IdentityPool` gives one of these reasons. The set is closed and a\n\
         reason never changes its meaning.\n\n\
         What is yours is tried again by itself every five minutes or so; at once when the spec changes or\n\
         the annotation `cognito-identity.dev/reconcile-at` gets another value. What is the operator's is\n\
         tried again after a second, then after pauses that double up to five minutes.\n\n\
         | reason | whose move | meaning | what to do |\n|---|---|---|---|\n",
    );
    for reason in Reason::ALL {
        let who = match reason.stance() {
            Stance::Good => "nobody's",
            Stance::Progressing => "the operator's (`Reconciling`)",
            Stance::Stalled => "yours (`Stalled`)",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "| `{reason}` | {who} | {} | {} |",
            reason.meaning().trim(),
            reason.next_step()
        );
    }
    page.push_str(
        "\nEvents tell transitions of `Ready` by the reason above, and three things more; the first two\n\
         stand for the transition that comes with them:\n\n\
         | reason | meaning |\n|---|---|\n",
    );
    for (reason, meaning) in EVENTS {
        let _ = writeln!(page, "| `{reason}` | {meaning} |");
    }
    page
}
