//! Webhooks as their sender uses the store: cursors, what is logged, what is sent again; and the journal's retention.

use ods_store::{
    Attempt, Author, DELIVERIES_PER_WEBHOOK_MAX, DeliveryState, Expected, Failing, Happening, Lsn, Settlement, Store,
    Tried, Webhook, WebhookChange, WebhookEdit, WebhookId, WebhookSettings, facts,
};

use crate::support::{at, fresh};

fn settings() -> WebhookSettings {
    WebhookSettings {
        name: "chat".to_owned(),
        url: "https://x.example/".to_owned(),
        types: vec![],
        paths: vec![],
        tags: vec![],
        allow_private: false,
    }
}

fn author() -> Author {
    Author::new("test")
}

fn hook(store: &Store) -> Webhook {
    store.create_webhook(&settings(), &author(), at(1)).expect("made")
}

fn edit(store: &Store, edit: WebhookEdit, seconds: u64) -> Webhook {
    let change = WebhookChange::Edit(edit);
    let id = store.webhooks().expect("read")[0].row.id;
    store.change_webhook(id, &change, &Expected::Any, &author(), at(seconds)).expect("changed")
}

fn note(store: &Store, seconds: u64) -> Lsn {
    let what = Happening::Alarm { code: "rot".to_owned(), detail: "x".to_owned() };
    store.note(what, at(seconds)).expect("noted")
}

fn tried(lsn: Lsn, error: Option<&str>, seconds: u64) -> Tried {
    let attempt = Attempt {
        at: at(seconds),
        took_ms: 1,
        status: Some(200),
        error: error.map(str::to_owned),
        answer: String::new(),
        manual: false,
    };
    Tried { lsn, message: format!("msg_{lsn}"), kind: "node.alarm".to_owned(), body: "{}".to_owned(), attempt }
}

fn settled(id: WebhookId, cursor: Lsn, tried: Vec<Tried>) -> Settlement {
    Settlement { webhook: id, edits: 0, cursor, tried, failing: None, given_up: None }
}

fn failing(lsn: Lsn) -> Failing {
    Failing { lsn, attempts: 1, since: at(2), next_at: at(9000), error: "no".to_owned() }
}

#[test]
fn a_cursor_moves_with_the_log_and_never_back() {
    let (_, store) = fresh(1);
    let id = hook(&store).row.id;
    let (first, second) = (note(&store, 2), note(&store, 3));
    store
        .settle_webhook(settled(id, second, vec![tried(first, None, 4), tried(second, None, 5)]), at(5))
        .expect("settled");
    store.settle_webhook(settled(id, first, vec![]), at(6)).expect("settled");
    let progress = store.webhook(id).expect("there").progress;
    assert_eq!((progress.cursor, progress.delivered_at, progress.logged), (second, Some(at(5)), 2));
    let page = store.deliveries(id, None, 1, &mut |_| true).expect("a page");
    assert_eq!((page.items[0].0, page.next), (second, Some(second)));
    let page = store.deliveries(id, page.next, 10, &mut |_| true).expect("a page");
    assert_eq!((page.items.len(), page.items[0].0, page.next), (1, first, None));
}

#[test]
fn what_was_settled_of_an_earlier_state_moves_no_timer_of_the_present_one() {
    let (_, store) = fresh(2);
    let id = hook(&store).row.id;
    let lsn = note(&store, 2);
    let stale = Settlement {
        failing: Some(failing(lsn)),
        given_up: Some("410".to_owned()),
        ..settled(id, Lsn::default(), vec![tried(lsn, Some("410"), 3)])
    };
    let url = Some("https://y.example/".to_owned());
    edit(&store, WebhookEdit { url, ..WebhookEdit::default() }, 4);
    store.settle_webhook(stale.clone(), at(5)).expect("settled");
    let webhook = store.webhook(id).expect("there");
    assert!(webhook.row.is_on(), "the new address is not given up for what the old one said");
    assert_eq!(webhook.progress.failing.map(|failing| failing.next_at), Some(at(5)), "and tried at once");
    store.settle_webhook(Settlement { edits: 1, ..stale }, at(6)).expect("settled");
    assert!(!store.webhook(id).expect("there").row.is_on());
}

