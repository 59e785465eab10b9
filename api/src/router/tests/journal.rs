//! The journal, by page and as it grows.

use std::time::Duration;

use serde_json::json;

use super::*;

/// A follower's connection.
struct Stream {
    body: Body,
    text: String,
}

impl Stream {
    async fn open(api: &Api, query: &str, last_event_id: Option<&str>) -> Self {
        let mut request = api.request(Method::GET, &format!("/api/v1/events/stream{query}"));
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response =
            api.router.clone().oneshot(request.body(Body::empty()).expect("a request")).await.expect("infallible");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), text: String::new() }
    }

    /// The next event's id, name and data; `None` at the end.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let event = event.to_owned();
                self.text = rest.to_owned();
                let field = |name: &str| {
                    event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned()
                };
                if !field("data:").is_empty() {
                    return Some((field("id:"), field("event:"), serde_json::from_str(&field("data:")).expect("json")));
                }
                continue;
            }
            let frame =
                tokio::time::timeout(Duration::from_secs(10), self.body.frame()).await.expect("something in 10 s");
            let frame = frame?.expect("a frame");
            self.text.push_str(std::str::from_utf8(frame.data_ref().expect("data")).expect("UTF-8"));
        }
    }
}

#[tokio::test]
async fn the_journal_is_listed_by_page_and_type() {
    let api = Api::new();
    let package = api.publish("a.pkg", b"one", &[]);
    api.publish("a.pkg", b"two", &[]);
    let all = api.get("/api/v1/events?after=0").await.ok(200);
    let records = all["items"].as_array().expect("items");
    let lsns: Vec<u64> = records.iter().map(|record| record["lsn"].as_u64().expect("an lsn")).collect();
    // The audit takes numbers from the same counter.
    assert!(lsns.is_sorted() && lsns.last() <= Some(&api.store.head().get()), "{lsns:?}");
    assert_eq!((&all["next"], &all["total"]), (&Value::Null, &Value::Null));
    let published = records.iter().find(|record| record["type"] == "package.published").expect("a record");
    assert_eq!(
        (&published["data"]["path"], &published["data"]["event_id"]),
        (&"a.pkg".into(), &package.revision.to_string().into())
    );
    assert_eq!((&published["at"], &published["backfill"]), (&"2027-01-15T08:00:00Z".into(), &false.into()));

    let some = api.get("/api/v1/events?type=package.*").await.ok(200);
    let kinds: Vec<&str> = some["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|record| record["type"].as_str().expect("a type"))
        .collect();
    assert!(kinds.contains(&"package.replaced") && kinds.iter().all(|kind| kind.starts_with("package.")), "{kinds:?}");

    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let page = api.get(&format!("/api/v1/events?limit=1&after={after}")).await.ok(200);
        found.extend(page["items"].as_array().expect("items").clone());
        let Some(next) = page["next"].as_str() else { break };
        after = next.parse().expect("an lsn");
    }
    assert_eq!(&found, records);
    for query in ["after=x", "limit=0", "limit=1001", "since=1"] {
        api.get(&format!("/api/v1/events?{query}")).await.problem(400, "bad_query");
    }
}

#[tokio::test]
async fn a_type_that_nothing_is_is_refused_with_those_there_are() {
    let api = Api::new();
    for (list, field, some) in [
        ("events", "type", "package.published"),
        ("events/stream", "type", "package.published"),
        ("audit", "action", "token.created"),
    ] {
        for strange in ["package.publish", "packages.*", "package.removed,peer.dwn"] {
            let problem = api.get(&format!("/api/v1/{list}?{field}={strange}")).await.problem(400, "bad_query");
            let allowed = problem["allowed"].as_array().expect("a list");
            assert!(problem["field"] == field && allowed.contains(&some.into()), "{problem}");
            assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(some)), "{problem}");
        }
    }
    api.get("/api/v1/events?type=package.removed,peer.*,*").await.ok(200);
    api.get("/api/v1/audit?action=set_up.link_made,called,watch.*").await.ok(200);
}

