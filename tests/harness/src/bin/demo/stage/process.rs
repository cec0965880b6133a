//! The operator as a process: started as a person would, killed as the kernel would.
//!
//! Its log stays when the demo has failed.

use std::fs;

use harness::operator::Operator;
use harness::project;
use harness::shell::quoted;

use super::Stage;
use crate::failure::Failure;

impl Stage {
    /// Starts the operator as a process, shows how, and waits until it is ready.
    pub(crate) async fn start_operator(&mut self) -> Result<(), Failure> {
        let mut flags = vec![
            format!("--watch-namespaces={}", self.namespace),
            format!("--installation-id={}", self.installation),
        ];
        let context = self.kubectl.context();
        flags.extend(context.map(|context| format!("--context={context}")));
        let program = project::from_here(&self.binary).to_string_lossy();
        self.screen.command(&format!(
            "AWS_ENDPOINT_URL=$FAKE AWS_REGION=eu-west-1 AWS_ACCESS_KEY_ID=any \\\n  \
             AWS_SECRET_ACCESS_KEY=any {} run \\\n  {}",
            quoted(&program),
            flags.join(" ")
        ));
        let kubeconfig = self.kubectl.kubeconfig();
        let started = Operator::start(&self.binary, &self.fake, kubeconfig, flags, &self.log);
        let operator = started.map_err(|error| Failure::of(&error))?;
        let ready = operator.ready().await;
        ready.map_err(|error| Failure::of(&error))?;
        let told = format!(
            "ready: process {}, log {}",
            operator.id(),
            self.log.display()
        );
        self.operator = Some(operator);
        self.check(true, &told)
    }

    /// Kills the operator as the kernel would when memory runs out.
    pub(crate) fn kill_operator(&mut self) {
        if let Some(operator) = self.operator.take() {
            self.screen.command(&format!("kill -9 {}", operator.id()));
            // Dropping it is SIGKILL and a wait.
            drop(operator);
        }
    }

    /// What the operator has said, for whoever wants to understand a failure.
    pub(crate) fn where_to_look(&self) -> String {
        if self.log.exists() {
            format!("\nThe operator's log: {}", self.log.display())
        } else {
            String::new()
        }
    }

    /// Nobody needs the log of a demo that went well.
    pub(crate) fn forget_log(&mut self) {
        self.operator = None;
        // It may not be there, and in the temporary folder it would harm nobody.
        let _ = fs::remove_file(&self.log);
    }
}
