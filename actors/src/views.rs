//! The views of a tenant: work list, clearing tray and people, written by one actor that tails the journal.
//!
//! A view holds nothing that the journal does not: it can be thrown away and is rebuilt. The writer applies what it has read
//! in one go; readers look through [`WorkList`] and never see that there is a lock, and none is held across a wait. Whoever
//! asks brings the principal along; what they may not see is not there (law 6).

mod bits;
mod chunked;
mod columns;
mod fold;
mod index;
#[cfg(test)]
mod naive;
mod names;
mod order;
mod orders;
mod saved;
mod table;
mod text;
mod tray;
#[cfg(test)]
mod trials;
mod words;
mod writer;

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use ozg_protocols::{
    account::RecordedAccount,
    application::Channel,
    case::Person,
    ids::{CaseId, IntakeId},
    intake::ClearingReason,
    moment::Moment,
    principal::Principal,
    work_list::{Counts, Neighbours, Page, Query, Row, Suggestion},
};
use ozg_storage::{codec::Schema, stream::Record};
use tokio::sync::broadcast;

use index::Index;
pub(crate) use writer::{ViewsActor, ViewsParts};

/// Schema 1 of account records.
pub(crate) const ACCOUNT_RECORDS: Schema<Record<RecordedAccount>> = Schema::first(1);

/// So many changes a slow listener may be behind before it has to reload.
const FEED: usize = 1_024;

/// So long somebody waits at most until the views show what was done just now: they are rebuilt, or far behind.
const SHOWN_WITHIN: Duration = Duration::from_secs(1);

/// A submission that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearingItem {
    /// Its intake.
    pub intake: IntakeId,
    /// The way it came.
    pub channel: Channel,
    /// The service it says it is for.
    pub service: String,
    /// Why it waits.
    pub reason: ClearingReason,
    /// When it came.
    pub kept: Moment,
    /// Since when it waits.
    pub since: Moment,
    /// How often its bytes were opened.
    pub attempts: u8,
    /// The case it became, where it was accepted all the same.
    pub case: Option<CaseId>,
}

/// Something has changed that a page may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A case.
    Case {
        /// Which.
        case: CaseId,
        /// The record that changed it: the views show it.
        record: u64,
    },
    /// What waits in the clearing tray.
    Tray {
        /// The record that changed it: the views show it.
        record: u64,
    },
    /// Something that is told no further: more than a slow listener can be told, or the views have been rebuilt. Reload.
    Missed,
}

/// Tells what changes, to whoever listens.
#[derive(Debug)]
pub struct ChangeFeed(broadcast::Receiver<Change>);

impl ChangeFeed {
    /// The next change; nothing when the house is gone.
    pub async fn next(&mut self) -> Option<Change> {
        match self.0.recv().await {
            Ok(change) => Some(change),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Change::Missed),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// The views of one tenant, shared by their writer and all readers.
#[derive(Clone)]
pub(crate) struct Views {
    index: Arc<RwLock<Index>>,
    feed: broadcast::Sender<Change>,
}

impl fmt::Debug for Views {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Views")
    }
}

impl Default for Views {
    fn default() -> Self {
        Self { index: Arc::default(), feed: broadcast::channel(FEED).0 }
    }
}

impl Views {
    pub(crate) fn work_list(&self) -> WorkList {
        WorkList(self.clone())
    }

    pub(crate) fn changes(&self) -> ChangeFeed {
        ChangeFeed(self.feed.subscribe())
    }

    /// Waits until this case is shown in this version or a later one.
    pub(crate) async fn shown(&self, case: CaseId, version: u64) -> bool {
        self.until(|index| index.version(case) >= version).await
    }

    /// Waits until this submission is in the clearing tray no longer.
    pub(crate) async fn cleared(&self, intake: IntakeId) -> bool {
        self.until(|index| !index.tray.has(intake)).await
    }

    /// Waits until the views show this, for no longer than [`SHOWN_WITHIN`]: whether they do.
    async fn until(&self, shows: impl Fn(&Index) -> bool) -> bool {
        // Listening begins before the first look: what comes in between is heard.
        let mut changes = self.changes();
        let shown = async {
            while !self.read(&shows) {
                if changes.next().await.is_none() {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(SHOWN_WITHIN, shown).await.unwrap_or(false)
    }

    /// What waits in the clearing tray, the oldest first.
    pub(crate) fn clearing(&self) -> Vec<ClearingItem> {
        self.read(Index::clearing)
    }

    /// The channels of what is kept and still on its way, as far as the journal was read.
    pub(crate) fn open_intakes(&self) -> Vec<Channel> {
        self.read(Index::open_intakes)
    }

    /// What waits in the clearing tray, if that has changed after this record.
    pub(crate) fn clearing_after(&self, record: u64) -> Option<BTreeSet<IntakeId>> {
        self.read(|index| index.tray.after(record))
    }

    /// Those whom this person may put in charge, by name.
    pub(crate) fn colleagues(&self, who: &Principal) -> Vec<Person> {
        self.read(|index| index.colleagues(who))
    }

    fn read<T>(&self, look: impl FnOnce(&Index) -> T) -> T {
        look(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Index) -> T) -> T {
        change(&mut self.index.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            // Nobody listens: nobody has to be told.
            let _ = self.feed.send(change);
        }
    }
}

/// The work list. Its answers come at once, from memory.
#[derive(Debug, Clone)]
pub struct WorkList(Views);

impl WorkList {
    /// A stretch of the list.
    #[must_use]
    pub fn page(&self, who: &Principal, query: &Query) -> Page {
        self.0.read(|index| index.page(who, query))
    }

    /// The numbers beside the list.
    #[must_use]
    pub fn counts(&self, who: &Principal) -> Counts {
        self.0.read(|index| index.counts(who))
    }

    /// Completions for what is being typed, at most `limit`.
    #[must_use]
    pub fn suggest(&self, who: &Principal, typed: &str, limit: usize) -> Vec<Suggestion> {
        self.0.read(|index| index.suggest(who, typed, limit))
    }

    /// The cases before and after this one in the order of a query.
    #[must_use]
    pub fn neighbours(&self, who: &Principal, query: &Query, case: CaseId) -> Neighbours {
        self.0.read(|index| index.neighbours(who, query, case))
    }

    /// One case as the list shows it, if this person may see it, and whether it belongs to what the query asks for.
    #[must_use]
    pub fn row(&self, who: &Principal, query: &Query, case: CaseId) -> Option<(Row, bool)> {
        self.0.read(|index| index.row(who, query, case))
    }

    /// The services of the cases that this person may see: identifier and title, by title.
    #[must_use]
    pub fn services(&self, who: &Principal) -> Vec<(String, String)> {
        self.0.read(|index| index.services(who))
    }
}
