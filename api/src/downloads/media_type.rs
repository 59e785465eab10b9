//! `Content-Type` by a package's kind. Kinds not listed, and those whose bytes differ from platform to platform (`pkg`),
//! are `application/octet-stream`; with `nosniff` and `attachment` no client guesses further.

/// What is sent for kinds that aren't known.
pub(super) const OCTET_STREAM: &str = "application/octet-stream";

/// The media type for a kind as [`ods_store::PackagePath::kind`] gives it.
pub(super) fn media_type(kind: &str) -> &'static str {
    match kind {
        "deb" => "application/vnd.debian.binary-package",
        "dmg" => "application/x-apple-diskimage",
        "mpkg" => "application/vnd.apple.installer+xml",
        "msi" | "msp" => "application/x-msi",
        "exe" => "application/vnd.microsoft.portable-executable",
        "msix" | "appx" => "application/appx",
        "rpm" => "application/x-rpm",
        "jar" => "application/java-archive",
        "apk" => "application/vnd.android.package-archive",
        "iso" => "application/x-iso9660-image",
        "zip" | "whl" => "application/zip",
        "gz" | "tgz" | "tar.gz" | "crate" => "application/gzip",
        "xz" | "txz" | "tar.xz" => "application/x-xz",
        "bz2" | "tar.bz2" => "application/x-bzip2",
        "zst" | "tar.zst" => "application/zstd",
        "7z" => "application/x-7z-compressed",
        "tar" => "application/x-tar",
        "json" => "application/json",
        "mobileconfig" => "application/x-apple-aspen-config",
        "xml" | "plist" => "application/xml",
        "yaml" | "yml" => "application/yaml",
        "txt" | "md" | "log" | "sh" | "ps1" | "sha256" => "text/plain; charset=utf-8",
        "html" | "htm" => "text/html; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "svg" => "image/svg+xml",
        "icns" => "image/icns",
        _ => OCTET_STREAM,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn kinds_have_their_types_and_the_rest_are_bytes() {
        for (kind, expected) in [
            ("dmg", "application/x-apple-diskimage"),
            ("msi", "application/x-msi"),
            ("plist", "application/xml"),
            ("tar.gz", "application/gzip"),
            ("pkg", OCTET_STREAM),
            ("", OCTET_STREAM),
            ("unheard-of", OCTET_STREAM),
        ] {
            assert_eq!(media_type(kind), expected, "{kind}");
            assert!(HeaderValue::from_str(media_type(kind)).is_ok());
        }
    }
}
