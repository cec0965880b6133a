//! The names users meet outside the schema: group, finalizer, annotations, tags.
//!
//! They are stored in etcd and in AWS, so none of them may ever change its
//! meaning: a renamed tag would orphan every pool that bears the old one.

/// API group of every kind of this operator.
pub const GROUP: &str = "cognito-identity.dev";

/// Holds an object until its pool is deleted or let go.
pub const FINALIZER: &str = "cognito-identity.dev/finalizer";

/// Annotation with the claim: the intent to create, on record before the call.
pub const CLAIM_ANNOTATION: &str = "cognito-identity.dev/claim";

/// Annotation by which a person asks for a reconcile now; any new value counts.
pub const RECONCILE_AT_ANNOTATION: &str = "cognito-identity.dev/reconcile-at";

/// Prefix of the tags that are the operator's own.
pub const TAG_PREFIX: &str = "cognito-identity.dev/";

/// Tag `<installation id>/<object uid>`: whose pool this is. The authority.
pub const OWNER_TAG: &str = "cognito-identity.dev/owner";

/// Tag `<namespace>/<name>`: which object made the pool, for people.
pub const SOURCE_TAG: &str = "cognito-identity.dev/source";

/// Tag with the id of the claim under which the pool was created.
pub const CLAIM_TAG: &str = "cognito-identity.dev/claim";

/// Name of the operator in Events, leases and field managers.
pub const OPERATOR: &str = "identity-pool-operator";

/// Label by which tools know who keeps an object; the value is [`OPERATOR`].
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";

/// Most tags a pool can have (AWS: `TagResource`, 50 tags per resource).
pub const MAX_TAGS: usize = 50;

/// Tags that the operator keeps for itself on every pool.
pub const OWN_TAGS: [&str; 3] = [OWNER_TAG, SOURCE_TAG, CLAIM_TAG];

/// Holds a class for as long as objects use it.
pub const CLASS_FINALIZER: &str = "cognito-identity.dev/class-in-use";

/// Annotation, `"true"`, of the class of objects that name none.
pub const DEFAULT_CLASS_ANNOTATION: &str = "cognito-identity.dev/is-default-class";

/// Label that Kubernetes puts on every namespace: its name.
pub const NAMESPACE_LABEL: &str = "kubernetes.io/metadata.name";
