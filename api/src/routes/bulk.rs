//! `/bulk`: one change to many packages, with a result for each. `/anchors`: where the pages of an order begin.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::Json;
use ods_store::{Condition, EventId, PackagePath};
use tokio::sync::OwnedSemaphorePermit;

use crate::auth::{MayEnd as _, PackageWriter, Publisher, Reader};
use crate::blocking::blocking;
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, Params};
use crate::paths;
use crate::routes::{listing, metadata};
use crate::types::{
    AnchorQuery, AnchorsView, BulkAction, BulkItem, BulkRequest, BulkResult, BulkView, Change, PackagePatch,
};

/// Packages of one call.
const ITEMS_MAX: usize = 1000;
/// Packages that one call changes at a time: their commits are grouped. How many calls do so at a time: `bulk_places`.
const AT_ONCE: usize = 32;
/// How long a call waits for others.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often tags are added to what somebody else changes all the time.
const TRIES: usize = 5;

/// Remove or tag many packages.
///
/// Each is changed as if by a request of its own: the answer tells what became of each, in order, and one that fails spoils
/// no other. Sending the same again changes nothing more. A package that is named twice is changed once, and told of twice.
#[utoipa::path(post, path = "/api/v1/bulk", operation_id = "change_packages", tag = "packages", request_body = BulkRequest,
    responses((status = 200, body = BulkView)))]
pub(crate) async fn change(
    publisher: Publisher,
    JsonBody(request): JsonBody<BulkRequest>,
) -> Result<Json<BulkView>, ApiError> {
    check(&request)?;
    let deed = Deed { action: request.action, add: request.add_tags, remove: request.remove_tags };
    // Waits in line without a thread. Who goes away meanwhile has changed nothing; what has begun is done whole.
    let place = place(&publisher).await?;
    // Each item tells what it changed.
    publisher.reader().tells_in_the_store();
    blocking(move || {
        publisher.reader().must_still_hold()?;
        let items = deed.all(&publisher, &request.items);
        drop(place);
        let items = items?;
        let done = items.iter().filter(|item: &&BulkResult| item.code.is_none()).count() as u64;
        let failed = items.len() as u64 - done;
        Ok::<_, ApiError>(Json(BulkView { items, done, failed }))
    })
    .await
}

/// Tell where the thousands of an order begin, so that a page can jump to any of them.
#[utoipa::path(get, path = "/api/v1/anchors", operation_id = "list_package_anchors", tag = "packages", params(AnchorQuery),
    responses((status = 200, body = AnchorsView)),
    extensions(("x-ods-errors" = json!([Code::OutsidePrefixes]))))]
pub(crate) async fn anchors(reader: Reader, Params(query): Params<AnchorQuery>) -> Result<Json<AnchorsView>, ApiError> {
    let sort = listing::parse_sort(query.sort.as_deref())?;
    blocking(move || {
        let places = reader.package_anchors(sort)?;
        let items = places.iter().map(|place| listing::cursor(sort, place.clone())).collect();
        let total = reader.package_count()?;
        let every = ods_store::ANCHOR_ROWS as u64;
        let sort = query.sort.unwrap_or_else(|| "path".to_owned());
        Ok::<_, ApiError>(Json(AnchorsView { sort, every, total, items }))
    })
    .await
}

async fn place(publisher: &Publisher) -> Result<OwnedSemaphorePermit, ApiError> {
    let places = publisher.reader().state().bulk_places.clone();
    match tokio::time::timeout(PATIENCE, places.acquire_owned()).await {
        Ok(place) => place.map_err(ApiError::internal),
        Err(_) => Err(ApiError::no_place("too many bulk changes at once; try again")),
    }
}

fn check(request: &BulkRequest) -> Result<(), ApiError> {
    let invalid = |field: &str, detail: &str| Err(ApiError::new(Code::Invalid, detail).fact("field", field));
    if request.items.is_empty() || request.items.len() > ITEMS_MAX {
        return invalid("items", "`items` has 1 to 1000 packages");
    }
    let no_tags = request.add_tags.is_empty() && request.remove_tags.is_empty();
    if let Some(both) = request.add_tags.iter().find(|tag| request.remove_tags.contains(tag)) {
        return invalid("remove_tags", &format!("{both:?} is to be added and taken away; say which of both"));
    }
    match (request.action, no_tags) {
        (BulkAction::Tag, true) => invalid("add_tags", "say which tags to add or take away"),
        (BulkAction::Remove, false) => invalid("add_tags", "tags have no meaning where packages are removed"),
        (BulkAction::Tag, false) | (BulkAction::Remove, true) => Ok(()),
    }
}

/// For each item, at which place its package is named first. Spelt in another way it is the same one; what can't be a path is
/// told of in its place.
fn first_mentions(items: &[BulkItem]) -> Vec<usize> {
    let spelt = |item: &BulkItem| paths::parse(&item.path).map_or_else(|_| item.path.clone(), |path| path.to_string());
    let mut seen = BTreeMap::new();
    items.iter().enumerate().map(|(place, item)| *seen.entry(spelt(item)).or_insert(place)).collect()
}

