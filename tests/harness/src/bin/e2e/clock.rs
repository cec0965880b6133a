//! Says what is being done, that it goes on, and in the end how long everything took.

use std::time::{Duration, Instant};

use crate::failure::Failure;

/// Minutes without a word look like a hang.
const REMINDER: Duration = Duration::from_secs(15);

/// The figures so far.
#[derive(Default)]
pub(crate) struct Clock {
    rows: Vec<(String, String)>,
}

impl Clock {
    /// Carries out a step.
    pub(crate) async fn time<T>(
        &mut self,
        step: &str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let begun = Instant::now();
        println!("e2e: {step} …");
        let mut work = std::pin::pin!(work);
        loop {
            match tokio::time::timeout(REMINDER, &mut work).await {
                Ok(Ok(outcome)) => {
                    self.figure(step, &seconds(begun.elapsed()));
                    return Ok(outcome);
                }
                Ok(Err(Failure(why))) => return Err(Failure(format!("{step}: {why}"))),
                Err(_) => println!("e2e: {step}: still at it, {} s", begun.elapsed().as_secs()),
            }
        }
    }

    /// As [`time`](Self::time), for work that blocks and tells of itself.
    pub(crate) fn time_blocking<T>(
        &mut self,
        step: &str,
        work: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let begun = Instant::now();
        println!("e2e: {step} …");
        let outcome = work().map_err(|Failure(why)| Failure(format!("{step}: {why}")))?;
        self.figure(step, &seconds(begun.elapsed()));
        Ok(outcome)
    }

    /// Something else that was measured.
    pub(crate) fn figure(&mut self, what: &str, value: &str) {
        self.rows.push((what.to_owned(), value.to_owned()));
    }

    /// All figures, for people.
    pub(crate) fn table(&self) -> String {
        let widest = self.rows.iter().map(|(what, _)| what.chars().count()).max();
        let width = widest.unwrap_or_default();
        let rows = self.rows.iter();
        let lines = rows.map(|(what, value)| format!("  {what:<width$}  {value:>9}\n"));
        lines.collect()
    }
}

pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
