//! Answers and their bodies: JSON in one piece, sealed attachments as a stream out of their spool file.

use std::io;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::UnsyncBoxBody};
use serde_json::Value;
use tokio::io::AsyncReadExt;

use super::spool::Stored;

/// The body of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;
/// An answer.
pub(super) type Answer = Response<Body>;

/// What is read from a spool file at once.
const CHUNK: usize = 128 * 1024;

pub(super) fn json(status: StatusCode, value: &Value) -> Answer {
    json_as(status, "application/json", value)
}

pub(super) fn json_as(status: StatusCode, media_type: &'static str, value: &Value) -> Answer {
    whole(status, media_type, Bytes::from(value.to_string()))
}

pub(super) fn whole(status: StatusCode, media_type: &'static str, bytes: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(bytes).map_err(|never| match never {}).boxed_unsync());
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}

pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *answer.status_mut() = status;
    answer
}

/// Destinations must not be cached, because of their keys.
pub(super) fn not_cached(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    answer
}

/// An attachment as it was uploaded.
pub(super) async fn jose(stored: Stored) -> io::Result<Answer> {
    match stored {
        Stored::InMemory(bytes) => Ok(whole(StatusCode::OK, "application/jose", bytes)),
        Stored::OnDisk { path, length } => {
            let file = tokio::fs::File::open(&*path).await?;
            // The path is carried along: the file is removed when the last reader lets it go.
            let chunks = stream::try_unfold((file, path), |(mut file, path)| async move {
                let mut chunk = Vec::with_capacity(CHUNK);
                let read = (&mut file).take(CHUNK as u64).read_to_end(&mut chunk).await?;
                Ok((read > 0).then(|| (Frame::data(Bytes::from(chunk)), (file, path))))
            });
            let mut answer = Response::new(StreamBody::new(chunks).boxed_unsync());
            answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jose"));
            answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            Ok(answer)
        }
    }
}
