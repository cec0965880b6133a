//! Keeps the demo off a cluster where another operator would play along: it would
//! make what the demo applies on a real account.
//!
//! An object that is suspended from the start tells: no operator may call AWS for
//! it, and every operator that looks after the namespace writes its status.

use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::stage::Stage;

const NAME: &str = "is-anyone-there";

const SUSPENDED: &str = r"apiVersion: cognito-identity.dev/v1alpha1
kind: IdentityPool
metadata:
  name: is-anyone-there
spec:
  managementPolicy: Suspend
";

const ANOTHER: &str = "another operator looks after identity pools on this cluster, and would make \
                       the demo's on a real account; use a cluster without one.";

/// A living operator writes a status within a fraction of it.
const LISTEN_FOR: Duration = Duration::from_secs(5);

/// Fails when an operator answers before the demo has started one.
pub(crate) async fn nobody_answers(stage: &Stage) -> Result<(), Failure> {
    stage.apply(SUSPENDED).await?;
    let begun = Instant::now();
    while begun.elapsed() < LISTEN_FOR {
        let object = stage.object(NAME).await?;
        let conditions = object["status"]["conditions"].as_array();
        if conditions.is_some_and(|conditions| !conditions.is_empty()) {
            return Err(Failure(ANOTHER.to_owned()));
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    stage.kubectl(&["delete", "idpool", NAME]).await?;
    stage.check(true, "no other operator looks after this namespace")
}
