//! Packages, their list and their history.

use serde_json::json;

use super::*;

fn paths(page: &Value) -> Vec<&str> {
    page["items"].as_array().expect("items").iter().map(|item| item["path"].as_str().expect("a path")).collect()
}

/// All pages of a list, each of two rows.
async fn walk(api: &Api, query: &str) -> Vec<String> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("/api/v1/packages?limit=2&{query}{after}")).await.ok(200);
        found.extend(paths(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next"].as_str() else { return found };
        assert!(found.len() < 100, "the list never ends");
        let next = percent_encoding::utf8_percent_encode(next, percent_encoding::NON_ALPHANUMERIC);
        after = format!("&after={next}");
    }
}

#[tokio::test]
async fn a_package_is_shown_with_its_revision_as_etag() {
    let api = Api::new();
    let package = api.publish("mac apps/ü+%.pkg", b"one", &[("title", "T"), ("x-ring", "1")]);
    for path in ["mac%20apps/%C3%BC+%25.pkg", "mac%20apps%2F%C3%BC%2B%25.pkg", "mac%20apps/u%CC%88+%25.pkg"] {
        let answer = api.get(&format!("/api/v1/packages/{path}")).await;
        let body = answer.ok(200);
        assert_eq!(
            (&body["path"], &body["title"], &body["other"]),
            (&"mac apps/ü+%.pkg".into(), &"T".into(), &json!({"x-ring": "1"}))
        );
        assert_eq!((&body["version"], &body["tags"], &body["priority"]), (&Value::Null, &json!([]), &Value::Null));
        assert_eq!(
            (&body["url"], &body["published_at"]),
            (&"/Packages/mac%20apps/%C3%BC%2B%25.pkg".into(), &"2027-01-15T08:00:00Z".into())
        );
        assert_eq!(answer.header("etag"), format!("\"{}\"", package.revision));
    }
    let request = api.request(Method::GET, "/api/v1/packages/mac%20apps%2F%C3%BC%2B%25.pkg");
    let request = request.header("if-none-match", format!("\"{}\"", package.revision));
    let answer = api.send(request.body(Body::empty()).expect("a request")).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::NOT_MODIFIED, 0));
    let body = api.get("/api/v1/packages/none.pkg").await.problem(404, "no_such_package");
    assert_eq!(body["path"], "none.pkg");
}

#[tokio::test]
async fn hostile_paths_are_400_with_one_code_for_every_method() {
    let api = Api::new();
    let long = "x".repeat(2000);
    for path in
        ["..", "a/../b", "%2e%2e/%2e%2e/etc/passwd", "..%2f..%2fetc", "a//b", "a%5Cb", "a%00b", "%FF%FE", "%zz", &long]
    {
        for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
            api.json(method, &format!("/api/v1/packages/{path}"), &json!({})).await.problem(400, "bad_path");
        }
        api.get(&format!("/api/v1/revisions/{path}")).await.problem(400, "bad_path");
    }
    let restore = json!({"path": "../x", "revision": "0".repeat(64)});
    api.json(Method::POST, "/api/v1/restore", &restore).await.problem(400, "bad_path");
}

