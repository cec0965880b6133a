//! What tests may rely on from `MiniStack`.

use harness::ministack::Ministack;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn first_line(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn it_answers_while_its_handle_lives_and_not_after() {
    let ministack = Ministack::start().await.unwrap();
    let endpoint = ministack.endpoint();
    let address = endpoint.strip_prefix("http://").unwrap();
    let answer = first_line(address).await.unwrap();
    assert_eq!(answer.split(' ').nth(1), Some("200"), "{answer}");

    drop(ministack);

    assert!(first_line(address).await.is_err());
}
