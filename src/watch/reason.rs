//! Why a file, or the folder itself, is not published.

use std::io;

use ods_store::PathError;

/// A reason. Its code is stable and told once in the journal; its text is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Reason {
    #[error("it is a link; put the file itself here")]
    Link,
    #[error("it is neither a file nor a folder")]
    NotAFile,
    #[error("it is a folder that acts as one file (a bundle); put it into a .zip or .dmg, or build a flat package")]
    Bundle,
    #[error("its name is not UTF-8; rename it")]
    NameNotUtf8,
    #[error("its name can't be a package's path: {0}; rename it")]
    NameNotAPath(#[from] PathError),
    #[error("it would be the same package as {0:?}, whose name differs only in how accents are written; rename one")]
    NameTwice(String),
    #[error("it lies more than {0} folders deep; move it up")]
    TooDeep(usize),
    #[error("the folder holds more than {0} files; the others are left alone")]
    TooMany(usize),
    #[error("it can't be read: {0}; check its owner and permissions")]
    Unreadable(String),
    #[error("it is empty")]
    Empty,
    #[error("{bytes} bytes are more than the {max} that a package may have")]
    TooLarge { bytes: u64, max: u64 },
    #[error("this node may not publish it; have an owner of the mesh admit the node as publisher of that path")]
    NotAPublisher,
    #[error("the disk of this node's data folder is too full: {needed} bytes are needed and {free} are free; retried")]
    NoSpace { needed: u64, free: u64 },
    #[error("it is published, but can't be removed from here: {0}; check the folder's permissions")]
    NotRemoved(String),
    #[error("it can't be published: {0}")]
    NotTaken(String),
    #[error("the watched folder is not there; it is looked for again and again, and nothing is unpublished")]
    FolderMissing,
    #[error(
        "the watched folder's name leads to {0} now, through a link; put the folder itself there, or watch that one"
    )]
    FolderElsewhere(String),
    #[error("the watched folder can't be read: {0}; check its owner, its permissions and its mount")]
    FolderUnreadable(String),
}

impl Reason {
    /// The stable code.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::NotAFile => "not_a_file",
            Self::Bundle => "bundle",
            Self::NameNotUtf8 => "name_not_utf8",
            Self::NameNotAPath(_) => "name_not_a_path",
            Self::NameTwice(_) => "name_twice",
            Self::TooDeep(_) => "too_deep",
            Self::TooMany(_) => "too_many",
            Self::Unreadable(_) => "unreadable",
            Self::Empty => "empty",
            Self::TooLarge { .. } => "too_large",
            Self::NotAPublisher => "not_a_publisher",
            Self::NoSpace { .. } => "no_space",
            Self::NotRemoved(_) => "not_removed",
            Self::NotTaken(_) => "not_taken",
            Self::FolderMissing => "folder_missing",
            Self::FolderElsewhere(_) => "folder_elsewhere",
            Self::FolderUnreadable(_) => "folder_unreadable",
        }
    }

    /// Whether it follows from what stands at the name, so that every scan finds it again while it holds.
    pub(super) fn is_of_the_name(&self) -> bool {
        match self {
            Self::Link
            | Self::NotAFile
            | Self::Bundle
            | Self::NameNotUtf8
            | Self::NameNotAPath(_)
            | Self::NameTwice(_)
            | Self::TooDeep(_)
            | Self::TooMany(_)
            | Self::TooLarge { .. }
            | Self::FolderMissing
            | Self::FolderElsewhere(_)
            | Self::FolderUnreadable(_) => true,
            Self::Unreadable(_)
            | Self::Empty
            | Self::NotAPublisher
            | Self::NoSpace { .. }
            | Self::NotRemoved(_)
            | Self::NotTaken(_) => false,
        }
    }

    /// That something can't be read.
    pub(super) fn unreadable(error: &io::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}
