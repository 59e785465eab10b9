//! The page over HTTP, as a browser asks for it.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, LOCATION, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, Method, Request, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::answer::{FILE_POLICY, POLICY};
use crate::file::Coding;
use crate::files::Files;
use crate::routes::PAGES;

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: &HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap_or("not text"))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

async fn ask(method: Method, address: &str, headers: &[(HeaderName, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(address);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let router: Router = crate::router();
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    Answer { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
}

async fn get(address: &str) -> Answer {
    ask(Method::GET, address, &[]).await
}

/// The address of the file that `index.html` names with this ending.
fn named(index: &str, ending: &str) -> String {
    let end = index.find(ending).unwrap_or_else(|| panic!("no {ending} in {index}")) + ending.len();
    let start = index[..end].rfind('"').unwrap() + 1;
    index[start..end].to_owned()
}

#[tokio::test]
async fn index_is_asked_for_each_time_and_names_files_that_are_kept_for_good() {
    let index = get("/ui/").await;
    assert_eq!(index.status, StatusCode::OK);
    assert_eq!(index.header(&CACHE_CONTROL), "no-cache");
    assert_eq!(index.header(&CONTENT_TYPE), "text/html; charset=utf-8");
    assert!(!index.text().contains("{{base}}"), "{}", index.text());
    let script = get(&named(&index.text(), "main.js")).await;
    assert_eq!(script.status, StatusCode::OK);
    assert_eq!(script.header(&CACHE_CONTROL), "max-age=31536000, immutable");
    assert_eq!(script.header(&CONTENT_TYPE), "text/javascript");
}

#[tokio::test]
async fn what_may_run_or_show_something_has_a_policy_and_every_answer_forbids_guessing_kinds() {
    let script = named(&get("/ui/").await.text(), "main.js");
    let (worker, logo) = (script.replace("main.js", "lib/live-worker.js"), script.replace("main.js", "logo.svg"));
    let (style, text) = (script.replace("main.js", "app.css"), script.replace("main.js", "vendor/lit.LICENSE.txt"));
    for (address, policy) in [
        ("/ui/", POLICY),
        ("/ui/packages/a/b.pkg", POLICY),
        (script.as_str(), ""),
        (style.as_str(), ""),
        (worker.as_str(), FILE_POLICY),
        (logo.as_str(), FILE_POLICY),
        (text.as_str(), FILE_POLICY),
        ("/ui/nothing", POLICY),
        ("/ui/assets/0/main.js", POLICY),
    ] {
        let answer = get(address).await;
        assert_eq!(answer.status.is_success(), !address.contains("/0/") && address != "/ui/nothing", "{address}");
        assert_eq!(answer.header(&CONTENT_SECURITY_POLICY), policy, "{address}");
        assert_eq!(answer.header(&X_CONTENT_TYPE_OPTIONS), "nosniff", "{address}");
    }
    assert!(
        [POLICY, FILE_POLICY].iter().all(|policy| {
            policy.starts_with("default-src '") && !policy.contains("unsafe") && !policy.contains("  ")
        }),
        "{POLICY} {FILE_POLICY}"
    );
}

#[tokio::test]
async fn addresses_of_the_pages_router_are_the_page_and_others_are_nothing() {
    let index = get("/ui/").await.body;
    for page in PAGES {
        for address in [format!("/ui/{page}"), format!("/ui/{page}/apps/Other%20One.pkg")] {
            let answer = get(&address).await;
            assert_eq!((answer.status, &answer.body), (StatusCode::OK, &index), "{address}");
        }
    }
    let other_version = named(&get("/ui/").await.text(), "main.js").replace("/ui/assets/", "/ui/assets/0");
    for address in ["/ui/nothing", "/ui/main.js", "/ui/favicon.ico", "/ui/assets/x", "/ui/index.html", &other_version] {
        let answer = get(address).await;
        assert_eq!((answer.status, answer.header(&CACHE_CONTROL)), (StatusCode::NOT_FOUND, "no-store"), "{address}");
    }
    let without_slash = get("/ui").await;
    assert_eq!(without_slash.header(&LOCATION), "/ui/");
}

#[tokio::test]
async fn who_mistypes_an_address_gets_the_page_which_says_so() {
    let html = "text/html,application/xhtml+xml,*/*;q=0.8";
    let answer = ask(Method::GET, "/ui/nonsense", &[(ACCEPT, html), (IF_NONE_MATCH, "*")]).await;
    assert_eq!((answer.status, answer.body), (StatusCode::NOT_FOUND, get("/ui/").await.body));
    let file = ask(Method::GET, "/ui/assets/0/main.js", &[(ACCEPT, html)]).await;
    assert_eq!((file.status, file.text()), (StatusCode::NOT_FOUND, "there is nothing at this address\n".to_owned()));
    assert_eq!(ask(Method::GET, "/ui/nonsense", &[(ACCEPT, "*/*")]).await.text(), "there is nothing at this address\n");
}

#[test]
fn pages_are_those_of_the_pages_own_router() {
    let files = Files::current(true);
    let routes = files.get(files.hash(), "lib/routes.js").map(|file| file.form(Coding::Identity).bytes).unwrap();
    let text = String::from_utf8(routes.to_vec()).unwrap();
    let after = text.match_indices("path:'").map(|(at, mark)| &text[at + mark.len()..]);
    let firsts = after.filter_map(|rest| rest.split(['\'', '/']).next()).filter(|first| !first.is_empty());
    let routed: std::collections::BTreeSet<&str> = firsts.collect();
    assert_eq!(routed, PAGES.into_iter().collect());
}

#[tokio::test]
async fn files_are_only_read() {
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        assert_eq!(ask(method, "/ui/", &[]).await.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    let head = ask(Method::HEAD, "/ui/", &[]).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_ne!(head.header(&axum::http::header::CONTENT_LENGTH), "0");
}

#[tokio::test]
async fn what_the_browser_has_is_304_and_each_coding_is_another_entity() {
    let plain = get("/ui/").await;
    let gzip = ask(Method::GET, "/ui/", &[(ACCEPT_ENCODING, "br;q=0, gzip;q=0.5")]).await;
    let brotli = ask(Method::GET, "/ui/", &[(ACCEPT_ENCODING, "gzip, deflate, br, zstd")]).await;
    let codings = [&plain, &gzip, &brotli].map(|answer| answer.header(&CONTENT_ENCODING));
    assert_eq!(codings, ["", "gzip", "br"]);
    let tags = [&plain, &gzip, &brotli].map(|answer| answer.header(&ETAG)).into_iter();
    assert_eq!(tags.collect::<std::collections::BTreeSet<_>>().len(), 3);
    let mut unpacked = [Vec::new(), Vec::new()];
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&gzip.body[..]), &mut unpacked[0]).unwrap();
    brotli::BrotliDecompress(&mut &brotli.body[..], &mut unpacked[1]).unwrap();
    assert_eq!(unpacked, [plain.body.to_vec(), plain.body.to_vec()]);
    let refused = ask(Method::GET, "/ui/", &[(ACCEPT_ENCODING, "gzip;q=0")]).await;
    assert_eq!(refused.header(&CONTENT_ENCODING), "");
    let tags = format!("\"other\", {}", plain.header(&ETAG));
    let again = ask(Method::GET, "/ui/", &[(IF_NONE_MATCH, &tags)]).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
}

#[test]
fn what_is_for_the_reader_stays_in_the_source() {
    let files = Files::current(true);
    let sent = |name: &str| {
        String::from_utf8(files.get(files.hash(), name).unwrap().form(Coding::Identity).bytes.to_vec()).unwrap()
    };
    assert!(sent("main.js").starts_with("import"), "{}", sent("main.js"));
    assert!(!sent("app.css").contains("/*"));
    assert!(sent("vendor/lit.js").starts_with("var "));
}

/// A first visit has sixty answers: what each of them says besides is a good part of it.
#[tokio::test]
async fn a_file_that_is_kept_for_good_says_little_besides() {
    let script = named(&get("/ui/").await.text(), "main.js");
    let answer = ask(Method::GET, &script, &[(ACCEPT_ENCODING, "gzip"), (IF_NONE_MATCH, "*")]).await;
    assert_eq!((answer.status, answer.header(&ETAG)), (StatusCode::OK, ""));
    let bytes: usize = answer.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    assert!(bytes < 200, "{bytes} bytes: {:?}", answer.headers);
}

#[test]
fn every_file_has_a_known_kind_and_the_hash_tells_versions_apart() {
    assert_eq!(Files::of_unknown_kind(), Vec::<String>::new());
    let files = Files::current(true);
    assert!(files.names().count() > 2);
    assert_eq!(files.hash().len(), 16);
    assert_eq!(files.hash(), Files::current(true).hash());
}

/// Whoever changes a vendored file by hand changes what a new version of it would bring.
#[test]
fn vendored_files_are_as_they_were_made() {
    use sha2::Digest;
    let files = Files::current(true);
    let read = |name: &str| std::fs::read(format!("{}/assets/{name}", env!("CARGO_MANIFEST_DIR")));
    let record: serde_json::Value = serde_json::from_slice(&read("vendor/VENDOR.json").unwrap()).unwrap();
    let recorded = record["sha256"].as_object().unwrap();
    for (name, hash) in recorded {
        let bytes = read(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let actual = data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(&bytes));
        assert_eq!(hash.as_str(), Some(actual.as_str()), "{name}: `npm run vendor` in ui/ makes it");
    }
    for name in files.names().filter(|name| name.starts_with("vendor/") && *name != "vendor/VENDOR.json") {
        assert!(recorded.contains_key(name), "{name} isn't in VENDOR.json");
    }
}
