//! The catalog in orders other than by path: by when it was published, by size. So that a page of any order is a range
//! read, however many packages there are, and a reader can jump to any of its thousands.
//!
//! Invariant (checked by `Store::check`): each index has one row for each row of `packages`: its value and its path.
//!
//! A page begins behind a place, (value, path), whether that is still there or not; so pages neither repeat nor miss a
//! package that didn't change in between.

use std::ops::Bound;

use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};

use crate::catalog::PackageRow;
use crate::codec::from_row;
use crate::error::{Result, StoreError};
use crate::limits::PACKAGE_PAGE_BYTES_MAX;
use crate::package::{EXAMINED_MAX, Package, Viewer};
use crate::schema::{BY_PUBLISHED, BY_SIZE, PACKAGES};
use crate::tx::Tx;

type Index = TableDefinition<'static, (u64, &'static str), ()>;

/// By what packages are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SortKey {
    /// Their paths, bytewise.
    Path,
    /// When their current revision was published, by its author's clock.
    PublishedAt,
    /// Their bytes.
    Size,
}

/// An order of packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sort {
    /// By what.
    pub key: SortKey,
    /// Greatest first.
    pub descending: bool,
}

/// A place in an order: the value sorted by (0 by path), and the path, which tells rows of equal value apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// What is sorted by.
    pub value: u64,
    /// The path.
    pub path: String,
}

/// Packages in an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortedPage {
    /// Its items.
    pub items: Vec<Package>,
    /// Where the next page begins behind; `None` at the end. A page may be short and still have a next.
    pub next: Option<Place>,
}

impl SortKey {
    const fn index(self) -> Option<Index> {
        match self {
            Self::Path => None,
            Self::PublishedAt => Some(BY_PUBLISHED),
            Self::Size => Some(BY_SIZE),
        }
    }
}

/// Keeps the indexes in step with a row of `packages`.
pub(crate) fn settle(tx: &Tx<'_>, path: &str, before: Option<&PackageRow>, after: Option<&PackageRow>) -> Result<()> {
    let [published, size] = [|row: &PackageRow| row.at_ms.get(), |row: &PackageRow| row.size];
    move_row(tx, BY_PUBLISHED, path, (before.map(published), after.map(published)))?;
    move_row(tx, BY_SIZE, path, (before.map(size), after.map(size)))
}

/// Moves a path's row of an index from one value to another. Most often one that was published again is as long as before.
fn move_row(tx: &Tx<'_>, index: Index, path: &str, (before, after): (Option<u64>, Option<u64>)) -> Result<()> {
    if before == after {
        return Ok(());
    }
    let mut table = tx.write(index)?;
    if let Some(value) = before {
        table.remove((value, path))?;
    }
    if let Some(value) = after {
        table.insert((value, path), ())?;
    }
    Ok(())
}

/// Fills indexes that came after the data folder was made; whether there was anything to do.
pub(crate) fn fill(txn: &WriteTransaction) -> Result<bool> {
    let packages = txn.open_table(PACKAGES)?;
    let (mut by_published, mut by_size) = (txn.open_table(BY_PUBLISHED)?, txn.open_table(BY_SIZE)?);
    let rows = packages.len()?;
    if by_published.len()? == rows && by_size.len()? == rows {
        return Ok(false);
    }
    by_published.retain(|_, ()| false)?;
    by_size.retain(|_, ()| false)?;
    for entry in packages.iter()? {
        let (path, row) = entry?;
        let row: PackageRow = from_row("a package", row.value())?;
        by_published.insert((row.at_ms.get(), path.value()), ())?;
        by_size.insert((row.size, path.value()), ())?;
    }
    Ok(true)
}

/// Whether the indexes have a package.
pub(crate) fn has(tx: &Tx<'_>, path: &str, row: &PackageRow) -> Result<bool> {
    let published = tx.read(BY_PUBLISHED)?.get((row.at_ms.get(), path))?.is_some();
    Ok(published && tx.read(BY_SIZE)?.get((row.size, path))?.is_some())
}

/// How many rows each index has.
pub(crate) fn rows(tx: &Tx<'_>) -> Result<[u64; 2]> {
    Ok([tx.read(BY_PUBLISHED)?.len()?, tx.read(BY_SIZE)?.len()?])
}

