//! Tables that a write transaction keeps open. Opening one costs as much as reading a row or more, and folding an event takes a
//! dozen of them, some several times: a quarter of what a batch of events cost was opening.
//!
//! Invariants:
//! - A table is in one place at most: here, or with whoever uses it. Asking for one that is in use is redb's error, as ever.
//! - What redb refuses with tables open (committing, deleting one) begins with closing those that are here: [`OpenTables`] is
//!   dropped, or [`OpenTables::close`] called.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::ops::{Deref, DerefMut, RangeBounds};

use redb::{
    AccessGuard, Key, Range, ReadableTable, ReadableTableMetadata, StorageError, Table, TableDefinition, TableHandle,
    TableStats, Value, WriteTransaction,
};

use crate::error::Result;
use crate::schema::Key32;

/// Open tables whose keys and values have the same types.
type Shelf<'a, K, V> = RefCell<Vec<Table<'a, K, V>>>;

/// A type of keys; tables from it to `V` can be kept open.
pub(crate) trait KeptTo<V: Value + 'static>: Key + Sized + 'static {
    /// Where they are kept.
    fn shelf<'t, 'a>(tables: &'t OpenTables<'a>) -> &'t Shelf<'a, Self, V>;
}

/// A shelf for each pair of types that a table in `schema.rs` has.
macro_rules! shelves {
    ($($name:ident: $key:ty => $value:ty;)*) => {
        /// The tables that are open and not in use.
        #[derive(Default)]
        pub(crate) struct OpenTables<'a> {
            $($name: Shelf<'a, $key, $value>,)*
        }

        $(impl KeptTo<$value> for $key {
            fn shelf<'t, 'a>(tables: &'t OpenTables<'a>) -> &'t Shelf<'a, Self, $value> {
                &tables.$name
            }
        })*
    };
}

shelves! {
    text_to_bytes: &'static str => &'static [u8];
    text_to_text: &'static str => &'static str;
    number_to_bytes: u64 => &'static [u8];
    digest_to_bytes: Key32 => &'static [u8];
    digest_to_digest: Key32 => Key32;
    digest_to_number: Key32 => u64;
    digest_to_nothing: Key32 => ();
    id_to_bytes: &'static [u8; 16] => &'static [u8];
    short_id_to_bytes: &'static [u8; 8] => &'static [u8];
    streams: (Key32, u64) => &'static [u8];
    stream_events: (Key32, u64, u64, Key32) => u64;
    history: (&'static str, Key32) => u64;
    replacers: (Key32, Key32) => ();
    orders: (u64, &'static str) => ();
    live_blobs: (Key32, &'static str) => ();
    deliveries: (&'static [u8; 8], u64) => &'static [u8];
    delivery_queue: (&'static [u8; 8], u64) => ();
}

impl<'a> OpenTables<'a> {
    /// A table: one that is open, or one that is opened.
    pub(crate) fn open<K: KeptTo<V>, V: Value + 'static>(
        &self,
        txn: &'a WriteTransaction,
        definition: TableDefinition<K, V>,
    ) -> Result<Open<'_, 'a, K, V>> {
        let shelf = K::shelf(self);
        let kept = {
            let mut kept = shelf.borrow_mut();
            let place = kept.iter().position(|table| table.name() == definition.name());
            place.map(|place| kept.swap_remove(place))
        };
        let table = match kept {
            Some(table) => table,
            None => txn.open_table(definition)?,
        };
        Ok(Open { shelf, table: Some(table) })
    }

    /// Closes a table, unless it is in use.
    pub(crate) fn close<K: KeptTo<V>, V: Value + 'static>(&self, definition: TableDefinition<K, V>) {
        K::shelf(self).borrow_mut().retain(|table| table.name() != definition.name());
    }
}

/// A table in use. It goes back when this is dropped.
pub(crate) struct Open<'t, 'a, K: Key + 'static, V: Value + 'static> {
    shelf: &'t Shelf<'a, K, V>,
    table: Option<Table<'a, K, V>>,
}

impl<K: Key + 'static, V: Value + 'static> Drop for Open<'_, '_, K, V> {
    fn drop(&mut self) {
        self.shelf.borrow_mut().extend(self.table.take());
    }
}

impl<'a, K: Key + 'static, V: Value + 'static> Deref for Open<'_, 'a, K, V> {
    type Target = Table<'a, K, V>;

    fn deref(&self) -> &Self::Target {
        self.table.as_ref().expect("it goes only when this is dropped")
    }
}

impl<K: Key + 'static, V: Value + 'static> DerefMut for Open<'_, '_, K, V> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.table.as_mut().expect("it goes only when this is dropped")
    }
}

impl<K: Key + 'static, V: Value + 'static> ReadableTableMetadata for Open<'_, '_, K, V> {
    fn stats(&self) -> std::result::Result<TableStats, StorageError> {
        (**self).stats()
    }

    fn len(&self) -> std::result::Result<u64, StorageError> {
        (**self).len()
    }
}

impl<K: Key + 'static, V: Value + 'static> ReadableTable<K, V> for Open<'_, '_, K, V> {
    fn get<'k>(
        &self,
        key: impl Borrow<K::SelfType<'k>>,
    ) -> std::result::Result<Option<AccessGuard<'_, V>>, StorageError> {
        (**self).get(key)
    }

    fn range<'k, KR>(&self, range: impl RangeBounds<KR> + 'k) -> std::result::Result<Range<'_, K, V>, StorageError>
    where
        KR: Borrow<K::SelfType<'k>> + 'k,
    {
        (**self).range(range)
    }

    fn first(&self) -> std::result::Result<Option<(AccessGuard<'_, K>, AccessGuard<'_, V>)>, StorageError> {
        (**self).first()
    }

    fn last(&self) -> std::result::Result<Option<(AccessGuard<'_, K>, AccessGuard<'_, V>)>, StorageError> {
        (**self).last()
    }
}
