//! `identity-pool-operator probe URL`: whether a page answers, for pods whose image has no shell.
//!
//! Plain HTTP and nothing but the status: it is for `/metrics`, `/livez` and `/readyz` of an operator.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

/// An operator answers at once; a name that cannot be resolved takes longest.
const PATIENCE: Duration = Duration::from_secs(10);

/// More than any status line and headers; the page itself is of no interest.
const READ_AT_MOST: u64 = 4096;

/// Why a page is not as it should be.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("{0:?} cannot be asked: write http://host:port/path")]
    Url(String),
    #[error("{0} does not answer: {1}")]
    Silent(String, std::io::Error),
    #[error("{0} has not answered within 10 s")]
    Late(String),
    #[error("{0} answers {1:?}")]
    Status(String, String),
}

/// Asks once, and prints the status if it is 200.
pub(super) fn probe(url: &str) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::Silent(url.to_owned(), error))?;
    let answer = runtime.block_on(async { tokio::time::timeout(PATIENCE, ask(url)).await });
    // A name that is still being resolved would be waited for.
    runtime.shutdown_background();
    let status = answer.map_err(|_| Error::Late(url.to_owned()))??;
    if status.split(' ').nth(1) != Some("200") {
        return Err(Error::Status(url.to_owned(), status));
    }
    println!("{url} answers {status}");
    Ok(())
}

/// The status line of the answer.
async fn ask(url: &str) -> Result<String, Error> {
    let (host, port, path) = parts(url).ok_or_else(|| Error::Url(url.to_owned()))?;
    let exchange = async {
        let mut stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(READ_AT_MOST).read_to_end(&mut answer).await?;
        Ok(answer)
    };
    let answer = exchange
        .await
        .map_err(|error| Error::Silent(url.to_owned(), error))?;
    let answer = String::from_utf8_lossy(&answer);
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

fn parts(url: &str) -> Option<(String, u16, String)> {
    let url = Url::parse(url).ok().filter(|url| url.scheme() == "http")?;
    let port = url.port_or_known_default()?;
    Some((url.host_str()?.to_owned(), port, url.path().to_owned()))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// A server that answers once.
    fn answering(status: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a caller");
            let _ = stream.read(&mut [0; 512]);
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        });
        format!("http://{address}/readyz")
    }

    #[test]
    fn only_200_is_well() {
        assert!(probe(&answering("200 OK")).is_ok());
        for status in ["503 Service Unavailable", "404 Not Found", "2000 Odd"] {
            let error = probe(&answering(status)).expect_err(status);
            assert!(error.to_string().contains(status), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_asked_is_told() {
        for url in ["", "localhost:8080", "https://localhost/metrics", "http://"] {
            let error = probe(url).expect_err(url);
            assert!(error.to_string().contains("http://host:port"), "{error}");
        }
        let closed = TcpListener::bind("127.0.0.1:0").and_then(|taken| taken.local_addr());
        let error = probe(&format!("http://{}/", closed.expect("a port")));
        let error = error.expect_err("nobody listens").to_string();
        assert!(error.contains("does not answer"), "{error}");
    }
}
