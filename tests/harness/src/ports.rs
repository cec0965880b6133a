//! Free loopback ports for servers that must be told their port on the command line.
//!
//! Between our choosing and the server's binding another process can take a port. Nothing but
//! trying again helps, and `start_on_free_ports` does so for that one failure and no other.
//!
//! Ports come from below the range that the kernel gives to outgoing connections (32768 and up):
//! else any client on the machine could take the port of a server that is being restarted.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use uuid::Uuid;

const RANGE: Range<u16> = 20_000..32_768;

/// With 12,768 ports, even one in ten free would be found with certainty for all practical
/// purposes.
const GUESSES: usize = 500;

/// Losing the race is rare; losing it five times in a row means that something else is wrong.
const ATTEMPTS: usize = 5;

/// Calls `start` with free ports, and again with others while `port_was_taken` says of its error
/// that another process was quicker.
pub(crate) async fn start_on_free_ports<const N: usize, T, E, F>(
    start: impl Fn([u16; N]) -> F,
    port_was_taken: impl Fn(&E) -> bool,
) -> Result<T, E>
where
    E: From<NoFreePort>,
    F: Future<Output = Result<T, E>>,
{
    for _ in 1..ATTEMPTS {
        match start(free_ports()?).await {
            Err(error) if port_was_taken(&error) => {}
            outcome => return outcome,
        }
    }
    start(free_ports()?).await
}

/// No port of the range could be bound.
#[derive(Debug, thiserror::Error)]
#[error(
    "found no free port on 127.0.0.1 between {} and {}; what holds them all?",
    RANGE.start, RANGE.end
)]
pub struct NoFreePort(#[source] io::Error);

/// Ports that differ from each other and that nothing listens on at this moment.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N], NoFreePort> {
    // All are held until the last one is found: this is what makes them differ.
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let (chosen, listener) = bind_any()?;
        *port = chosen;
        held.push(listener);
    }
    Ok(ports)
}

fn bind_any() -> Result<(u16, TcpListener), NoFreePort> {
    let mut refusal = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..GUESSES {
        let port = random_port();
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => return Ok((port, listener)),
            Err(error) => refusal = error,
        }
    }
    Err(NoFreePort(refusal))
}

fn random_port() -> u16 {
    let [.., high, low] = Uuid::new_v4().into_bytes();
    RANGE.start + u16::from_be_bytes([high, low]) % (RANGE.end - RANGE.start)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::{NoFreePort, free_ports, start_on_free_ports};

    #[test]
    fn ports_chosen_together_differ() {
        let ports: [u16; 20] = free_ports().unwrap();
        let distinct: std::collections::HashSet<_> = ports.into_iter().collect();
        assert_eq!(distinct.len(), 20);
    }

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Refusal {
        Taken,
        Other,
    }

    impl From<NoFreePort> for Refusal {
        fn from(_: NoFreePort) -> Self {
            Self::Other
        }
    }

    /// Fails once with `refusal`, then would succeed; returns the number of calls and the outcome.
    async fn start_after(refusal: Refusal) -> (usize, Result<(), Refusal>) {
        let calls = Cell::new(0);
        let start = |_: [u16; 1]| {
            calls.set(calls.get() + 1);
            std::future::ready(if calls.get() == 1 {
                Err(refusal)
            } else {
                Ok(())
            })
        };
        let outcome = start_on_free_ports(start, |error| *error == Refusal::Taken).await;
        (calls.get(), outcome)
    }

    #[tokio::test]
    async fn a_taken_port_is_followed_by_another_try() {
        assert_eq!(start_after(Refusal::Taken).await, (2, Ok(())));
    }

    #[tokio::test]
    async fn any_other_failure_is_final() {
        assert_eq!(start_after(Refusal::Other).await, (1, Err(Refusal::Other)));
    }
}
