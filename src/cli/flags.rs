//! The flags of `run`, and what each of them takes.
//!
//! A value that can be seen to be wrong is refused here, before anything starts, with a
//! sentence that says what to write instead.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::election::Election;
use crate::telemetry;

/// Flags of `run`. Each has an environment variable; AWS settings (`AWS_REGION`,
/// `AWS_ENDPOINT_URL`, profiles, web identity, Pod Identity) are the SDK's own.
#[derive(Debug, Args)]
// The last of several counts, so that arguments can be added to those of a chart; lists grow.
#[command(args_override_self = true)]
pub(super) struct Flags {
    /// Namespaces to look after, comma-separated [default: all]
    #[arg(long, env = "WATCH_NAMESPACES", value_delimiter = ',', value_parser = namespace)]
    pub(super) watch_namespaces: Vec<String>,
    /// Label selector of the objects to look after [default: all]
    #[arg(long, env = "WATCH_SELECTOR")]
    pub(super) watch_selector: Option<String>,
    /// Tells this cluster from others in the same AWS account [default: uid of the namespace kube-system]
    #[arg(long, env = "INSTALLATION_ID", value_parser = installation_id)]
    pub(super) installation_id: Option<String>,
    /// Seconds after which a create call without an answer can no longer take effect
    #[arg(long, env = "SETTLE_WINDOW_SECONDS", default_value_t = 420)]
    pub(super) settle_window_seconds: u32,
    /// Seconds between two looks at a pool of which nothing was heard
    #[arg(long, env = "RESYNC_PERIOD_SECONDS", default_value_t = 1800, value_parser = clap::value_parser!(u32).range(60..=86_400))]
    pub(super) resync_period_seconds: u32,
    /// Objects that are worked on at once
    #[arg(long, env = "MAX_CONCURRENT_RECONCILES", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) max_concurrent_reconciles: u16,
    /// Let objects take over pools that this operator did not make (spec.adopt)
    #[arg(long, env = "ALLOW_ADOPTION")]
    pub(super) allow_adoption: bool,
    /// Wait for an AWS region and credentials that are not there, and say so, instead of ending
    #[arg(long, env = "WAIT_FOR_AWS")]
    pub(super) wait_for_aws: bool,
    /// Folder with AWS keys, a file for each that is named as its variable, such as a mounted Secret [default: what the AWS SDK finds]
    #[arg(long, env = "AWS_KEYS_DIRECTORY", value_name = "PATH")]
    pub(super) aws_keys_directory: Option<PathBuf>,
    #[command(flatten)]
    pub(super) election: Election,
    /// Address of /metrics; 0 turns it off
    #[arg(long, env = "METRICS_BIND_ADDRESS", default_value = ":8080", value_parser = address)]
    pub(super) metrics_bind_address: Address,
    /// Address of /livez and /readyz; 0 turns them off
    #[arg(long, env = "HEALTH_PROBE_BIND_ADDRESS", default_value = ":8081", value_parser = address)]
    pub(super) health_probe_bind_address: Address,
    /// Log level or filter, such as `info,identity_pool_operator=debug`
    #[arg(long, env = "LOG_LEVEL", default_value = "info")]
    pub(super) log_level: String,
    /// Shape of log lines
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t)]
    pub(super) log_format: telemetry::log::Format,
    /// Context of the kubeconfig [default: the current one, or the cluster the process runs in]
    #[arg(long)]
    pub(super) context: Option<String>,
}

/// Where to listen, or not at all.
pub(super) type Address = Option<SocketAddr>;

/// Reads an address as controller-runtime does: `:8080` is every interface, `0` is none.
fn address(text: &str) -> Result<Address, String> {
    if text == "0" {
        return Ok(None);
    }
    let full = if text.starts_with(':') {
        format!("[::]{text}")
    } else {
        text.to_owned()
    };
    full.parse().map(Some).map_err(|_| {
        format!("{text:?} is no address; write host:port, :port for every interface, or 0 for none")
    })
}

/// Longest name of a namespace (RFC 1123 label, as Kubernetes demands).
const LABEL_LIMIT: usize = 63;