#[test]
fn an_edit_that_changes_nothing_has_what_fails_tried_at_once_and_tells_just_that() {
    let (_, store) = fresh(12);
    let made = hook(&store);
    let (id, tag) = (made.row.id, made.row.tag());
    let as_it_is = || WebhookEdit { url: Some(settings().url), on: Some(true), ..WebhookEdit::default() };
    let told = || {
        let entries = store.audit(None, 10, &mut |_| true).expect("read").items;
        entries.into_iter().map(|entry| (entry.action, entry.after)).collect::<Vec<_>>()
    };
    for nothing in [WebhookEdit::default(), as_it_is()] {
        assert_eq!(edit(&store, nothing, 2).row.tag(), tag, "it stands as it did");
    }
    assert_eq!(told().len(), 1, "nothing was done, but that it was made");
    let lsn = note(&store, 2);
    let failed =
        Settlement { failing: Some(failing(lsn)), ..settled(id, Lsn::default(), vec![tried(lsn, Some("503"), 3)]) };
    store.settle_webhook(failed.clone(), at(3)).expect("settled");
    let failing = edit(&store, as_it_is(), 4).progress.failing.expect("it still fails");
    assert_eq!((failing.attempts, failing.since, failing.next_at), (0, at(4), at(4)));
    let delivery = facts([("delivery", store.message_id(lsn).expect("an id"))]);
    assert_eq!((told().len(), &told()[0]), (2, &("webhook.redelivered".to_owned(), delivery)));
    // What was under way meanwhile moves no timer.
    store.settle_webhook(failed, at(5)).expect("settled");
    assert_eq!(store.webhook(id).expect("there").progress.failing.map(|failing| failing.next_at), Some(at(5)));
    // Of one that is off nothing is tried.
    edit(&store, WebhookEdit { on: Some(false), ..WebhookEdit::default() }, 6);
    edit(&store, WebhookEdit { on: Some(false), ..WebhookEdit::default() }, 7);
    assert_eq!((told().len(), told()[0].0.as_str()), (3, "webhook.changed"));
}

#[test]
fn what_a_person_skipped_while_it_was_under_way_stays_skipped() {
    let (_, store) = fresh(3);
    let id = hook(&store).row.id;
    let lsn = note(&store, 2);
    let failed =
        Settlement { failing: Some(failing(lsn)), ..settled(id, Lsn::default(), vec![tried(lsn, Some("503"), 3)]) };
    store.settle_webhook(failed.clone(), at(3)).expect("settled");
    store.skip_delivery(id, Some(lsn), &author(), at(4)).expect("skipped");
    store.settle_webhook(failed, at(5)).expect("settled");
    let progress = store.webhook(id).expect("there").progress;
    assert_eq!((progress.failing, progress.cursor), (None, lsn));
    assert_eq!(store.delivery(id, lsn).expect("logged").state, DeliveryState::Skipped);
    assert_eq!(store.redeliver_since(id, (at(0), false), &author(), at(9)).expect("queued"), 1);
    store.settle_resend(id, tried(lsn, None, 6), at(6)).expect("settled");
    assert_eq!(store.delivery(id, lsn).expect("logged").state, DeliveryState::Delivered);
    assert_eq!(store.queued_deliveries(id, 9).expect("read"), []);
    let again = |since, delivered| store.redeliver_since(id, (at(since), delivered), &author(), at(9)).expect("queued");
    assert_eq!((again(0, false), again(9, true)), (0, 0), "none failed, and none is so new");
    assert_eq!((again(0, true), store.queued_deliveries(id, 9).expect("read")), (1, vec![lsn]));
    store.settle_resend(id, tried(lsn, Some("503"), 9), at(9)).expect("settled");
    assert_eq!((again(0, false), store.delivery(id, lsn).expect("logged").state), (1, DeliveryState::Failed));
    let test = store.test_webhook(id, &author(), at(9)).expect("queued");
    store.skip_all_deliveries(id, &author(), at(9)).expect("skipped");
    assert_eq!(store.queued_deliveries(id, 9).expect("read"), [], "nothing more is sent");
    let state = |lsn| store.delivery(id, lsn).expect("logged").state;
    assert_eq!((state(test), state(lsn)), (DeliveryState::Skipped, DeliveryState::Failed), "and nothing waits for it");
}

