//! A workload under way.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle};

use crate::rig::PATIENCE;
use crate::workloads::Workload;
use crate::world::World;

/// What an operator has to tell once its work is done, it has told by then.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub(crate) struct Run {
    act: JoinHandle<()>,
    ended: Option<Result<(), JoinError>>,
}

impl Run {
    pub(crate) fn of(workload: Workload, world: &Arc<World>) -> Self {
        Self {
            act: tokio::spawn((workload.act)(Arc::clone(world))),
            ended: None,
        }
    }

    /// Waits until something is over, or the workload is.
    pub(crate) async fn until(&mut self, over: impl Future<Output = ()>) {
        if self.ended.is_none() {
            self.ended = tokio::select! {
                biased;
                () = over => None,
                ended = &mut self.act => Some(ended),
            };
        }
    }

    /// Waits until the world has come to the call at which it stops, and says whether it has.
    /// What the operator has to tell after the end of the workload counts as well.
    pub(crate) async fn until_stopped(&mut self, world: &World) -> bool {
        self.until(world.seam.stopped()).await;
        if self.ended.is_some() {
            let _ = tokio::time::timeout(LAST_WORDS, world.seam.stopped()).await;
        }
        // Who comes to it later, on a busy machine, is not to stand still for ever.
        if world.seam.disarm() {
            return false;
        }
        let stopped = tokio::time::timeout(PATIENCE, world.seam.stopped()).await;
        stopped.is_ok()
    }

    /// Waits until the workload is over.
    pub(crate) async fn finish(self) {
        let ended = match self.ended {
            Some(ended) => ended,
            None => self.act.await,
        };
        if let Err(error) = ended {
            resume_unwind(error.into_panic());
        }
    }
}
