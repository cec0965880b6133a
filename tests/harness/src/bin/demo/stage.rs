//! What the acts are played with: kubectl as a person types it, checks that speak
//! in sentences, and the fake Cognito behind the scene.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use harness::causes::with_causes;
use harness::cognito::FakeCognito;
use harness::control_plane::ControlPlane;
use harness::operator::Operator;
use harness::scratch::Scratch;
use serde_json::Value;
use uuid::Uuid;

/// Nothing of the demo takes as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lets an object go whose operator has ended with the demo; its pool was never real.
const RELEASE: &str = r#"{"metadata":{"finalizers":null}}"#;

/// Why the demo cannot go on.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

/// The person's kubectl.
pub(crate) struct Kubectl {
    program: PathBuf,
    kubeconfig: Option<PathBuf>,
    context: Option<String>,
}

impl Kubectl {
    pub(crate) fn of(plane: &ControlPlane) -> Self {
        Self {
            program: plane.kubectl_path().to_owned(),
            kubeconfig: Some(plane.kubeconfig_path().to_owned()),
            context: None,
        }
    }

    pub(crate) fn of_user(kubeconfig: Option<PathBuf>, context: Option<String>) -> Self {
        Self {
            program: PathBuf::from("kubectl"),
            kubeconfig,
            context,
        }
    }

    fn run(&self, arguments: &[&str], input: &str) -> Result<String, Failure> {
        let mut command = Command::new(&self.program);
        if let Some(kubeconfig) = &self.kubeconfig {
            command.env("KUBECONFIG", kubeconfig);
        }
        if let Some(context) = &self.context {
            command.arg("--context").arg(context);
        }
        let failed = |error: std::io::Error| Failure(format!("kubectl cannot be run: {error}"));
        let mut child = command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).map_err(failed)?;
        }
        let output = child.wait_with_output().map_err(failed)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout)
                .trim_end()
                .to_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr)
            .trim_end()
            .to_owned();
        Err(Failure(format!("kubectl {}: {said}", arguments.join(" "))))
    }
}

/// Shows a text, set in.
pub(crate) fn show(text: &str) {
    let mut shown = String::new();
    for line in text.lines() {
        // Writing to a string cannot fail.
        let _ = writeln!(shown, "     {line}");
    }
    print!("{shown}");
}

/// A command line as it can be pasted into a shell.
fn quoted(arguments: &[&str]) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_=./:,".contains(char);
    let quote = |argument: &&str| {
        if argument.chars().all(plain) {
            (*argument).to_owned()
        } else {
            format!("'{argument}'")
        }
    };
    arguments.iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// The stage: one namespace, one account, one operator at a time.
pub(crate) struct Stage {
    kubectl: Kubectl,
    pub(crate) fake: FakeCognito,
    pub(crate) namespace: String,
    binary: PathBuf,
    pub(crate) operator: Option<Operator>,
    scratch: Scratch,
    act: u32,
    colours: bool,
}

impl Stage {
    pub(crate) fn new(
        kubectl: Kubectl,
        fake: FakeCognito,
        binary: PathBuf,
        scratch: Scratch,
    ) -> Self {
        let suffix: String = Uuid::new_v4()
            .simple()
            .to_string()
            .chars()
            .take(6)
            .collect();
        Self {
            kubectl,
            fake,
            namespace: format!("identity-pool-demo-{suffix}"),
            binary,
            operator: None,
            scratch,
            act: 0,
            colours: std::io::stdout().is_terminal(),
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colours {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// Announces what is going to be seen.
    pub(crate) fn act(&mut self, title: &str) {
        self.act += 1;
        let title = format!("{}. {title}", self.act);
        println!("\n{}", self.paint("1", &title));
    }

    /// Runs what a person would type in the demo's namespace, and shows it.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Result<String, Failure> {
        println!(
            "{}",
            self.paint("36", &format!("   $ kubectl {}", quoted(arguments)))
        );
        let output = self.quietly(arguments)?;
        show(&output);
        Ok(output)
    }

    /// Applies a manifest, and shows both.
    pub(crate) fn apply(&self, manifest: &str) -> Result<(), Failure> {
        println!("{}", self.paint("36", "   $ kubectl apply -f - <<EOF"));
        show(manifest.trim_end());
        println!("{}", self.paint("36", "   EOF"));
        let output = self
            .kubectl
            .run(&["-n", &self.namespace, "apply", "-f", "-"], manifest)?;
        show(&output);
        Ok(())
    }

    /// Runs kubectl without showing it.
    pub(crate) fn quietly(&self, arguments: &[&str]) -> Result<String, Failure> {
        let mut all = vec!["-n", self.namespace.as_str()];
        all.extend(arguments);
        self.kubectl.run(&all, "")
    }

    /// An object as JSON.
    pub(crate) fn object(&self, name: &str) -> Result<Value, Failure> {
        let text = self.quietly(&["get", "idpool", name, "-o", "json"])?;
        serde_json::from_str(&text)
            .map_err(|error| Failure(format!("kubectl gave no JSON: {error}")))
    }

    /// Says that something was checked, or fails with what was wrong.
    pub(crate) fn check(&self, holds: bool, what: &str) -> Result<(), Failure> {
        if holds {
            println!("   {} {what}", self.paint("32", "✓"));
            return Ok(());
        }
        Err(Failure(format!(
            "not true: {what}; the operator's log: {}",
            self.log().display()
        )))
    }

    /// Waits until something holds.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn() -> bool) -> Result<(), Failure> {
        let begun = Instant::now();
        while !holds() {
            if begun.elapsed() > PATIENCE {
                return Err(Failure(format!(
                    "waited in vain until {what}; the operator's log: {}",
                    self.log().display()
                )));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    fn log(&self) -> PathBuf {
        self.scratch.path().join("operator.log")
    }

    /// Starts the operator, as a process.
    pub(crate) async fn start_operator(&mut self) -> Result<(), Failure> {
        let mut flags = vec![
            format!("--watch-namespaces={}", self.namespace),
            format!("--installation-id={}", self.namespace),
        ];
        flags.extend(
            self.kubectl
                .context
                .as_ref()
                .map(|context| format!("--context={context}")),
        );
        let kubeconfig = self.kubectl.kubeconfig.as_deref();
        let failed = |error| Failure(with_causes(&error));
        let operator = Operator::start(&self.binary, &self.fake, kubeconfig, flags, &self.log());
        let operator = operator.map_err(failed)?;
        operator.ready().await.map_err(failed)?;
        self.operator = Some(operator);
        Ok(())
    }

    /// Removes what the demo made on a cluster of the user's, but for the CRD.
    pub(crate) fn tidy_up(&mut self) {
        self.operator = None;
        let namespace = self.namespace.clone();
        let release = |name| vec!["patch", "idpool", name, "--type=merge", "-p", RELEASE];
        let leave = vec!["delete", "namespace", &namespace, "--wait=false"];
        for arguments in [release("web"), release("crash"), leave] {
            match self.quietly(&arguments) {
                Err(Failure(why)) if !why.contains("NotFound") => eprintln!("tidying up: {why}"),
                _ => {}
            }
        }
    }
}