#[test]
fn the_log_is_bounded_by_number_and_age() {
    let (_, store) = fresh(4);
    let id = hook(&store).row.id;
    let rows = DELIVERIES_PER_WEBHOOK_MAX + 10;
    for from in (0..rows).step_by(1000) {
        let batch = (from..(from + 1000).min(rows)).map(|n| tried(Lsn::new(100 + n), None, n)).collect();
        store.settle_webhook(settled(id, Lsn::new(100 + from), batch), at(from)).expect("settled");
    }
    assert_eq!(store.webhook(id).expect("there").progress.logged, DELIVERIES_PER_WEBHOOK_MAX);
    assert!(store.delivery(id, Lsn::new(109)).is_err() && store.delivery(id, Lsn::new(110)).is_ok());
    while store.prune_deliveries(at(rows - 5)).expect("pruned") {}
    assert_eq!(store.webhook(id).expect("there").progress.logged, 5);
    assert!(store.remove_webhook(id, &Expected::Any, &author(), at(9)).expect("removed"));
    assert!(store.deliveries(id, None, 10, &mut |_| true).expect("read").items.is_empty());
}

const DAY_S: u64 = 86_400;

fn first_kept(store: &Store) -> Option<Lsn> {
    store.records(Lsn::default(), 1).expect("read").items.first().map(|record| record.lsn)
}

#[test]
fn the_journal_goes_by_age_but_not_past_an_enabled_webhooks_cursor() {
    let (_, store) = fresh(5);
    let (keep_ms, now) = (30 * DAY_S * 1000, at(100 * DAY_S));
    let old = note(&store, 10 * DAY_S);
    let id = hook(&store).row.id;
    let held = note(&store, 20 * DAY_S);
    let young = note(&store, 90 * DAY_S);
    store.prune_journal(keep_ms, now).expect("pruned");
    assert!(first_kept(&store) > Some(old), "what the webhook had passed is gone");
    assert!(first_kept(&store) <= Some(held), "what it is yet to be told is not");
    let off = WebhookChange::Edit(WebhookEdit { on: Some(false), ..WebhookEdit::default() });
    store.change_webhook(id, &off, &Expected::Any, &author(), at(99 * DAY_S)).expect("switched off");
    store.prune_journal(keep_ms, now).expect("pruned");
    assert_eq!(first_kept(&store), Some(young));
    let page = store.records(Lsn::default(), 10).expect("read");
    assert_eq!(page.first, young, "readers are told where it begins");
}

#[test]
fn a_clock_that_was_wrong_for_a_while_doesnt_stop_pruning() {
    let (_, store) = fresh(6);
    let future = note(&store, 5000 * DAY_S);
    note(&store, 10 * DAY_S);
    let young = note(&store, 99 * DAY_S);
    store.prune_journal(30 * DAY_S * 1000, at(100 * DAY_S)).expect("pruned");
    assert!(first_kept(&store) > Some(future));
    assert_eq!(first_kept(&store), Some(young));
}

#[test]
fn two_who_change_different_things_of_a_webhook_at_once_both_get_their_way() {
    let (_, store) = fresh(9);
    let id = hook(&store).row.id;
    let edits = [
        WebhookEdit { name: Some("talk".to_owned()), ..WebhookEdit::default() },
        WebhookEdit { tags: Some(vec!["prod".to_owned()]), ..WebhookEdit::default() },
        WebhookEdit { on: Some(false), ..WebhookEdit::default() },
    ];
    std::thread::scope(|scope| {
        for edit in edits {
            let store = &store;
            scope.spawn(move || {
                store
                    .change_webhook(id, &WebhookChange::Edit(edit), &Expected::Any, &author(), at(3))
                    .expect("nobody minds who was first")
            });
        }
    });
    let row = store.webhook(id).expect("there").row;
    assert_eq!(
        (row.settings.name.as_str(), row.settings.tags.as_slice(), row.is_on(), row.edits),
        ("talk", &["prod".to_owned()][..], false, 3)
    );
}

