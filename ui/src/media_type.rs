//! What kind of file a name's ending tells.

/// The media type of a file called `name`; `None` for an ending that the page has no use for.
pub(crate) fn media_type(name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.')?;
    Some(match ending {
        "html" => "text/html; charset=utf-8",
        // Modules are UTF-8 whatever is said of them (RFC 9239 §4.2).
        "js" => "text/javascript",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        "png" => "image/png",
        "woff2" => "font/woff2",
        _ => return None,
    })
}
