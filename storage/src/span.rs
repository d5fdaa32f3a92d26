//! How long one read transaction lasts: at most 1,000 rows, 16 MiB or one second, whichever comes first.
//!
//! One that is held makes the file grow, and how long a row takes is up to the disk. Whoever wants more goes on in the next
//! transaction where this one stopped; each gets on by one row at least.

use std::{
    ops::{Bound, ControlFlow},
    time::{Duration, Instant},
};

use redb::{Key, ReadTransaction, TableDefinition, Value};

use crate::{disk::Disk, fault::Fault};

/// The most rows that one transaction reads.
pub(crate) const MAX_ROWS: usize = 1_000;
const MAX_BYTES: usize = 16 << 20;
const LONGEST: Duration = Duration::from_secs(1);

/// What is left of one read transaction. To be made just before it begins.
#[derive(Debug)]
pub(crate) struct Span<'d> {
    disk: &'d dyn Disk,
    until: Instant,
    rows: usize,
    bytes: usize,
}

impl<'d> Span<'d> {
    /// A whole one, for at most so many rows.
    pub(crate) fn of(disk: &'d dyn Disk, rows: usize) -> Self {
        Self { disk, until: disk.now() + LONGEST, rows: rows.min(MAX_ROWS), bytes: MAX_BYTES }
    }

    /// Counts a row of this length that was read, and says whether it was the last one.
    pub(crate) fn ends_with(&mut self, bytes: usize) -> bool {
        self.rows = self.rows.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.is_over()
    }

    /// Whether nothing more is to be read.
    pub(crate) fn is_over(&self) -> bool {
        self.rows == 0 || self.bytes == 0 || self.disk.now() >= self.until
    }
}

