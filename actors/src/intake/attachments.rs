//! One attachment: streamed from the service, opened and hashed in pieces on the crypto pool, written into quarantine, and
//! published only when its tags and its hash are those that were promised. Never whole in memory.

use std::io::{self, Write};

use bytes::Bytes;
use ozg_protocols::{
    fit_connect::{
        hash::ContentHasher,
        jose::{
            jwe::{Head, JweReader, JweRefused, Limits, Opened, Opener, Progress, StreamError},
            rsa::{UnwrapKey as _, find_unwrapping},
        },
        metadata::AttachmentPart,
        tag::AuthenticationTag,
        verify::{AttachmentCheck, FetchedPart, Stop, Tags, Unreadable, parts},
    },
    forms::StoredFile,
    ids::{AttachmentId, SubmissionId},
};
use ozg_storage::{blob::BlobWriter, journal::WrappedKey};

use super::{Desk, ServiceError, Trouble, judging::inflate};
use crate::outbound::{CallError, Streaming};

/// What a part has besides its ciphertext in base64: header, wrapped key, nonce, tag.
const ENVELOPE: u64 = 16 * 1024;
/// Text that goes to the pool at a time.
const BATCH: usize = 256 * 1024;

/// An attachment that is kept.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) file: StoredFile,
    pub(super) key: WrappedKey,
}

/// Where plaintext goes: the quarantined file and the hash.
struct Sink {
    writer: BlobWriter,
    hasher: ContentHasher,
}

