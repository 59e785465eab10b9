//! What can be in a name, and what can't.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};

use super::{Bench, Reply};
use crate::downloads::hostile::HOSTILE_PATHS;

#[tokio::test]
async fn any_name_can_be_downloaded_under_its_encoded_path() {
    let bench = Bench::new();
    for (path, target, file_name_field) in [
        ("a b.pkg", "/Packages/a%20b.pkg", r#"filename*=UTF-8''a%20b.pkg; filename="a b.pkg""#),
        ("a+b.pkg", "/Packages/a+b.pkg", r#"filename*=UTF-8''a+b.pkg; filename="a+b.pkg""#),
        ("a+c.pkg", "/Packages/a%2Bc.pkg", r#"filename*=UTF-8''a+c.pkg; filename="a+c.pkg""#),
        ("100%.pkg", "/Packages/100%25.pkg", r#"filename*=UTF-8''100%25.pkg; filename="100%.pkg""#),
        ("%2e%2e", "/Packages/%252e%252e", r#"filename*=UTF-8''%252e%252e; filename="%2e%2e""#),
        ("%41", "/Packages/%2541", r#"filename*=UTF-8''%2541; filename="%41""#),
        ("Bücher/é.dmg", "/Packages/B%C3%BCcher/%C3%A9.dmg", r#"filename*=UTF-8''%C3%A9.dmg; filename="_.dmg""#),
        ("Bücher/è.dmg", "/Packages/Bu%CC%88cher/e%CC%80.dmg", r#"filename*=UTF-8''%C3%A8.dmg; filename="_.dmg""#),
        ("日本語.msi", "/Packages/%E6%97%A5%E6%9C%AC%E8%AA%9E.msi", "filename=\"___.msi\""),
        ("😀", "/Packages/%F0%9F%98%80", r#"filename*=UTF-8''%F0%9F%98%80; filename="_""#),
        (r#"say "hi".pkg"#, "/Packages/say%20%22hi%22.pkg", r#"filename="say _hi_.pkg""#),
        ("it's.pkg", "/Packages/it's.pkg", r#"filename*=UTF-8''it%27s.pkg; filename="it's.pkg""#),
        ("a#b?c.pkg", "/Packages/a%23b%3Fc.pkg", r#"filename*=UTF-8''a#b%3Fc.pkg; filename="a#b?c.pkg""#),
        ("a;b=c&d.pkg", "/Packages/a;b=c&d.pkg", r#"filename="a;b=c&d.pkg""#),
        ("a:b@c,d.pkg", "/Packages/a:b@c,d.pkg", r#"filename="a:b@c,d.pkg""#),
        ("<script>", "/Packages/%3Cscript%3E", r#"filename="<script>""#),
        ("...", "/Packages/...", r#"filename="...""#),
        ("..a/.b", "/Packages/..a/.b", r#"filename=".b""#),
        ("Packages", "/Packages/Packages", r#"filename="Packages""#),
        ("api/v1/node", "/Packages/api/v1/node", r#"filename="node""#),
        ("con/nul.txt", "/Packages/con/nul.txt", r#"filename="nul.txt""#),
    ] {
        bench.publish(path, path.as_bytes());
        for target in [target.to_owned(), format!("/any%20context{target}?v=1"), target.replace("Packages/", "repo/")] {
            if path == "Packages" && target.contains("repo") {
                continue;
            }
            let reply = bench.get(&target).await;
            assert_eq!((reply.status, reply.text()), (StatusCode::OK, path.to_owned()), "{target}");
            assert!(
                reply.field("content-disposition").ends_with(file_name_field),
                "{}",
                reply.field("content-disposition")
            );
        }
    }
}

#[tokio::test]
async fn hostile_paths_get_no_file() {
    let bench = Bench::new();
    for path in ["victim.pkg", "mac/victim.pkg", "etc/passwd", "node.key", "x"] {
        bench.publish(path, b"must not be sent");
    }
    let long = format!("/Packages/{}", "x".repeat(2000));
    let deep = format!("/Packages/{}victim.pkg", "../".repeat(400));
    let mut refused_by_http = 0;
    for target in HOSTILE_PATHS.iter().copied().chain([long.as_str(), deep.as_str()]) {
        let Ok(request) = Request::builder().uri(target).body(Body::empty()) else {
            refused_by_http += 1;
            continue;
        };
        let reply = Reply::read(bench.begin(request).await).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{target}");
        assert!(!reply.text().contains("must not be sent"), "{target}");
        assert_eq!(reply.field("location"), "", "{target}");
    }
    assert!(refused_by_http < 5 && HOSTILE_PATHS.len() >= 60, "{refused_by_http} never reached the router");
}

#[tokio::test]
async fn what_is_not_there_is_404_for_every_method() {
    let bench = Bench::new();
    bench.publish("there.pkg", b"x");
    let long = "x".repeat(255);
    for target in [
        "/Packages/nope.pkg",
        "/Packages/THERE.pkg",
        "/Packages/there.pkg/",
        "/Packages/there.pkg/x",
        "/packages/there.pkg",
    ] {
        assert_eq!(bench.get(target).await.status, StatusCode::NOT_FOUND, "{target}");
        let head = bench.ask(&Method::HEAD, target, &[("if-none-match", "*"), ("range", "bytes=0-")]).await;
        assert_eq!(head.status, StatusCode::NOT_FOUND, "{target}");
    }
    assert_eq!(bench.get("/Packages/nope").await.code(), "no_such_package");
    assert_eq!(bench.get(&format!("/Packages/{long}")).await.code(), "no_such_package");
    assert_eq!(bench.get("/api/Packages/there.pkg").await.code(), "no_such_route");
    assert_eq!(bench.ask(&Method::PUT, "/a/b/c", &[]).await.status, StatusCode::NOT_FOUND);
    bench.remove("there.pkg");
    assert_eq!(bench.get("/Packages/there.pkg").await.code(), "no_such_package");
}

#[tokio::test]
async fn base_urls_say_that_a_distribution_point_is_here() {
    let bench = Bench::new();
    for target in ["/", "/CasperShare", "/CasperShare/", "/?x"] {
        let reply = bench.get(target).await;
        assert_eq!(reply.status, StatusCode::OK, "{target}");
        assert_eq!(reply.field("content-length"), reply.bytes().len().to_string());
        let head = bench.ask(&Method::HEAD, target, &[]).await;
        assert_eq!((head.status, head.bytes().len()), (StatusCode::OK, 0));
        assert_eq!(head.field("content-length"), reply.field("content-length"));
        assert_eq!(bench.ask(&Method::POST, target, &[]).await.field("allow"), "GET, HEAD");
    }
    let browser = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let page = bench.ask(&Method::GET, "/", &browser).await;
    assert_eq!(page.field("content-type"), "text/html; charset=utf-8");
    let text = page.text();
    assert!(text.contains("<a href=\"/Packages/\">"), "{text}");
    assert!(!text.contains("/ui/"), "this listener offers no administration: {text}");
    for target in ["/api", "/peer/", "/healthz", "/favicon.ico"] {
        assert_eq!(bench.get(target).await.status, StatusCode::NOT_FOUND, "{target}");
    }
}
