//! Rows: postcard in, postcard out. A row that does not decode is damage, never a panic.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Result, StoreError};

pub(crate) fn to_row<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain data always serialises into memory")
}

/// Trailing bytes are fields that a later version added within the same schema; they are left alone.
pub(crate) fn from_row<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T> {
    postcard::take_from_bytes(bytes).map(|(value, _)| value).map_err(|_| StoreError::Corrupt { what })
}

/// The last field of a row, added later: rows that were written before have its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Added<T>(pub(crate) T);

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Added<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Ok(Self(T::deserialize(deserializer).unwrap_or_default()))
    }
}