#[tokio::test]
async fn a_merge_patch_changes_metadata_and_nothing_else() {
    let api = Api::new();
    let before = api.publish("a.pkg", b"one", &[("title", "T"), ("version", "1"), ("tags", "a,b")]);
    let patch = json!({"title": null, "version": "2", "tags": ["z"], "priority": 3});
    let answer = api.json(Method::PATCH, "/api/v1/packages/a.pkg", &patch).await;
    let body = answer.ok(200);
    let package = &body["package"];
    assert_eq!(
        (&package["title"], &package["version"], &package["tags"], &package["priority"]),
        (&Value::Null, &"2".into(), &json!(["z"]), &3.into())
    );
    assert_eq!((&package["blob"], &body["changed"]), (&before.blob.to_string().into(), &true.into()));
    assert_ne!(package["revision"], before.revision.to_string());
    let again = api.json(Method::PATCH, "/api/v1/packages/a.pkg", &patch).await.ok(200);
    assert_eq!((&again["changed"], &again["package"]["revision"]), (&false.into(), &package["revision"]));

    api.json(Method::PATCH, "/api/v1/packages/none.pkg", &patch).await.problem(404, "no_such_package");
    api.json(Method::PATCH, "/api/v1/packages/a.pkg", &json!({"titel": "x"})).await.problem(422, "invalid");
    api.json(Method::PATCH, "/api/v1/packages/a.pkg", &json!({"tags": ["a,b"]})).await.problem(422, "invalid");
    api.json(Method::PATCH, "/api/v1/packages/a.pkg", &json!({"title": "x".repeat(10_000)}))
        .await
        .problem(422, "invalid");
    api.call(Method::PATCH, "/api/v1/packages/a.pkg", "{}").await.problem(415, "unsupported_media_type");
    let request =
        api.request(Method::PATCH, "/api/v1/packages/a.pkg").header("content-type", "application/merge-patch+json");
    let broken = request.body(Body::from("{\"title\":")).expect("a request");
    api.send(broken).await.problem(400, "bad_json");
    let request = api.request(Method::PATCH, "/api/v1/packages/a.pkg").header("content-type", "application/json");
    let huge = request.body(Body::from(format!("{{\"title\":\"{}\"}}", "x".repeat(300_000)))).expect("a request");
    api.send(huge).await.problem(413, "too_large");
}

#[tokio::test]
async fn a_removed_package_is_gone_its_history_stays_and_it_can_be_restored() {
    let api = Api::new();
    let one = api.publish("a.pkg", b"one", &[("version", "1")]);
    let two = api.publish("a.pkg", b"two", &[("version", "2")]);
    let stale =
        api.request(Method::DELETE, "/api/v1/packages/a.pkg").header("if-match", format!("\"{}\"", one.revision));
    api.send(stale.body(Body::empty()).expect("a request")).await.problem(412, "precondition_failed");
    let answer = api.call(Method::DELETE, "/api/v1/packages/a.pkg", Body::empty()).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::NO_CONTENT, 0));
    api.get("/api/v1/packages/a.pkg").await.problem(404, "no_such_package");
    api.call(Method::DELETE, "/api/v1/packages/a.pkg", Body::empty()).await.problem(404, "no_such_package");

    let history = api.get("/api/v1/revisions/a.pkg").await.ok(200);
    let rows: Vec<_> = history["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|row| (row["change"].as_str(), row["version"].as_str(), row["current"].as_bool()))
        .collect();
    assert_eq!(
        rows,
        [
            (Some("removed"), None, Some(false)),
            (Some("published"), Some("2"), Some(false)),
            (Some("published"), Some("1"), Some(false))
        ]
    );
    assert_eq!((&history["total"], &history["next"]), (&3.into(), &Value::Null));
    assert_eq!(history["items"][1]["revision"], two.revision.to_string());

    let restore = |revision: &str| json!({"path": "a.pkg", "revision": revision});
    let restored = api.json(Method::POST, "/api/v1/restore", &restore(&one.revision.to_string())).await.ok(201);
    assert_eq!(
        (&restored["package"]["version"], &restored["package"]["blob"]),
        (&"1".into(), &one.blob.to_string().into())
    );
    api.json(Method::POST, "/api/v1/restore", &restore(&"0".repeat(64))).await.problem(404, "no_such_revision");
    api.json(Method::POST, "/api/v1/restore", &restore("nonsense")).await.problem(404, "no_such_revision");
    api.json(Method::POST, "/api/v1/restore", &json!({"path": "a.pkg"})).await.problem(422, "invalid");
    api.get("/api/v1/revisions/none.pkg").await.problem(404, "no_such_package");
}

