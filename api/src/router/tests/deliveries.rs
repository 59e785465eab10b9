//! `/webhooks/{id}/deliveries`: by page.

use ods_store::fill_history;

use super::*;

#[tokio::test]
async fn deliveries_are_paged_and_a_cursor_of_another_list_is_refused() {
    let api = Api::new();
    fill_history(&api.store, 250).expect("deliveries");
    let hooks = api.get("/api/v1/webhooks").await.ok(200);
    let list = format!("/api/v1/webhooks/{}/deliveries", hooks["items"][0]["id"].as_str().expect("an id"));
    let (mut all, mut query) = (Vec::new(), "limit=100".to_owned());
    loop {
        let page = api.get(&format!("{list}?{query}")).await.ok(200);
        let rows = page["items"].as_array().expect("a list").iter();
        all.extend(rows.map(|delivery| delivery["lsn"].as_u64().expect("a place")));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("limit=100&after={next}");
    }
    assert_eq!(all.len(), 250);
    assert!(all.is_sorted_by(|newer, older| newer > older), "newest first: {all:?}");
    for foreign in ["7", "audit:7", "deliveries:7", "deliveries:x", "x"] {
        let told = api.get(&format!("{list}?after={foreign}")).await.problem(400, "bad_query");
        assert_eq!(told["field"], "after", "{foreign}");
    }
}
