//! The way in: accepts connections (plain or TLS), lets faults happen, counts answers, and ends when told to.

use std::{io, path::Path, sync::Arc, time::Duration};

use http::StatusCode;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use ozg_web::linger::{Farewell, Lent, Lingering};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::{Semaphore, watch},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::{
    answer::Answer,
    call::Sent,
    fault::{Fault, FaultKind},
    problem::Problem,
    router,
    service::Service,
    settings::TlsFiles,
};

/// Connections at once; more wait in the queue of the system.
const CONNECTIONS: usize = 2_048;
/// How long a client may take for its request line and headers.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// How long open requests may go on when the sandbox ends.
const LAST_REQUESTS: Duration = Duration::from_secs(2);

/// The connection is closed instead of an answer.
#[derive(Debug, thiserror::Error)]
#[error("the answer was lost on purpose")]
struct AnswerLost;

/// Reads certificate and key.
pub(super) fn acceptor(files: &TlsFiles) -> io::Result<TlsAcceptor> {
    let pem =
        |path: &Path, error: rustls::pki_types::pem::Error| io::Error::other(format!("{}: {error}", path.display()));
    let chain = CertificateDer::pem_file_iter(&files.certificates)
        .and_then(Iterator::collect)
        .map_err(|error| pem(&files.certificates, error))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| pem(&files.key, error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Serves until `end` becomes true or its sender is gone.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    service: Arc<Service>,
    mut end: watch::Receiver<bool>,
) {
    let turns = Arc::new(Semaphore::new(CONNECTIONS));
    let (mut connections, lingering) = (JoinSet::new(), Lingering::default());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = told(&mut end) => break,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, for example: give others the time to close theirs.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(turn) = Arc::clone(&turns).acquire_owned().await else { break };
        // Answers are small: a full packet is not waited for.
        drop(stream.set_nodelay(true));
        let (tls, service, end) = (tls.clone(), Arc::clone(&service), end.clone());
        let (stream, farewell) = lingering.lend(stream);
        connections.spawn(async move {
            connect(stream, tls, service, end, &farewell).await;
            farewell.say().await;
            drop(turn);
        });
    }
    drop(listener);
    let last = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(LAST_REQUESTS, last).await.is_err() {
        connections.shutdown().await;
    }
}

/// Waits until the sandbox is told to end, or nobody is left who could tell.
async fn told(end: &mut watch::Receiver<bool>) {
    drop(end.wait_for(|end| *end).await);
}

async fn connect(
    stream: Lent,
    tls: Option<TlsAcceptor>,
    service: Arc<Service>,
    end: watch::Receiver<bool>,
    farewell: &Farewell,
) {
    match tls {
        None => talk(stream, service, end, farewell).await,
        Some(tls) => match tokio::time::timeout(HANDSHAKE_PATIENCE, tls.accept(stream)).await {
            Ok(Ok(stream)) => talk(stream, service, end, farewell).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        },
    }
}

async fn talk<S>(stream: S, service: Arc<Service>, mut end: watch::Receiver<bool>, farewell: &Farewell)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_PATIENCE);
    builder.http2().timer(TokioTimer::new());
    let unread = farewell.unread();
    let handler = service_fn(move |request: http::Request<_>| {
        let (service, unread) = (Arc::clone(&service), unread.clone());
        async move { answer(&service, request.map(|body| unread.watch(body))).await }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), handler);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told(&mut end) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection of the sandbox ended");
    }
}

async fn answer(service: &Service, request: http::Request<Sent>) -> Result<Answer, AnswerLost> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    if path.starts_with("/sandbox") {
        return Ok(settled(router::route(service, request).await));
    }
    let token = bearer(&request);
    let (asked_method, asked_path) = (method.clone(), path.clone());
    let fault = service.desk.ask(move |world| {
        let fault = world.faults.for_request(&asked_method, &asked_path)?;
        if let (FaultKind::Unauthorized, Some(token)) = (fault.kind, token) {
            world.callers.revoke(&token);
        }
        Some(fault)
    });
    let fault = fault.await.ok().flatten();
    let answer = match fault.as_ref().and_then(instead) {
        Some(problem) => problem.into_answer(),
        None => settled(router::route(service, request).await),
    };
    let (status, kind) = (answer.status(), router::kind(&path));
    let counted = service.desk.ask(move |world| {
        *world.answered.entry(format!("{method} {kind} {}", status.as_u16())).or_default() += 1;
    });
    drop(counted.await);
    match fault {
        Some(fault) if fault.kind == FaultKind::LostAnswer => Err(AnswerLost),
        Some(fault) if fault.kind == FaultKind::Delay => {
            tokio::time::sleep(fault.duration()).await;
            Ok(answer)
        }
        _ => Ok(answer),
    }
}

fn settled(result: Result<Answer, Problem>) -> Answer {
    result.unwrap_or_else(Problem::into_answer)
}

fn bearer(request: &http::Request<Sent>) -> Option<String> {
    let value = request.headers().get(http::header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::to_owned)
}

/// What a fault answers instead of the handler.
fn instead(fault: &Fault) -> Option<Problem> {
    match fault.kind {
        FaultKind::Unauthorized => Some(Problem::unauthorized("the token has expired")),
        FaultKind::TooManyRequests => {
            let problem =
                Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too Many Requests", "slow down");
            let header = http::HeaderName::from_static;
            Some(
                problem
                    .with_header(http::header::RETRY_AFTER, fault.seconds)
                    .with_header(header("ratelimit-limit"), 100)
                    .with_header(header("ratelimit-remaining"), 0)
                    .with_header(header("ratelimit-reset"), fault.seconds),
            )
        }
        FaultKind::ServerError => {
            let status = fault.status.and_then(|status| StatusCode::from_u16(status).ok());
            let status = status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            Some(Problem::new(status, "internal-error", "Server Error", "failed on purpose"))
        }
        _ => None,
    }
}