#[tokio::test]
async fn a_revision_of_another_path_is_named_with_it_to_whom_may_read_there() {
    let api = Api::new();
    let mine = api.publish("mac/a.pkg", b"a", &[]);
    let other = api.publish("win/b.msi", b"b", &[]).revision.to_string();
    let body = json!({"path": "mac/a.pkg", "revision": other});
    let told = api.json(Method::POST, "/api/v1/restore", &body).await.problem(404, "no_such_revision");
    assert_eq!((&told["belongs_to"], &told["path"]), (&"win/b.msi".into(), &"mac/a.pkg".into()));
    assert!(
        told["detail"].as_str().is_some_and(|detail| detail.contains("win/b.msi") && detail.contains("?from=")),
        "{told}"
    );

    let bound = api.token(Scope::Publish, &["mac"]);
    let request = as_token(Method::POST, "/api/v1/restore", &bound).header("content-type", "application/json");
    let hidden =
        api.send(request.body(body.to_string().into()).expect("a request")).await.problem(404, "no_such_revision");
    assert_eq!(hidden["belongs_to"], Value::Null);
    assert!(!hidden.to_string().contains("win/"), "{hidden}");

    api.call(Method::DELETE, "/api/v1/packages/mac/a.pkg", Body::empty()).await;
    let removal = api.get("/api/v1/revisions/mac/a.pkg").await.ok(200)["items"][0]["revision"].clone();
    assert_ne!(removal, mine.revision.to_string());
    let body = json!({"path": "mac/a.pkg", "revision": removal});
    let told = api.json(Method::POST, "/api/v1/restore", &body).await.problem(404, "no_such_revision");
    assert!(told["detail"].as_str().is_some_and(|detail| detail.contains("is a removal")), "{told}");
}

#[tokio::test]
async fn what_is_wrong_is_named_as_the_request_calls_it() {
    let api = Api::new();
    api.publish("a.pkg", b"a", &[]);
    let hook = |name: &str, url: &str| json!({"name": name, "url": url, "types": [], "paths": [], "tags": []});
    for (method, path, body, field) in [
        (Method::POST, "/api/v1/tokens", json!({"name": "", "scope": "read"}), "name"),
        (Method::POST, "/api/v1/tokens", json!({"name": "c\u{200B}i", "scope": "read"}), "name"),
        (Method::POST, "/api/v1/tokens", json!({"name": "ci", "scope": "read", "prefixes": ["a//b"]}), "prefixes"),
        (Method::POST, "/api/v1/webhooks", hook("a\u{2066}b", "https://x.example/"), "name"),
        (Method::POST, "/api/v1/webhooks", hook("a", "http:///x"), "url"),
        (Method::POST, "/api/v1/webhooks", hook("a", "https://x.example:0/"), "url"),
        (Method::PATCH, "/api/v1/node", json!({"name": "hq\u{202E}"}), "name"),
        (Method::PATCH, "/api/v1/node", json!({"urls": ["http:///hq"]}), "urls"),
        (Method::PATCH, "/api/v1/node", json!({"urls": [format!("http://hq/{}", "x".repeat(1100))]}), "urls"),
        (Method::PATCH, "/api/v1/node", json!({"limits": {"down_bytes_per_s": 1}}), "limits"),
        (Method::POST, "/api/v1/invites", json!({"role": "publisher", "prefixes": ["/.."]}), "prefixes"),
        (Method::PATCH, "/api/v1/packages/a.pkg", json!({"tags": ["x".repeat(65)]}), "tags"),
        (Method::PATCH, "/api/v1/packages/a.pkg", json!({"tags": ["prod\u{200B}"]}), "tags"),
        (Method::PATCH, "/api/v1/packages/a.pkg", json!({"title": "x".repeat(10_000)}), "title"),
    ] {
        let problem = api.json(method, path, &body).await.problem(422, "invalid");
        assert_eq!(problem["field"], field, "{body}: {problem}");
    }
    let put = format!("/api/v1/packages/a.pkg?tag={}", "x".repeat(65));
    assert_eq!(api.call(Method::PUT, &put, "a").await.problem(422, "invalid")["field"], "tag");
}

fn versions(page: &Value) -> Vec<String> {
    let rows = page["items"].as_array().expect("items").iter();
    rows.map(|row| row["version"].as_str().expect("a version").to_owned()).collect()
}