fn rotate(store: &Store, id: WebhookId, keep_s: u64, seconds: u64) -> Result<String, ods_store::StoreError> {
    let change = WebhookChange::Rotate { keep_old_for_ms: keep_s * 1000 };
    let rotated = store.change_webhook(id, &change, &Expected::Any, &author(), at(seconds))?;
    Ok(rotated.row.secret.text())
}

fn signing(store: &Store, id: WebhookId, seconds: u64) -> Vec<String> {
    let row = store.webhook(id).expect("there").row;
    row.secrets(at(seconds)).into_iter().map(ods_store::WebhookSecret::text).collect()
}

#[test]
fn a_second_rotation_doesnt_end_the_secret_that_receivers_still_have() {
    let (_, store) = fresh(10);
    let made = hook(&store);
    let (id, first) = (made.row.id, made.row.secret.text());
    let second = rotate(&store, id, 100, 10).expect("rotated");
    let third = rotate(&store, id, 100, 20).expect("rotated");
    assert_eq!(signing(&store, id, 30), [third.clone(), second.clone(), first.clone()]);
    assert_eq!(signing(&store, id, 110), [third.clone(), second.clone()], "each ends when it was said");
    assert_eq!(signing(&store, id, 120), std::slice::from_ref(&third));
    let fourth = rotate(&store, id, 5, 100).expect("rotated");
    assert_eq!(signing(&store, id, 104), [fourth.clone(), third, second, first]);
    assert_eq!(signing(&store, id, 106), [fourth], "none signs longer than a newer one");
    rotate(&store, id, 100, 200).expect("rotated");
    let last = rotate(&store, id, 0, 201).expect("rotated");
    assert_eq!(signing(&store, id, 201), [last], "at once is at once for all");
}

#[test]
fn secrets_that_sign_are_bounded_and_none_is_ended_by_that() {
    let (_, store) = fresh(11);
    let id = hook(&store).row.id;
    for turn in 0..4 {
        rotate(&store, id, 1000, 10 + turn).expect("rotated");
    }
    let before = signing(&store, id, 20);
    assert_eq!(before.len(), 5);
    let refused = rotate(&store, id, 1000, 20).expect_err("a fifth");
    assert!(refused.to_string().contains("keep_old_for_s"), "{refused}");
    assert_eq!(signing(&store, id, 20), before, "nothing changed");
    rotate(&store, id, 1000, 1012).expect("some have ended meanwhile");
}

#[test]
fn a_filter_that_no_package_could_meet_and_a_url_that_deceives_are_refused() {
    let (_, store) = fresh(1);
    let id = hook(&store).row.id;
    let refused = |edit: WebhookEdit| {
        let made = store.create_webhook(&edit.applied_to(&settings()), &author(), at(2)).expect_err("not made");
        let changed = store.change_webhook(id, &WebhookChange::Edit(edit), &Expected::Any, &author(), at(2));
        assert_eq!(changed.expect_err("not changed").to_string(), made.to_string());
        made.to_string()
    };
    for tag in ["", "prod,test", " prod", "a\0", "pr\u{200B}od"] {
        let said =
            refused(WebhookEdit { tags: Some(vec!["prod".to_owned(), tag.to_owned()]), ..WebhookEdit::default() });
        assert!(said.starts_with("tags "), "{tag:?}: {said}");
    }
    for url in ["https://x.example/\u{202E}z", "https://x.example/\u{2028}"] {
        let said = refused(WebhookEdit { url: Some(url.to_owned()), ..WebhookEdit::default() });
        assert!(said.starts_with("url "), "{url:?}: {said}");
    }
}
