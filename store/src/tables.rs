//! Reading tables alike from a snapshot and from within a write transaction, for what must be decided in both.

use redb::{ReadTransaction, ReadableTable, TableDefinition, Value};

use crate::error::Result;
use crate::open_tables::KeptTo;
use crate::tx::Tx;

/// A transaction whose tables can be read.
pub(crate) trait Tables {
    /// A table to read from.
    fn table<K: KeptTo<V>, V: Value + 'static>(
        &self,
        table: TableDefinition<'static, K, V>,
    ) -> Result<impl ReadableTable<K, V>>;
}

impl Tables for ReadTransaction {
    fn table<K: KeptTo<V>, V: Value + 'static>(
        &self,
        table: TableDefinition<'static, K, V>,
    ) -> Result<impl ReadableTable<K, V>> {
        Ok(self.open_table(table)?)
    }
}

impl Tables for Tx<'_> {
    fn table<K: KeptTo<V>, V: Value + 'static>(
        &self,
        table: TableDefinition<'static, K, V>,
    ) -> Result<impl ReadableTable<K, V>> {
        self.read(table)
    }
}
