//! The orders of the work list: where a row stands in each, and the place that a cursor names.
//!
//! A cursor holds values, never a row: it stays right when rows come and go. Every order is total, because ties are broken
//! by the case's id.

use std::cmp::Ordering;

use ozg_protocols::{
    case::Status,
    ids::CaseId,
    moment::Moment,
    work_list::{PageCursor, SortBy},
};

use super::{columns::Columns, words};

/// How a name is sorted, as far as its first 16 bytes tell. Those without a name come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NameKey(u128);

impl NameKey {
    /// No text begins with this byte.
    const NONE: Self = Self(u128::MAX);

    pub(super) fn of(name: Option<&str>) -> Self {
        name.map_or(Self::NONE, |name| Self::folded(&words::fold(name)))
    }

    fn folded(name: &str) -> Self {
        let mut key = [0; 16];
        key.iter_mut().zip(name.bytes()).for_each(|(key, byte)| *key = byte);
        Self(u128::from_be_bytes(key))
    }

    pub(super) fn is_none(self) -> bool {
        self == Self::NONE
    }
}

/// What a case is sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Time(Moment),
    /// Folded.
    Name(Option<String>),
    Number(String),
    Status(Status),
}

/// A place in an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place(Value, CaseId);

impl Place {
    /// The place of a row.
    pub(super) fn of(columns: &Columns, row: u32, sort: SortBy) -> Self {
        let value = match sort {
            SortBy::Received => Value::Time(columns.received(row)),
            SortBy::Changed => Value::Time(columns.changed(row)),
            SortBy::Applicant => Value::Name(columns.applicant(row).map(words::fold)),
            SortBy::Number => Value::Number(columns.number(row).to_owned()),
            SortBy::Status => Value::Status(columns.facts(row).status),
        };
        Self(value, columns.id(row))
    }

    /// The place that a cursor names, if it is one of this order.
    pub(super) fn at(cursor: &PageCursor, sort: SortBy) -> Option<Self> {
        let (bytes, id) = cursor.0.split_last_chunk::<16>()?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let value = match sort {
            SortBy::Received | SortBy::Changed => {
                Value::Time(Moment::from_millis(i64::from_be_bytes(bytes.try_into().ok()?)))
            }
            SortBy::Applicant => match bytes.split_first()? {
                (b'0', name) => Value::Name(Some(text(name)?)),
                _ => Value::Name(None),
            },
            SortBy::Number => Value::Number(text(bytes)?),
            SortBy::Status => Value::Status(*Status::ALL.get(usize::from(*bytes.first()?))?),
        };
        Some(Self(value, CaseId::from_u128(u128::from_be_bytes(*id))))
    }

    /// This place, to be kept by whoever pages.
    pub(super) fn cursor(&self) -> PageCursor {
        let bytes = match &self.0 {
            Value::Time(moment) => moment.millis().to_be_bytes().to_vec(),
            Value::Name(Some(name)) => [b"0", name.as_bytes()].concat(),
            Value::Name(None) => b"1".to_vec(),
            Value::Number(number) => number.as_bytes().to_vec(),
            Value::Status(status) => vec![*status as u8],
        };
        PageCursor([bytes.as_slice(), &self.1.as_u128().to_be_bytes()].concat())
    }

    /// Where a row lies relative to this place, in the order this place is one of.
    pub(super) fn compare(&self, columns: &Columns, sort: SortBy, row: u32) -> Ordering {
        let by_value = match (&self.0, sort) {
            (Value::Time(moment), SortBy::Changed) => columns.changed(row).cmp(moment),
            (Value::Time(moment), _) => columns.received(row).cmp(moment),
            (Value::Name(name), _) => {
                let key = name.as_deref().map_or(NameKey::NONE, NameKey::folded);
                columns.name_key(row).cmp(&key).then_with(|| columns.applicant(row).map(words::fold).cmp(name))
            }
            (Value::Number(number), _) => columns.number(row).cmp(number),
            (Value::Status(status), _) => columns.facts(row).status.cmp(status),
        };
        by_value.then_with(|| columns.id(row).cmp(&self.1))
    }
}