impl Write for Sink {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.writer.write(piece).map_err(io::Error::other)?;
        self.hasher.write(piece)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How far the opening of one part is.
enum Stage {
    Head(Box<Head>),
    Open(Box<Opener>),
}

/// What became of a batch.
enum Step {
    More(Box<Opener>, Box<Sink>),
    Done(Opened, Box<Sink>),
    /// With the tag that was seen, where it came so far: it tells a changed tag from changed content.
    Unreadable(Unreadable, Option<AuthenticationTag>),
}

/// Fetches and keeps one attachment, or says why it is a problem.
pub(super) async fn keep(
    desk: &Desk,
    submission: SubmissionId,
    described: &AttachmentPart,
    tags: &Tags,
) -> Result<Result<Kept, Stop>, Trouble> {
    let blobs = &desk.context.blobs;
    let store = blobs.store();
    let writer = blobs.workers().run("begin", move || store.begin()).await?.map_err(crate::blobs::BlobError::from)?;
    let mut sink = Box::new(Sink { writer, hasher: ContentHasher::new() });
    let mut fetched = Vec::new();
    // The limit is for the whole of it: fragments share it.
    let mut left = desk.service.longest_attachment();
    for part in parts(described) {
        match open_part(desk, submission, *part, left, sink).await? {
            Ok((opened, back)) => {
                desk.meter.bytes(opened.length);
                left = left.saturating_sub(opened.length);
                fetched.push(FetchedPart::Opened(opened.tag));
                sink = back;
            }
            Err(broken) => {
                fetched.push(broken);
                // What comes after a broken part is not fetched: the verdict stands.
                let judged = AttachmentCheck { described, tags }.judge(&fetched, None);
                return Ok(Err(judged.err().unwrap_or(Stop::Reject(Vec::new()))));
            }
        }
    }
    let Sink { writer, hasher } = *sink;
    if let Err(stop) = (AttachmentCheck { described, tags }).judge(&fetched, Some(&hasher.finish())) {
        return Ok(Err(stop));
    }
    let published = blobs.workers().run("publish", move || writer.publish()).await?;
    let published = published.map_err(crate::blobs::BlobError::from)?;
    let file = StoredFile { blob: published.id, bytes: published.length };
    Ok(Ok(Kept { file, key: published.wrapped }))
}

type PartRead = Result<(Opened, Box<Sink>), FetchedPart>;

/// What is longer than anything that is taken here stays so: that is a verdict, no trouble.
async fn open_part(
    desk: &Desk,
    submission: SubmissionId,
    part: AttachmentId,
    most: u64,
    sink: Box<Sink>,
) -> Result<PartRead, Trouble> {
    match stream_part(desk, submission, part, most, sink).await {
        Err(Trouble::Service(ServiceError::Call(CallError::TooLarge))) => {
            Ok(Err(FetchedPart::Unreadable { reason: JweRefused::TooLarge.into(), tag: None }))
        }
        read => read,
    }
}

async fn stream_part(
    desk: &Desk,
    submission: SubmissionId,
    part: AttachmentId,
    most: u64,
    mut sink: Box<Sink>,
) -> Result<PartRead, Trouble> {
    let mut streaming = match desk.service.attachment(submission, part, most / 3 * 4 + ENVELOPE).await {
        Err(error) if error.status() == Some(404) => return missing(desk, submission).await,
        answer => answer?,
    };
    let mut stage = match head(&mut streaming).await? {
        Ok(head) => Stage::Head(head),
        Err(reason) => return Ok(Err(FetchedPart::Unreadable { reason, tag: None })),
    };
    loop {
        let (batch, last) = batch(&mut streaming).await?;
        let settings = desk.settings.clone();
        let job = desk.context.crypto.run("attachment", move || {
            let limits = Limits { ciphertext: most, inflate: inflate(&settings, most) };
            let keys = settings.decryption_keys.iter().map(|key| &**key);
            step(stage, sink, &batch, last, limits, |head| {
                let kid = &head.header.kid;
                let key = find_unwrapping(keys, kid).ok_or_else(|| Unreadable::UnknownKid(kid.clone()))?;
                key.unwrap_key(&head.wrapped_key).map_err(|_| Unreadable::Unwrap)
            })
        });
        match job.await?? {
            Step::More(opener, back) => (stage, sink) = (Stage::Open(opener), back),
            Step::Done(opened, back) => return Ok(Ok((opened, back))),
            Step::Unreadable(reason, tag) => return Ok(Err(FetchedPart::Unreadable { reason, tag })),
        }
    }
}

/// Only a clear answer counts: if the submission itself is gone, the part is not missing.
async fn missing(desk: &Desk, submission: SubmissionId) -> Result<PartRead, Trouble> {
    desk.service.submission(submission).await?;
    Ok(Err(FetchedPart::Missing))
}

async fn head(streaming: &mut Streaming) -> Result<Result<Box<Head>, Unreadable>, Trouble> {
    let mut reader = JweReader::new();
    while let Some(piece) = next(streaming).await? {
        match reader.push(&piece) {
            Ok(Progress::More(more)) => reader = more,
            Ok(Progress::Head(head)) => return Ok(Ok(head)),
            Err(refused) => return Ok(Err(refused.into())),
        }
    }
    Ok(Err(JweRefused::Truncated.into()))
}

/// The next pieces, and whether they are the last.
async fn batch(streaming: &mut Streaming) -> Result<(Vec<Bytes>, bool), Trouble> {
    let (mut pieces, mut length) = (Vec::new(), 0);
    while length < BATCH {
        match next(streaming).await? {
            Some(piece) => {
                length += piece.len();
                pieces.push(piece);
            }
            None => return Ok((pieces, true)),
        }
    }
    Ok((pieces, false))
}

async fn next(streaming: &mut Streaming) -> Result<Option<Bytes>, Trouble> {
    Ok(streaming.next().await.map_err(ServiceError::from)?)
}

/// Opens one batch. Work for the crypto pool: the first of a part is one RSA operation.
fn step(
    stage: Stage,
    mut sink: Box<Sink>,
    batch: &[Bytes],
    last: bool,
    limits: Limits,
    unwrap: impl FnOnce(&Head) -> Result<ozg_protocols::fit_connect::jose::rsa::ContentKey, Unreadable>,
) -> Result<Step, Trouble> {
    let mut opener = match stage {
        Stage::Open(opener) => opener,
        Stage::Head(head) => match unwrap(&head).and_then(|key| Ok(head.open(&key, limits)?)) {
            Ok(opener) => Box::new(opener),
            Err(reason) => return Ok(Step::Unreadable(reason, None)),
        },
    };
    let refused = |error, tag| match error {
        StreamError::Refused(refused) => Ok(Step::Unreadable(refused.into(), tag)),
        StreamError::Sink(_) => Err(Trouble::Other("blob")),
    };
    // What came together with the head is only opened by a push, and of a short part that is all there is.
    for piece in batch.iter().chain([&Bytes::new()]) {
        if let Err(error) = opener.push(piece, &mut *sink) {
            return refused(error, None);
        }
    }
    if !last {
        return Ok(Step::More(opener, sink));
    }
    let tag = opener.seen_tag();
    match opener.finish(&mut *sink) {
        Ok(opened) => Ok(Step::Done(opened, sink)),
        Err(error) => refused(error, tag),
    }
}
