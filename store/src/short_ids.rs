//! Names of rows for people and addresses: 16 hex digits.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::digest::NotHex32;

macro_rules! short_id {
    ($($(#[$doc:meta])* $name:ident $kind:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name([u8; 8]);

        impl $name {
            pub(crate) const fn new(bytes: [u8; 8]) -> Self {
                Self(bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&HEXLOWER.encode(&self.0))
            }
        }

        impl FromStr for $name {
            type Err = NotHex32;

            fn from_str(text: &str) -> Result<Self, NotHex32> {
                let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
                let kind = concat!($kind, " (16 digits)");
                bytes.map(Self).ok_or_else(|| NotHex32 { kind, text: text.chars().take(80).collect() })
            }
        }
    )+};
}

short_id! {
    /// A token's name for people and URLs: 16 hex digits.
    TokenId "a token id";
    /// A user's: it stays when the user is renamed.
    UserId "a user id";
    /// A session's.
    SessionId "a session id";
    /// A watch's: it stays when its folder is changed.
    WatchId "a watch id";
}

impl UserId {
    pub(crate) const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl WatchId {
    /// The id of a watch that the configuration names: the same at every start, as long as its folder is.
    pub fn of_folder(folder: &str) -> Self {
        let key = blake3::derive_key("ods watch of the configuration v1", folder.as_bytes());
        let (first, _) = key.split_first_chunk().expect("a key has 32 bytes");
        Self(*first)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}
