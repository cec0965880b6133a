//! AWS settings that can be known to be wrong before anybody is asked, and what a person
//! can do about credentials that do not work.
//!
//! The SDK passes over most of these: for an endpoint that is no URL it asks AWS itself,
//! and for a profile that does not exist it takes the next source of credentials.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::{env, io};

use aws_config::profile::{self, ProfileFileLoadError, ProfileSet};
use aws_credential_types::Credentials;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::SdkConfig;
use aws_types::os_shim_internal::{Env, Fs};
use url::Url;

use super::unsent::{MISCONFIGURED, NO_INSTANCE_ROLE, NOT_LOADED, UNREADABLE};
use crate::api::region::is_region;
use crate::pool::call::Failure;
use crate::telemetry::causes::chain;

/// The variables that lead calls elsewhere than to AWS.
pub const ENDPOINTS: [&str; 3] = [
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_COGNITO_IDENTITY",
    "AWS_ENDPOINT_URL_STS",
];

const ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";
const SECRET_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const SESSION: &str = "AWS_SESSION_TOKEN";

/// Variables of which the first does not work without the second.
const PAIRS: [(&str, &str); 3] = [
    (ACCESS_KEY, SECRET_KEY),
    (SECRET_KEY, ACCESS_KEY),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
];

/// A setting that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody says which region.
    #[error(
        "no AWS region: set AWS_REGION, or region in the AWS profile, to one such as eu-west-1"
    )]
    NoRegion,
    /// The region is none.
    #[error(
        "{0:?} is no AWS region: set AWS_REGION, or region in the AWS profile, to one such as \
         eu-west-1"
    )]
    Region(String),
    /// The endpoint is none.
    #[error(
        "{setting} is {value:?}, which is no URL: set it to one such as http://127.0.0.1:4566, or \
         unset it to reach AWS itself"
    )]
    Endpoint {
        /// The variable, or the key of the profile.
        setting: &'static str,
        /// What it is set to.
        value: String,
    },
    /// Of two variables that belong together one is missing.
    #[error("{set} is set, but {missing} is not: set both, or unset {set}")]
    Half {
        /// The one that is set.
        set: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// There is no such profile.
    #[error(
        "AWS_PROFILE is {0:?}, but no AWS profile has that name: set it to one of those in \
         ~/.aws/config and ~/.aws/credentials (or where AWS_CONFIG_FILE and \
         AWS_SHARED_CREDENTIALS_FILE point), or unset it"
    )]
    Profile(String),
    /// A key that is to be in a folder is not there.
    #[error(
        "no AWS credentials: {} {}: put {name} into the Secret that is mounted there, or leave \
         --aws-keys-directory out",
        folder.join(name).display(),
        source.as_ref().map_or("is empty".to_owned(), |error| format!("cannot be read ({error})"))
    )]
    Key {
        /// The folder that was named.
        folder: PathBuf,
        /// The file, which is called as the variable is.
        name: &'static str,
        /// Why it cannot be read, unless it is empty.
        source: Option<io::Error>,
    },
    /// The profiles cannot be read.
    #[error("the AWS profiles cannot be read: {}: correct that file", chain(.0))]
    Profiles(#[from] ProfileFileLoadError),
}

/// Checks environment and profiles.
///
/// # Errors
/// For the first setting that cannot work.
pub async fn check() -> Result<(), Error> {
    for setting in ENDPOINTS {
        // What is no UTF-8 is no URL either, and the SDK does not see it.
        if let Ok(value) = env::var(setting) {
            endpoint(setting, &value)?;
        }
    }
    for (one, other) in PAIRS {
        whole(one, other)?;
    }
    let profiles =
        profile::load(&Fs::real(), &Env::real(), &EnvConfigFiles::default(), None).await?;
    profile(&profiles)
}

/// Checks the profile that is in use.
fn profile(profiles: &ProfileSet) -> Result<(), Error> {
    let name = profiles.selected_profile();
    match profiles.get_profile(name) {
        Some(profile) => profile.get("endpoint_url").map_or(Ok(()), |value| {
            endpoint("endpoint_url in the AWS profile", value)
        }),
        // An empty name is what templates leave behind that have none to set.
        None if ["", "default"].contains(&name) => Ok(()),
        None => Err(Error::Profile(name.to_owned())),
    }
}

fn whole(set: &'static str, missing: &'static str) -> Result<(), Error> {
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set(set) && !is_set(missing) {
        return Err(Error::Half { set, missing });
    }
    Ok(())
}

fn endpoint(setting: &'static str, value: &str) -> Result<(), Error> {
    // The parser takes http:host for http://host; what sends the request does not.
    let web = ["http://", "https://"];
    if web.iter().any(|scheme| value.starts_with(scheme)) && Url::parse(value).is_ok() {
        return Ok(());
    }
    let value = value.to_owned();
    Err(Error::Endpoint { setting, value })
}

/// The keys of a folder with a file for each, as a mounted Secret is one.
///
/// # Errors
/// When one is missing or empty; that of a session may be.
pub fn keys(folder: &Path) -> Result<Credentials, Error> {
    let session = key(folder, SESSION).ok();
    Ok(Credentials::new(
        key(folder, ACCESS_KEY)?,
        key(folder, SECRET_KEY)?,
        session,
        None,
        "--aws-keys-directory",
    ))
}

fn key(folder: &Path, name: &'static str) -> Result<String, Error> {
    let missing = |source| Error::Key {
        folder: folder.to_owned(),
        name,
        source,
    };
    let text = fs::read_to_string(folder.join(name)).map_err(|error| missing(Some(error)))?;
    // An editor or `echo` ends a file with a new line, which no key has.
    match text.trim() {
        "" => Err(missing(None)),
        key => Ok(key.to_owned()),
    }
}

/// The region of a configuration.
///
/// # Errors
/// When it has none.
pub fn region(config: &SdkConfig) -> Result<String, Error> {
    match config.region().map(AsRef::as_ref) {
        None | Some("") => Err(Error::NoRegion),
        Some(region) if is_region(region) => Ok(region.to_owned()),
        Some(other) => Err(Error::Region(other.to_owned())),
    }
}

/// What a person can do about credentials for which it makes no sense to wait.
#[must_use]
pub fn advice(failure: &Failure) -> String {
    let text = match failure.code.as_str() {
        NOT_LOADED | NO_INSTANCE_ROLE => return none(),
        UNREADABLE => return unreadable(),
        MISCONFIGURED => "correct the AWS profile, or choose another with AWS_PROFILE",
        "ExpiredToken" | "ExpiredTokenException" => {
            "renew them, and with them AWS_SESSION_TOKEN or the AWS profile"
        }
        _ => "correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the AWS profile",
    };
    text.to_owned()
}

fn none() -> String {
    let chosen = env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty());
    let profile = chosen.map_or("set AWS_PROFILE".to_owned(), |name| {
        format!("complete the AWS profile {name:?} or set AWS_PROFILE to another")
    });
    format!(
        "{profile}, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give a role to the \
         service account of the pod (IRSA, Pod Identity) or to the instance"
    )
}

/// The SDK does not say which file it is that cannot be read.
fn unreadable() -> String {
    const TOKEN: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
    match env::var(TOKEN) {
        Ok(path) if File::open(&path).is_err() => format!(
            "{TOKEN} is {path}: mount the token of the service account there, or unset {TOKEN}"
        ),
        _ => "correct the AWS profile, which names a file that cannot be read".to_owned(),
    }
}
