//! Listings.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Bench, Reply};
use crate::downloads::url_path::encode_segment;

const JSON: (&str, &str) = ("accept", "application/json");

fn names(reply: &Reply) -> Vec<String> {
    let listing: Value = serde_json::from_slice(reply.bytes()).expect("JSON");
    let items = listing["items"].as_array().expect("items").iter();
    items.map(|item| item["url"].as_str().expect("a url").to_owned()).collect()
}

#[tokio::test]
async fn folders_are_listed_for_people_and_for_scripts() {
    let bench = Bench::new();
    bench.publish("a b.pkg", b"1");
    bench.publish("mac/Apps/x.pkg", b"22");
    let y = bench.publish("mac/y.dmg", b"333");
    for root in ["/Packages/", "/repo/", "/any/Packages/"] {
        assert_eq!(names(&bench.ask(&Method::GET, root, &[JSON]).await), ["a%20b.pkg", "mac/"], "{root}");
    }
    assert_eq!(names(&bench.ask(&Method::GET, "/Packages", &[JSON]).await), ["Packages/a%20b.pkg", "Packages/mac/"]);
    let reply = bench.ask(&Method::GET, "/Packages/mac/", &[JSON]).await;
    assert_eq!((reply.field("content-type"), reply.field("vary")), ("application/json", "Accept"));
    let expected = json!({"items": [
        {"type": "folder", "name": "Apps", "url": "Apps/"},
        {"type": "package", "name": "y.dmg", "url": "y.dmg", "path": "mac/y.dmg", "size": 3, "blob": y.blob.to_string(),
         "sha256": y.sha256.to_string(), "modified": "1994-11-06T08:49:37Z"},
    ], "next": null});
    assert_eq!(serde_json::from_slice::<Value>(reply.bytes()).expect("JSON"), expected);
    let page = bench.get("/Packages/").await;
    assert_eq!(page.field("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.field("content-length"), page.bytes().len().to_string());
    assert!(page.text().contains(r#"<a href="a%20b.pkg">a b.pkg</a>"#), "{}", page.text());
    let head = bench.ask(&Method::HEAD, "/Packages/", &[]).await;
    assert_eq!((head.field("content-length"), head.bytes().len()), (page.field("content-length"), 0));
}

#[tokio::test]
async fn only_folders_that_hold_something_exist() {
    let bench = Bench::new();
    assert_eq!(bench.get("/Packages/").await.status, StatusCode::OK);
    assert_eq!(bench.get("/Packages").await.status, StatusCode::OK);
    assert_eq!(bench.get("/Packages/mac/").await.status, StatusCode::NOT_FOUND);
    bench.publish("mac/x", b"1");
    assert_eq!(bench.get("/Packages/mac/").await.status, StatusCode::OK);
    assert_eq!(bench.get("/Packages/mac").await.status, StatusCode::NOT_FOUND, "a folder's URL ends in a slash");
    assert_eq!(bench.get("/Packages/ma/").await.status, StatusCode::NOT_FOUND);
    assert_eq!(bench.get("/Packages/mac/x/").await.status, StatusCode::NOT_FOUND);
    assert_eq!(bench.ask(&Method::DELETE, "/Packages/mac/", &[]).await.field("allow"), "GET, HEAD");
    bench.remove("mac/x");
    assert_eq!(bench.get("/Packages/mac/").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_long_listing_goes_on_at_its_cursor() {
    let bench = Bench::new();
    for path in ["a", "b/1", "b/2", "c", "é"] {
        bench.publish(path, path.as_bytes());
    }
    let (mut seen, mut target) = (Vec::new(), "/Packages/?limit=2".to_owned());
    loop {
        let reply = bench.ask(&Method::GET, &target, &[JSON]).await;
        seen.push(names(&reply));
        let listing: Value = serde_json::from_slice(reply.bytes()).expect("JSON");
        let Some(next) = listing["next"].as_str() else { break };
        target = format!("/Packages/?limit=2&after={}", encode_segment(next));
    }
    assert_eq!(seen, [vec!["a", "b/"], vec!["c", "%C3%A9"]]);
    let more = bench.get("/Packages/?limit=1").await.text();
    assert!(more.contains("<a href=\"./?after=a\">More</a>"), "{more}");
    for query in ["after=zzz&after=q", "limit=x", "%zz", "after=%ff"] {
        assert_eq!(bench.get(&format!("/Packages/?{query}")).await.status, StatusCode::OK, "{query}");
    }
}
