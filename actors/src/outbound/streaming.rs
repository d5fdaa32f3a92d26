//! A large answer, piece by piece: bounded in size, in its pauses, and from below in its rate.
//!
//! Only the time that the other side lets us wait counts; how long its reader takes is not its fault. Whoever owns the
//! exchange reads it and is a few pieces ahead of whoever it is for.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use prometheus_client::metrics::counter::Counter;
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    time::Instant,
};

use super::CallError;

/// The rate is looked at after this time of waiting.
const GRACE: Duration = Duration::from_secs(10);
/// So many pieces wait for their reader, each as long as one read from the connection.
const AHEAD: usize = 4;

/// A large answer on its way, as it is read from its connection.
#[derive(Debug)]
pub(super) struct Large {
    body: Incoming,
    most: u64,
    idle: Duration,
    least_rate: u64,
    received: u64,
    waited: Duration,
    meter: Counter,
}

impl Large {
    pub(super) const fn new(body: Incoming, most: u64, idle: Duration, least_rate: u64, meter: Counter) -> Self {
        Self { body, most, idle, least_rate, received: 0, waited: Duration::ZERO, meter }
    }

    /// The next piece; nothing after the last.
    ///
    /// # Errors
    /// [`CallError`] when it broke off, paused too long, trickles or is too long; then the rest is given up.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, CallError> {
        loop {
            let begun = Instant::now();
            let frame = tokio::time::timeout(self.idle, self.body.frame()).await.map_err(|_| CallError::Timeout)?;
            self.waited += begun.elapsed();
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|_| CallError::Network("the answer broke off"))?;
            let Ok(piece) = frame.into_data() else { continue };
            self.meter.inc_by(piece.len() as u64);
            self.received += piece.len() as u64;
            if self.received > self.most {
                return Err(CallError::TooLarge);
            }
            if self.waited > GRACE && self.received < self.waited.as_secs().saturating_mul(self.least_rate) {
                return Err(CallError::TooSlow);
            }
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }
}

/// What comes of one step of a large answer.
pub(super) type Piece = Result<Option<Bytes>, CallError>;

/// A large answer, as it comes to whoever it is for.
#[derive(Debug)]
pub struct Streaming {
    pieces: Receiver<Piece>,
    is_over: bool,
}

impl Streaming {
    /// One that is fed from elsewhere.
    pub(super) fn fed() -> (Sender<Piece>, Self) {
        let (feed, pieces) = channel(AHEAD);
        (feed, Self { pieces, is_over: false })
    }

    /// The next piece; nothing after the last.
    ///
    /// # Errors
    /// [`CallError`] when it broke off, paused too long, trickles or is too long; then the rest is given up.
    pub async fn next(&mut self) -> Result<Option<Bytes>, CallError> {
        if self.is_over {
            return Ok(None);
        }
        let piece = self.pieces.recv().await.unwrap_or(Err(CallError::CUT_OFF));
        self.is_over = !matches!(piece, Ok(Some(_)));
        piece
    }
}
