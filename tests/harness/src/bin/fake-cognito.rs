//! The fake Cognito on its own: for the demo, for trying things out, and for
//! clients that are not written in Rust.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use harness::cognito::{CONTROL_HELP, FakeCognito, UpdateMode};

/// A fake of Amazon Cognito identity pools and of STS `GetCallerIdentity`.
///
/// Point any AWS SDK at it with `AWS_ENDPOINT_URL`. Access key ids that begin
/// with EXPIRED, DENIED or UNKNOWN are refused; every other is let in.
#[derive(Parser)]
#[command(after_long_help = CONTROL_HELP)]
struct Arguments {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:4579")]
    listen: SocketAddr,
    /// Service time of every call, in milliseconds
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// How long a list shows neither creations nor deletions, in milliseconds
    #[arg(long, default_value_t = 0)]
    list_lag_ms: u64,
    /// Calls per second of the whole account; without it, no limit
    #[arg(long)]
    rate: Option<f64>,
    /// Identity pools allowed per account and region
    #[arg(long, default_value_t = 1000)]
    quota: usize,
    /// Account of every access key
    #[arg(long, default_value = "123456789012")]
    account: String,
    /// Let an update keep the members that it leaves out, as emulators do
    #[arg(long)]
    merge_updates: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let builder = FakeCognito::builder()
        .listen(arguments.listen)
        .configure(|settings| {
            settings.latency = Duration::from_millis(arguments.latency_ms);
            settings.list_lag = Duration::from_millis(arguments.list_lag_ms);
            settings.account_rate = arguments.rate;
            settings.quota = arguments.quota;
            settings.default_account = arguments.account;
            if arguments.merge_updates {
                settings.update_mode = UpdateMode::Merge;
            }
        });
    let fake = match builder.try_start().await {
        Ok(fake) => fake,
        Err(error) => {
            eprintln!(
                "cannot listen on {}: {error}; --listen takes another address",
                arguments.listen
            );
            return ExitCode::FAILURE;
        }
    };
    let endpoint = fake.endpoint();
    println!("fake Cognito on {endpoint}\n\n{}", usage(&endpoint));
    // Without a signal handler there is nothing to wait for: serve until killed.
    let _ = tokio::signal::ctrl_c().await;
    ExitCode::SUCCESS
}

/// What a person types to use it. The lines that are set in can be pasted into a shell.
fn usage(endpoint: &str) -> String {
    // A proxy of the machine's knows nothing of our loopback: the SDK must not ask it.
    format!(
        r#"The operator against it, in a terminal that has the lines of `make cluster`:
  export AWS_ENDPOINT_URL={endpoint} AWS_REGION=eu-west-1 NO_PROXY=127.0.0.1
  export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any
  make run

A pool, in another that has the lines of `make cluster`:
  kubectl apply -f tests/manifests/accepted/bare.yaml
  kubectl wait --for=condition=Ready idpool/bare
  curl {endpoint}/_fake/pools

A fault: the next pool is made, but the answer is lost. There will be one pool all the same.
  curl {endpoint}/_fake/faults -d '{{"operation": "CreateIdentityPool", "kind": "loseReplyBeforeStatus"}}'
  kubectl apply -f tests/manifests/accepted/empty-spec.yaml
  kubectl wait --for=condition=Ready idpool/empty-spec
  curl {endpoint}/_fake/calls

{CONTROL_HELP}"#
    )
}

#[cfg(test)]
mod tests {
    use harness::cognito::Fault;
    use harness::project;

    use super::usage;

    #[test]
    fn the_fault_to_paste_is_one_that_the_fake_takes() {
        let usage = usage("http://127.0.0.1:4579");
        let (_, rest) = usage.split_once("/_fake/faults -d '").unwrap();
        let (fault, _) = rest.split_once('\'').unwrap();
        let fault: Fault = serde_json::from_str(fault).unwrap();
        assert_eq!(fault.operation, "CreateIdentityPool");
    }

    #[test]
    fn the_manifests_to_paste_exist() {
        let usage = usage("http://127.0.0.1:4579");
        let files = usage
            .split_whitespace()
            .filter(|word| word.starts_with("tests/"));
        let missing: Vec<&str> = files
            .filter(|file| !project::root().join(file).is_file())
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