#[tokio::test]
async fn a_page_of_a_history_with_much_to_say_ends_early_and_none_is_left_out() {
    let api = Api::new();
    let long = "x".repeat(8000);
    for number in 0..100 {
        let texts = [("a", &*long), ("b", &*long), ("notes", &*long), ("version", &*number.to_string())];
        api.publish("a.pkg", b"a", &texts);
    }
    let (mut seen, mut pages, mut query) = (Vec::new(), 0, String::new());
    loop {
        let answer = api.get(&format!("/api/v1/revisions/a.pkg{query}")).await;
        assert!(answer.body.len() < 2_500_000, "{} bytes", answer.body.len());
        let page = answer.ok(200);
        assert_eq!(page["total"], 100);
        seen.extend(versions(&page));
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        query = format!("?after={next}");
    }
    assert!((2..=4).contains(&pages), "{pages} pages");
    assert_eq!(seen, (0..100).rev().map(|number: u32| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_history_is_paged_from_its_oldest_end_so_that_new_revisions_do_not_shift_it() {
    let api = Api::new();
    for number in 0..5 {
        api.publish("a.pkg", &[number], &[("version", &number.to_string())]);
    }
    let first = api.get("/api/v1/revisions/a.pkg?limit=2").await.ok(200);
    assert_eq!(
        (versions(&first), &first["next"], &first["total"]),
        (vec!["4".into(), "3".into()], &"revisions:78aa490d:3".into(), &5.into())
    );
    api.publish("a.pkg", &[9], &[("version", "9")]);
    let second = api.get("/api/v1/revisions/a.pkg?limit=2&after=revisions:78aa490d:3").await.ok(200);
    assert_eq!((versions(&second), &second["next"]), (vec!["2".into(), "1".into()], &"revisions:78aa490d:1".into()));
    let last = api.get("/api/v1/revisions/a.pkg?limit=2&after=revisions:78aa490d:1").await.ok(200);
    assert_eq!((versions(&last), &last["next"]), (vec!["0".into()], &Value::Null));
    for (query, rows) in [("after=revisions:78aa490d:0", 0), ("after=revisions:78aa490d:6", 6), ("", 6)] {
        assert_eq!(
            versions(&api.get(&format!("/api/v1/revisions/a.pkg?{query}")).await.ok(200)).len(),
            rows,
            "{query}"
        );
    }
    // Of another list, or of a longer history.
    for foreign in ["x", "3", "audit:3", "revisions:78aa490d:x", "revisions:78aa490d:7", "revisions:1"] {
        let told = api.get(&format!("/api/v1/revisions/a.pkg?after={foreign}")).await.problem(400, "bad_query");
        assert_eq!(told["field"], "after", "{foreign}");
    }
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_refused_not_mangled() {
    let api = Api::new();
    api.call(Method::PUT, "/api/v1/packages/a.pkg?title=%FF", "x").await.problem(400, "bad_query");
    api.get("/api/v1/packages?q=%C3%28").await.problem(400, "bad_query");
    api.get("/api/v1/peers/%FF").await.problem(400, "bad_path");
}

#[tokio::test]
async fn lists_are_filtered() {
    let api = Api::new();
    api.publish("mac/Firefox-142.pkg", b"1", &[("title", "Firefox"), ("tags", "prod,web"), ("version", "142")]);
    api.publish("mac/tools/git.pkg", b"2", &[("tags", "dev")]);
    api.publish("mac.txt", b"3", &[]);
    api.publish("win/firefox.msi", b"4", &[("identifier", "org.mozilla.firefox")]);
    for (query, expected) in [
        ("", vec!["mac.txt", "mac/Firefox-142.pkg", "mac/tools/git.pkg", "win/firefox.msi"]),
        ("prefix=mac", vec!["mac/Firefox-142.pkg", "mac/tools/git.pkg"]),
        ("prefix=mac/", vec!["mac/Firefox-142.pkg", "mac/tools/git.pkg"]),
        ("prefix=mac/tools/git.pkg", vec!["mac/tools/git.pkg"]),
        ("q=FIREFOX", vec!["mac/Firefox-142.pkg", "win/firefox.msi"]),
        ("q=firefox+142", vec!["mac/Firefox-142.pkg"]),
        ("q=mozilla", vec!["win/firefox.msi"]),
        ("tag=prod", vec!["mac/Firefox-142.pkg"]),
        ("tag=pro", vec![]),
        ("kind=msi", vec!["win/firefox.msi"]),
        ("kind=.PKG", vec!["mac/Firefox-142.pkg", "mac/tools/git.pkg"]),
        ("state=stored&prefix=win", vec!["win/firefox.msi"]),
        ("state=wanted", vec![]),
        ("state=conflict", vec![]),
    ] {
        let page = api.get(&format!("/api/v1/packages?{query}")).await.ok(200);
        assert_eq!(paths(&page), expected, "{query}");
        assert_eq!(page["total"].is_null(), !query.is_empty(), "{query}");
        assert_eq!(walk(&api, query).await, expected, "{query} by pages");
    }
    for query in [
        "sort=name",
        "limit=0",
        "limit=1001",
        "limit=x",
        "state=lost",
        "prefix=../x",
        "colour=red",
        "sort=size&after=x",
    ] {
        api.get(&format!("/api/v1/packages?{query}")).await.problem(400, "bad_query");
    }
}

#[tokio::test]
async fn a_package_is_found_by_the_beginning_of_a_digest_of_its_bytes() {
    let api = Api::new();
    api.publish("a.pkg", b"one", &[]);
    let other = api.publish("b.pkg", b"two", &[]);
    let all = api.get("/api/v1/packages").await.ok(200);
    for key in ["sha256", "blob"] {
        let digest = all["items"][0][key].as_str().expect("a digest");
        for word in [digest.to_owned(), digest[..8].to_owned(), digest[..13].to_uppercase()] {
            assert_eq!(paths(&api.get(&format!("/api/v1/packages?q={word}")).await.ok(200)), ["a.pkg"], "{key} {word}");
        }
        for word in [&digest[..7], &digest[1..9], &format!("{digest}0")] {
            assert!(paths(&api.get(&format!("/api/v1/packages?q={word}")).await.ok(200)).is_empty(), "{key} {word}");
        }
        let both = format!("/api/v1/packages?q={}+b.pkg", &digest[..8]);
        assert!(paths(&api.get(&both).await.ok(200)).is_empty(), "{key} is not of {:?}", other.blob);
    }
}

#[tokio::test]
async fn a_list_tells_on_how_many_nodes_each_is_if_asked() {
    let api = Api::new();
    api.publish("a.pkg", b"1", &[]);
    api.publish("b.pkg", b"2", &[]);
    let told = api.get("/api/v1/packages?replicas=true").await.ok(200);
    for item in told["items"].as_array().expect("a list") {
        assert_eq!(item["replicas"], serde_json::json!({"have": 1, "of": 1}), "{item}");
    }
    let plain = api.get("/api/v1/packages").await.ok(200);
    assert!(plain["items"][0].get("replicas").is_none(), "not unless asked: {plain}");
    api.get("/api/v1/packages?replicas=yes").await.problem(400, "bad_query");
}

#[tokio::test]
async fn every_order_is_the_same_by_pages_as_at_once() {
    let api = Api::new();
    for (path, size) in [("b", 3), ("a", 1), ("d", 3), ("c", 2), ("e/f", 0)] {
        api.publish(path, &vec![0; size], &[]);
    }
    for (sort, expected) in [
        ("path", ["a", "b", "c", "d", "e/f"]),
        ("-path", ["e/f", "d", "c", "b", "a"]),
        ("size", ["e/f", "a", "c", "b", "d"]),
        ("-size", ["d", "b", "c", "a", "e/f"]),
        ("published_at", ["a", "b", "c", "d", "e/f"]),
        ("-published_at", ["e/f", "d", "c", "b", "a"]),
    ] {
        let page = api.get(&format!("/api/v1/packages?sort={sort}")).await.ok(200);
        assert_eq!((paths(&page), &page["total"]), (expected.to_vec(), &5.into()), "{sort}");
        assert_eq!(walk(&api, &format!("sort={sort}")).await, expected, "{sort} by pages");
    }
}

#[tokio::test]
async fn this_node_is_shown_and_renamed() {
    let api = Api::new();
    api.publish("a.pkg", b"one", &[]);
    let node = api.get("/api/v1/node").await.ok(200);
    let id = api.store.node_id().to_string();
    assert_eq!(
        (&node["id"], &node["name"], &node["role"], &node["root"]),
        (&id.as_str().into(), &"hq".into(), &"owner".into(), &id.as_str().into())
    );
    assert_eq!(
        (&node["packages"], &node["storage"]["blobs"], &node["storage"]["bytes"]),
        (&1.into(), &1.into(), &3.into())
    );
    assert_eq!((&node["wants"], &node["log"]["events"]), (&json!({"count": 0, "bytes": 0}), &1.into()));
    let vector = node["vector"].as_object().expect("a vector");
    assert!(
        vector.keys().all(|stream| stream.starts_with(&format!("{id}/"))) && vector.values().eq([&Value::from(1)]),
        "{node}"
    );

    let patch = json!({"name": "lab", "urls": ["HTTP://Lab.example:8637/"]});
    let node = api.json(Method::PATCH, "/api/v1/node", &patch).await.ok(200);
    assert_eq!((&node["name"], &node["urls"]), (&"lab".into(), &json!(["http://lab.example:8637"])));
    for patch in
        [json!({"name": ""}), json!({"urls": ["nonsense"]}), json!({"nme": "x"}), json!({"name": 7}), json!([])]
    {
        api.json(Method::PATCH, "/api/v1/node", &patch).await.problem(422, "invalid");
    }
}

#[tokio::test]
async fn a_page_of_packages_that_have_much_to_say_is_short_and_goes_on() {
    let api = Api::new();
    let much = "x".repeat(8000);
    let said = [("notes", much.as_str()), ("title", &much), ("identifier", &much), ("version", &much)];
    for number in 0..120 {
        api.publish(&format!("{number:03}.pkg"), b"a", &said);
    }
    for sort in ["path", "-path", "size"] {
        let (mut paths, mut after) = (Vec::new(), String::new());
        loop {
            let answer = api.get(&format!("/api/v1/packages?limit=1000&sort={sort}&after={after}")).await;
            assert!(answer.body.len() < 3 << 20, "{} bytes at once", answer.body.len());
            let page = answer.ok(200);
            paths.extend(page["items"].as_array().expect("items").iter().map(|item| item["path"].to_string()));
            let Some(next) = page["next"].as_str() else { break };
            next.clone_into(&mut after);
        }
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), 120, "{sort}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_in_words_for_people() {
    let api = Api::new();
    let revision = api.publish("a.pkg", b"one", &[]).revision;
    let told = |problem: Value| problem["detail"].as_str().expect("a detail").to_owned();
    let lists = api.get("/api/v1/events?after=tokens:0").await.problem(400, "bad_query");
    assert_eq!(told(lists), "the query can't be read: after: expected a whole number, 0 or more");
    for (patch, words) in [
        (json!({"priority": 1.5}), "expected a whole number at line 1"),
        (json!({"priority": 3_000_000_000_u64}), "a whole number from -2147483648 to 2147483647"),
        (json!({"notes": "n".repeat(40_000)}), "the metadata has 40005 bytes in all; at most 32768 are allowed"),
        (json!({"tags": ["ü\"".repeat(900)]}), "a tag has 1 to 64 bytes"),
        (json!({"tags": ["x,".repeat(9000)]}), "is not a tag: it is empty or has a comma"),
    ] {
        let detail = told(api.json(Method::PATCH, "/api/v1/packages/a.pkg", &patch).await.problem(422, "invalid"));
        assert!(detail.contains(words) && detail.len() < 800, "{detail}");
    }
    let put = |path: &str, header: &str| api.request(Method::PUT, path).header(header, "*").body(Body::from("two"));
    let there = api.send(put("/api/v1/packages/a.pkg", "if-none-match").expect("a request")).await;
    let there = told(there.problem(412, "precondition_failed"));
    assert_eq!(
        there,
        format!("the condition doesn't hold: a.pkg is published, and its current revision is {revision}")
    );
    let none = api.send(put("/api/v1/packages/b.pkg", "if-match").expect("a request")).await;
    let none = told(none.problem(412, "precondition_failed"));
    assert_eq!(none, "the condition doesn't hold: nothing is published at b.pkg");
}