/// Looks at the rows of a table from this key on, as long as one transaction lasts and nobody breaks it off. It goes on
/// behind the last key that was looked at, if there may be more.
pub(crate) fn look_at_rows<K, V, B>(
    transaction: &ReadTransaction,
    mut span: Span<'_>,
    table: TableDefinition<'_, K, V>,
    from: Bound<K>,
    mut look: impl FnMut(K, V::SelfType<'_>) -> Result<ControlFlow<B>, Fault>,
) -> Result<ControlFlow<B, Option<K>>, Fault>
where
    K: for<'k> Key<SelfType<'k> = K> + Copy + 'static,
    V: Value + 'static,
{
    for row in transaction.open_table(table)?.range((from, Bound::Unbounded))? {
        let (key, value) = row?;
        let key = key.value();
        if let ControlFlow::Break(found) = look(key, value.value())? {
            return Ok(ControlFlow::Break(found));
        }
        if span.ends_with(0) {
            return Ok(ControlFlow::Continue(Some(key)));
        }
    }
    Ok(ControlFlow::Continue(None))
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use redb::ReadableTable as _;

    use super::*;
    use crate::{
        journal::{EffectTarget, StreamId, Version},
        redb_core::Options,
        tables,
        tenant_store::TenantStore,
        testing::{PowerCutDisk, Sample, nothing_named},
        verify::verify_store,
    };

    const RECORDS: u64 = 150;
    /// How long a slow disk takes for one operation.
    const EACH: Duration = Duration::from_millis(50);
    /// A second, and the operations of the row that was under way when it was over.
    const AT_MOST: Duration = Duration::from_millis(1_500);

    /// A store of one stream on a disk that takes its time and whose pages are not kept in memory.
    fn slow() -> (PowerCutDisk, Sample, TenantStore, StreamId) {
        let data = Path::new("/data");
        let disk = PowerCutDisk::with_directory(data);
        let mut sample = Sample::on(Arc::new(disk.clone()), data, 1);
        sample.options = Options { cache: 0, rows_every: 1_000_000, ..sample.options };
        let store = sample.open().expect("opens");
        let mut stream = Sample::stream(&store, 5);
        let text = "x".repeat(2_000);
        for version in 0..RECORDS {
            let append = Sample::append(&mut stream, version, u128::from(version), &text, Some(1), Vec::new());
            assert!(store.core.commit(vec![append]).iter().all(Result::is_ok));
        }
        let id = stream.id();
        drop(stream);
        (disk, sample, store, id)
    }

    #[test]
    fn on_a_slow_disk_a_page_is_short_and_whoever_reads_goes_on_behind_it() {
        let (disk, _, store, stream) = slow();
        disk.slow_down(EACH);
        let (mut from, mut pages, mut more) = (Version(0), 0, true);
        while more {
            let begun = disk.now();
            let page = store.core.read(stream, from, 1_000).expect("reads");
            assert!(disk.now() - begun <= AT_MOST, "{:?}", disk.now() - begun);
            assert!(page.records.iter().map(|record| record.first.0).eq((from.0..).take(page.records.len())));
            (from, pages, more) = (Version(from.0 + page.records.len() as u64), pages + 1, page.more);
        }
        assert!(from == Version(RECORDS) && pages > 3, "{pages}");
        let (mut cursor, mut seen, mut pages, mut more) = (store.core.beginning(), 0, 0, true);
        while more {
            let begun = disk.now();
            let page = store.core.tail(&cursor, 1_000).expect("reads");
            assert!(disk.now() - begun <= AT_MOST, "{:?}", disk.now() - begun);
            assert_eq!(page.records.first().expect("it gets on").number.0, seen + 1);
            (cursor, seen, pages, more) = (page.next, seen + page.records.len() as u64, pages + 1, page.more);
        }
        assert!(seen == RECORDS + 1 && pages > 3, "{pages}");
    }

    #[test]
    fn on_a_slow_disk_rows_are_looked_at_in_many_short_transactions() {
        let (disk, _, store, stream) = slow();
        disk.slow_down(EACH);
        // How many snapshots there are to be seen: one each time that somebody has written beside it.
        let (mut begun, mut transactions, mut snapshot, mut numbers) = (disk.now(), 0, None, Vec::new());
        let mut owner = Sample::stream(&store, 6);
        let looked = store.core.shelf.look_at_rows(tables::LOG, Bound::Unbounded, |transaction, number, _| {
            disk.slow_down(Duration::ZERO);
            let newest = transaction.open_table(tables::LOG)?.last()?.map(|(number, _)| number.value());
            let version = number - 1;
            let append = Sample::append(&mut owner, version, u128::from(version), "beside it", None, Vec::new());
            assert!(store.core.commit(vec![append]).iter().all(Result::is_ok));
            disk.slow_down(EACH);
            if snapshot != newest {
                (snapshot, transactions, begun) = (newest, transactions + 1, disk.now());
            }
            assert!(disk.now() - begun <= AT_MOST, "{:?}", disk.now() - begun);
            numbers.push(number);
            Ok(if number == RECORDS { ControlFlow::Break("the end") } else { ControlFlow::Continue(()) })
        });
        assert_eq!(looked, Ok(Some("the end")));
        assert!(numbers.into_iter().eq(1..=RECORDS) && transactions > 3, "{transactions}");
        assert_eq!(store.core.backlog(EffectTarget::FitConnect).expect("reads")[0].count, RECORDS);
        assert_eq!(store.core.read(stream, Version(RECORDS - 1), 9).expect("reads").records.len(), 1);
    }

    #[test]
    fn a_store_on_a_slow_disk_opens_and_verifies_as_ever() {
        let (disk, sample, store, stream) = slow();
        drop(store);
        disk.slow_down(EACH);
        let store = sample.open().expect("opens");
        assert_eq!(store.core.read(stream, Version(RECORDS - 1), 9).expect("reads").records.len(), 1);
        drop(store);
        let Sample { disk, data, tenant, key, .. } = &sample;
        let report = verify_store(disk, data, tenant, Some(key), None, &nothing_named, &mut |_| {});
        assert_eq!(report.expect("verifies").records, RECORDS + 1);
    }
}
