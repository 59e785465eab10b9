//! Users, sessions, the set-up link: signing in, what a cookie opens, and what ends it.

use axum::http::request::Builder;
use data_encoding::BASE64;
use serde_json::json;

use super::*;
use crate::request::{ClientAddress, Encrypted};

const PASSWORD: &str = "correct horse";

impl Api {
    /// Makes a user, past nothing: through the API.
    async fn user(&self, name: &str, scope: &str) -> Value {
        let new = json!({"name": name, "password": PASSWORD, "scope": scope});
        self.json(Method::POST, "/api/v1/users", &new).await.ok(201)
    }

    async fn sign_in(&self, body: &Value) -> Answer {
        self.send(posted("/api/v1/session", body)).await
    }

    /// Signs a user in; the cookie as a browser sends it back.
    async fn cookie_of(&self, name: &str) -> String {
        let answer = self.sign_in(&json!({"name": name, "password": PASSWORD})).await;
        answer.ok(201);
        answer.header("set-cookie").split(';').next().expect("a cookie").to_owned()
    }
}

#[tokio::test]
async fn a_user_is_the_same_one_however_its_accents_are_sent() {
    let (composed, apart) = ("\u{c9}va", "e\u{301}va");
    for (made, typed) in [(composed, apart), ("E\u{301}va", "\u{e9}va")] {
        let api = Api::new();
        let user = api.user(made, "read").await;
        assert_eq!(user["name"], composed, "it is kept in NFC");
        let again = json!({"name": typed, "password": PASSWORD, "scope": "read"});
        api.json(Method::POST, "/api/v1/users", &again).await.problem(409, "name_taken");
        assert_eq!(api.sign_in(&json!({"name": typed, "password": PASSWORD})).await.ok(201)["id"], user["id"]);
        let other = api.user("bob", "read").await;
        let other = format!("/api/v1/users/{}", other["id"].as_str().expect("an id"));
        api.json(Method::PATCH, &other, &json!({"name": typed})).await.problem(409, "name_taken");
    }
}

/// A request as a browser on this node's page makes it.
fn browser(method: Method, path: &str, cookie: &str) -> Builder {
    let request = Request::builder().method(method).uri(path).header("cookie", cookie);
    let request = request.header("host", "hq.example:8637").header("origin", "http://hq.example:8637");
    request.extension(RequestId("request-1".to_owned()))
}

fn posted(path: &str, body: &Value) -> Request<Body> {
    let request = Request::builder().method(Method::POST).uri(path).header("content-type", "application/json");
    request.extension(RequestId("request-1".to_owned())).body(Body::from(body.to_string())).expect("a request")
}

