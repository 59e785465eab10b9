//! How a thing stands, as one short name: people who change something say with it which state they saw, so that they don't
//! undo each other's changes.
//!
//! Invariants: two tags of a thing are equal iff all that people can set of it is equal; what the node itself notes of it
//! (when it was used, where it called from) isn't in them. A condition is checked in the transaction of the change.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::Serialize;

use crate::codec::to_row;
use crate::digest::NotHex32;
use crate::error::{Result, StoreError};

/// How a thing stands: 32 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EditTag([u8; 16]);

impl EditTag {
    /// Of what people can set of a thing.
    pub(crate) fn of(facts: &impl Serialize) -> Self {
        let digest = blake3::derive_key("ods edit tag v1", &to_row(facts));
        let mut tag = [0; 16];
        tag.copy_from_slice(&digest[..16]);
        Self(tag)
    }
}

impl fmt::Display for EditTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&HEXLOWER.encode(&self.0))
    }
}

impl FromStr for EditTag {
    type Err = NotHex32;

    fn from_str(text: &str) -> Result<Self, NotHex32> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        let not_hex = || NotHex32 { kind: "an edit tag (32 digits)", text: text.chars().take(80).collect() };
        bytes.map(Self).ok_or_else(not_hex)
    }
}

/// Which states of a thing a change is meant for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Expected {
    /// Any.
    #[default]
    Any,
    /// These; none at all is met by nothing.
    OneOf(Vec<EditTag>),
}

impl Expected {
    /// Errs with [`StoreError::Edited`] unless the thing stands as it is expected to.
    pub(crate) fn check(&self, what: &'static str, current: EditTag) -> Result<()> {
        match self {
            Self::OneOf(tags) if !tags.contains(&current) => Err(StoreError::Edited { what, current }),
            Self::OneOf(_) | Self::Any => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_its_text() {
        let tag = EditTag::of(&("hq", 1_u8));
        assert_eq!(tag.to_string().parse::<EditTag>().expect("a tag"), tag);
        assert_ne!(tag, EditTag::of(&("hq", 2_u8)));
        for bad in ["", "00", "zz112233445566778899aabbccddeeff", "00112233445566778899AABBCCDDEEFF"] {
            assert!(bad.parse::<EditTag>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_what_is_expected_passes() {
        let (one, two) = (EditTag::of(&1_u8), EditTag::of(&2_u8));
        assert!(Expected::Any.check("it", one).is_ok());
        assert!(Expected::OneOf(vec![two, one]).check("it", one).is_ok());
        for expected in [Expected::OneOf(vec![two]), Expected::OneOf(Vec::new())] {
            let refused = expected.check("it", one);
            assert!(matches!(refused, Err(StoreError::Edited { current, .. }) if current == one), "{refused:?}");
        }
    }
}
