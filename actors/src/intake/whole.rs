//! What does not fit into the record of a case is kept whole before there is a case: the form data and the metadata,
//! exactly as they were opened, as files like any other. The record holds an excerpt and names them.

use bytes::Bytes;
use ozg_protocols::{
    application::{Application, Attachment, Cut, Purpose},
    case::{Effect, ReceiptOf, Receive},
    fit_connect::{hash::ContentHash, metadata::Metadata},
    ids::{AttachmentId, CaseId},
};
use ozg_storage::{
    codec,
    journal::{MAX_BODY, WrappedKey},
    shrink,
};

use super::{Desk, Trouble};
use crate::tenant::{CASE_RECORDS, EFFECTS};

/// So many bytes of a record are for its frame and for the names of the files that may be kept.
const FRAME: usize = 600;

/// What was opened, byte for byte.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) metadata: Vec<u8>,
    pub(super) data: Option<Vec<u8>>,
}

/// A file that has to be kept.
#[derive(Debug)]
pub(super) struct ToKeep {
    content: Bytes,
    hash: ContentHash,
    media_type: &'static str,
    filename: &'static str,
}

/// What a case is received with, and what has to be kept besides.
#[derive(Debug)]
pub(super) struct Fitting {
    pub(super) receive: Receive,
    pub(super) data: Option<ToKeep>,
    pub(super) metadata: Option<ToKeep>,
}

/// Makes an excerpt of the application if it does not fit into the record with its receipt; `None` if none does. Work for
/// the crypto pool: what is long is deflated to know. `unread`: the tree does not hold all of the form data.
pub(super) fn fit(
    case: CaseId,
    mut receive: Receive,
    described: &Metadata,
    opened: Opened,
    unread: bool,
) -> Option<Fitting> {
    let Receive { number, application, org_unit, continues, receipt, followed } = &mut receive;
    if let Some(receipt) = &receipt {
        let effect = Effect::SendReceipt { of: ReceiptOf::Case(case), receipt: receipt.clone() };
        if !EFFECTS.encode(&effect).is_ok_and(|envelope| shrink::sealed_length(&envelope) <= MAX_BODY) {
            return None;
        }
    }
    let fits = |application: &Application| {
        let event = (&*number, application, &*org_unit, &*continues, &*receipt, &*followed);
        let envelope = codec::encode(CASE_RECORDS.current, &event);
        envelope.is_ok_and(|envelope| shrink::sealed_length(&envelope).saturating_add(FRAME) <= MAX_BODY)
    };
    let Cut { form, metadata } = application.excerpt(fits)?;
    let Opened { metadata: metadata_bytes, data } = opened;
    let format = described.data.as_ref().map(|data| data.schema.format.media_type());
    let filename = match format {
        Some("application/json") => "Formulardaten.json",
        Some("application/xml") => "Formulardaten.xml",
        _ => "Formulardaten",
    };
    let data = data.filter(|_| form || unread);
    Some(Fitting {
        receive,
        data: data.map(|data| ToKeep::new(data, format.unwrap_or("application/octet-stream"), filename)),
        metadata: metadata.then(|| ToKeep::new(metadata_bytes, "application/json", "Metadaten.json")),
    })
}

impl ToKeep {
    fn new(content: Vec<u8>, media_type: &'static str, filename: &'static str) -> Self {
        Self { hash: ContentHash::of(&content), content: content.into(), media_type, filename }
    }

    /// Keeps it; its key has to go with the event that names it.
    pub(super) async fn keep(self, desk: &Desk) -> Result<(Attachment, WrappedKey), Trouble> {
        let random = desk.context.ids.bytes().map_err(|_| Trouble::Other("randomness"))?;
        let published = desk.context.blobs.begin().publish(self.content).await?;
        let file = Attachment {
            id: AttachmentId::from_random(random),
            blob: published.id,
            filename: Some(self.filename.to_owned()),
            description: None,
            media_type: self.media_type.to_owned(),
            purpose: Purpose::Data,
            bytes: published.length,
            sha512: self.hash.as_bytes().to_vec(),
            signature: None,
            fragments: Vec::new(),
        };
        Ok((file, published.wrapped))
    }
}
