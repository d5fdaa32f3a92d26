//! Why an operation on the redb file failed, sorted by what follows from it. Keeps redb's errors inside storage.

use crate::{codec::CodecError, journal::JournalError, ring::RingError, wire::Broken};

/// What went wrong in one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An I/O error: the handle is dead, and whether a commit took hold is not known.
    Io,
    /// The same for want of space.
    Full,
    /// The store contradicts itself.
    Damaged {
        /// The record, as far as known.
        record: u64,
        /// What is wrong.
        what: &'static str,
    },
}

impl Fault {
    pub(crate) const fn damaged(record: u64, what: &'static str) -> Self {
        Self::Damaged { record, what }
    }

    /// The error of an operation that certainly did not happen.
    pub(crate) const fn not_done(&self) -> JournalError {
        match self {
            Self::Io => JournalError::Unavailable,
            Self::Full => JournalError::Full,
            Self::Damaged { record, what } => JournalError::Damaged { record: *record, what },
        }
    }
}

impl From<redb::Error> for Fault {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(error) if crate::disk::is_full(&error) => Self::Full,
            redb::Error::Corrupted(_) => Self::damaged(0, "the file's own checks fail"),
            redb::Error::TableTypeMismatch { .. } | redb::Error::TableIsMultimap(_) => {
                Self::damaged(0, "a table is of another type")
            }
            redb::Error::TableDoesNotExist(_) => Self::damaged(0, "a table is missing"),
            _ => Self::Io,
        }
    }
}

macro_rules! through_redb_error {
    ($($error:ty),+) => {
        $(impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                redb::Error::from(error).into()
            }
        })+
    };
}

through_redb_error!(
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::DatabaseError,
    redb::SetDurabilityError
);

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        if crate::disk::is_full(&error) { Self::Full } else { Self::Io }
    }
}

impl From<CodecError> for Fault {
    fn from(_: CodecError) -> Self {
        Self::damaged(0, "a row does not decode")
    }
}

impl From<Broken> for Fault {
    fn from(_: Broken) -> Self {
        Self::damaged(0, "a row does not decode")
    }
}

impl From<RingError> for Fault {
    fn from(error: RingError) -> Self {
        match error {
            RingError::File(error) => error.into(),
            _ => Self::damaged(0, "a new key does not belong to the ring"),
        }
    }
}
