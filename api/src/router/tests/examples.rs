//! The document's examples: each fits its own schema, and what is made of them is taken as it stands.

use std::collections::BTreeMap;

use super::document::{Operation, entries, list, operations};
use super::schema::misfit;
use super::*;
use crate::openapi::document;

/// The examples of a parameter or a body, single or named.
fn examples(holder: &Value) -> impl Iterator<Item = &Value> {
    holder.get("example").into_iter().chain(entries(&holder["examples"]).map(|(_, named)| &named["value"]))
}

#[test]
fn every_example_fits_its_own_schema() {
    let whole = document();
    let mut found = Vec::new();
    let mut hold = |at: String, holder: &Value| {
        for example in examples(holder) {
            found.extend(misfit(&whole, &holder["schema"], example).map(|misfit| format!("{at}: {misfit}")));
        }
    };
    for operation in operations() {
        for parameter in list(&operation.about["parameters"]) {
            hold(format!("{} {}", operation.at(), parameter["name"]), parameter);
        }
        for (_, body) in entries(&operation.about["requestBody"]["content"]) {
            hold(format!("{} body", operation.at()), body);
        }
        for (status, answer) in entries(&operation.about["responses"]) {
            for (_, body) in entries(&answer["content"]) {
                hold(format!("{} {status}", operation.at()), body);
            }
        }
    }
    for (name, schema) in entries(&whole["components"]["schemas"]) {
        if let Some(example) = schema.get("example") {
            found.extend(misfit(&whole, schema, example).map(|misfit| format!("{name}: {misfit}")));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_invite_of_the_example_is_one() {
    let invite = document()["components"]["schemas"]["JoinRequest"]["properties"]["invite"]["example"].clone();
    assert!(invite.as_str().expect("a text").parse::<crate::invite_line::InviteLine>().is_ok(), "{invite}");
}

/// A request made of the examples of an operation: of what it must have, and of one more parameter if that is named.
fn request(api: &Api, operation: &Operation, ids: &BTreeMap<String, String>, also: Option<&str>) -> Request<Body> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (mut path, mut query, mut headers) = (operation.pattern.clone(), String::new(), Vec::new());
    for parameter in list(&operation.about["parameters"]) {
        let (name, value) =
            (parameter["name"].as_str().expect("a name"), text(examples(parameter).next().expect("one")));
        let base = path.split_once("/{id}").map(|(base, _)| base.to_owned());
        match parameter["in"].as_str() {
            Some("path") => {
                let made = base.filter(|_| name == "id").and_then(|base| ids.get(&base).cloned());
                path = path.replace(&format!("{{{name}}}"), &made.unwrap_or(value));
            }
            _ if also != Some(name) && parameter["required"] != true && name != "Tus-Resumable" => {}
            Some("query") => query = format!("?{name}={}", percent(&value)),
            _ => headers.push((name.to_owned(), value)),
        }
    }
    let mut request = api.request(operation.method.clone(), &format!("{path}{query}"));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    // With `from` bytes that are here already are published, and the example of an override is DELETE: then there is no body.
    let has_body = also != Some("from") && operation.about["operationId"] != "override_method";
    let body = entries(&operation.about["requestBody"]["content"]).next().filter(|_| has_body);
    let Some((kind, body)) = body else { return request.body(Body::empty()).expect("a request") };
    let sent = examples(body).next().expect("an example");
    let sent = if kind.ends_with("octet-stream") { text(sent) } else { sent.to_string() };
    request.header("content-type", kind).body(Body::from(sent)).expect("a request")
}

fn percent(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[tokio::test]
async fn no_request_that_is_made_of_examples_is_refused_for_its_form() {
    let mut api = Api::with_settings(|| {});
    api.mesh.close();
    // Things to change and remove, made of the examples themselves.
    let mut ids = BTreeMap::from([("/api/v1/peers".to_owned(), accounts::peer(&api).to_string())]);
    let is_made = |operation: &&Operation| operation.method == Method::POST && !operation.pattern.contains('{');
    for operation in operations().iter().filter(is_made) {
        let answer = api.send(request(&api, operation, &ids, None)).await;
        let id =
            serde_json::from_slice::<Value>(&answer.body).ok().and_then(|made| Some(made["id"].as_str()?.to_owned()));
        ids.extend(id.map(|id| (operation.pattern.clone(), id)));
    }
    for kind in ["invites", "peers", "tokens", "users", "watches", "webhooks"] {
        assert!(ids.contains_key(&format!("/api/v1/{kind}")), "{kind}: {ids:?}");
    }
    let mut operations = operations();
    operations.sort_by_key(|operation| operation.method == Method::DELETE);
    let mut refused = Vec::new();
    for operation in &operations {
        let optional = list(&operation.about["parameters"]).filter(|parameter| parameter["in"] != "path");
        let names = optional.filter_map(|parameter| parameter["name"].as_str());
        // The example is of the webhook that the example of `id` is; here it is the one that was made.
        let is_elsewhere = |name: &&str| operation.about["operationId"] == "list_deliveries" && *name == "after";
        for also in [None].into_iter().chain(names.filter(|name| !is_elsewhere(name)).map(Some)) {
            let (status, code) = api.outcome(request(&api, operation, &ids, also)).await;
            if [400, 405, 411, 413, 415, 422, 431, 500].contains(&status) || code == "no_such_route" {
                refused.push(format!("{} with {also:?}: {status} {code}", operation.at()));
            }
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}
