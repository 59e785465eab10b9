//! Anchors: where the pages of an order begin, so that whoever scrolls far down jumps there.

use jiff::Timestamp;
use ods_store::fill;

use super::*;

const PACKAGES: u64 = 2_500;

/// A row of a list, by what any order goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    path: String,
    published_at: Timestamp,
    size: u64,
}

impl Api {
    /// A page behind a cursor, and the cursor of the next.
    async fn rows(&self, sort: &str, after: Option<&str>, limit: usize) -> (Vec<Row>, Option<String>) {
        let after = after.map(|after| percent_encoding::utf8_percent_encode(after, percent_encoding::NON_ALPHANUMERIC));
        let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
        let page = self.get(&format!("/api/v1/packages?sort={sort}&limit={limit}{after}")).await.ok(200);
        let text = |row: &Value, field: &str| row[field].as_str().expect("a text").to_owned();
        let row = |row: &Value| Row {
            path: text(row, "path"),
            published_at: text(row, "published_at").parse().expect("a time"),
            size: row["size"].as_u64().expect("a size"),
        };
        (page["items"].as_array().expect("a list").iter().map(row).collect(), page["next"].as_str().map(str::to_owned))
    }

    /// All rows behind a cursor.
    async fn rows_from(&self, sort: &str, after: Option<&str>) -> Vec<Row> {
        let (mut all, mut next) = self.rows(sort, after, 1000).await;
        while let Some(after) = next {
            let (rows, further) = self.rows(sort, Some(&after), 1000).await;
            all.extend(rows);
            next = further;
        }
        all
    }

    async fn anchors(&self, sort: &str) -> Vec<String> {
        let anchors = self.get(&format!("/api/v1/anchors?sort={sort}")).await.ok(200);
        assert_eq!(anchors["every"], 1000);
        assert_eq!(anchors["total"], self.store.package_count().expect("a number"));
        let items = anchors["items"].as_array().expect("a list").iter();
        items.map(|anchor| anchor.as_str().expect("a cursor").to_owned()).collect()
    }
}

/// The rows in an order, by a sort of their own.
fn sorted(mut rows: Vec<Row>, sort: &str) -> Vec<Row> {
    rows.sort_by(|left, right| {
        let by_path = left.path.cmp(&right.path);
        match sort.trim_start_matches('-') {
            "size" => left.size.cmp(&right.size).then(by_path),
            "published_at" => left.published_at.cmp(&right.published_at).then(by_path),
            _ => by_path,
        }
    });
    if sort.starts_with('-') {
        rows.reverse();
    }
    rows
}

#[tokio::test]
async fn the_nth_anchor_of_every_order_begins_the_page_at_row_n_thousand() {
    let api = Api::new();
    fill(&api.store, PACKAGES, PACKAGES).expect("packages");
    for sort in ["path", "-path", "published_at", "-published_at", "size", "-size"] {
        let all = api.rows_from(sort, None).await;
        assert_eq!(all.len() as u64, PACKAGES, "{sort}");
        assert!(all == sorted(all.clone(), sort), "{sort}: {:?}", &all[..10]);
        let anchors = api.anchors(sort).await;
        assert_eq!(anchors.len(), 2, "{sort}: {anchors:?}");
        for (anchor, block) in anchors.iter().zip(all.chunks(1000).skip(1)) {
            assert!(api.rows(sort, Some(anchor), 1000).await.0 == block, "{sort}: behind {anchor}");
        }
        // One of another order is no place in this.
        let other = if sort == "size" { "path" } else { "size" };
        let foreign = format!("/api/v1/packages?sort={other}&after={}", anchors[0]);
        assert_eq!(api.get(&foreign).await.problem(400, "bad_query")["field"], "after");
    }
}

#[tokio::test]
async fn an_anchor_stays_a_place_while_packages_come_and_go() {
    let api = Api::new();
    fill(&api.store, PACKAGES, PACKAGES).expect("packages");
    for (number, sort) in (0..).zip(["path", "-path", "published_at", "-published_at", "size", "-size"]) {
        let before = api.rows_from(sort, None).await;
        let anchors = api.anchors(sort).await;
        // The first of all, the anchor's own row, and one behind it go; one comes, somewhere.
        let gone = [0, 999, 1500].map(|row: usize| before[row].path.clone());
        for path in &gone {
            let answer = api.call(Method::DELETE, &format!("/api/v1/packages/{path}"), Body::empty()).await;
            assert_eq!(answer.status, StatusCode::NO_CONTENT);
        }
        let new = format!("apps/250/new-{number}.pkg");
        api.publish(&new, &[0; 5000], &[]);
        let behind = api.rows_from(sort, Some(&anchors[0])).await;
        let stayed: Vec<&Row> = behind.iter().filter(|row| row.path != new).collect();
        let expected: Vec<&Row> = before[1000..].iter().filter(|row| !gone.contains(&row.path)).collect();
        assert!(stayed == expected, "{sort}: no row is passed over, none comes twice");
        let whole = api.rows_from(sort, None).await;
        assert!(behind == whole[whole.len() - behind.len()..], "{sort}: it is the end of the whole list");
    }
}
