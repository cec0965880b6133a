//! The binary at start: what cannot work ends it with one line that says what to do, and
//! code 2.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use harness::operator::SECRET;
use harness::scratch::Scratch;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::rig::{ACCESS_KEY, REGION, Rig};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_identity-pool-operator");

/// Where nobody listens: no system gives such a port to whoever asks for a free one.
pub(crate) const NOBODY: &str = "127.0.0.1:1";

/// The binary with nothing of this machine's environment but what it needs. It has no pages
/// of its own and says nothing but what is wrong.
pub(crate) fn command(kubeconfig: &Path, endpoint: &str) -> Command {
    let mut command = Command::new(BINARY);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("KUBECONFIG", kubeconfig)
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("LOG_LEVEL", "warn")
        .env("METRICS_BIND_ADDRESS", "0")
        .env("HEALTH_PROBE_BIND_ADDRESS", "0")
        .env("NO_PROXY", "127.0.0.1");
    command
}

/// Runs it to its end; one that runs on instead is ended, which no test takes for success.
pub(crate) async fn run(command: Command, arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::from(command);
    let ended = command.args(arguments).kill_on_drop(true).output();
    let output = tokio::time::timeout(Duration::from_secs(20), ended).await;
    output
        .unwrap_or_else(|_| panic!("{arguments:?}: it still runs"))
        .expect("it runs")
}

/// What a row of a table changes: `NAME=value`, or `-NAME` to take it away.
pub(crate) fn changed(mut command: Command, environment: &[&str]) -> Command {
    for change in environment {
        match (change.strip_prefix('-'), change.split_once('=')) {
            (Some(name), _) => command.env_remove(name),
            (None, Some((name, value))) => command.env(name, value),
            (None, None) => panic!("{change:?} is no change"),
        };
    }
    command
}

/// Code 2, and one line besides warnings, in words and with all of these.
fn assert_refused(output: &Output, says: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    let mut lines: Vec<&str> = said.lines().collect();
    let last = lines.pop().unwrap_or_default();
    assert!(last.starts_with("identity-pool-operator: "), "{said}");
    for word in says {
        assert!(last.contains(word), "{word:?} not in {last}");
    }
    assert!(!last.contains("For more information"), "{last}");
    assert!(lines.iter().all(|line| line.contains(" WARN ")), "{said}");
    assert_in_words(&said);
}

/// Nothing in Rust's notation.
pub(crate) fn assert_in_words(said: &str) {
    for mark in ["Error {", "Some(", "Status {", "Os {", "ProviderError("] {
        assert!(!said.contains(mark), "{said}");
    }
}

#[tokio::test]
async fn a_flag_that_cannot_work_is_refused_in_one_line() {
    let rig = Rig::new("flags").await;
    let (kubeconfig, endpoint) = (rig.plane.kubeconfig_path(), rig.fake.endpoint());
    let long = format!("--installation-id={}", "i".repeat(220));
    let selector = ["--watch-selector", "kubectl -l", "team=web"];
    let table: &[(&str, &[&str])] = &[
        ("--log-level=in fo=5=x", &["--log-level \"in fo=5=x\""]),
        ("--metrics-bind-address=8080", &["\"8080\"", "host:port"]),
        ("--log-level=", &["--log-level \"\"", "warn"]),
        ("--leader-election-namespace=Bad_NS", &["'Bad_NS'"]),
        ("--log-format=xml", &["--log-format", "text, json"]),
        (
            "--wach-selector=a=b",
            &["--wach-selector", "--watch-selector"],
        ),
        ("--max-aws-writes-per-second=0", &["'0'", "leave the flag"]),
        ("--max-aws-reads-per-second=fast", &["'fast'", "2.5"]),
        ("--max-aws-reads-per-second=-3", &["'-3'", "0.1 to 10000"]),
        ("--resync-period-seconds=5", &["'5'", "60..=86400"]),
        ("--watch-namespaces=Shop", &["'Shop'", "small letters"]),
        ("--watch-namespaces=a, b", &["' b'", "comma"]),
        ("--watch-namespaces=a/b", &["'a/b'", "hyphens"]),
        ("--installation-id=a/b", &["'a/b'", "tag", "219"]),
        ("--installation-id=two words", &["'two words'", "tag"]),
        (&long, &["--installation-id", "219"]),
        ("--watch-selector=team in (", &selector),
        ("--watch-selector=a=b=c", &selector),
        ("--watch-selector=a b", &["\"a b\"", "expected: in, notin"]),
        ("--context=nope", &["context \"nope\"", "--context"]),
    ];
    for (flag, says) in table {
        let arguments = [&["run"][..], &[flag]].concat();
        assert_refused(&run(command(kubeconfig, &endpoint), &arguments).await, says);
    }
}

