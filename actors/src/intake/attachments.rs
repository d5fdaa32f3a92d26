//! One attachment: streamed from the service, opened and hashed in pieces on the crypto pool, sealed and written into
//! quarantine on the blob pool, and published only when its tags and its hash are those that were promised. Never whole in
//! memory: what was opened is handed over before more is, and a thread of the crypto pool waits for no disk.

use std::{
    collections::VecDeque,
    io::{self, Write},
    time::Duration,
};

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
use ozg_storage::journal::WrappedKey;

use super::{Desk, ServiceError, Trouble, judging::inflate};
use crate::{
    blobs::BlobUpload,
    outbound::{CallError, Streaming},
};

/// What a part has besides its ciphertext in base64: header, wrapped key, nonce, tag.
const ENVELOPE: u64 = 16 * 1024;
/// How often a part is asked for that is said not to be there.
const LOOKS: u32 = 2;
const BETWEEN_LOOKS: Duration = Duration::from_secs(3);
/// Text that goes to the pool at a time.
const BATCH: usize = 256 * 1024;
/// Text that is opened at a time: deflated it may become a thousand times as much.
const PIECE: usize = 16 * 1024;
/// With so much opened the rest of a batch waits until that is written.
const ENOUGH: usize = 1024 * 1024;

/// An attachment that is kept.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) file: StoredFile,
    pub(super) key: WrappedKey,
}

/// What one job has opened and nobody has written yet, with the hash of everything so far.
struct Plain {
    bytes: Vec<u8>,
    hasher: ContentHasher,
}

impl Write for Plain {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(piece);
        self.hasher.write(piece)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An attachment on its way into quarantine.
struct Sink {
    upload: BlobUpload,
    plain: Box<Plain>,
}

impl Sink {
    /// Writes what was opened, once it is enough; on the blob pool.
    async fn written(upload: BlobUpload, mut plain: Box<Plain>) -> Result<Self, Trouble> {
        if plain.bytes.len() < ENOUGH {
            return Ok(Self { upload, plain });
        }
        let bytes = std::mem::take(&mut plain.bytes);
        Ok(Self { upload: upload.write(bytes.into()).await?, plain })
    }
}

/// How far the opening of one part is.
enum Stage {
    Head(Box<Head>),
    Open(Box<Opener>),
}

/// What became of a batch.
enum Step {
    /// With what is left of the batch, because enough was opened.
    More(Box<Opener>, Box<Plain>, VecDeque<Bytes>),
    Done(Opened, Box<Plain>),
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
    let plain = Box::new(Plain { bytes: Vec::new(), hasher: ContentHasher::new() });
    let mut sink = Sink { upload: blobs.begin(), plain };
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
    let Sink { upload, plain } = sink;
    let Plain { bytes, hasher } = *plain;
    if let Err(stop) = (AttachmentCheck { described, tags }).judge(&fetched, Some(&hasher.finish())) {
        return Ok(Err(stop));
    }
    let published = upload.publish(bytes.into()).await?;
    let file = StoredFile { blob: published.id, bytes: published.length };
    Ok(Ok(Kept { file, key: published.wrapped }))
}

type PartRead = Result<(Opened, Sink), FetchedPart>;

/// What is longer than anything that is taken here stays so: that is a verdict, no trouble.
async fn open_part(
    desk: &Desk,
    submission: SubmissionId,
    part: AttachmentId,
    most: u64,
    sink: Sink,
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
    mut sink: Sink,
) -> Result<PartRead, Trouble> {
    let Some(mut streaming) = ask(desk, submission, part, most).await? else {
        return Ok(Err(FetchedPart::Missing));
    };
    let mut stage = match head(&mut streaming).await? {
        Ok(head) => Stage::Head(head),
        Err(reason) => return Ok(Err(FetchedPart::Unreadable { reason, tag: None })),
    };
    let (mut pieces, mut last) = batch(&mut streaming).await?;
    loop {
        let settings = desk.settings.clone();
        let Sink { upload, plain } = sink;
        let job = desk.context.crypto.run("attachment", move || {
            let limits = Limits { ciphertext: most, inflate: inflate(&settings, most) };
            let keys = settings.decryption_keys.iter().map(|key| &**key);
            step(stage, plain, pieces, last, limits, |head| {
                let kid = &head.header.kid;
                let key = find_unwrapping(keys, kid).ok_or_else(|| Unreadable::UnknownKid(kid.clone()))?;
                key.unwrap_key(&head.wrapped_key).map_err(|_| Unreadable::Unwrap)
            })
        });
        match job.await?? {
            Step::More(opener, plain, left) => {
                sink = Sink::written(upload, plain).await?;
                (stage, pieces) = (Stage::Open(opener), left);
                if pieces.is_empty() && !last {
                    (pieces, last) = batch(&mut streaming).await?;
                }
            }
            // What is left is written with what comes after it, or when the whole is published.
            Step::Done(opened, plain) => return Ok(Ok((opened, Sink { upload, plain }))),
            Step::Unreadable(reason, tag) => return Ok(Err(FetchedPart::Unreadable { reason, tag })),
        }
    }
}

/// The part as it comes; nothing if it is missing. Only a clear answer counts, because the verdict is final: twice no, with a
/// pause between, while the submission itself is there.
async fn ask(
    desk: &Desk,
    submission: SubmissionId,
    part: AttachmentId,
    most: u64,
) -> Result<Option<Streaming>, Trouble> {
    for look in 1..=LOOKS {
        match desk.service.attachment(submission, part, most / 3 * 4 + ENVELOPE).await {
            Err(error) if error.status() == Some(404) => {
                desk.service.submission(submission).await?;
            }
            answer => return Ok(Some(answer?)),
        }
        if look < LOOKS {
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }
    Ok(None)
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
async fn batch(streaming: &mut Streaming) -> Result<(VecDeque<Bytes>, bool), Trouble> {
    let (mut pieces, mut length) = (VecDeque::new(), 0);
    while length < BATCH {
        match next(streaming).await? {
            Some(mut piece) => {
                length += piece.len();
                while piece.len() > PIECE {
                    pieces.push_back(piece.split_to(PIECE));
                }
                pieces.push_back(piece);
            }
            None => return Ok((pieces, true)),
        }
    }
    Ok((pieces, false))
}

async fn next(streaming: &mut Streaming) -> Result<Option<Bytes>, Trouble> {
    Ok(streaming.next().await.map_err(ServiceError::from)?)
}

/// Opens one batch, or as much of it as becomes enough to be written first. Work for the crypto pool: the first of a part is one RSA operation.
fn step(
    stage: Stage,
    mut plain: Box<Plain>,
    mut pieces: VecDeque<Bytes>,
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
    let mut piece = Bytes::new();
    loop {
        if let Err(error) = opener.push(&piece, &mut *plain) {
            return refused(error, None);
        }
        if plain.bytes.len() >= ENOUGH && !pieces.is_empty() {
            return Ok(Step::More(opener, plain, pieces));
        }
        piece = match pieces.pop_front() {
            Some(next) => next,
            None if last => break,
            None => return Ok(Step::More(opener, plain, pieces)),
        };
    }
    let tag = opener.seen_tag();
    match opener.finish(&mut *plain) {
        Ok(opened) => Ok(Step::Done(opened, plain)),
        Err(error) => refused(error, tag),
    }
}
