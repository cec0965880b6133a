//! Where a value can come from, and what can be found there.
//!
//! A vocabulary shared by the core, which asks, and the shell, which reads. What came out of
//! a Secret has no `Debug` that shows it.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::api::{FieldRef, KeyRef, LoginProviderSource, ValueSource};

/// What stands for a value that is not shown.
pub const REDACTED: &str = "(redacted)";

/// An object that others refer to, in the namespace of the one that does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// `v1`, or `<group>/<version>`.
    pub api_version: String,
    /// Kind, as in the object itself.
    pub kind: String,
    /// Name.
    pub name: String,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A key of a `ConfigMap`.
    ConfigMap(Target, String),
    /// A key of a Secret.
    Secret(Target, String),
    /// A field of any other object, by its path.
    Field(Target, String),
}

/// A value as it was found. Has no readable `Debug`: it may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    pub(super) value: String,
    /// Of a Secret: its uid and resourceVersion, which stand for the value in fingerprints.
    pub(super) version: Option<String>,
}

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// The cluster serves no such kind.
    NoKind,
    /// The kind is not namespaced.
    NotNamespaced,
    /// The operator may not read or watch objects of the kind: the apiserver's words.
    Forbidden(String),
    /// The watch of the kind has not begun, so a change could be missed.
    NotFollowed,
    /// There is no such object.
    NoObject,
    /// The object has no such key or field yet, or nothing in it.
    NoValue,
    /// What stands there is no text.
    NotText,
}

/// What came of reading the sources.
pub type Findings = BTreeMap<Source, Result<Text, Absence>>;

impl Source {
    /// The object that the value stands in.
    #[must_use]
    pub const fn target(&self) -> &Target {
        match self {
            Self::ConfigMap(target, _) | Self::Secret(target, _) | Self::Field(target, _) => target,
        }
    }

    fn of_config_map(KeyRef { name, key }: &KeyRef) -> Self {
        Self::ConfigMap(Target::core("ConfigMap", name), key.clone())
    }

    fn of_secret(KeyRef { name, key }: &KeyRef) -> Self {
        Self::Secret(Target::core("Secret", name), key.clone())
    }

    /// None for a Secret, which the schema refuses too.
    fn of_field(field: &FieldRef) -> Option<Self> {
        let FieldRef {
            api_version,
            kind,
            name,
            field_path,
        } = field;
        let target = Target {
            api_version: api_version.clone(),
            kind: kind.clone(),
            name: name.clone(),
        };
        (!target.is_secret()).then(|| Self::Field(target, field_path.clone()))
    }

    pub(super) fn of_value(source: &ValueSource) -> Option<Self> {
        let ValueSource {
            config_map_key_ref,
            object_ref,
        } = source;
        let config_map = config_map_key_ref.as_ref().map(Self::of_config_map);
        config_map.or_else(|| Self::of_field(object_ref.as_ref()?))
    }

    pub(super) fn of_login_provider(source: &LoginProviderSource) -> Option<Self> {
        let LoginProviderSource {
            config_map_key_ref,
            secret_key_ref,
            object_ref,
        } = source;
        let config_map = config_map_key_ref.as_ref().map(Self::of_config_map);
        config_map
            .or_else(|| secret_key_ref.as_ref().map(Self::of_secret))
            .or_else(|| Self::of_field(object_ref.as_ref()?))
    }

    /// The value in an object as the apiserver gives it out; for a Secret, what `decode`
    /// makes of its text.
    ///
    /// # Errors
    /// Where there is no value.
    pub fn pick(
        &self,
        object: &Value,
        decode: impl Fn(&str) -> Option<String>,
    ) -> Result<Text, Absence> {
        let found = match self {
            Self::ConfigMap(_, key) | Self::Secret(_, key) => &object["data"][key],
            Self::Field(_, path) => path.split('.').fold(object, |at, part| &at[part]),
        };
        let text = match found {
            Value::String(text) => text,
            Value::Null => return Err(Absence::NoValue),
            _ => return Err(Absence::NotText),
        };
        let (text, version) = match self {
            Self::Secret(..) => {
                let meta = &object["metadata"];
                let part = |name: &str| meta[name].as_str().unwrap_or_default().to_owned();
                let version = format!("{}/{}", part("uid"), part("resourceVersion"));
                (decode(text).ok_or(Absence::NotText)?, Some(version))
            }
            Self::ConfigMap(..) | Self::Field(..) => (text.clone(), None),
        };
        // Values made from files end with a line feed, which no field takes.
        match text.trim_end() {
            "" => Err(Absence::NoValue),
            value => Ok(Text {
                value: value.to_owned(),
                version,
            }),
        }
    }
}

impl Target {
    fn core(kind: &str, name: &str) -> Self {
        Self {
            api_version: "v1".to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
        }
    }

    fn is_secret(&self) -> bool {
        self.kind.eq_ignore_ascii_case("secret") && !self.api_version.contains('/')
    }
}

impl Text {
    /// A value that is no secret.
    #[must_use]
    pub fn plain(value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            version: None,
        }
    }

    /// A value out of a Secret of this uid and resourceVersion.
    #[must_use]
    pub fn secret(value: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            version: Some(version.into()),
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)?;
        if self.api_version == "v1" {
            return Ok(());
        }
        write!(f, " ({})", self.api_version)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConfigMap(target, key) | Self::Secret(target, key) => {
                write!(f, "key {key} of {target}")
            }
            Self::Field(target, path) => write!(f, "{path} of {target}"),
        }
    }
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKind => f.write_str(
                "the cluster serves no such kind, as if its CustomResourceDefinition were not installed",
            ),
            Self::NotNamespaced => f.write_str(
                "the kind is not namespaced, and a reference reaches its own namespace only",
            ),
            Self::Forbidden(words) => write!(
                f,
                "the operator may not get, list and watch the kind: {}",
                words.trim_end_matches('.')
            ),
            Self::NotFollowed => f.write_str("the watch of the kind has not begun yet"),
            Self::NoObject => f.write_str("there is no such object"),
            Self::NoValue => f.write_str("the object has nothing there yet"),
            Self::NotText => f.write_str("what stands there is no text"),
        }
    }
}