#[tokio::test]
async fn a_setting_of_aws_that_cannot_work_is_refused_in_one_line() {
    let rig = Rig::new("settings").await;
    let (kubeconfig, endpoint) = (rig.plane.kubeconfig_path(), rig.fake.endpoint());
    let scratch = Scratch::new().expect("a folder");
    let profiles = |name: &str, text: &str| {
        let path = scratch.path().join(name);
        std::fs::write(&path, text).expect("written");
        format!("AWS_CONFIG_FILE={}", path.display())
    };
    let good = profiles("good", "[profile other]\nregion = eu-west-1\n");
    let garbled = profiles("garbled", "[profile other]\nregion\n");
    let elsewhere = profiles("elsewhere", "[default]\nendpoint_url = localhost:4566\n");
    let table: &[(&[&str], &[&str])] = &[
        (&["-AWS_REGION"], &["AWS_REGION", "eu-west-1"]),
        (&["AWS_REGION="], &["AWS_REGION", "eu-west-1"]),
        (
            &["AWS_REGION=ireland"],
            &["\"ireland\"", "AWS_REGION", "eu-west-1"],
        ),
        (
            &["AWS_REGION=eu-west-1a"],
            &["\"eu-west-1a\"", "AWS_REGION"],
        ),
        (
            &["AWS_ENDPOINT_URL="],
            &["AWS_ENDPOINT_URL is \"\"", "unset"],
        ),
        (
            &["AWS_ENDPOINT_URL=127.0.0.1:4566"],
            &["AWS_ENDPOINT_URL", "\"127.0.0.1:4566\""],
        ),
        (
            &["AWS_ENDPOINT_URL=localhost:4566"],
            &["AWS_ENDPOINT_URL", "http://"],
        ),
        (
            &["AWS_ENDPOINT_URL=http://"],
            &["AWS_ENDPOINT_URL", "\"http://\""],
        ),
        (
            &["AWS_ENDPOINT_URL_STS=htp://x"],
            &["AWS_ENDPOINT_URL_STS", "\"htp://x\""],
        ),
        (
            &["AWS_ENDPOINT_URL_COGNITO_IDENTITY=x"],
            &["AWS_ENDPOINT_URL_COGNITO_IDENTITY"],
        ),
        (
            &[&elsewhere],
            &["endpoint_url in the AWS profile", "\"localhost:4566\""],
        ),
        (
            &["-AWS_SECRET_ACCESS_KEY"],
            &["AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not"],
        ),
        (
            &["AWS_KEYS_DIRECTORY=/nowhere"],
            &["/nowhere/AWS_ACCESS_KEY_ID", "--aws-keys-directory"],
        ),
        (
            &["AWS_WEB_IDENTITY_TOKEN_FILE=/etc/hostname"],
            &["AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not"],
        ),
        (
            &["AWS_PROFILE=nope"],
            &["AWS_PROFILE is \"nope\"", "~/.aws/config"],
        ),
        (
            &["AWS_PROFILE=nope", &good],
            &["AWS_PROFILE is \"nope\"", "AWS_CONFIG_FILE"],
        ),
        (
            &["AWS_PROFILE=other", &garbled],
            &["garbled on line 2", "correct that file"],
        ),
    ];
    for (environment, says) in table {
        let command = changed(command(kubeconfig, &endpoint), environment);
        assert_refused(&run(command, &["run"]).await, says);
    }
    assert!(rig.fake.calls().is_empty(), "nobody was asked");
}

