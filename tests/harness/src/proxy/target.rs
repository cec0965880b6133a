//! What a request is about, read out of method, path and query as the apiserver reads them.

use std::fmt;

use http::{Method, Uri};

/// What is done to an object or a collection; named as in RBAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Reads one object.
    Get,
    /// Reads a collection.
    List,
    /// Follows a collection.
    Watch,
    /// Makes an object.
    Create,
    /// Replaces an object.
    Update,
    /// Changes a part of an object.
    Patch,
    /// Deletes an object or a collection.
    Delete,
}

impl Verb {
    /// As RBAC has it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }

    /// Whether it changes something.
    #[must_use]
    pub const fn writes(self) -> bool {
        matches!(
            self,
            Self::Create | Self::Update | Self::Patch | Self::Delete
        )
    }
}

/// The subject of a request. What does not apply is empty: the name in a list, the namespace of a
/// namespace, everything but the verb outside the API (`/version`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What is done.
    pub verb: Verb,
    /// Plural name, as in `configmaps`.
    pub resource: String,
    /// As in `status`.
    pub subresource: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name; of a creation it is in the body and not known here.
    pub name: String,
}

/// `verb:resource/name/subresource`, as far as they are known.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            verb,
            resource,
            subresource,
            namespace: _,
            name,
        } = self;
        write!(f, "{}:{resource}", verb.as_str())?;
        let parts = [name, subresource].into_iter();
        parts
            .filter(|part| !part.is_empty())
            .try_for_each(|part| write!(f, "/{part}"))
    }
}

impl Target {
    pub(super) fn read(method: &Method, uri: &Uri) -> Self {
        let mut parts = resource_path(uri.path());
        let mut namespace = "";
        // A namespace is a resource itself, unless something else follows.
        if let ["namespaces", name, rest @ ..] = parts.as_slice()
            && !matches!(rest, [] | ["status" | "finalize", ..])
        {
            namespace = name;
            parts = rest.to_vec();
        }
        let part = |at: usize| parts.get(at).copied().unwrap_or_default().to_owned();
        Self {
            verb: verb(method, uri, parts.len() > 1),
            resource: part(0),
            subresource: part(2),
            namespace: namespace.to_owned(),
            name: part(1),
        }
    }
}

/// The path below group and version: `/api/v1/…` or `/apis/GROUP/VERSION/…`.
fn resource_path(path: &str) -> Vec<&str> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => rest.to_vec(),
        _ => Vec::new(),
    }
}

fn verb(method: &Method, uri: &Uri, named: bool) -> Verb {
    match *method {
        Method::POST => Verb::Create,
        Method::PUT => Verb::Update,
        Method::PATCH => Verb::Patch,
        Method::DELETE => Verb::Delete,
        _ if is_watch(uri) => Verb::Watch,
        _ if named => Verb::Get,
        _ => Verb::List,
    }
}

fn is_watch(uri: &Uri) -> bool {
    let query = uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes())
        .any(|(key, value)| key == "watch" && (value == "true" || value == "1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &Method, uri: &str) -> (Verb, [String; 4]) {
        let target = Target::read(method, &uri.parse().unwrap());
        let Target {
            verb,
            resource,
            subresource,
            namespace,
            name,
        } = target;
        (verb, [namespace, resource, name, subresource])
    }

    #[test]
    fn a_path_is_read_as_the_apiserver_reads_it() {
        let get = Method::GET;
        let pools = "/apis/cognito-identity.dev/v1alpha1/namespaces/shop/identitypools";
        let table = [
            (
                &get,
                "/api/v1/configmaps?limit=5",
                Verb::List,
                ["", "configmaps", "", ""],
            ),
            (
                &get,
                "/api/v1/namespaces",
                Verb::List,
                ["", "namespaces", "", ""],
            ),
            (
                &get,
                "/api/v1/namespaces/shop",
                Verb::Get,
                ["", "namespaces", "shop", ""],
            ),
            (
                &Method::PUT,
                "/api/v1/namespaces/shop/finalize",
                Verb::Update,
                ["", "namespaces", "shop", "finalize"],
            ),
            (
                &get,
                &format!("{pools}?&watch=true&resourceVersion=0"),
                Verb::Watch,
                ["shop", "identitypools", "", ""],
            ),
            (
                &Method::POST,
                pools,
                Verb::Create,
                ["shop", "identitypools", "", ""],
            ),
            (
                &Method::PATCH,
                &format!("{pools}/web/status?fieldManager=x"),
                Verb::Patch,
                ["shop", "identitypools", "web", "status"],
            ),
            (
                &Method::DELETE,
                &format!("{pools}/web"),
                Verb::Delete,
                ["shop", "identitypools", "web", ""],
            ),
            (&get, "/version", Verb::List, [""; 4]),
        ];
        for (method, uri, verb, parts) in table {
            assert_eq!(
                read(method, uri),
                (verb, parts.map(str::to_owned)),
                "{method} {uri}"
            );
        }
    }
}
