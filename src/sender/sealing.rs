//! Encrypting the parts of a submission, each with a key and initialisation vector of its own.

use std::io;

use aws_lc_rs::rand;
use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use ozg_protocols::fit_connect::{
    jose::{
        jwe::{self, ContentType, Iv, JweWriter},
        rsa::{ContentKey, EncryptionKey, RsaFailed},
    },
    metadata::DataFormat,
};

use super::{parcel::Content, transport::Body};

/// Seals a part in one piece.
pub(super) fn whole(
    plain: &[u8],
    content_type: Option<&ContentType>,
    key: &EncryptionKey,
) -> Result<String, RsaFailed> {
    let (content_key, iv) = fresh()?;
    jwe::seal(plain, content_type, key, &content_key, iv)
}

/// Seals a part while it is sent.
pub(super) fn stream(content: Content, key: &EncryptionKey) -> Result<Body, RsaFailed> {
    let (content_key, iv) = fresh()?;
    let writer = JweWriter::new(Some(&ContentType::json()), key, &content_key, iv)?;
    let pieces = stream::try_unfold(Some((writer, content, 0_u64)), |state| async move {
        let Some((mut writer, content, from)) = state else { return Ok(None) };
        let plain = content.piece(from);
        let mut sealed = Vec::with_capacity(plain.len() * 4 / 3 + 64);
        let next = if plain.is_empty() {
            writer.finish(&mut sealed).map_err(io::Error::other)?;
            None
        } else {
            writer.push(&plain, &mut sealed).map_err(io::Error::other)?;
            Some((writer, content, from + plain.len() as u64))
        };
        Ok::<_, io::Error>(Some((Frame::data(Bytes::from(sealed)), next)))
    });
    Ok(StreamBody::new(pieces).boxed_unsync())
}

/// The content type (`cty`) of data in this format.
pub(super) fn content_type(format: DataFormat) -> ContentType {
    match format {
        DataFormat::Xml => ContentType::xml(),
        DataFormat::Json | DataFormat::Jose => ContentType::json(),
    }
}

fn fresh() -> Result<(ContentKey, Iv), RsaFailed> {
    let (mut key, mut iv) = ([0; 32], Iv::default());
    rand::fill(&mut key).and_then(|()| rand::fill(&mut iv)).map_err(|_| RsaFailed)?;
    Ok((ContentKey::from_random(key), iv))
}
