//! A scripted peer for tests: answers each connection with the next script, byte for byte, and keeps what it was asked.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::mpsc,
};

/// One step of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Send these bytes.
    Send(Vec<u8>),
    /// Say nothing for a while.
    Wait(Duration),
    /// Send this byte again and again, with pauses.
    Trickle(u8, Duration),
}

/// A peer and what it was asked so far.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) at: SocketAddr,
    asked: mpsc::UnboundedReceiver<String>,
}

impl Peer {
    /// Listens, and answers one connection after the other.
    pub(crate) async fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let (tell, asked) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            for script in scripts {
                let Ok((mut stream, _)) = listener.accept().await else { return };
                let mut request = vec![0; 16 * 1024];
                let length = stream.read(&mut request).await.unwrap_or_default();
                let _ = tell.send(String::from_utf8_lossy(&request[..length]).into_owned());
                for step in script {
                    match step {
                        Step::Send(bytes) => drop(stream.write_all(&bytes).await),
                        Step::Wait(time) => tokio::time::sleep(time).await,
                        Step::Trickle(byte, pause) => {
                            while stream.write_all(&[byte]).await.is_ok() {
                                tokio::time::sleep(pause).await;
                            }
                        }
                    }
                }
            }
        });
        Self { at, asked }
    }

    /// The next request, as it came.
    pub(crate) async fn request(&mut self) -> String {
        self.asked.recv().await.expect("a request")
    }
}

/// An answer with this head line, these header lines and this body.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Vec<Step> {
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}");
    vec![Step::Send(text.into_bytes())]
}
