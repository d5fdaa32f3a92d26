//! Reading a case from its journal: the snapshot, the events after it, and all of them for the history.

use ozg_protocols::{
    case::{Case, Effect, FOLD_REVISION, Recorded},
    ids::CaseId,
};
use ozg_storage::{
    codec::Schema,
    journal::{JournalError, StreamId, Version},
    stream::{Opened, Stream},
};
use serde::{Deserialize, Serialize};

use super::{CaseParts, Trouble};
use crate::{
    supervise::{AskError, Failure},
    tenant::{CASE_RECORDS, EFFECTS},
};

/// A snapshot is made each time so many events have come together.
const SNAPSHOT_EVERY: u64 = 100;
const AT_ONCE: usize = 256;
/// A case of no more records than this is read whole without a look at its snapshot.
const SHORT: usize = 100;

const SNAPSHOTS: Schema<Snapshot> = Schema::first(1);

#[derive(Debug, Serialize, Deserialize)]
struct Snapshot {
    revision: u16,
    case: Option<Case>,
}

/// A folded case and its version.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    pub(super) case: Option<Case>,
    pub(super) version: u64,
}

/// One case's stream and how to read it.
#[derive(Debug)]
pub(super) struct History {
    pub(super) parts: CaseParts,
    pub(super) stream: Stream<Recorded, Effect>,
}

impl History {
    pub(super) fn of(id: CaseId, parts: CaseParts) -> Self {
        let stream = Stream::new(parts.sealer.clone(), StreamId::case(id), CASE_RECORDS, EFFECTS);
        Self { parts, stream }
    }

    /// Folds what there is: all of it where it is short, as nearly every case is, else the newest usable snapshot and what
    /// came after it.
    pub(super) async fn load(&mut self) -> Result<Loaded, Trouble> {
        let (events, more) = self.page(0, SHORT).await?;
        if !more {
            return Ok(Loaded { version: events.len() as u64, case: events.iter().fold(None, Case::apply) });
        }
        let mut loaded = self.snapshot().await.unwrap_or(Loaded { case: None, version: 0 });
        let events = self.events(loaded.version).await?;
        loaded.version += events.len() as u64;
        loaded.case = events.iter().fold(loaded.case, Case::apply);
        Ok(loaded)
    }

    /// A snapshot is a convenience: one that cannot be read is as good as none.
    async fn snapshot(&mut self) -> Option<Loaded> {
        let (version, body) = self.parts.journal.snapshot(self.stream.id()).await.ok()??;
        let snapshot = self.stream.open_snapshot(version, &SNAPSHOTS, &body).ok()?;
        (snapshot.revision == FOLD_REVISION).then_some(Loaded { case: snapshot.case, version: version.0 })
    }

    /// The events from this version on.
    pub(super) async fn events(&mut self, from: u64) -> Result<Vec<Recorded>, Trouble> {
        let (mut events, mut more) = self.page(from, AT_ONCE).await?;
        while more {
            let (next, further) = self.page(from + events.len() as u64, AT_ONCE).await?;
            events.extend(next);
            more = further;
        }
        Ok(events)
    }

    /// Some events from this version on, and whether there may be more.
    async fn page(&mut self, from: u64, records: usize) -> Result<(Vec<Recorded>, bool), Trouble> {
        let page = self.parts.journal.read(self.stream.id(), Version(from), records).await;
        let page = page.map_err(|error| trouble(&error))?;
        let mut events: Vec<Recorded> = Vec::new();
        for stored in &page.records {
            let Ok(Opened::Events(record)) = self.stream.open(stored) else { return Err(unreadable()) };
            // A person may have seen the case between two events of one record.
            let known = usize::try_from(from.saturating_sub(stored.first.0)).unwrap_or(usize::MAX);
            let known = if events.is_empty() { known } else { 0 };
            events.extend(record.events.into_iter().skip(known));
        }
        Ok((events, page.more))
    }

    /// Keeps a snapshot when this append has crossed the line.
    pub(super) async fn keep(&mut self, before: u64, now: &Loaded) {
        if before / SNAPSHOT_EVERY == now.version / SNAPSHOT_EVERY {
            return;
        }
        let (version, snapshot) = (Version(now.version), Snapshot { revision: FOLD_REVISION, case: now.case.clone() });
        if let Ok(body) = self.stream.seal_snapshot(version, SNAPSHOTS.current, &snapshot) {
            let _ = self.parts.journal.put_snapshot(self.stream.id(), version, body).await;
        }
    }
}

/// What an error of the journal means for a case that only reads.
pub(super) fn trouble(error: &JournalError) -> Trouble {
    match error {
        JournalError::Damaged { .. } | JournalError::Invalid(_) => unreadable(),
        JournalError::Full | JournalError::Unavailable | JournalError::UnknownOutcome => {
            Trouble::Answer(AskError::Unavailable)
        }
    }
}

pub(super) const fn unreadable() -> Trouble {
    Trouble::Fail(AskError::Unavailable, Failure("the case cannot be read"))
}
