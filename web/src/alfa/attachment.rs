//! A file of a case on its way to the browser: whole or one range, to view or to keep, never interpreted as a page.
//!
//! The tenant checks the principal and hands out a bounded stream of verified chunks; this file only makes a body of it.

use bytes::Bytes;
use ozg_actors::{BlobError, BlobReader};
use ozg_protocols::{
    application::Attachment,
    ids::{AttachmentId, CaseId},
};
use tokio::sync::mpsc;
use warp::{
    Filter,
    http::{HeaderValue, StatusCode, header},
    reply::{Reply, Response},
};

use super::case_view::viewable;
use crate::{
    answer::Trouble,
    app::{App, Visit, visit},
    routes::Routes,
    security,
};

/// Chunks that wait for a slow reader.
const AHEAD: usize = 2;

/// `GET /vorgang/{id}/anhang/{id}`, with `?ansehen` to see instead of to keep.
pub(crate) fn routes(app: &App) -> Routes {
    warp::path!("vorgang" / CaseId / "anhang" / AttachmentId)
        .and(warp::get())
        .and(visit(app))
        .then(async |case: CaseId, file: AttachmentId, visit: Visit| visit.answer(deliver(&visit, case, file).await))
        .boxed()
}

async fn deliver(visit: &Visit, case: CaseId, file: AttachmentId) -> Result<Response, Trouble> {
    let who = visit.principal().await?;
    let (about, reader) = visit.tenant.open_file(&who, case, file).await?;
    let wanted = visit.headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let view = visit.uri.query().is_some_and(|query| query == "ansehen").then(|| viewable(&about.media_type)).flatten();
    let length = reader.len;
    let mut response = match wanted.map_or(Part::Whole, |wanted| Part::read(wanted, length)) {
        Part::Whole => sized(streamed(reader), length),
        Part::Bytes { first, last } => {
            let mut response = sized(streamed(reader.range(first, last + 1)), last - first + 1);
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            set(&mut response, header::CONTENT_RANGE, &format!("bytes {first}-{last}/{length}"));
            response
        }
        Part::Outside => {
            let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
            set(&mut response, header::CONTENT_RANGE, &format!("bytes */{length}"));
            return Ok(response);
        }
    };
    describe(&mut response, &about, view);
    Ok(response)
}

fn describe(response: &mut Response, about: &Attachment, view: Option<&'static str>) {
    let way = if view.is_some() { "inline" } else { "attachment" };
    set(response, header::CONTENT_TYPE, view.unwrap_or("application/octet-stream"));
    set(response, header::CONTENT_DISPOSITION, &disposition(way, &shown_name(about)));
    set(response, header::ACCEPT_RANGES, "bytes");
    let policy = if view == Some("application/pdf") { security::PDF_POLICY } else { security::FILE_POLICY };
    set(response, header::CONTENT_SECURITY_POLICY, policy);
}

fn sized(mut response: Response, length: u64) -> Response {
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

fn set(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// The name of a file without marks that change the direction of writing: with them `fdp.exe` can be made to look like
/// `exe.pdf` (Unicode TR 36, section 2.5).
pub(crate) fn shown_name(file: &Attachment) -> String {
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    file.display_name().chars().filter(|c| !turns(*c)).collect()
}

/// `Content-Disposition` (RFC 6266) with the name for old and for new readers (RFC 8187). No part of it can be a path.
fn disposition(way: &str, name: &str) -> String {
    use std::fmt::Write as _;
    let harmless = |c: char| !c.is_control() && !matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|');
    let name: String = name.chars().map(|c| if harmless(c) { c } else { '_' }).take(150).collect();
    let name = name.trim_start_matches('.').trim();
    let name = if name.is_empty() { "anhang" } else { name };
    let plain: String = name.chars().map(|c| if c.is_ascii() && c != '%' { c } else { '_' }).collect();
    let attr = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let encoded = name.bytes().fold(String::new(), |mut out, byte| {
        let _ = if attr(byte) { write!(out, "{}", char::from(byte)) } else { write!(out, "%{byte:02X}") };
        out
    });
    format!("{way}; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

/// The stream runs in a task of its own, which ends when the browser goes away: at most [`AHEAD`] chunks are in memory.
fn streamed(mut reader: BlobReader) -> Response {
    let (chunks, mut ready) = mpsc::channel::<Result<Bytes, BlobError>>(AHEAD);
    tokio::spawn(async move {
        while let Some(chunk) = reader.next().await {
            let failed = chunk.is_err();
            if chunks.send(chunk).await.is_err() || failed {
                return;
            }
        }
    });
    warp::reply::stream(futures_util::stream::poll_fn(move |context| ready.poll_recv(context))).into_response()
}

/// What part of a file is wanted (RFC 9110, section 14.2). Several ranges at once, or an unknown unit, mean the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    Bytes { first: u64, last: u64 },
    Outside,
}

impl Part {
    fn read(wanted: &str, length: u64) -> Self {
        let Some((first, last)) = wanted.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
            return Self::Whole;
        };
        let end = length.saturating_sub(1);
        let (first, last) = match (first.trim().parse::<u64>(), last.trim()) {
            (Ok(first), "") => (first, end),
            (Ok(first), last) => match last.parse::<u64>() {
                Ok(last) if last >= first => (first, last.min(end)),
                _ => return Self::Whole,
            },
            (Err(_), last) if first.trim().is_empty() => match last.parse::<u64>() {
                Ok(0) => return Self::Outside,
                Ok(count) => (length.saturating_sub(count), end),
                Err(_) => return Self::Whole,
            },
            (Err(_), _) => return Self::Whole,
        };
        if first >= length { Self::Outside } else { Self::Bytes { first, last } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_cut_and_anything_unclear_is_the_whole() {
        let part = |wanted| Part::read(wanted, 10);
        assert_eq!(part("bytes=2-4"), Part::Bytes { first: 2, last: 4 });
        assert_eq!(part("bytes=8-99"), Part::Bytes { first: 8, last: 9 });
        assert_eq!(part("bytes=5-"), Part::Bytes { first: 5, last: 9 });
        assert_eq!(part("bytes=-3"), Part::Bytes { first: 7, last: 9 });
        assert_eq!(part("bytes=-99"), Part::Bytes { first: 0, last: 9 });
        for outside in ["bytes=10-", "bytes=-0", "bytes=18446744073709551615-"] {
            assert_eq!(part(outside), Part::Outside, "{outside}");
        }
        for unclear in ["bytes=0-1,3-4", "bytes=4-2", "items=1-2", "bytes=", "bytes=-", "bytes=x-y", ""] {
            assert_eq!(part(unclear), Part::Whole, "{unclear}");
        }
        assert_eq!(Part::read("bytes=0-", 0), Part::Outside);
    }

    #[test]
    fn a_file_name_is_no_path_and_no_header() {
        let header = disposition("attachment", "../../Übersicht \"neu\"\r\n.pdf");
        assert!(header.starts_with("attachment; filename=\"_.._"), "{header}");
        assert!(header.contains("filename*=UTF-8''_.._%C3%9Cbersicht%20_neu___.pdf"), "{header}");
        assert!(HeaderValue::from_str(&header).is_ok());
        assert_eq!(disposition("inline", "…".repeat(400).as_str()).matches("%E2%80%A6").count(), 150);
        assert!(disposition("attachment", "..").contains("filename=\"anhang\""));
    }
}
