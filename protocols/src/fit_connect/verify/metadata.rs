//! Stage 3: the metadata, and what they say against what was announced and what our destination offers.

use std::collections::BTreeSet;

use super::{Check, OpenedPart, Problem, ReplyChannels, Stop, parts, reject_if};
use crate::{
    fit_connect::{
        api::destination::OfferedService,
        metadata::{Metadata, MetadataRefused, Tolerance},
        tag::AuthenticationTag,
    },
    ids::AttachmentId,
};

/// What the metadata are judged by.
#[derive(Debug, Clone, Copy)]
pub struct MetadataCheck<'a> {
    /// Their tag in the event log.
    pub tag: &'a AuthenticationTag,
    /// How tolerant we are.
    pub tolerance: Tolerance,
    /// The service that the submission was announced for.
    pub service: Option<&'a str>,
    /// What our destination offers; `None` where that is not known.
    pub offers: Option<&'a [OfferedService]>,
    /// The reply channels that we can use.
    pub reply_channels: ReplyChannels<'a>,
    /// `attachments` of the submission.
    pub announced: &'a [AttachmentId],
}

impl MetadataCheck<'_> {
    /// Judges the metadata.
    ///
    /// # Errors
    /// Rejects what cannot be read or does not fit; asks for a retry when our key is not known.
    pub fn judge(&self, part: &OpenedPart) -> Result<Metadata, Stop> {
        if let Some(problem) = part.carries(self.tag, Check::MetadataTag) {
            return Err(Stop::Reject(vec![problem]));
        }
        let json = part.content.as_ref().map_err(|unreadable| unreadable.stop(Check::MetadataDecrypt, None))?;
        let metadata = Metadata::parse(json, self.tolerance).map_err(|refused| Stop::Reject(refusal(&refused)))?;
        let found = [self.service_matches(&metadata), self.service_supported(), self.data_schema(&metadata)];
        let more = [self.reply_channel(&metadata), self.attachments(&metadata)];
        reject_if(found.into_iter().chain(more).flatten().collect())?;
        Ok(metadata)
    }

    fn service_matches(&self, metadata: &Metadata) -> Option<Problem> {
        let (said, announced) = (metadata.service.as_ref()?, self.service?);
        let detail = "Die Verwaltungsleistung der Metadaten ist nicht die der Einreichung.";
        (said.identifier != announced).then(|| Check::ServiceMatches.problem(detail))
    }

    fn service_supported(&self) -> Option<Problem> {
        let (offers, announced) = (self.offers?, self.service?);
        let offered = offers.iter().any(|offer| offer.identifier == announced);
        let detail = "Der Zustellpunkt bietet diese Verwaltungsleistung nicht an.";
        (!offered).then(|| Check::ServiceSupported.problem(detail))
    }

    fn data_schema(&self, metadata: &Metadata) -> Option<Problem> {
        let (data, offers) = (metadata.data.as_ref()?, self.offers?);
        // A service that is not offered is a problem of its own; its schemas are nobody's.
        let offer = offers.iter().find(|offer| Some(offer.identifier.as_str()) == self.service)?;
        let published = offer.submission_schemas.iter().any(|schema| schema.schema_uri == data.schema.uri);
        let detail = "Der Zustellpunkt nimmt Fachdaten dieses Schemas nicht an.";
        (!published).then(|| Check::DataSchemaSupported.problem(detail))
    }

    fn reply_channel(&self, metadata: &Metadata) -> Option<Problem> {
        let wanted = metadata.reply.as_ref()?;
        let detail = "Der gewünschte Rückkanal kann nicht bedient werden.";
        (!self.reply_channels.take(wanted)).then(|| Check::ReplyChannelSupported.problem(detail))
    }

    fn attachments(&self, metadata: &Metadata) -> Option<Problem> {
        let detail = "Die Anlagen der Metadaten stimmen nicht mit den angekündigten überein.";
        let mismatch = || Check::AttachmentsAnnounced.problem(detail);
        let mut expected = BTreeSet::new();
        let mut parents = BTreeSet::new();
        for attachment in &metadata.attachments {
            // A part that two attachments claim, or an id that stands there twice, is nobody's.
            let fresh = parts(attachment).iter().all(|part| expected.insert(*part)) && parents.insert(attachment.id);
            if !fresh {
                return Some(mismatch());
            }
        }
        // The id of an attachment in fragments may be announced beside them (dossier section 13: not established).
        let announced: BTreeSet<_> = self.announced.iter().copied().collect();
        let missing = expected.iter().any(|part| !announced.contains(part));
        let unknown = announced.iter().any(|id| !expected.contains(id) && !parents.contains(id));
        (missing || unknown).then(mismatch)
    }
}

fn refusal(refused: &MetadataRefused) -> Vec<Problem> {
    match refused {
        MetadataRefused::Syntax => vec![Check::MetadataSyntax.problem("Die Metadaten sind kein gültiges JSON.")],
        MetadataRefused::MissingSchema => {
            vec![Check::MetadataSchemaPresent.problem("Die Metadaten nennen kein Schema ($schema).")]
        }
        MetadataRefused::UnsupportedSchema => {
            vec![Check::MetadataSchemaSupported.problem("Das Schema der Metadaten wird nicht unterstützt.")]
        }
        MetadataRefused::Schema(violations) => {
            violations.iter().map(|violation| Check::MetadataSchema.problem(violation.to_string())).collect()
        }
    }
}
