//! Watched folders may not lie in one another, nor hold the node's own data: a file would be published twice, under two
//! names, and a consuming watch would eat the store.

use std::path::{Path, PathBuf};

/// Two folders that must be apart and are not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FoldersOverlap {
    /// The same folder twice.
    #[error("{0} is watched twice; remove one of the two watches")]
    Same(PathBuf),
    /// One watched folder in another.
    #[error(
        "the watched folder {inner} lies in {outer}, which is watched as well: its files would be published twice; \
         remove one of the two watches"
    )]
    Nested {
        /// The one inside.
        inner: PathBuf,
        /// The one around it.
        outer: PathBuf,
    },
    /// A watched folder in the data folder, or around it.
    #[error("the watched folder {watched} and the data folder {data} lie in one another; choose another folder")]
    Data {
        /// The watched one.
        watched: PathBuf,
        /// The node's data.
        data: PathBuf,
    },
}

/// Checks that the watched `folders` and the `data` folder are apart, links resolved where they exist.
pub(crate) fn check_folders<'a>(
    folders: impl IntoIterator<Item = &'a Path>,
    data: &Path,
) -> Result<(), FoldersOverlap> {
    let data_real = real(data);
    let mut checked: Vec<(&Path, PathBuf)> = Vec::new();
    for folder in folders {
        let folder_real = real(folder);
        if folder_real.starts_with(&data_real) || data_real.starts_with(&folder_real) {
            return Err(FoldersOverlap::Data { watched: folder.to_owned(), data: data.to_owned() });
        }
        for (other, other_real) in &checked {
            check_pair((folder, &folder_real), (other, other_real))?;
        }
        checked.push((folder, folder_real));
    }
    Ok(())
}

fn check_pair((a, a_real): (&Path, &Path), (b, b_real): (&Path, &Path)) -> Result<(), FoldersOverlap> {
    if a_real == b_real {
        return Err(FoldersOverlap::Same(a.to_owned()));
    }
    if a_real.starts_with(b_real) {
        return Err(FoldersOverlap::Nested { inner: a.to_owned(), outer: b.to_owned() });
    }
    if b_real.starts_with(a_real) {
        return Err(FoldersOverlap::Nested { inner: b.to_owned(), outer: a.to_owned() });
    }
    Ok(())
}

/// The folder with its links resolved: as far as it exists, the rest as written.
pub(super) fn real(folder: &Path) -> PathBuf {
    for existing in folder.ancestors() {
        if let (Ok(real), Ok(rest)) = (existing.canonicalize(), folder.strip_prefix(existing)) {
            return if rest.as_os_str().is_empty() { real } else { real.join(rest) };
        }
    }
    folder.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(folders: &[&Path], data: &Path) -> Option<FoldersOverlap> {
        check_folders(folders.iter().copied(), data).err()
    }

    #[test]
    fn folders_beside_one_another_are_fine() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let (a, b, data) = (place.path().join("drop"), place.path().join("drop2"), place.path().join("data"));
        std::fs::create_dir(&a).expect("folder made");
        assert_eq!(check(&[&a, &b], &data), None);
    }

    #[test]
    fn the_same_and_nested_folders_are_refused_with_their_names() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let (outer, data) = (place.path().join("drop"), place.path().join("data"));
        let inner = outer.join("mac");
        std::fs::create_dir(&outer).expect("folder made");
        assert_eq!(check(&[&outer, &outer], &data), Some(FoldersOverlap::Same(outer.clone())));
        let nested = Some(FoldersOverlap::Nested { inner: inner.clone(), outer: outer.clone() });
        assert_eq!(check(&[&outer, &inner], &data), nested);
        assert_eq!(check(&[&inner, &outer], &data), nested);
    }

    #[test]
    fn the_data_folder_is_neither_watched_nor_around_a_watch() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let data = place.path().join("data");
        for watched in [place.path(), &data, &data.join("incoming")] {
            assert!(matches!(check(&[watched], &data), Some(FoldersOverlap::Data { .. })), "{}", watched.display());
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_watched_folder_is_the_same_folder() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let (folder, link) = (place.path().join("drop"), place.path().join("link"));
        std::fs::create_dir(&folder).expect("folder made");
        std::os::unix::fs::symlink(&folder, &link).expect("linked");
        let data = place.path().join("data");
        assert_eq!(check(&[&folder, &link], &data), Some(FoldersOverlap::Same(link.clone())));
    }
}
