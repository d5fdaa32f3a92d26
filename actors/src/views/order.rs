//! The orders of the work list: every case has a key of bytes for each, and a cursor is such a key with the case's id.

use ozg_protocols::{
    case::Status,
    ids::CaseId,
    moment::Moment,
    work_list::{PageCursor, SortBy},
};

use super::{listed::Listed, words};

/// A place in an order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(Vec<u8>, u128);

impl Key {
    /// The place of a case.
    pub(super) fn of(id: CaseId, listed: &Listed, sort: SortBy) -> Self {
        let case = &listed.case;
        let bytes = match sort {
            SortBy::Received => time(case.received),
            SortBy::Changed => time(case.changed),
            SortBy::Applicant => name(listed.applicant.as_deref()),
            SortBy::Number => case.number.as_str().as_bytes().to_vec(),
            SortBy::Status => vec![place(case.status)],
        };
        Self(bytes, id.as_u128())
    }

    /// The place that a cursor names, if it is one.
    pub(super) fn at(cursor: &PageCursor) -> Option<Self> {
        let (bytes, id) = cursor.0.split_last_chunk::<16>()?;
        Some(Self(bytes.to_vec(), u128::from_be_bytes(*id)))
    }

    /// This place, to be kept by whoever pages.
    pub(super) fn cursor(&self) -> PageCursor {
        PageCursor([self.0.as_slice(), &self.1.to_be_bytes()].concat())
    }
}

fn time(moment: Moment) -> Vec<u8> {
    // Two's complement with the sign turned over sorts like the number.
    (moment.millis() ^ i64::MIN).to_be_bytes().to_vec()
}

/// Those without a name come last.
fn name(applicant: Option<&str>) -> Vec<u8> {
    match applicant {
        Some(name) => [b"0".as_slice(), words::fold(name).as_bytes()].concat(),
        None => b"1".to_vec(),
    }
}

fn place(status: Status) -> u8 {
    Status::ALL.iter().position(|known| *known == status).and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
}