/// Up to `limit` packages behind a place that `keep` keeps.
pub(crate) fn page(
    read: &ReadTransaction,
    sort: Sort,
    after: Option<&Place>,
    limit: usize,
    keep: &mut dyn FnMut(&Package) -> bool,
) -> Result<SortedPage> {
    let viewer = Viewer::new(read)?;
    let mut page = SortedPage { items: Vec::new(), next: None };
    let mut last = None;
    let (mut examined, mut bytes) = (0, 0);
    walk(read, sort, after, &mut |place, row| {
        if page.items.len() == limit || examined == EXAMINED_MAX || bytes >= PACKAGE_PAGE_BYTES_MAX {
            page.next = last.take();
            return Ok(false);
        }
        examined += 1;
        let package = match row {
            Some(row) => viewer.of_row(&place.path, row)?,
            None => viewer.package(&place.path)?.ok_or(StoreError::Corrupt { what: "an index of packages" })?,
        };
        if keep(&package) {
            bytes += package.listed_bytes();
            page.items.push(package);
        }
        last = Some(place);
        Ok(true)
    })?;
    Ok(page)
}

/// The places behind which every page of `rows` rows but the first begins.
pub(crate) fn anchors(read: &ReadTransaction, sort: Sort, rows: usize) -> Result<Vec<Place>> {
    let mut anchors = Vec::new();
    let mut seen = 0_usize;
    walk_names(read, sort, &mut |value, path| {
        seen += 1;
        if seen.is_multiple_of(rows) {
            anchors.push(Place { value, path: path.to_owned() });
        }
    })?;
    Ok(anchors)
}

/// Visits all places of an order, without keeping any.
fn walk_names(read: &ReadTransaction, sort: Sort, visit: &mut dyn FnMut(u64, &str)) -> Result<()> {
    match sort.key.index() {
        None => {
            let table = read.open_table(PACKAGES)?;
            each(table.iter()?, sort.descending, &mut |entry| {
                visit(0, entry?.0.value());
                Ok(true)
            })
        }
        Some(index) => {
            let table = read.open_table(index)?;
            each(table.iter()?, sort.descending, &mut |entry| {
                let key = entry?.0;
                let (value, path) = key.value();
                visit(value, path);
                Ok(true)
            })
        }
    }
}

/// What is shown each place of a walk; with the row of `packages` where that is what is walked. Tells whether to go on.
type Visit<'a> = dyn FnMut(Place, Option<&[u8]>) -> Result<bool> + 'a;

/// Visits the places behind one, in order, until told to stop.
fn walk(read: &ReadTransaction, sort: Sort, after: Option<&Place>, visit: &mut Visit<'_>) -> Result<()> {
    match sort.key.index() {
        None => {
            let bounds = behind(sort.descending, after.map(|place| place.path.as_str()));
            let table = read.open_table(PACKAGES)?;
            each(table.range::<&str>(bounds)?, sort.descending, &mut |entry| {
                let (path, row) = entry?;
                visit(Place { value: 0, path: path.value().to_owned() }, Some(row.value()))
            })
        }
        Some(index) => {
            let bounds = behind(sort.descending, after.map(|place| (place.value, place.path.as_str())));
            let table = read.open_table(index)?;
            each(table.range::<(u64, &str)>(bounds)?, sort.descending, &mut |entry| {
                let key = entry?.0;
                let (value, path) = key.value();
                visit(Place { value, path: path.to_owned() }, None)
            })
        }
    }
}

fn behind<K>(descending: bool, after: Option<K>) -> (Bound<K>, Bound<K>) {
    match (after, descending) {
        (None, _) => (Bound::Unbounded, Bound::Unbounded),
        (Some(place), false) => (Bound::Excluded(place), Bound::Unbounded),
        (Some(place), true) => (Bound::Unbounded, Bound::Excluded(place)),
    }
}

fn each<T>(
    rows: impl DoubleEndedIterator<Item = T>,
    descending: bool,
    visit: &mut dyn FnMut(T) -> Result<bool>,
) -> Result<()> {
    let mut rows: Box<dyn Iterator<Item = T>> = if descending { Box::new(rows.rev()) } else { Box::new(rows) };
    rows.try_for_each(|row| if visit(row)? { Ok(()) } else { Err(Stop::Told) }).or_else(|stop| match stop {
        Stop::Told => Ok(()),
        Stop::Failed(error) => Err(error),
    })
}

/// Why a walk ends early.
enum Stop {
    Told,
    Failed(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}
