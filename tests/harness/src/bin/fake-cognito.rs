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
            eprintln!("cannot listen on {}: {error}", arguments.listen);
            return ExitCode::FAILURE;
        }
    };
    println!("fake Cognito on {}", fake.endpoint());
    // Without a signal handler there is nothing to wait for: serve until killed.
    let _ = tokio::signal::ctrl_c().await;
    ExitCode::SUCCESS
}
