//! Damage that no program of ours would do.

use redb::{Durability, Key, ReadableTable as _, TableDefinition};

use crate::{shelf::Outcome, tables, tenant_store::TenantStore};

/// Changes the bytes of a record.
///
/// # Panics
/// If there is no such record.
pub fn break_record(store: &TenantStore, number: u64, change: impl Fn(&mut Vec<u8>)) {
    break_row(store, tables::LOG, &number, change);
}

/// Changes a row of a table.
pub(crate) fn break_row<K: Key + 'static>(
    store: &TenantStore,
    table: TableDefinition<'static, K, &'static [u8]>,
    key: &K::SelfType<'_>,
    change: impl Fn(&mut Vec<u8>),
) {
    let broken = store.core.shelf.write(Durability::Immediate, |transaction| {
        let mut table = transaction.open_table(table)?;
        let mut row = table.get(key)?.expect("there").value().to_vec();
        change(&mut row);
        table.insert(key, row.as_slice())?;
        Ok(Outcome::Commit(()))
    });
    broken.expect("written");
}