#[tokio::test]
async fn the_journal_is_read_backwards_page_by_page() {
    let api = Api::new();
    for number in 0..30 {
        api.publish(&format!("{number}.pkg"), b"a", &[]);
    }
    let lsns = |page: &Value| -> Vec<u64> {
        page["items"].as_array().expect("items").iter().map(|item| item["lsn"].as_u64().expect("an lsn")).collect()
    };
    for filter in ["", "type=package.published&", "path=2*.pkg&"] {
        let all = lsns(&api.get(&format!("/api/v1/events?{filter}limit=1000")).await.ok(200));
        let mut back = Vec::new();
        let mut before = u64::MAX.to_string();
        loop {
            let page = api.get(&format!("/api/v1/events?{filter}limit=7&before={before}")).await.ok(200);
            assert!(lsns(&page).len() == 7 || page["next"] == Value::Null, "{page}");
            back.extend(lsns(&page));
            let Some(next) = page["next"].as_str() else { break };
            before = next.to_owned();
        }
        back.reverse();
        assert_eq!(back, all, "{filter}");
    }
    assert_eq!(lsns(&api.get("/api/v1/events?before=1").await.ok(200)), [0; 0]);
    assert_eq!(api.get("/api/v1/events?before=9&after=1").await.problem(400, "bad_query")["field"], "before");
    api.get("/api/v1/events?before=x").await.problem(400, "bad_query");
}

#[tokio::test]
async fn a_follower_gets_what_was_and_what_comes() {
    let api = Api::new();
    api.publish("a.pkg", b"one", &[]);
    let mut stream = Stream::open(&api, "?type=package.*", Some("0")).await;
    let (id, name, data) = stream.next().await.expect("an event");
    assert_eq!((id, name.as_str()), (data["lsn"].to_string(), "package.published"));
    let listed = api.get("/api/v1/events?type=package.*").await.ok(200);
    assert_eq!(listed["items"][0], data, "the same object");
    while stream.next().await.expect("an event").2["lsn"]
        != listed["items"].as_array().expect("items").last().expect("one")["lsn"]
    {}
    api.publish("b.pkg", b"two", &[]);
    let (_, name, data) = stream.next().await.expect("an event");
    assert_eq!((name.as_str(), &data["data"]["path"]), ("package.published", &"b.pkg".into()));
}

#[tokio::test]
async fn a_follower_without_a_place_gets_only_what_comes() {
    let api = Api::new();
    api.publish("a.pkg", b"one", &[]);
    let mut stream = Stream::open(&api, "", None).await;
    api.publish("b.pkg", b"two", &[]);
    let (_, _, data) = stream.next().await.expect("an event");
    assert_eq!(data["data"]["path"], "b.pkg");
}

#[tokio::test]
async fn a_place_that_is_not_in_the_journal_is_reset_to_its_head() {
    let api = Api::new();
    api.publish("a.pkg", b"one", &[]);
    let head = api.store.head().get();
    let mut stream = Stream::open(&api, "", Some("999999")).await;
    assert_eq!(stream.next().await, Some((head.to_string(), "reset".to_owned(), serde_json::json!({"head": head}))));
    api.publish("b.pkg", b"two", &[]);
    assert_eq!(stream.next().await.expect("an event").2["data"]["path"], "b.pkg");
    let request = api.request(Method::GET, "/api/v1/events/stream").header("last-event-id", "x");
    api.send(request.body(Body::empty()).expect("a request")).await.problem(400, "bad_header");
}

#[tokio::test]
async fn a_burst_reaches_a_follower_that_was_asleep_in_order_and_whole() {
    let api = Api::new();
    let mut stream = Stream::open(&api, "?type=package.published", None).await;
    for number in 0..120 {
        api.publish(&format!("{number}.pkg"), b"x", &[]);
    }
    for number in 0..120 {
        assert_eq!(stream.next().await.expect("an event").2["data"]["path"], format!("{number}.pkg"));
    }
}

#[tokio::test]
async fn a_follower_that_slept_until_records_were_pruned_is_told_so() {
    let api = Api::new();
    let mut stream = Stream::open(&api, "?type=package.published", None).await;
    for number in 0..300 {
        api.publish(&format!("{number}.pkg"), b"x", &[]);
    }
    assert_eq!(stream.next().await.expect("an event").2["data"]["path"], "0.pkg");
    while api.store.prune_journal(0, NOW.plus_ms(1000)).expect("pruned") {}
    let mut last = 0;
    let (id, kind, data) = loop {
        let (id, kind, data) = stream.next().await.expect("an event");
        if kind == "reset" {
            break (id, kind, data);
        }
        last += 1;
        assert_eq!(data["data"]["path"], format!("{last}.pkg"), "what it had been read already comes");
    };
    let head = api.store.head().get();
    assert!(last < 299, "not all was in memory");
    assert_eq!((id, kind, data), (head.to_string(), "reset".to_owned(), serde_json::json!({"head": head})));
    api.publish("new.pkg", b"x", &[]);
    assert_eq!(stream.next().await.expect("an event").2["data"]["path"], "new.pkg");
}

