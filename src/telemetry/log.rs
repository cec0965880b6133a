//! Logs: text for people, JSON for machines, filtered by level.

use tracing::Subscriber;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Layer};

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One line for a person.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// A log that cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter is no filter.
    #[error(
        "--log-level {0:?} is not understood: {1}; use a level (info, debug) or a filter such as info,kube=warn"
    )]
    Filter(String, tracing_subscriber::filter::ParseError),
    /// A word that is no level; taken for a module's name it would silence all others.
    #[error(
        "--log-level {0:?} is no level; use error, warn, info, debug or trace, or module=level"
    )]
    Level(String),
    /// Somebody else has set up a log in this process.
    #[error("the log is set up already")]
    Init(#[from] TryInitError),
}

/// Sets up the log of the process, on standard error.
///
/// # Errors
/// When the filter cannot be parsed, or a log is set up already.
pub fn init(format: Format, filter: &str) -> Result<(), Error> {
    levels_are_levels(filter)?;
    // What these warn of we tell ourselves; they say it again, most of it in Rust's notation.
    // So does aws_config.
    let told = "kube_client::client::builder=off,kube_runtime::watcher=error";
    // The SDK logs request bodies at its lowest levels; login provider values can be secrets.
    let quiet = "aws_smithy_runtime=info,aws_smithy_runtime_api=info,aws_sdk_cognitoidentity=info,\
                 aws_sdk_sts=info,aws_config=error,aws_runtime=info,hyper=info,h2=info,rustls=info";
    let parsed = EnvFilter::builder()
        .parse(format!("{told},{filter},{quiet}"))
        .map_err(|error| Error::Filter(filter.to_owned(), error))?;
    let log = tracing_subscriber::registry().with(parsed);
    match format {
        Format::Text => log.with(text()).try_init()?,
        Format::Json => log.with(json()).try_init()?,
    }
    Ok(())
}

fn text<S: Subscriber + for<'span> LookupSpan<'span>>() -> impl Layer<S> {
    tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(std::io::stderr)
}

/// Every field at the top, where queries of log stores find it, whether it belongs to
/// the line or to the pass around it.
fn json<S: Subscriber + for<'span> LookupSpan<'span>>() -> impl Layer<S> {
    json_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .flatten_event(true)
        .flatten_span_list_on_top_level(true)
        .with_current_span(false)
        .with_span_list(false)
}

/// The filter's grammar takes any word for a module that is to be heard alone.
fn levels_are_levels(filter: &str) -> Result<(), Error> {
    let bare = |part: &&str| !part.contains(['=', '[']);
    let wrong = filter
        .split(',')
        .map(str::trim)
        .filter(bare)
        .find(|part| part.is_empty() || part.parse::<LevelFilter>().is_err());
    wrong.map_or(Ok(()), |part| Err(Error::Level(part.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_level_is_refused() {
        for filter in ["info", "debug,kube=warn", "identity_pool_operator=trace"] {
            assert!(levels_are_levels(filter).is_ok(), "{filter}");
        }
        for filter in ["loud", "info,loud", "", "info,"] {
            assert!(levels_are_levels(filter).is_err(), "{filter:?}");
        }
    }
}
