//! An invite as the one line that people carry from node to node.
//!
//! `ods-invite1.` and unpadded base64url of: postcard of [`InviteLine`], then the first four bytes of its BLAKE3, so
//! that a line cut or bent in a chat is told from one that was revoked. The secret in it never crosses the wire between
//! nodes: both prove by a MAC that they have it.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use ods_store::{NodeId, Role, UnixMillis};
use serde::{Deserialize, Serialize};

const PREFIX: &str = "ods-invite1.";
const CHECKSUM_BYTES: usize = 4;
/// Bytes of a line. The largest holds 64 prefixes and a few urls.
const LINE_BYTES_MAX: usize = 128 << 10;

/// What an invite tells the node that redeems it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteLine {
    /// The invite's name on the inviting node.
    pub id: [u8; 16],
    /// What both sides prove to know.
    pub secret: [u8; 32],
    /// The inviting node.
    pub node: NodeId,
    /// Its mesh's root.
    pub root: NodeId,
    /// As what the redeeming node is admitted.
    pub role: Role,
    /// Where it may publish; empty: everywhere.
    pub prefixes: Vec<String>,
    /// When the invite stops working, by the inviting node's clock.
    pub expires_at: UnixMillis,
    /// Where the inviting node is reached; the first that answers as that node is used.
    pub urls: Vec<String>,
    /// SHA-256 of its TLS certificate's DER, if it is self-signed.
    pub tls_pin: Option<[u8; 32]>,
}

/// A text is not an invite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAnInvite {
    /// It doesn't begin like one.
    #[error("an invite begins with {PREFIX:?}")]
    OtherPrefix,
    /// Characters are missing, added or changed.
    #[error("the line is incomplete or was changed; copy it again, whole")]
    Damaged,
}

impl fmt::Display for InviteLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = postcard::to_stdvec(self).map_err(|_| fmt::Error)?;
        bytes.extend_from_slice(&blake3::hash(&bytes).as_bytes()[..CHECKSUM_BYTES]);
        write!(f, "{PREFIX}{}", BASE64URL_NOPAD.encode(&bytes))
    }
}

impl fmt::Debug for InviteLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InviteLine(of {} at {:?})", self.node.short(), self.urls)
    }
}

impl FromStr for InviteLine {
    type Err = NotAnInvite;

    fn from_str(text: &str) -> Result<Self, NotAnInvite> {
        let text = text.trim();
        let encoded = text.strip_prefix(PREFIX).ok_or(NotAnInvite::OtherPrefix)?;
        if encoded.len() > LINE_BYTES_MAX {
            return Err(NotAnInvite::Damaged);
        }
        let bytes = BASE64URL_NOPAD.decode(encoded.as_bytes()).map_err(|_| NotAnInvite::Damaged)?;
        let (body, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(NotAnInvite::Damaged)?;
        if &blake3::hash(body).as_bytes()[..CHECKSUM_BYTES] != checksum {
            return Err(NotAnInvite::Damaged);
        }
        match postcard::take_from_bytes(body) {
            Ok((line, [])) => Ok(line),
            _ => Err(NotAnInvite::Damaged),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> InviteLine {
        InviteLine {
            id: [1; 16],
            secret: [2; 32],
            node: NodeId::from_bytes([3; 32]),
            root: NodeId::from_bytes([4; 32]),
            role: Role::Publisher,
            prefixes: vec!["mac".to_owned()],
            expires_at: UnixMillis::new(1_700_000_000_000),
            urls: vec!["https://hq.example:8637".to_owned()],
            tls_pin: Some([5; 32]),
        }
    }

    #[test]
    fn an_invite_survives_the_line_and_stray_white_space() {
        let text = line().to_string();
        assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)), "{text}");
        assert_eq!(format!(" {text}\n").parse(), Ok(line()));
    }

    #[test]
    fn a_line_that_is_cut_or_bent_anywhere_is_refused() {
        let text = line().to_string();
        for cut in 0..text.len() {
            assert!(text[..cut].parse::<InviteLine>().is_err(), "cut at {cut}");
        }
        for (index, character) in text.char_indices() {
            let bent = if character == 'x' { "y" } else { "x" };
            let text = format!("{}{bent}{}", &text[..index], &text[index + 1..]);
            assert!(text.parse::<InviteLine>().is_err(), "{text}");
        }
    }

    #[test]
    fn its_secret_is_not_in_debug_output() {
        assert_eq!(format!("{:?}", line()), r#"InviteLine(of 03030303 at ["https://hq.example:8637"])"#);
    }
}
