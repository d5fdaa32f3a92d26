//! How the sender, the demo and the sandbox's callbacks go out: by the one HTTP client of the house, with bodies that stream
//! and limits of their own. Redirects are never followed, and `*.localhost` is this machine.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full, LengthLimitError, Limited, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use ozg_actors::outbound::{CallError, OutboundError, OutboundSettings, SystemResolver, Wire};
use rustls::pki_types::{CertificateDer, pem::PemObject};

/// The body of a request.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Why there is no transport, or a request did not get its answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The file of trusted certificates cannot be read.
    #[error("the certificates in {path} cannot be read")]
    Roots {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The client cannot be set up.
    #[error(transparent)]
    Client(#[from] OutboundError),
    /// No answer, or not one within its limits.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// A whole answer, whatever it says.
#[derive(Debug)]
pub struct Whole {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// An HTTP client.
#[derive(Debug, Clone)]
pub struct Transport(Wire<Body>);

impl Transport {
    /// A client that trusts the machine's certificates and those in this PEM file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn new(roots: Option<&Path>) -> Result<Self, TransportError> {
        let mut settings = OutboundSettings::default();
        if let Some(path) = roots {
            let failed = |source| TransportError::Roots { path: path.to_owned(), source };
            for certificate in CertificateDer::pem_file_iter(path).map_err(failed)? {
                settings.authorities.push(certificate.map_err(failed)?.to_vec());
            }
        }
        Ok(Self(Wire::new(&settings, Arc::new(SystemResolver))?))
    }

    /// Sends a request and waits for the head of its answer. The caller sets the time limit.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, TransportError> {
        Ok(self.0.send(request).await?)
    }

    /// Sends a request and waits for the whole of its answer: for so long, and for so many bytes.
    ///
    /// # Errors
    /// When no answer comes, or not within these limits.
    pub async fn whole(&self, request: Request<Body>, within: Duration, most: usize) -> Result<Whole, TransportError> {
        let exchange = async {
            let (head, body) = self.0.send(request).await?.into_parts();
            let body = Limited::new(body, most).collect().await.map_err(|error| {
                if error.is::<LengthLimitError>() {
                    CallError::TooLarge
                } else {
                    CallError::Network("the answer broke off")
                }
            })?;
            Ok(Whole { status: head.status, headers: head.headers, body: body.to_bytes() })
        };
        tokio::time::timeout(within, exchange).await.unwrap_or(Err(TransportError::Call(CallError::Timeout)))
    }
}

/// A body in one piece.
#[must_use]
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// No body.
#[must_use]
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    /// What becomes of this answer where ten seconds and eight bytes are allowed.
    async fn answered(answer: &'static str) -> Result<Whole, TransportError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let place = format!("http://stadt.localhost:{}", listener.local_addr().expect("an address").port());
        let request = Request::get(place).body(empty()).expect("a request");
        let peer = async {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let _ = stream.read(&mut [0; 1024]).await.expect("a request");
            stream.write_all(answer.as_bytes()).await.expect("taken");
            // Held open: only the limits end it.
            tokio::time::sleep(Duration::from_secs(60)).await;
        };
        let transport = Transport::new(None).expect("a transport");
        tokio::select! {
            whole = transport.whole(request, Duration::from_secs(2), 8) => whole,
            () = peer => panic!("the answer has no end"),
        }
    }

    #[tokio::test]
    async fn a_whole_answer_has_its_limits_and_a_redirect_is_an_answer() {
        let whole =
            answered("HTTP/1.1 302 Found\r\nlocation: http://x\r\ncontent-length: 2\r\n\r\nja").await.expect("whole");
        assert_eq!((whole.status, &whole.body[..]), (StatusCode::FOUND, &b"ja"[..]));
        let long = answered("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n123456789").await;
        assert!(matches!(long, Err(TransportError::Call(CallError::TooLarge))), "{long:?}");
        let slow = answered("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nj").await;
        assert!(matches!(slow, Err(TransportError::Call(CallError::Timeout))), "{slow:?}");
    }
}
