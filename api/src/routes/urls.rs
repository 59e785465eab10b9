//! Addresses of nodes, as admins write them.

use reqwest::Url;

use crate::error::{ApiError, Code};

/// Addresses that one node may have.
const URLS_MAX: usize = 16;

/// Checks addresses and writes them in their normal form.
pub(super) fn parse(urls: Vec<String>) -> Result<Vec<String>, ApiError> {
    if urls.len() > URLS_MAX {
        let detail = format!("a node has at most {URLS_MAX} urls");
        return Err(ApiError::new(Code::Invalid, detail).fact("field", "urls").fact("max", URLS_MAX));
    }
    urls.into_iter().map(|url| parse_one(&url)).collect()
}

fn parse_one(text: &str) -> Result<String, ApiError> {
    let bad = || {
        let detail = format!("{text:?} is not the url of a node: expected http://host:port or https://host:port");
        ApiError::new(Code::Invalid, detail).fact("field", "urls")
    };
    let url = Url::parse(text).map_err(|_| bad())?;
    let plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    if plain && url.has_host() && matches!(url.scheme(), "http" | "https") {
        Ok(url.as_str().trim_end_matches('/').to_owned())
    } else {
        Err(bad())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_nodes_are_plain_http() {
        let parsed = parse(vec!["HTTP://Hq.Example:8637/".to_owned(), "https://[::1]:1/ods".to_owned()]);
        assert_eq!(parsed.expect("urls"), ["http://hq.example:8637", "https://[::1]:1/ods"]);
        for bad in ["", "hq:8637", "ftp://hq", "http://", "http://u:p@hq", "http://hq/?x", "http://hq/#x"] {
            assert_eq!(parse(vec![bad.to_owned()]).expect_err(bad).code(), Code::Invalid, "{bad}");
        }
        assert!(parse(vec!["http://hq".to_owned(); URLS_MAX + 1]).is_err());
    }
}
