//! Addresses of nodes, as admins write them.

use ods_store::STATE_TEXT_BYTES_MAX;
use reqwest::Url;

use crate::error::{ApiError, Code};
use crate::webhook_address::written_out;

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
    if text.len() > STATE_TEXT_BYTES_MAX {
        let detail = format!("a url has at most {STATE_TEXT_BYTES_MAX} bytes");
        return Err(ApiError::new(Code::Invalid, detail).fact("field", "urls"));
    }
    node_url(text).ok_or_else(bad)
}

/// An address of a node in its normal form, without a `/` at its end; `None` if it isn't `http` or `https` with a host written
/// out, or has a name, password, query or fragment.
pub fn node_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok().filter(|_| written_out(text))?;
    let plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    let good = plain && url.has_host() && url.port() != Some(0) && matches!(url.scheme(), "http" | "https");
    good.then(|| url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_nodes_are_plain_http() {
        let parsed = parse(vec!["HTTP://Hq.Example:8637/".to_owned(), "https://[::1]:1/ods".to_owned()]);
        assert_eq!(parsed.expect("urls"), ["http://hq.example:8637", "https://[::1]:1/ods"]);
        for bad in [
            "",
            "hq:8637",
            "ftp://hq",
            "http://",
            "http://u:p@hq",
            "http://hq/?x",
            "http://hq/#x",
            "http:///hq",
            "http:hq",
            "http://hq:0",
            " http://hq",
        ] {
            assert_eq!(parse(vec![bad.to_owned()]).expect_err(bad).code(), Code::Invalid, "{bad}");
        }
        assert!(parse(vec!["http://hq".to_owned(); URLS_MAX + 1]).is_err());
        assert!(parse(vec![format!("http://hq/{}", "x".repeat(STATE_TEXT_BYTES_MAX))]).is_err());
    }
}
