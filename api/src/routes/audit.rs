//! `/audit`: who changed what.

use axum::Json;
use ods_store::{AUDIT_ACTIONS, AuditEntry, Lsn, UnixMillis};

use crate::auth::Admin;
use crate::blocking::blocking;
use crate::convert::{facts, timestamp};
use crate::error::ApiError;
use crate::extract::{Params, number_in, page_rows};
use crate::routes::happenings::Types;
use crate::types::{AuditQuery, AuditView, Page};

/// How its cursors begin, so that those of other lists are known as such.
const LIST: &str = "audit";

/// Reads of the audit for one page; each looks at a bounded number of entries.
const READS_MAX: usize = 5;

/// List the audit, newest first: who changed what on this node, from where, and whose sign-in was refused.
///
/// A page may be short, even empty, and still have a next one: filters look at a bounded number of entries at a time.
#[utoipa::path(get, path = "/api/v1/audit", operation_id = "list_audit", tag = "accounts", params(AuditQuery),
    responses((status = 200, body = Page<AuditView>)))]
pub(crate) async fn list(admin: Admin, Params(query): Params<AuditQuery>) -> Result<Json<Page<AuditView>>, ApiError> {
    let (filter, limit) = (Filter::parse(&query)?, page_rows(query.limit)?);
    let after = number_in(LIST, query.after.as_deref())?.map(Lsn::new);
    blocking(move || {
        let (mut items, mut before) = (Vec::new(), after);
        for _ in 0..READS_MAX {
            let page = admin.store().audit(before, limit - items.len(), &mut |entry| filter.keeps(entry))?;
            items.extend(page.items);
            before = page.next;
            if before.is_none() || items.len() == limit {
                break;
            }
        }
        let next = before.map(|lsn| format!("{LIST}:{lsn}"));
        Ok::<_, ApiError>(Page { items: items.into_iter().map(view).collect(), next, total: None })
    })
    .await
    .map(Json)
}

struct Filter {
    who: Option<String>,
    from: Option<String>,
    actions: Types,
    subject: Option<String>,
    since: Option<UnixMillis>,
    until: Option<UnixMillis>,
}

impl Filter {
    fn parse(query: &AuditQuery) -> Result<Self, ApiError> {
        let moment = |at: jiff::Timestamp| UnixMillis::new(u64::try_from(at.as_millisecond()).unwrap_or(0));
        Ok(Self {
            who: query.who.clone(),
            from: query.from.clone(),
            actions: Types::parse("action", query.action.as_deref(), &AUDIT_ACTIONS)?,
            subject: query.subject.clone(),
            since: query.since.map(moment),
            until: query.until.map(moment),
        })
    }

    fn keeps(&self, entry: &AuditEntry) -> bool {
        let contains =
            |part: &Option<String>, text: &str| part.as_ref().is_none_or(|part| text.contains(part.as_str()));
        contains(&self.who, &entry.who)
            && contains(&self.subject, &entry.subject)
            && self.from.as_ref().is_none_or(|from| entry.from.as_ref() == Some(from))
            && self.actions.has(&entry.action)
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
    }
}

fn view(entry: AuditEntry) -> AuditView {
    let AuditEntry { lsn, at, who, from, action, subject, before, after } = entry;
    let shown = if action == "settings.changed" { facts::settings } else { facts::values };
    AuditView {
        lsn: lsn.get(),
        at: timestamp(at),
        who,
        from,
        action,
        subject,
        before: shown(before),
        after: shown(after),
    }
}