#[tokio::test]
async fn whoever_polls_goes_on_from_the_cursor_and_is_told_once_what_was_pruned() {
    let api = Api::new();
    let poll = async |after: &Value, more: &str| {
        let page = api.get(&format!("/api/v1/events?after={after}{more}")).await.ok(200);
        let paths: Vec<Value> =
            page["items"].as_array().expect("items").iter().map(|record| record["data"]["path"].clone()).collect();
        (paths, page["cursor"].clone(), page["pruned"] == true)
    };
    api.publish("a.pkg", b"one", &[]);
    let (paths, seen, pruned) = poll(&json!(0), "&type=peer.down").await;
    assert_eq!((paths, pruned), (vec![], false), "nothing fits, and all was looked at");
    api.publish("b.pkg", b"two", &[]);
    let (paths, next, pruned) = poll(&seen, "&type=package.published").await;
    assert_eq!((paths, pruned), (vec![json!("b.pkg")], false));
    assert!(next.as_u64() > seen.as_u64());
    while api.store.prune_journal(0, NOW.plus_ms(1000)).expect("pruned") {}
    let (_, _, pruned) = poll(&next, "").await;
    assert!(!pruned, "what was pruned had been read");
    let (paths, at, pruned) = poll(&seen, "&type=package.published").await;
    assert_eq!((paths, pruned), (vec![], true));
    assert!(!poll(&at, "").await.2 && !poll(&at, "&type=peer.down").await.2, "it is told once");
    let back = api.get("/api/v1/events?before=2").await.ok(200);
    assert_eq!(back["pruned"], false, "nothing was asked for that went meanwhile");
    // A place of another journal, longer than this.
    let head = api.store.head().get();
    assert_eq!(poll(&json!(head + 1), "").await, (vec![], json!(head), true));
    assert_eq!(poll(&json!(head), "").await, (vec![], json!(head), false));
}

#[tokio::test]
async fn who_follows_from_now_on_has_a_place_to_go_on_from_before_there_is_a_record() {
    let api = Api::new();
    api.publish("old.pkg", b"x", &[]);
    let head = api.store.head().get();
    let mut stream = Stream::open(&api, "", None).await;
    let first = stream.body.frame().await.expect("something").expect("a frame");
    let first = std::str::from_utf8(first.data_ref().expect("data")).expect("UTF-8").to_owned();
    // Without data nothing is dispatched, but the id counts (HTML Living Standard section 9.2.6).
    assert!(first.lines().any(|line| line == format!("id: {head}")) && !first.contains("data:"), "{first:?}");
    api.publish("new.pkg", b"x", &[]);
    let mut again = Stream::open(&api, "", Some(&head.to_string())).await;
    assert_eq!(again.next().await.expect("an event").2["data"]["path"], "new.pkg");
}

#[tokio::test(start_paused = true)]
async fn whose_filter_lets_nothing_through_is_told_how_far_that_was_looked_at() {
    let api = Api::new();
    let mut stream = Stream::open(&api, "?type=node.alarm", Some("0")).await;
    api.publish("a.pkg", b"x", &[]);
    let looked_at = format!("id: {}", api.get("/api/v1/events?type=node.alarm&after=0").await.ok(200)["cursor"]);
    let mut told = String::new();
    // Comments come as often.
    for _ in 0..4 {
        let frame = stream.body.frame().await.expect("no end").expect("a frame");
        told.push_str(std::str::from_utf8(frame.data_ref().expect("data")).expect("UTF-8"));
    }
    assert!(told.lines().any(|line| line == looked_at), "{looked_at:?}: {told:?}");
    assert!(!told.contains("data:"), "{told:?}");
}

#[tokio::test]
async fn a_stream_ends_when_the_node_stops() {
    let api = Api::new();
    let mut stream = Stream::open(&api, "", None).await;
    let waiting = stream.next();
    tokio::pin!(waiting);
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut waiting).await.is_err(), "nothing to tell yet");
    api.options.stopping.cancel();
    assert_eq!(waiting.await, None);
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let api = Api::new();
    let mut stream = Stream::open(&api, "", None).await;
    let token = api.store.tokens().expect("tokens")[0].id;
    api.token(Scope::Admin, &[]);
    assert!(api.store.revoke_token(token, &Expected::Any, &Author::new("test"), NOW).expect("revoked"));
    assert_eq!(stream.next().await, None);
}