/// An instance metadata service with these answers to the request for a token, and to others.
pub(crate) async fn metadata_service(token: &'static str, other: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            // The whole of a small request arrives at once.
            let mut request = [0; 4096];
            let _ = client.read(&mut request).await;
            let answer = if request.starts_with(b"PUT") {
                token
            } else {
                other
            };
            let end = "Content-Length: 0\r\nConnection: close\r\n\r\n";
            let answer = format!("HTTP/1.1 {answer}\r\n{end}");
            let _ = client.write_all(answer.as_bytes()).await;
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn credentials_for_which_waiting_is_in_vain_end_it_with_advice() {
    let rig = Rig::new("credentials").await;
    let (kubeconfig, endpoint) = (rig.plane.kubeconfig_path(), rig.fake.endpoint());
    let scratch = Scratch::new().expect("a folder");
    let profiles = scratch.path().join("config");
    let empty = "[profile empty]\nregion = eu-west-1\n[profile sso]\nsso_session = x\n";
    std::fs::write(&profiles, empty).expect("written");
    let profiles = format!("AWS_CONFIG_FILE={}", profiles.display());
    let instance = |url: &str| format!("AWS_EC2_METADATA_SERVICE_ENDPOINT={url}");
    let forbidding = instance(&metadata_service("403 Forbidden", "").await);
    let another = instance(&metadata_service("200 OK", "").await);
    let nobody = instance(&format!("http://{NOBODY}"));
    let (no_key, no_secret) = ("-AWS_ACCESS_KEY_ID", "-AWS_SECRET_ACCESS_KEY");
    let asked = "-AWS_EC2_METADATA_DISABLED";
    let role = "AWS_ROLE_ARN=arn:aws:iam::123456789012:role/operator";
    let token = "AWS_WEB_IDENTITY_TOKEN_FILE=/nowhere/token";
    let ways = &["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "IRSA"][..];
    let table: &[(&[&str], &[&str])] = &[
        (&[no_key, no_secret], ways),
        (&[no_key, no_secret, asked, &forbidding], ways),
        (&[no_key, no_secret, asked, &another], ways),
        (&[no_key, no_secret, asked, &nobody], ways),
        (
            &[no_key, no_secret, role, token],
            &[
                "AWS_WEB_IDENTITY_TOKEN_FILE is /nowhere/token",
                "mount",
                "No such file",
            ],
        ),
        (
            &[no_key, no_secret, "AWS_PROFILE=empty", &profiles],
            &["complete the AWS profile \"empty\"", "AWS_PROFILE"],
        ),
        (
            &[no_key, no_secret, "AWS_PROFILE=sso", &profiles],
            &["correct the AWS profile", "AWS_PROFILE"],
        ),
        (&["AWS_ACCESS_KEY_ID=EXPIRED"], &["ExpiredToken", "renew"]),
        (
            &["AWS_ACCESS_KEY_ID=UNKNOWN"],
            &["InvalidClientTokenId", "AWS_SECRET_ACCESS_KEY"],
        ),
    ];
    for (environment, says) in table {
        let command = changed(command(kubeconfig, &endpoint), environment);
        assert_refused(&run(command, &["run"]).await, says);
    }
}

/// The kubeconfig of the plane, spoilt.
fn spoilt(rig: &Rig, scratch: &Scratch, name: &str, spoil: impl FnOnce(&mut Value)) -> PathBuf {
    let text = std::fs::read_to_string(rig.plane.kubeconfig_path()).expect("a kubeconfig");
    let mut kubeconfig = serde_json::from_str(&text).expect("JSON");
    spoil(&mut kubeconfig);
    written(scratch, name, &kubeconfig.to_string())
}

pub(crate) fn written(scratch: &Scratch, name: &str, text: &str) -> PathBuf {
    let path = scratch.path().join(name);
    std::fs::write(&path, text).expect("written");
    path
}

/// Its user's credentials come from a command.
fn spoilt_command(rig: &Rig, scratch: &Scratch, name: &str, command: &[&str]) -> PathBuf {
    let exec = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": command[0],
        "args": command[1..],
        "interactiveMode": "Never",
    });
    spoilt(rig, scratch, name, |kubeconfig| {
        kubeconfig["users"][0]["user"] = json!({ "exec": exec });
    })
}

