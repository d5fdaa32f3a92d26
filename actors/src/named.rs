//! Which blobs the events of a record name, for whoever compares the journal with the files at rest.

use ozg_protocols::{
    case::{Event, Recorded},
    ids::BlobId,
    intake::{IntakeEvent, RecordedIntake},
};
use ozg_storage::journal::{StreamId, StreamKind};

use crate::{
    intake::raw_blobs,
    tenant::{CASE_RECORDS, INTAKE_RECORDS},
};

/// The blobs that a record of this stream names, by the envelope of its events; `None` if that does not decode.
#[must_use]
pub fn named_blobs(stream: StreamId, envelope: &[u8]) -> Option<Vec<BlobId>> {
    Some(match stream.kind {
        StreamKind::Case => CASE_RECORDS.decode(envelope).ok()?.events.iter().flat_map(of_case).collect(),
        StreamKind::Intake => INTAKE_RECORDS.decode(envelope).ok()?.events.iter().flat_map(of_intake).collect(),
        StreamKind::Tenant | StreamKind::User | StreamKind::Access => Vec::new(),
    })
}

fn of_case(recorded: &Recorded) -> Vec<BlobId> {
    match &recorded.event {
        Event::Received { application, .. } => {
            let files = application.stored_files().map(|file| file.blob);
            files.chain(application.raw.blobs.iter().copied()).collect()
        }
        Event::StatusChanged { .. } | Event::Assigned { .. } | Event::Commented { .. } | Event::ReceiptNoted { .. } => {
            Vec::new()
        }
    }
}

fn of_intake(recorded: &RecordedIntake) -> Vec<BlobId> {
    match &recorded.event {
        IntakeEvent::Kept { raw, .. } => raw_blobs(raw),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use ozg_protocols::{
        application::Channel,
        case::{self, By, ReceiptState},
        ids::{DestinationId, FitCaseId, SubmissionId},
        intake::{RawPart, RawSubmission},
        moment::Moment,
    };
    use ozg_storage::{codec, stream::Record};

    use super::*;

    #[test]
    fn the_files_of_what_came_are_named_and_a_body_of_another_schema_is_not_guessed() {
        let blob = BlobId::from_u128(7);
        let event = IntakeEvent::Kept {
            channel: Channel::FitConnect {
                destination: DestinationId::from_random([1; 16]),
                submission: SubmissionId::from_random([2; 16]),
                case: FitCaseId::from_random([3; 16]),
            },
            service: String::new(),
            raw: RawSubmission {
                metadata: RawPart::Inline(String::new()),
                data: Some(RawPart::Blob(blob)),
                event_log: Vec::new(),
            },
        };
        let at = Moment::from_seconds(1);
        let record = Record { at, by: None, events: vec![RecordedIntake { at, event }] };
        let mut envelope = INTAKE_RECORDS.encode(&record).expect("encodes");
        let stream = StreamId { kind: StreamKind::Intake, id: 1 };
        assert_eq!(named_blobs(stream, &envelope), Some(vec![blob]));
        envelope[0] = 99;
        assert_eq!(named_blobs(stream, &envelope), None);
    }

    #[test]
    fn a_case_record_of_schema_1_is_read_through_its_frozen_types() {
        let (at, state) = (Moment::from_seconds(1), ReceiptState::Delivered);
        let old = case::v1::Recorded { at, by: By::System, event: case::v1::Event::ReceiptNoted { state } };
        let envelope = codec::encode(1, &Record { at, by: None, events: vec![old] }).expect("encodes");
        let new = Recorded { at, by: By::System, event: Event::ReceiptNoted { state } };
        assert_eq!(CASE_RECORDS.decode(&envelope).expect("decodes").events, [new]);
        assert_eq!(named_blobs(StreamId { kind: StreamKind::Case, id: 1 }, &envelope), Some(Vec::new()));
    }
}