fn empty(request: Builder) -> Request<Body> {
    request.body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn a_user_signs_in_and_the_cookie_opens_what_the_user_may_do() {
    let api = Api::new();
    api.user("Ada", "publish").await;
    let answer = api.sign_in(&json!({"name": "ada", "password": PASSWORD})).await;
    let identity = answer.ok(201);
    assert_eq!(
        (&identity["kind"], &identity["name"], &identity["scope"]),
        (&"user".into(), &"Ada".into(), &"publish".into())
    );
    let cookie = answer.header("set-cookie");
    let short = api.store.node_id().short();
    assert!(cookie.starts_with(&format!("ods_session_{short}=ods_w")), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().expect("a cookie");

    let who = api.send(empty(browser(Method::GET, "/api/v1/session", cookie))).await.ok(200);
    assert_eq!((&who["session"]["current"], &who["session"]["id"]), (&true.into(), &identity["session"]["id"]));
    let put = browser(Method::PUT, "/api/v1/packages/a.pkg", cookie).body(Body::from("a")).expect("a request");
    assert_eq!(api.send(put).await.ok(201)["package"]["published_by"]["by"], "user Ada");
    api.send(empty(browser(Method::GET, "/api/v1/users", cookie))).await.problem(403, "scope_too_small");

    let out = api.send(empty(browser(Method::DELETE, "/api/v1/session", cookie))).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert!(out.header("set-cookie").contains("Max-Age=0"), "{}", out.header("set-cookie"));
    api.send(empty(browser(Method::GET, "/api/v1/session", cookie))).await.problem(401, "session_over");
}

#[tokio::test]
async fn over_tls_the_cookie_is_secure_and_no_other_is_taken() {
    let api = Api::new();
    api.user("ada", "read").await;
    let mut request = posted("/api/v1/session", &json!({"name": "ada", "password": PASSWORD}));
    request.extensions_mut().insert(Encrypted(true));
    let answer = api.send(request).await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-ods_session_") && cookie.ends_with("; SameSite=Strict; Secure"), "{cookie}");
    let plain = api.cookie_of("ada").await;
    let mut request = empty(browser(Method::GET, "/api/v1/session", &plain));
    request.extensions_mut().insert(Encrypted(true));
    api.send(request).await.problem(401, "credentials_missing");
}

#[tokio::test]
async fn a_change_with_a_cookie_must_come_from_this_nodes_page() {
    let api = Api::new();
    api.user("ada", "admin").await;
    let cookie = api.cookie_of("ada").await;
    let request = |extra: &[(&str, &str)]| {
        let start = Request::builder().method(Method::DELETE).uri("/api/v1/packages/a.pkg").header("cookie", &cookie);
        let start = start.header("host", "hq.example").extension(RequestId("request-1".to_owned()));
        empty(extra.iter().fold(start, |request, (name, value)| request.header(*name, *value)))
    };
    for foreign in [
        &[][..],
        &[("origin", "http://evil.example")],
        &[("origin", "http://hq.example:8637")],
        &[("origin", "null")],
        &[("origin", "http://hq.example"), ("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
    ] {
        api.send(request(foreign)).await.problem(403, "foreign_origin");
    }
    api.send(request(&[("origin", "http://hq.example")])).await.problem(404, "no_such_package");
    api.send(request(&[("sec-fetch-site", "same-origin")])).await.problem(404, "no_such_package");
    // A program that sends the secret on purpose is no browser that was tricked.
    let secret = cookie.split_once('=').expect("a value").1;
    let by_header = as_token(Method::DELETE, "/api/v1/packages/a.pkg", secret).body(Body::empty()).expect("a request");
    api.send(by_header).await.problem(404, "no_such_package");
    let mut foreign = posted("/api/v1/session", &json!({"name": "ada", "password": PASSWORD}));
    foreign.headers_mut().insert("origin", "http://evil.example".parse().expect("a value"));
    api.send(foreign).await.problem(403, "foreign_origin");
}

#[tokio::test]
async fn a_change_with_basic_that_a_browser_remembered_is_refused_from_another_page() {
    let api = Api::new();
    let basic = format!("Basic {}", BASE64.encode(format!("anyone:{}", api.admin).as_bytes()));
    let request = |method: Method, extra: &[(&str, &str)]| {
        let start = Request::builder().method(method).uri("/api/v1/packages/a.pkg").header("authorization", &basic);
        let start = start.header("host", "hq.example").extension(RequestId("request-1".to_owned()));
        empty(extra.iter().fold(start, |request, (name, value)| request.header(*name, *value)))
    };
    for foreign in [
        &[("origin", "http://evil.example")][..],
        &[("origin", "http://hq.example:8637")],
        &[("origin", "null")],
        &[("origin", "http://hq.example"), ("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
    ] {
        api.send(request(Method::DELETE, foreign)).await.problem(403, "foreign_origin");
        // Looking changes nothing, and the browser doesn't show the answer to the page.
        api.send(request(Method::GET, foreign)).await.problem(404, "no_such_package");
    }
    // Programs say nothing of where they come from, and this node's own page is no other.
    for own in [&[][..], &[("origin", "http://hq.example")], &[("sec-fetch-site", "same-origin")]] {
        api.send(request(Method::DELETE, own)).await.problem(404, "no_such_package");
    }
}

#[tokio::test]
async fn wrong_passwords_are_refused_counted_and_written_down() {
    let api = Api::new();
    api.user("ada", "admin").await;
    let mut outcomes = Vec::new();
    for number in 0..1000_u32 {
        let name = if number % 2 == 0 { "ada" } else { "nobody" };
        let mut request =
            posted("/api/v1/session", &json!({"name": name, "password": format!("wrong horse {number}")}));
        request.extensions_mut().insert(ClientAddress(std::net::IpAddr::from([192, 0, 2, 7])));
        let answer = api.send(request).await;
        outcomes.push(answer.json()["code"].as_str().expect("a code").to_owned());
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds <= 20));
        }
    }
    let tried = outcomes.iter().filter(|code| *code == "sign_in_wrong").count();
    assert!((20..=40).contains(&tried), "{tried} of 1000 were looked at");
    assert!(outcomes.iter().all(|code| code == "sign_in_wrong" || code == "too_many_attempts"), "{outcomes:?}");
    // The account is guarded from everywhere, also against the right password, and others are not locked out.
    let mut right = posted("/api/v1/session", &json!({"name": "ADA", "password": PASSWORD}));
    right.extensions_mut().insert(ClientAddress(std::net::IpAddr::from([198, 51, 100, 1])));
    let detail = api.send(right).await.problem(429, "too_many_attempts")["detail"].to_string();
    assert!(detail.contains("for this name"), "{detail}");
    api.user("eve", "read").await;
    api.cookie_of("eve").await;
    let entries = api.store.audit(None, 1000, &mut |entry| entry.action == "sign_in.refused").expect("entries").items;
    let first = entries.last().expect("an entry");
    assert_eq!((first.who.as_str(), first.from.as_deref()), ("user ada", Some("192.0.2.7")));
    // The first few of the flood; of the others the one from elsewhere tells.
    assert!((6..=9).contains(&entries.len()), "{} entries", entries.len());
    let newest = entries.first().expect("an entry");
    assert_eq!(newest.from.as_deref(), Some("198.51.100.1"));
    assert!(format!("{newest:?}").contains("more refusals"), "{newest:?}");
}

/// A request from an address.
fn from(last: u8, mut request: Request<Body>) -> Request<Body> {
    request.extensions_mut().insert(ClientAddress(std::net::IpAddr::from([192, 0, 2, last])));
    request
}

#[tokio::test]
async fn a_flood_from_one_address_takes_no_note_from_the_refusals_of_others() {
    let api = Api::new();
    let wrong = |name: &str| posted("/api/v1/session", &json!({"name": name, "password": "wrong horse"}));
    let right = |name: &str| posted("/api/v1/session", &json!({"name": name, "password": PASSWORD}));
    api.user("ada", "read").await;
    // Where it signed in, no address's budget is asked.
    api.send(from(1, right("ada"))).await.ok(201);
    for _ in 0..100 {
        assert!(api.send(from(1, wrong("ada"))).await.status.is_client_error());
    }
    // Nor is it for who has a session.
    api.user("eve", "read").await;
    let cookie = api.send(from(2, right("eve"))).await.header("set-cookie").to_owned();
    let cookie = cookie.split(';').next().expect("a cookie");
    for _ in 0..100 {
        let request = browser(Method::POST, "/api/v1/session/password", cookie);
        let body = json!({"present": "wrong horse", "new": "battery staple"}).to_string();
        let request = request.header("content-type", "application/json").body(Body::from(body)).expect("a request");
        assert!(api.send(from(2, request)).await.status.is_client_error());
    }
    // Nor are the wrong tokens of an address within its share.
    for _ in 0..20 {
        let request = as_token(Method::GET, "/api/v1/node", "ods_r1");
        api.send(from(3, empty(request))).await.problem(401, "token_unknown");
    }
    api.send(from(4, wrong("mallory"))).await.problem(401, "sign_in_wrong");
    let entries = api.store.audit(None, 1000, &mut |entry| entry.action == "sign_in.refused").expect("entries").items;
    let last = entries.first().expect("an entry");
    assert_eq!(
        (last.who.as_str(), last.from.as_deref()),
        ("user mallory", Some("192.0.2.4")),
        "{} told",
        entries.len()
    );
    assert!(format!("{last:?}").contains("more refusals"), "{last:?}");
    // And nobody is refused any more: a tick tells of the last ones, once.
    for _ in 0..30 {
        api.send(from(4, wrong("mallory"))).await;
    }
    for _ in 0..2 {
        api.state.tell_unwritten().await;
    }
    let told = refused(&api).into_iter().filter(|(_, reason)| reason.ends_with(" refusals, not listed"));
    assert_eq!(told.map(|(who, _)| who).collect::<Vec<_>>(), ["unknown"]);
    for flooding in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        let told = entries.iter().filter(|entry| entry.from.as_deref() == Some(flooding)).count();
        assert!((5..=7).contains(&told), "{told} from {flooding}");
    }
}

#[tokio::test]
async fn an_account_signs_in_where_it_did_before_whoever_guesses_elsewhere() {
    let api = Api::new();
    api.user("ada", "read").await;
    let sign_in = |password: &str| posted("/api/v1/session", &json!({"name": "ada", "password": password}));
    api.send(from(1, sign_in(PASSWORD))).await.ok(201);
    for address in 10..30 {
        assert!(api.send(from(address, sign_in("wrong horse"))).await.status.is_client_error());
    }
    let detail = api.send(from(2, sign_in(PASSWORD))).await.problem(429, "too_many_attempts")["detail"].to_string();
    assert!(detail.contains("a computer from which it signed in"), "{detail}");
    api.send(from(1, sign_in(PASSWORD))).await.ok(201);
}

#[tokio::test]
async fn a_session_ends_with_what_its_holder_may_do() {
    let api = Api::new();
    let user = api.user("ada", "publish").await;
    let path = format!("/api/v1/users/{}", user["id"].as_str().expect("an id"));
    for change in [json!({"scope": "read"}), json!({"password": "battery staple"}), json!({"disabled": true})] {
        api.json(Method::PATCH, &path, &json!({"password": PASSWORD, "disabled": false, "scope": "publish"}))
            .await
            .ok(200);
        let cookie = api.cookie_of("ada").await;
        api.json(Method::PATCH, &path, &json!({"name": "Ada"})).await.ok(200);
        api.send(empty(browser(Method::GET, "/api/v1/session", &cookie))).await.ok(200);
        api.json(Method::PATCH, &path, &change).await.ok(200);
        api.send(empty(browser(Method::GET, "/api/v1/session", &cookie))).await.problem(401, "session_over");
    }
    api.sign_in(&json!({"name": "ada", "password": "battery staple"})).await.problem(401, "sign_in_wrong");
}

#[tokio::test]
async fn a_token_signs_in_and_its_session_ends_with_it() {
    let api = Api::new();
    let new = json!({"name": "desk", "scope": "read", "prefixes": ["mac"]});
    let made = api.json(Method::POST, "/api/v1/tokens", &new).await.ok(201);
    let answer = api.sign_in(&json!({"token": made["token"]})).await;
    let identity = answer.ok(201);
    assert_eq!((&identity["kind"], &identity["prefixes"]), (&"token".into(), &json!(["mac"])));
    let cookie = answer.header("set-cookie").split(';').next().expect("a cookie").to_owned();
    api.send(empty(browser(Method::GET, "/api/v1/packages/win/a.msi", &cookie))).await.problem(403, "outside_prefixes");
    let path = format!("/api/v1/tokens/{}", made["id"].as_str().expect("an id"));
    api.call(Method::DELETE, &path, Body::empty()).await;
    api.send(empty(browser(Method::GET, "/api/v1/session", &cookie))).await.problem(401, "session_over");
    api.sign_in(&json!({"token": made["token"]})).await.problem(401, "token_unknown");
}

#[tokio::test]
async fn who_is_signed_in_is_seen_by_admins_and_by_themselves() {
    let api = Api::new();
    api.user("ada", "read").await;
    api.user("eve", "read").await;
    let (ada, eve) = (api.cookie_of("ada").await, api.cookie_of("eve").await);
    let all = api.get("/api/v1/sessions").await.ok(200);
    assert_eq!((all["total"].as_u64(), &all["items"][0]["name"]), (Some(2), &"ada".into()));
    let own = api.send(empty(browser(Method::GET, "/api/v1/sessions", &eve))).await.ok(200);
    assert_eq!((own["total"].as_u64(), &own["items"][0]["current"]), (Some(1), &true.into()));
    let of_ada = format!("/api/v1/sessions/{}", all["items"][0]["id"].as_str().expect("an id"));
    api.send(empty(browser(Method::DELETE, &of_ada, &eve))).await.problem(404, "no_such_session");
    assert_eq!(api.call(Method::DELETE, &of_ada, Body::empty()).await.status, StatusCode::NO_CONTENT);
    api.send(empty(browser(Method::GET, "/api/v1/session", &ada))).await.problem(401, "session_over");
    api.call(Method::DELETE, &of_ada, Body::empty()).await.problem(404, "no_such_session");
    api.call(Method::DELETE, "/api/v1/sessions/x", Body::empty()).await.problem(404, "no_such_session");
    api.call(Method::DELETE, "/api/v1/session", Body::empty()).await.problem(409, "no_session");
}

#[tokio::test]
async fn the_set_up_link_makes_the_first_admin_once() {
    let api = Api::new();
    let old = api.call(Method::POST, "/api/v1/set-up-link", Body::empty()).await.ok(201);
    let link = api.call(Method::POST, "/api/v1/set-up-link", Body::empty()).await.ok(201);
    assert_eq!(link["link"], format!("/ui/#setup={}", link["secret"].as_str().expect("a secret")));
    let with = |secret: &Value, password: &str| json!({"set_up": secret, "name": "ada", "password": password});
    api.sign_in(&with(&old["secret"], PASSWORD)).await.problem(401, "set_up_unknown");
    api.sign_in(&with(&"ods_s".into(), PASSWORD)).await.problem(401, "set_up_unknown");
    // What is wrong with the password doesn't use the link up.
    api.sign_in(&with(&link["secret"], "short")).await.problem(422, "invalid");
    let identity = api.sign_in(&with(&link["secret"], PASSWORD)).await.ok(201);
    assert_eq!((&identity["name"], &identity["scope"]), (&"ada".into(), &"admin".into()));
    api.sign_in(&with(&link["secret"], PASSWORD)).await.problem(401, "set_up_unknown");
    api.call(Method::POST, "/api/v1/set-up-link", Body::empty()).await.problem(409, "set_up_already");
}

#[tokio::test]
async fn who_guesses_set_up_links_keeps_nobody_out() {
    let api = Api::new();
    let link = api.call(Method::POST, "/api/v1/set-up-link", Body::empty()).await.ok(201);
    let with = |secret: &Value| json!({"set_up": secret, "name": "ada", "password": PASSWORD});
    for _ in 0..20 {
        api.sign_in(&with(&"ods_s".into())).await.problem(401, "set_up_unknown");
    }
    api.sign_in(&with(&"ods_s".into())).await.problem(429, "too_many_attempts");
    api.sign_in(&with(&link["secret"])).await.ok(201);
}

/// Refused sign-ins that the audit tells of, the newest first: who, and why.
fn refused(api: &Api) -> Vec<(String, String)> {
    let entries = api.store.audit(None, 1000, &mut |entry| entry.action == "sign_in.refused").expect("entries").items;
    let told = |entry: ods_store::AuditEntry| {
        let reason = entry.after.get("reason").cloned().unwrap_or_default();
        (entry.who, reason)
    };
    entries.into_iter().map(told).collect()
}

#[tokio::test]
async fn of_two_who_use_a_set_up_link_at_once_the_one_who_comes_late_is_written_down() {
    let api = Api::new();
    let link = api.call(Method::POST, "/api/v1/set-up-link", Body::empty()).await.ok(201);
    let with = |name: &str| json!({"set_up": link["secret"], "name": name, "password": PASSWORD});
    let (ada, eve) = (with("ada"), with("eve"));
    let (one, two) = tokio::join!(api.sign_in(&ada), api.sign_in(&eve));
    let (_, lost) = if one.status == StatusCode::CREATED { (one, two) } else { (two, one) };
    lost.problem(401, "set_up_unknown");
    assert_eq!(refused(&api).len(), 1, "{:?}", refused(&api));
    assert_eq!(refused(&api)[0].0, "set-up link");
}

#[tokio::test]
async fn a_set_up_link_expires() {
    let api = Api::new();
    let day_ago = UnixMillis::new(NOW.get() - ods_store::SET_UP_LIFE_MS);
    let (secret, _) = api.store.make_set_up_link(&Author::new("test"), day_ago).expect("a link");
    let body = json!({"set_up": secret, "name": "ada", "password": PASSWORD});
    api.sign_in(&body).await.problem(401, "set_up_expired");
    assert_eq!(refused(&api).len(), 1, "{:?}", refused(&api));
}

#[tokio::test]
async fn a_set_up_link_is_spent_once_there_is_an_admin_also_when_that_one_is_gone() {
    let api = Api::new();
    let (secret, _) = api.store.make_set_up_link(&Author::new("first start"), NOW).expect("a link");
    let ada = api.user("ada", "admin").await;
    let body = json!({"set_up": secret, "name": "mallory", "password": PASSWORD});
    for tried in 1..=2 {
        api.sign_in(&body).await.problem(409, "set_up_already");
        assert_eq!(refused(&api).len(), tried, "{:?}", refused(&api));
    }
    let path = format!("/api/v1/users/{}", ada["id"].as_str().expect("an id"));
    assert_eq!(api.call(Method::DELETE, &path, Body::empty()).await.status, StatusCode::NO_CONTENT);
    api.sign_in(&body).await.problem(401, "set_up_expired");
    let link = api.call(Method::POST, "/api/v1/set-up-link", Body::empty()).await.ok(201);
    api.sign_in(&json!({"set_up": link["secret"], "name": "eve", "password": PASSWORD})).await.ok(201);
}

#[tokio::test]
async fn a_session_is_over_after_its_time() {
    let api = Api::new();
    api.user("ada", "read").await;
    let ada = api.store.user_named("ada").expect("readable").expect("made");
    for (age_ms, over) in [(ods_store::SESSION_IDLE_MS - 1, false), (ods_store::SESSION_IDLE_MS, true)] {
        let then = UnixMillis::new(NOW.get() - age_ms);
        let begun = api.store.sign_in_user(&ada, "", &Author::new("user ada"), then);
        let (_, secret) = begun.expect("written").expect("a session");
        let request = as_token(Method::GET, "/api/v1/session", &secret).body(Body::empty()).expect("a request");
        let answer = api.send(request).await;
        if over { drop(answer.problem(401, "session_over")) } else { drop(answer.ok(200)) }
    }
}

#[tokio::test]
async fn the_last_admin_and_the_requests_own_credentials_stay() {
    let api = Api::new();
    let tokens = api.get("/api/v1/tokens").await.ok(200);
    let own = format!("/api/v1/tokens/{}", tokens["items"][0]["id"].as_str().expect("an id"));
    api.call(Method::DELETE, &own, Body::empty()).await.problem(409, "own_credentials");
    let ada = api.user("ada", "admin").await;
    let path = format!("/api/v1/users/{}", ada["id"].as_str().expect("an id"));
    let cookie = api.cookie_of("ada").await;
    let as_ada = |method, path: &str, body: &str| {
        let request = browser(method, path, &cookie).header("content-type", "application/json");
        request.body(Body::from(body.to_owned())).expect("a request")
    };
    api.send(as_ada(Method::DELETE, &path, "")).await.problem(409, "own_credentials");
    api.send(as_ada(Method::PATCH, &path, r#"{"disabled":true}"#)).await.problem(409, "own_credentials");
    assert_eq!(api.send(as_ada(Method::DELETE, &own, "")).await.status, StatusCode::NO_CONTENT);
    // Now ada is the only one left for good.
    let passing = r#"{"name":"passing","scope":"admin","expires_at":"2100-01-01T00:00:00Z"}"#;
    let passing = api.send(as_ada(Method::POST, "/api/v1/tokens", passing)).await.ok(201);
    let passing = format!("/api/v1/tokens/{}", passing["id"].as_str().expect("an id"));
    api.send(as_ada(Method::PATCH, &path, r#"{"scope":"read"}"#)).await.problem(409, "last_admin");
    assert_eq!(api.send(as_ada(Method::DELETE, &passing, "")).await.status, StatusCode::NO_CONTENT);
    api.send(as_ada(Method::PATCH, &path, r#"{"scope":"read"}"#)).await.problem(409, "last_admin");
    api.send(as_ada(Method::GET, &path, "")).await.ok(200);
}

#[tokio::test]
async fn users_are_listed_without_passwords_and_changed_under_a_condition() {
    let api = Api::new();
    let made = api.user("ada", "read").await;
    let path = format!("/api/v1/users/{}", made["id"].as_str().expect("an id"));
    assert_eq!(api.get(&path).await.header("etag"), "\"1\"");
    let list = api.get("/api/v1/users").await;
    assert!(!String::from_utf8_lossy(&list.body).contains("argon2"));
    assert_eq!(list.ok(200)["items"][0], made);
    let edit = |tag: &str, body: &Value| {
        let request =
            api.request(Method::PATCH, &path).header("if-match", tag).header("content-type", "application/json");
        api.send(request.body(Body::from(body.to_string())).expect("a request"))
    };
    assert_eq!(edit("\"1\"", &json!({"prefixes": ["mac"]})).await.ok(200)["version"], 2);
    assert_eq!(
        edit("\"1\"", &json!({"scope": "admin", "prefixes": []})).await.problem(412, "precondition_failed")["current"],
        2
    );
    edit("\"x\", \"1\", \"3\"", &json!({"name": "b"})).await.problem(412, "precondition_failed");
    api.json(Method::POST, "/api/v1/users", &json!({"name": "ADA ", "password": PASSWORD, "scope": "read"}))
        .await
        .problem(409, "name_taken");
    for (field, body) in [
        ("password", json!({"name": "b", "password": "short", "scope": "read"})),
        ("password", json!({"name": "aaaa-bbbb-cccc", "password": "aaaa-bbbb-cccc", "scope": "read"})),
        ("prefixes", json!({"name": "b", "password": PASSWORD, "scope": "admin", "prefixes": ["mac"]})),
        ("prefixes", json!({"name": "b", "password": PASSWORD, "scope": "read", "prefixes": ["../x"]})),
        ("name", json!({"name": " ", "password": PASSWORD, "scope": "read"})),
        ("name", json!({"name": "b\u{202E}ada", "password": PASSWORD, "scope": "read"})),
    ] {
        assert_eq!(api.json(Method::POST, "/api/v1/users", &body).await.problem(422, "invalid")["field"], field);
    }
    for bad in [json!({"name": "b", "scope": "read"}), json!({"name": "", "password": PASSWORD, "scope": "read"})] {
        api.json(Method::POST, "/api/v1/users", &bad).await.problem(422, "invalid");
    }
    for bad in [json!({}), json!({"name": "ada"}), json!({"name": "a", "password": "b", "token": "c"})] {
        api.sign_in(&bad).await.problem(422, "invalid");
    }
    assert_eq!(api.call(Method::DELETE, &path, Body::empty()).await.status, StatusCode::NO_CONTENT);
    api.get(&path).await.problem(404, "no_such_user");
    api.call(Method::DELETE, &path, Body::empty()).await.problem(404, "no_such_user");
}

#[tokio::test]
async fn a_user_changes_the_password_by_showing_the_present_one() {
    let api = Api::new();
    api.user("ada", "read").await;
    let (here, elsewhere) = (api.cookie_of("ada").await, api.cookie_of("ada").await);
    let change = |present: &str, new: &str| {
        let request =
            browser(Method::POST, "/api/v1/session/password", &here).header("content-type", "application/json");
        request.body(Body::from(json!({"present": present, "new": new}).to_string())).expect("a request")
    };
    assert_eq!(api.send(change("wrong", "battery staple")).await.problem(422, "invalid")["field"], "present");
    assert_eq!(api.send(change(PASSWORD, "short")).await.problem(422, "invalid")["field"], "new");
    assert_eq!(api.send(change(PASSWORD, "battery staple")).await.status, StatusCode::NO_CONTENT);
    api.send(empty(browser(Method::GET, "/api/v1/session", &here))).await.ok(200);
    api.send(empty(browser(Method::GET, "/api/v1/session", &elsewhere))).await.problem(401, "session_over");
    let body = json!({"present": "a", "new": "b"});
    api.json(Method::POST, "/api/v1/session/password", &body).await.problem(409, "no_password");
}

#[tokio::test]
async fn a_strangers_body_is_small() {
    let api = Api::new();
    let long = api.sign_in(&json!({"name": "ada", "password": "x".repeat(1025)})).await;
    assert_ne!(long.status, StatusCode::PAYLOAD_TOO_LARGE, "a password that is too long is as good as a wrong one");
    let facts = api.sign_in(&json!({"name": "ada", "password": "x".repeat(9_000)})).await.problem(413, "too_large");
    assert_eq!(facts["max"], 8192);
}
