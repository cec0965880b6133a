//! Takes secrets out of what others say: AWS quotes the values that it refuses.

use super::call::Failure;
use super::settings::Desired;
use super::sources::REDACTED;

/// A failure without the secrets of what was asked for: values out of Secrets, and those of
/// the form of Twitter's `consumerKey;consumerSecret`, each part of them too.
pub(super) fn redacted(failure: Failure, desired: Option<&Desired>) -> Failure {
    let message = desired
        .into_iter()
        .flat_map(secrets)
        .fold(failure.message, |text, secret| without(&text, &secret));
    Failure { message, ..failure }
}

/// The longest first: a part of one would break it up.
fn secrets(desired: &Desired) -> Vec<String> {
    let mut secrets = Vec::new();
    for (provider, id) in &desired.settings.supported_login_providers {
        let id = id.clone().reveal();
        if desired.secrets.contains_key(provider) || id.contains(';') {
            secrets.extend(id.split(';').map(str::to_owned));
            secrets.push(id);
        }
    }
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

/// What is left of a value at a cut that is told from chance.
const TELLING: usize = 4;

/// A text without a secret, also where it was cut in the middle of one.
fn without(text: &str, secret: &str) -> String {
    if secret.is_empty() {
        return text.to_owned();
    }
    let text = text.replace(secret, REDACTED);
    let body = text.trim_end_matches('…');
    let ends = secret.char_indices().map(|(at, _)| at).rev();
    let cut = ends
        .filter(|end| *end >= TELLING)
        .find_map(|end| body.strip_suffix(&secret[..end]));
    cut.map_or(text.clone(), |before| format!("{before}{REDACTED}"))
}
