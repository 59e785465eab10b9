//! Downloads, for machines: packages and blobs over plain HTTP (RFC 9110).

mod accept;
mod answer;
mod body;
mod conditional;
mod disposition;
#[cfg(test)]
mod hostile;
mod listing;
mod listing_page;
mod media_type;
mod multipart;
mod range;
mod url_path;
