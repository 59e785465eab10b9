//! 32-byte names: blobs, events, statements, nodes, and the SHA-256 that clients know.
//!
//! Each is its own type, so that a blob can't be asked for by an event's name. All are written as 64 lower-case hex
//! digits; no other spelling is accepted, so that equal names are equal texts.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

/// A text is not the 64 lower-case hex digits of a 32-byte name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {kind}: expected 64 lower-case hex digits")]
pub struct NotHex32 {
    /// The name's kind, with its article.
    pub kind: &'static str,
    /// What was given, cut to 80 characters.
    pub text: String,
}

macro_rules! hex32 {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The name made of these bytes.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Its 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut digits = [0; 64];
                HEXLOWER.encode_mut(&self.0, &mut digits);
                f.pad(str::from_utf8(&digits).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), HEXLOWER.encode(&self.0[..4]))
            }
        }

        impl FromStr for $name {
            type Err = NotHex32;

            fn from_str(text: &str) -> Result<Self, NotHex32> {
                parse(text).map(Self).ok_or_else(|| NotHex32 { kind: $kind, text: text.chars().take(80).collect() })
            }
        }
    };
}

hex32!(
    /// A blob's name: the BLAKE3 digest of its bytes.
    Digest,
    "a BLAKE3 digest"
);
hex32!(
    /// The SHA-256 digest of a blob's bytes, as clients and `Repr-Digest` (RFC 9530) know it.
    Sha256,
    "a SHA-256 digest"
);
hex32!(
    /// An event's name: BLAKE3 of its frame in the context `ods event v1`. Also a revision's name.
    EventId,
    "a revision (event id)"
);
hex32!(
    /// A node state's name: BLAKE3 of its frame in the context `ods state v1`.
    StateId,
    "a state id"
);
hex32!(
    /// A roster statement's name: BLAKE3 of its frame in the context `ods statement v1`.
    StatementId,
    "a statement id"
);
hex32!(
    /// A node's name: its ed25519 public key (RFC 8032).
    NodeId,
    "a node id"
);
hex32!(
    /// An order-independent digest of a set (vector, roster, catalog): equal sets, equal digests.
    SetDigest,
    "a set digest"
);

impl EventId {
    /// The `prev` of a stream's first event.
    pub const ZERO: Self = Self([0; 32]);
}

impl NodeId {
    /// The first eight hex digits: enough for people to tell nodes apart.
    pub fn short(&self) -> String {
        HEXLOWER.encode(&self.0[..4])
    }
}

impl Digest {
    /// The digest of bytes held in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

fn parse(text: &str) -> Option<[u8; 32]> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_and_read_as_lower_case_hex() {
        let digest = Digest::of(b"");
        let text = digest.to_string();
        assert_eq!(text, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
        assert_eq!(text.parse::<Digest>(), Ok(digest));
    }

    #[test]
    fn other_spellings_are_refused() {
        let text = Digest::of(b"").to_string();
        for bad in [text.to_uppercase(), text[1..].to_owned(), format!("{text} "), String::new()] {
            assert!(bad.parse::<Digest>().is_err(), "{bad:?} was taken");
        }
    }
}
