//! Cursors: each is good for its own list, and no other takes it for a place.

use ods_store::NodeKey;
use serde_json::json;

use super::*;

/// Every list that goes on, with something on its second page; `missing` and `transfers` need other nodes.
async fn lists(api: &Api) -> Vec<String> {
    for name in ["one", "two"] {
        for path in ["a.pkg", "b.pkg"] {
            api.publish(path, name.as_bytes(), &[]);
        }
        api.token(Scope::Read, &[]);
        let user = json!({"name": name, "password": "correct horse", "scope": "read"});
        api.json(Method::POST, "/api/v1/users", &user).await.ok(201);
        let signs_in = json!({"name": name, "password": "correct horse"});
        api.json(Method::POST, "/api/v1/session", &signs_in).await.ok(201);
        api.json(Method::POST, "/api/v1/invites", &json!({"role": "replica"})).await.ok(201);
        api.json(Method::POST, "/api/v1/watches", &json!({"folder": format!("/srv/drop/{name}")})).await.ok(201);
        let begin = api.request(Method::POST, "/api/v1/uploads").header("tus-resumable", "1.0.0");
        let path = data_encoding::BASE64.encode(format!("{name}.pkg").as_bytes());
        let begin = begin.header("upload-length", "9").header("upload-metadata", format!("path {path}"));
        assert_eq!(api.send(begin.body(Body::empty()).expect("a request")).await.status, StatusCode::CREATED);
    }
    for number in 1..=2 {
        let id = NodeKey::from_secret([number; 32]).node_id();
        api.json(Method::POST, "/api/v1/roster", &json!({"node": id.to_string(), "role": "replica"})).await.ok(201);
        api.store.note_usage(NOW.plus_ms(u64::from(number) * 3_600_000)).expect("noted");
    }
    let plain = [
        "packages",
        "packages?sort=size",
        "packages?sort=-size",
        "revisions/a.pkg",
        "revisions/b.pkg",
        "uploads",
        "events",
        "events?before=1000000",
        "audit",
        "mesh",
        "roster",
        "invites",
        "tokens",
        "users",
        "sessions",
        "watches",
        "webhooks",
        "storage/trend",
    ];
    let mut lists = plain.map(str::to_owned).to_vec();
    for name in ["one", "two"] {
        let hook = json!({"url": "https://example.com/", "name": name});
        let hook = api.json(Method::POST, "/api/v1/webhooks", &hook).await.ok(201);
        let hook = format!("webhooks/{}", hook["id"].as_str().expect("an id"));
        for _ in 0..2 {
            api.call(Method::POST, &format!("/api/v1/{hook}/test"), Body::empty()).await.ok(202);
        }
        lists.push(format!("{hook}/deliveries"));
    }
    lists
}

fn page(list: &str, more: &str) -> String {
    format!("/api/v1/{list}{}{more}", if list.contains('?') { '&' } else { '?' })
}

/// The name of what a page is asked for from.
fn place(list: &str) -> &str {
    if list.contains("before=") { "before" } else { "after" }
}

#[tokio::test]
async fn the_cursor_of_another_list_is_refused_by_every_list() {
    let api = Api::new();
    let lists = lists(&api).await;
    let mut cursors = vec![("none".to_owned(), "no-such-place".to_owned())];
    for list in &lists {
        let first = api.get(&page(list, "limit=1")).await.ok(200);
        let next = first["next"].as_str().unwrap_or_else(|| panic!("{list} goes on: {first}"));
        cursors.push((list.clone(), next.to_owned()));
    }
    let (mut taken, mut refused) = (0, 0);
    for list in &lists {
        let at = list.split("?before").next().expect("an address");
        for (from, cursor) in &cursors {
            let answer = api.get(&page(at, &format!("{}={cursor}", place(list)))).await;
            // Both are of the journal, whose cursors are places in it.
            if from.split("?before").next() == Some(at) {
                answer.ok(200);
                taken += 1;
            } else {
                let problem = answer.problem(400, "bad_query");
                assert!(problem.to_string().contains(place(list)), "{list} and {cursor} of {from}: {problem}");
                refused += 1;
            }
        }
    }
    assert_eq!((taken, refused), (lists.len() + 2, lists.len() * lists.len() - 2));
}