/// The places at which a package is named for the first time.
fn firsts(first_of: &[usize]) -> impl Iterator<Item = usize> {
    first_of.iter().enumerate().filter(|(place, first)| place == *first).map(|(place, _)| place)
}

fn condition(item: &BulkItem) -> Condition {
    match item.if_match.as_deref() {
        None => Condition::None,
        Some("*") => Condition::Exists,
        // As in the header: what names no revision is none that is current.
        Some(text) => Condition::Matches(text.trim_matches('"').parse().ok().into_iter().collect()),
    }
}

/// What is told of an item whose package was `done` for the first item that names it. It was held against the first one's
/// condition; whether another would have held before that, nobody knows.
fn again(item: &BulkItem, first: &BulkItem, done: &BulkResult) -> BulkResult {
    if condition(item) == condition(first) {
        return BulkResult { path: item.path.clone(), ..done.clone() };
    }
    let refused = Code::Invalid;
    BulkResult {
        path: item.path.clone(),
        status: refused.status().as_u16(),
        changed: false,
        revision: None,
        code: Some(refused.as_str().to_owned()),
        detail: Some("the package is named before, with another `if_match`; that one counts".to_owned()),
    }
}

struct Deed {
    action: BulkAction,
    add: Vec<String>,
    remove: Vec<String>,
}

impl Deed {
    fn all(&self, publisher: &Publisher, items: &[BulkItem]) -> Result<Vec<BulkResult>, ApiError> {
        let first_of = first_mentions(items);
        let once: Vec<&BulkItem> = firsts(&first_of).map(|place| &items[place]).collect();
        let results = self.each(publisher, &once)?;
        let done: BTreeMap<usize, BulkResult> = firsts(&first_of).zip(results).collect();
        let told = |(item, first): (&BulkItem, &usize)| again(item, &items[*first], &done[first]);
        Ok(items.iter().zip(&first_of).map(told).collect())
    }

    /// Changes packages of which none is there twice.
    fn each(&self, publisher: &Publisher, items: &[&BulkItem]) -> Result<Vec<BulkResult>, ApiError> {
        let mut results = Vec::with_capacity(items.len());
        for some in items.chunks(AT_ONCE) {
            results.extend(std::thread::scope(|scope| {
                let threads: Vec<_> = some.iter().map(|item| scope.spawn(move || self.one(publisher, item))).collect();
                let failed = || ApiError::internal("a thread of a bulk change panicked");
                threads.into_iter().map(|thread| thread.join().map_err(|_| failed())).collect::<Result<Vec<_>, _>>()
            })?);
        }
        Ok(results)
    }

    fn one(&self, publisher: &Publisher, item: &BulkItem) -> BulkResult {
        let path = item.path.clone();
        match self.attempt(publisher, item) {
            Ok((status, changed, revision)) => {
                let revision = revision.map(|id| id.to_string());
                BulkResult { path, status, changed, revision, code: None, detail: None }
            }
            Err(error) => {
                error.log_as_part();
                let (code, detail) = (Some(error.code().as_str().to_owned()), Some(error.detail().to_owned()));
                let status = error.code().status().as_u16();
                BulkResult { path, status, changed: false, revision: None, code, detail }
            }
        }
    }

    fn attempt(&self, publisher: &Publisher, item: &BulkItem) -> Result<(u16, bool, Option<EventId>), ApiError> {
        let path: PackagePath = paths::parse(&item.path)?;
        let condition = condition(item);
        let writer = publisher.at(path)?;
        match self.action {
            BulkAction::Remove => writer.remove(&condition).map(|_| (204, true, None)),
            BulkAction::Tag => self.tag(&writer, &condition),
        }
    }

    /// Tags are read and written in two steps. A revision in between is met by the condition, and tried again on top of.
    fn tag(&self, writer: &PackageWriter, asked: &Condition) -> Result<(u16, bool, Option<EventId>), ApiError> {
        let mut tries = 1;
        loop {
            let package = writer.reader().package(writer.path())?;
            let mut tags: BTreeSet<String> = package.tags().into_iter().map(str::to_owned).collect();
            tags.extend(self.add.iter().cloned());
            tags.retain(|tag| !self.remove.contains(tag));
            let tags = Change::Set(tags.into_iter().collect());
            let meta = metadata::of_patch(PackagePatch { tags, ..PackagePatch::default() })?;
            let condition = match asked {
                Condition::None => Condition::Matches(vec![package.revision]),
                given => given.clone(),
            };
            match writer.edit(meta, condition) {
                Err(error)
                    if error.code() == Code::PreconditionFailed && *asked == Condition::None && tries < TRIES =>
                {
                    tries += 1;
                }
                outcome => return outcome.map(|it| (200, it.changed, Some(it.package.revision))),
            }
        }
    }
}