pub(super) fn namespace(text: &str) -> Result<String, &'static str> {
    let small = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit();
    let framed = text.starts_with(small) && text.ends_with(small);
    if framed && text.len() <= LABEL_LIMIT && text.chars().all(|char| small(char) || char == '-') {
        Ok(text.to_owned())
    } else {
        Err(
            "a namespace has 1 to 63 small letters, digits and hyphens, and neither begins nor \
             ends with a hyphen; several are separated by a comma alone, and for all the flag is \
             left out",
        )
    }
}

/// What the owner tag `<installation id>/<uid>` leaves of the 256 characters of a tag
/// value (AWS: `TagResource`): Kubernetes' uids have 36.
const INSTALLATION_LIMIT: usize = 256 - 36 - 1;

/// AWS also takes `/` and white space in a tag; in an owner tag the one separates, and the
/// other cannot be seen in a message.
pub(super) fn installation_id(text: &str) -> Result<String, &'static str> {
    let fits = |char: char| char.is_ascii_alphanumeric() || "_.:=+-@".contains(char);
    if (1..=INSTALLATION_LIMIT).contains(&text.len()) && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err(
            "it becomes part of a tag in AWS and has 1 to 219 letters, digits and characters of \
             _.:=+-@",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_controller_runtime_reads_them() {
        assert_eq!(address("0"), Ok(None));
        assert_eq!(address(":8080"), Ok("[::]:8080".parse().ok()));
        assert_eq!(address("127.0.0.1:0"), Ok("127.0.0.1:0".parse().ok()));
        assert!(address("8080").is_err_and(|why| why.contains("host:port")));
    }

    #[test]
    fn names_that_cannot_be_one_of_a_namespace_are_refused() {
        let longest = "n".repeat(LABEL_LIMIT);
        for name in ["shop", "shop-2", "7", &longest] {
            assert_eq!(namespace(name).as_deref(), Ok(name));
        }
        let longer = "n".repeat(LABEL_LIMIT + 1);
        for name in [
            "", " ", "a b", "Shop", "a/b", "-a", "a-", "a.b", "ä", &longer,
        ] {
            assert!(namespace(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn an_installation_id_fits_into_a_tag_together_with_any_uid() {
        let uid = "3c96c5c7-633c-495f-8f17-262d4fe6b287";
        let longest = "i".repeat(INSTALLATION_LIMIT);
        assert_eq!(crate::pool::ownership::owner_of(&longest, uid).len(), 256);
        for id in [uid, "eu:prod_1.a=b+c@d", &longest] {
            assert_eq!(installation_id(id).as_deref(), Ok(id));
        }
        let longer = "i".repeat(INSTALLATION_LIMIT + 1);
        for id in ["", "a/b", "a b", "a\t", "prod#1", "größe", &longer] {
            assert!(installation_id(id).is_err(), "{id:?}");
        }
    }

    fn parse(arguments: &[&str]) -> Result<Flags, clap::Error> {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            flags: Flags,
        }
        let line = [&["x"], arguments].concat();
        <Line as clap::Parser>::try_parse_from(line).map(|line| line.flags)
    }

    #[test]
    fn each_value_of_a_list_is_looked_at() {
        assert!(parse(&["--watch-namespaces=a,b"]).is_ok());
        assert!(parse(&["--watch-namespaces=a,,b"]).is_err());
        assert!(parse(&["--watch-namespaces="]).is_err());
    }

    #[test]
    fn of_a_flag_that_is_given_twice_the_last_counts_and_a_list_grows() {
        let twice = [
            "--log-level=info",
            "--log-level=debug",
            "--allow-adoption",
            "--allow-adoption",
        ];
        let flags = parse(&twice).expect("taken");
        assert_eq!(flags.log_level, "debug");
        assert!(flags.allow_adoption);
        let lists = parse(&["--watch-namespaces=a,b", "--watch-namespaces=c"]);
        assert_eq!(lists.expect("taken").watch_namespaces, ["a", "b", "c"]);
    }
}
