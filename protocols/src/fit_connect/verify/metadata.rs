//! Stage 3: the metadata, and what they say against what was announced and what our destination offers.

use std::collections::BTreeSet;

use super::{Check, OpenedPart, Problem, ReplyChannels, Stop, parts, reject_if};
use crate::{
    fit_connect::{
        api::destination::OfferedService,
        hash::ContentHash,
        metadata::{DataSet, Metadata, MetadataRefused, Tolerance},
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
        let more = [self.reply_channel(&metadata), self.attachments(&metadata), data_sets(&metadata)];
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

/// A text is hashed by its bytes; how anything else was written down before it was hashed is not defined, and held against
/// nobody (dossier section 8.3).
fn data_sets(metadata: &Metadata) -> Option<Problem> {
    let differs = |set: &DataSet| set.content.as_str().is_some_and(|text| ContentHash::of(text.as_bytes()) != set.hash);
    let detail = "Die Prüfsumme eines Datensatzes (dataSets) ist nicht die seines Inhalts.";
    metadata.data_sets.iter().any(differs).then(|| Check::DataSetHash.problem(detail))
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fit_connect::metadata::{EmptyFragments, MissingSchema};

    fn judged(content: &Value, hash: &ContentHash) -> Option<Problem> {
        let hash = json!({ "type": "sha512", "content": hash.to_string() });
        let schema = json!({ "schemaUri": "urn:x", "mimeType": "application/json" });
        let document = json!({
            "$schema": "https://schema.fitko.de/fit-connect/metadata/2.1.0/metadata.schema.json",
            "contentStructure": { "attachments": [], "data": { "hash": hash, "submissionSchema": schema } },
            "dataSets": [{ "dataSetId": "11111111-2222-4333-8444-555555555555", "schema": schema, "hash": hash,
                "content": content }],
        });
        let tolerance = Tolerance { fragments: EmptyFragments::Reject, schema: MissingSchema::Reject };
        data_sets(&Metadata::parse(document.to_string().as_bytes(), tolerance).expect("metadata"))
    }

    #[test]
    fn a_text_in_a_data_set_is_compared_with_its_hash_and_an_object_is_held_against_nobody() {
        let (text, other) = (json!("Prüfung"), ContentHash::of(b"etwas anderes"));
        assert_eq!(judged(&text, &ContentHash::of("Prüfung".as_bytes())), None);
        let problem = judged(&text, &other).expect("a problem");
        assert!(problem.kind.ends_with("hash-mismatch"), "{problem:?}");
        assert_eq!(judged(&json!({ "a": 1 }), &other), None);
    }
}