/// Its server is not there.
pub(crate) fn unreachable(rig: &Rig, scratch: &Scratch) -> PathBuf {
    let server = format!("https://{NOBODY}");
    spoilt(rig, scratch, "unreachable", |kubeconfig| {
        kubeconfig["clusters"][0]["cluster"]["server"] = server.into();
    })
}

#[tokio::test]
async fn a_cluster_that_cannot_be_had_is_refused_in_one_line_without_its_secrets() {
    let rig = Rig::new("cluster").await;
    let scratch = Scratch::new().expect("a folder");
    let nobody = rig
        .plane
        .kubeconfig_for("nobody", &[])
        .expect("a kubeconfig");
    let token = spoilt(&rig, &scratch, "token", |kubeconfig| {
        kubeconfig["users"][0]["user"] = json!({ "token": SECRET });
    });
    let authority = spoilt(&rig, &scratch, "authority", |kubeconfig| {
        kubeconfig["clusters"][0]["cluster"]["certificate-authority"] = "/nowhere/ca".into();
    });
    let garbled = format!("users:\n- name: x\n  user: {{token: \"{SECRET}\n");
    let silent = ["/bin/sh", "-c", "exit 1"];
    let loud = [
        "/bin/sh",
        "-c",
        "echo working >&2; echo log in first >&2; exit 1",
    ];
    let chatty = ["/bin/echo", SECRET];
    let table: &[(PathBuf, &[&str])] = &[
        ("/nowhere/config".into(), &["/nowhere/config", "KUBECONFIG"]),
        (
            written(&scratch, "garbled", &garbled),
            &["malformed", "line 3", "KUBECONFIG"],
        ),
        (
            written(&scratch, "empty", ""),
            &["current context", "--context"],
        ),
        (authority, &["/nowhere/ca", "cannot be read"]),
        (
            spoilt_command(&rig, &scratch, "none", &["/nowhere/aws"]),
            &["command", "No such file"],
        ),
        (
            spoilt_command(&rig, &scratch, "silent", &silent),
            &["command", "said nothing"],
        ),
        (
            spoilt_command(&rig, &scratch, "loud", &loud),
            &["command", ": log in first;"],
        ),
        (
            spoilt_command(&rig, &scratch, "chatty", &chatty),
            &["no ExecCredential"],
        ),
        (
            token,
            &["does not accept the credentials", "Unauthorized", "renew"],
        ),
        (nobody, &["kube-system", "nobody", "--installation-id"]),
    ];
    for (kubeconfig, says) in table {
        let command = command(kubeconfig, &rig.fake.endpoint());
        let output = run(command, &["run"]).await;
        assert_refused(&output, says);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains(SECRET), "{said}");
    }
}

#[tokio::test]
async fn a_kubeconfig_that_somebody_named_is_never_passed_over() {
    let home = Scratch::new().expect("a folder");
    let at_home = format!("HOME={}", home.path().display());
    let inside = [
        "KUBERNETES_SERVICE_HOST=127.0.0.1",
        "KUBERNETES_SERVICE_PORT=1",
    ];
    let table: &[(&[&str], &[&str])] = &[
        (&[], &["/nowhere/config"]),
        (&inside, &["/nowhere/config"]),
        (&["-KUBECONFIG", &at_home], &[".kube/config", "KUBECONFIG"]),
        (
            &["-KUBECONFIG", &at_home, inside[0], inside[1]],
            &["the service account is unusable", "No such file"],
        ),
    ];
    for (environment, says) in table {
        let command = command(Path::new("/nowhere/config"), "http://127.0.0.1:1");
        let output = run(changed(command, environment), &["run"]).await;
        assert_refused(&output, says);
    }
}
