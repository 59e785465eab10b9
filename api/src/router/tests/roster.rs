//! The roster: who may do what, changed by owners.

use ods_store::{Admit, NodeId, NodeKey, Role};
use serde_json::json;

use super::*;

fn node(number: u8) -> NodeId {
    NodeKey::from_secret([number; 32]).node_id()
}

#[tokio::test]
async fn nodes_are_admitted_raised_and_expelled_by_an_owner() {
    let api = Api::new();
    let alone = api.get("/api/v1/roster").await.ok(200);
    let own = api.store.node_id().to_string();
    assert_eq!((&alone["root"], &alone["owners"], &alone["total"]), (&own.clone().into(), &json!([own]), &1.into()));
    assert_eq!(alone["items"][0]["is_root"], true);
    assert_eq!(alone["warnings"][0]["code"], "single_owner");

    let (first, id) = (node(1), node(1).to_string());
    let admit = json!({"node": id, "role": "publisher", "prefixes": ["mac/"]});
    let made = api.json(Method::POST, "/api/v1/roster", &admit).await.ok(201);
    assert_eq!(
        (&made["role"], &made["prefixes"], &made["standing"]),
        (&"publisher".into(), &json!(["mac"]), &"member".into())
    );
    assert_eq!(
        (&made["admitted_by"][0]["node"], &made["admitted_by"][0]["by"]),
        (&own.clone().into(), &"token ci".into())
    );
    let again = json!({"node": id, "role": "publisher", "prefixes": ["mac"]});
    assert_eq!(api.json(Method::POST, "/api/v1/roster", &again).await.ok(200), made, "nothing to sign");
    let less = json!({"node": id, "role": "replica"});
    assert_eq!(
        api.json(Method::POST, "/api/v1/roster", &less).await.problem(409, "roles_only_rise")["role"],
        "publisher"
    );
    let raised = api.json(Method::POST, "/api/v1/roster", &json!({"node": id, "role": "owner"})).await.ok(201);
    assert_eq!((&raised["role"], &raised["prefixes"]), (&"owner".into(), &json!([])));
    assert_eq!(api.get("/api/v1/roster").await.ok(200)["warnings"], json!([]));

    let expel = format!("/api/v1/roster/{first}/expel");
    let would = api.call(Method::POST, &format!("{expel}?dry_run=true"), Body::empty()).await.ok(200);
    assert_eq!((&would["standing"], &would["only_there"]["packages"]), (&"member".into(), &0.into()));
    api.call(Method::POST, &format!("{expel}?dry_run=perhaps"), Body::empty()).await.problem(400, "bad_query");
    let gone = api.call(Method::POST, &expel, Body::empty()).await.ok(200);
    assert_eq!((&gone["standing"], &gone["expelled_by"][0]["node"]), (&"expelled".into(), &own.clone().into()));
    assert_eq!(api.call(Method::POST, &expel, Body::empty()).await.ok(200), gone, "once is enough");
    api.json(Method::POST, "/api/v1/roster", &json!({"node": id, "role": "owner"})).await.problem(403, "expelled");
    let types: Vec<Value> = api.get("/api/v1/events").await.ok(200)["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|record| record["type"].clone())
        .filter(|kind| kind.as_str().is_some_and(|kind| kind.starts_with("node.")))
        .collect();
    assert_eq!(types, ["node.admitted", "node.admitted", "node.expelled"]);
    // The audit tells who did it, and what the node could do before and after.
    let audit = api.get("/api/v1/audit?action=node.*").await.ok(200)["items"].clone();
    let told: Vec<_> =
        audit.as_array().expect("items").iter().map(|it| (&it["action"], &it["before"], &it["after"])).collect();
    let (publisher, owner) = (json!({"role": "publisher", "prefixes": ["mac"]}), json!({"role": "owner"}));
    assert_eq!(
        told,
        [
            (&json!("node.expelled"), &owner, &json!({})),
            (&json!("node.admitted"), &publisher, &owner),
            (&json!("node.admitted"), &json!({}), &publisher)
        ]
    );
    assert_eq!((&audit[0]["who"], &audit[0]["subject"]), (&json!("token ci"), &json!(id)));
}

#[tokio::test]
async fn what_cannot_be_said_is_refused() {
    let api = Api::new();
    for bad in [
        json!({"node": "abc", "role": "replica"}),
        json!({"node": "0".repeat(64), "role": "replica"}),
        json!({"node": node(1).to_string(), "role": "king"}),
        json!({"node": node(1).to_string()}),
        json!({"node": node(1).to_string(), "role": "replica", "prefixes": ["mac"]}),
        json!({"node": node(1).to_string(), "role": "publisher", "prefixes": ["../x"]}),
        json!({"node": node(1).to_string(), "role": "replica", "prefix": "mac"}),
    ] {
        api.json(Method::POST, "/api/v1/roster", &bad).await.problem(422, "invalid");
    }
    let own = format!("/api/v1/roster/{}/expel", api.store.node_id());
    api.call(Method::POST, &own, Body::empty()).await.problem(409, "own_node");
    for nobody in [node(3).to_string(), "nonsense".to_owned()] {
        api.call(Method::POST, &format!("/api/v1/roster/{nobody}/expel"), Body::empty())
            .await
            .problem(404, "no_such_node");
    }
    assert_eq!(api.get("/api/v1/roster").await.ok(200)["statements"], 0);
}

#[tokio::test]
async fn a_node_that_is_no_owner_says_so_and_an_expelled_one_too() {
    let (api, root) = (Api::new(), node(1));
    let owner = NodeKey::from_secret([1; 32]);
    let say = |body: ods_store::StatementBody| {
        let header = ods_store::StatementHeader { signer: root, at_ms: NOW, by: String::new() };
        let signed = ods_store::SignedStatement::mint(&owner, &header, &body);
        api.store.insert_statements(vec![signed], NOW).expect("verified");
    };
    api.store.take_root(root, NOW).expect("alone");
    let own = api.store.node_id();
    say(ods_store::StatementBody::Admit(Admit { node: own, role: Role::Publisher, prefixes: vec![] }));
    api.json(Method::POST, "/api/v1/roster", &json!({"node": node(4).to_string(), "role": "replica"}))
        .await
        .problem(403, "not_an_owner");
    api.call(Method::POST, &format!("/api/v1/roster/{root}/expel"), Body::empty()).await.problem(403, "not_an_owner");
    api.call(Method::PUT, "/api/v1/packages/a.pkg", "a").await.ok(201);

    say(ods_store::StatementBody::Expel(ods_store::Expel { node: own, tips: vec![], statements: vec![] }));
    let refused = api.call(Method::PUT, "/api/v1/packages/b.pkg", "b").await.problem(403, "expelled");
    assert_eq!(refused["node"], own.to_string());
    api.call(Method::DELETE, "/api/v1/packages/a.pkg", Body::empty()).await.problem(403, "expelled");
    api.get("/api/v1/packages/a.pkg").await.problem(404, "no_such_package");
    let roster = api.get("/api/v1/roster").await.ok(200);
    assert_eq!(roster["warnings"][0]["code"], "expelled");
    let alarms = api.get("/api/v1/events?type=node.alarm").await.ok(200);
    assert_eq!(alarms["items"][0]["data"]["code"], "expelled");
}

#[tokio::test]
async fn the_roster_is_read_by_page() {
    let api = Api::new();
    for number in 1..=4 {
        let admit = json!({"node": node(number).to_string(), "role": "replica"});
        api.json(Method::POST, "/api/v1/roster", &admit).await.ok(201);
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("/api/v1/roster?limit=2{after}")).await.ok(200);
        assert_eq!((&page["total"], &page["statements"]), (&5.into(), &4.into()));
        seen.extend(page["items"].as_array().expect("items").iter().map(|item| item["node"].to_string()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert!(seen.len() == 5 && seen.is_sorted(), "{seen:?}");
}
