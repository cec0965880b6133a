//! The operator as a process: started as a person would, killed as the kernel would.
//!
//! Its log stays when the demo is over.

use harness::operator::Operator;

use super::Stage;
use crate::failure::Failure;
use crate::screen;

impl Stage {
    /// Starts the operator as a process, shows how, and waits until it is ready.
    pub(crate) async fn start_operator(&mut self) -> Result<(), Failure> {
        let mut flags = vec![
            format!("--watch-namespaces={}", self.namespace),
            format!("--installation-id={}", self.namespace),
        ];
        let context = self.kubectl.context();
        flags.extend(context.map(|context| format!("--context={context}")));
        let line = format!("AWS_ENDPOINT_URL={} \\", self.fake.endpoint());
        self.screen.command(&line);
        screen::show(&format!("identity-pool-operator run {}", flags.join(" ")));
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

    /// Where a failure can be understood.
    pub(crate) fn where_to_look(&self) -> String {
        if self.log.exists() {
            format!("\nThe operator's log: {}", self.log.display())
        } else {
            String::new()
        }
    }
}
