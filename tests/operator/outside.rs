//! What AWS, a proxy on the way, or a command line may hold, however odd: no panic, no answer
//! taken for a pool that is none, no doubt taken for a refusal.
//!
//! Drawn by fixed seeds; a failure prints the smallest case. `PROPTEST_CASES=n` draws more.
//! A label selector is not parsed here but by the apiserver, so no odd one is odd to us.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use identity_pool_operator::aws::port::Cognito;
use identity_pool_operator::pool::call::{Call, FailureKind};
use identity_pool_operator::pool::settings::PoolId;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::start::{NOBODY, command};
use crate::wire::{client, create};

fn draws(cases: u32) -> TestRunner {
    let asked = std::env::var("PROPTEST_CASES").ok();
    TestRunner::new(Config {
        cases: asked.and_then(|n| n.parse().ok()).unwrap_or(cases),
        rng_seed: RngSeed::Fixed(20_261_124),
        failure_persistence: None,
        ..Config::default()
    })
}

/// An answer that somebody gave.
#[derive(Clone, Debug)]
struct Said {
    status: u16,
    /// The error code in the header, which no AWS has ever used.
    header: Option<String>,
    body: Vec<u8>,
}

fn said() -> impl Strategy<Value = Said> {
    let code = "[A-Za-z]{0,12}X";
    let coded = (code, any::<String>(), "(__type|code|message|Message)").prop_map(
        |(code, message, key)| {
            serde_json::json!({ "__type": code, key: message })
                .to_string()
                .into_bytes()
        },
    );
    let pool = (
        any::<String>(),
        any::<Option<bool>>(),
        any::<Option<String>>(),
    )
        .prop_map(|(name, guests, tag)| {
            let pool = serde_json::json!({
                "IdentityPoolName": name, "AllowUnauthenticatedIdentities": guests,
                "IdentityPoolTags": { "a": tag },
            });
            pool.to_string().into_bytes()
        });
    let fixed = [
        "",
        "{",
        "[]",
        "null",
        "\"x\"",
        "{}",
        "{\"IdentityPoolId\":null}",
        "{\"IdentityPools\":null}",
        "{\"IdentityPools\":[{}]}",
        "{\"IdentityPools\":[{\"IdentityPoolId\":\"\"}]}",
        "<html></html>",
    ];
    let body = prop_oneof![
        coded,
        pool,
        prop::sample::select(fixed.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..200),
    ];
    let status = prop_oneof![Just(200), Just(400), Just(403), 200..600_u16];
    (status, prop::option::of(code), body).prop_map(|(status, header, body)| Said {
        status,
        header,
        body,
    })
}

/// Reads one request to its end and says what there is to say.
async fn converse(mut stream: TcpStream, said: &Said) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.and_then(|n| n.trim().parse().ok()).unwrap_or(0);
            if body.len() >= length {
                break;
            }
        }
        let read = stream.read(&mut part).await?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&part[..read]);
    }
    let code = said
        .header
        .as_ref()
        .map(|code| format!("x-amzn-errortype: {code}\r\n"));
    let head = format!(
        "HTTP/1.1 {} Said\r\ncontent-type: application/x-amz-json-1.1\r\n{}content-length: {}\r\n\
         connection: close\r\n\r\n",
        said.status,
        code.unwrap_or_default(),
        said.body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&said.body).await?;
    stream.shutdown().await
}

#[test]
fn no_answer_is_taken_for_more_than_it_says() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let listener = runtime
        .block_on(TcpListener::bind("127.0.0.1:0"))
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    let next = Arc::new(Mutex::new(None));
    let told = Arc::clone(&next);
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let said: Option<Said> = told.lock().expect("no panic").clone();
            if let Some(said) = said {
                // A client that has gone does not matter.
                let _ = converse(stream, &said).await;
            }
        }
    });
    let client = client(&format!("http://{address}"));
    let id = PoolId::new("eu-west-1:00000000-0000-4000-8000-000000000001");
    let outcome = draws(300).run(&said(), |said| {
        *next.lock().expect("no panic") = Some(said.clone());
        let calls = [
            create("app"),
            Call::DescribeIdentityPool { id: id.clone() },
            Call::ListIdentityPools { next_token: None },
            Call::ListIdentities { id: id.clone() },
            Call::GetIdentityPoolRoles { id: id.clone() },
            Call::GetPrincipalTagAttributeMap {
                id: id.clone(),
                provider: "graph.facebook.com".to_owned(),
            },
        ];
        for call in calls {
            let limit = Duration::from_secs(5);
            match runtime.block_on(client.call_within(call, limit)) {
                // Nothing that is drawn here says as much.
                Ok(answer) => prop_assert!(false, "{answer:?} of {:?}", said.body),
                // A code that nobody knows is no refusal: it may have taken effect.
                Err(failure) => prop_assert_eq!(failure.kind, FailureKind::Unanswered),
            }
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn no_command_line_makes_it_panic() {
    let flags = [
        "--watch-namespaces",
        "--watch-selector",
        "--installation-id",
        "--settle-window-seconds",
        "--resync-period-seconds",
        "--max-concurrent-reconciles",
        "--metrics-bind-address",
        "--health-probe-bind-address",
        "--log-level",
        "--log-format",
        "--context",
        "--leader-elect",
        "--leader-election-namespace",
        "--leader-election-id",
    ];
    let value = prop_oneof![any::<String>(), "[-a-z0-9:/.,=]{0,20}", "-?[0-9]{1,25}"];
    let line = (prop::sample::select(flags.to_vec()), value);
    let outcome = draws(60).run(&line, |(flag, value)| {
        // No command line can hold it.
        let value = value.replace('\0', "");
        let mut command = command(Path::new("/nonexistent"), NOBODY);
        let output = command.arg("run").arg(format!("{flag}={value}")).output();
        let output = output.expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        prop_assert!(!said.contains("panicked"), "{}", said);
        prop_assert_eq!(output.status.code(), Some(2), "{}", said);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
