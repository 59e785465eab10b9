//! Which file becomes which package.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ods_store::PackagePath;

use crate::cli::Failure;

/// A file and the package it becomes.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) file: PathBuf,
    pub(super) path: PackagePath,
    pub(super) size: u64,
}

/// The targets of `files`, by `--path`: a name for one file, a folder (ending with `/`) for any number.
pub(super) fn targets(files: &[PathBuf], path: Option<&str>) -> Result<Vec<Target>, Failure> {
    if files.len() > 1 && path.is_some_and(|path| !path.ends_with('/')) {
        let hint = format!("write --path {}/ to put them in that folder", path.unwrap_or_default());
        return Err(Failure::usage("--path names one package, but there are several files").hint(hint));
    }
    let targets = files.iter().map(|file| target(file, path)).collect::<Result<Vec<_>, _>>()?;
    let mut seen = BTreeMap::new();
    for Target { file, path, .. } in &targets {
        if let Some(other) = seen.insert(path, file) {
            let message = format!("{} and {} would both become {path}", other.display(), file.display());
            return Err(Failure::usage(message).hint("push them one by one, each with its --path"));
        }
    }
    Ok(targets)
}

fn target(file: &Path, path: Option<&str>) -> Result<Target, Failure> {
    let about = std::fs::metadata(file).map_err(|error| {
        let failure = Failure::file(format!("cannot read {}", file.display()), &error);
        if error.kind() == ErrorKind::NotFound { failure.hint("check the file's name") } else { failure }
    })?;
    if !about.is_file() {
        return Err(Failure::usage(format!("{} is not a file", file.display()))
            .hint("name the files in it; a folder made as one bundle has to be packed first (pkgbuild, zip, …)"));
    }
    let path = match path {
        Some(folder) if folder.ends_with('/') => format!("{}/{}", folder.trim_matches('/'), name(file)?),
        Some(path) => path.to_owned(),
        None => name(file)?.to_owned(),
    };
    let path = PackagePath::parse(path.trim_start_matches('/')).map_err(|error| {
        Failure::usage(format!("{} can't become the package \"{path}\"", file.display()))
            .caused_by(&error)
            .hint("give it another name with --path")
    })?;
    Ok(Target { file: file.to_owned(), path, size: about.len() })
}

fn name(file: &Path) -> Result<&str, Failure> {
    file.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
        Failure::usage(format!("the name of {} is not UTF-8", file.display())).hint("give it a name with --path")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test writes its own input")]
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["a.pkg", "b c.deb"] {
            std::fs::write(folder.path().join(name), name).expect("written");
        }
        std::fs::create_dir(folder.path().join("bundle.app")).expect("made");
        folder
    }

    fn packages(folder: &Path, names: &[&str], path: Option<&str>) -> Result<Vec<String>, String> {
        let files: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
        match targets(&files, path) {
            Ok(targets) => Ok(targets.iter().map(|target| format!("{} {}", target.path, target.size)).collect()),
            Err(failure) => Err(failure.to_json()["detail"].to_string().replace(&folder.display().to_string(), "")),
        }
    }

    #[test]
    fn a_file_becomes_a_package_of_its_name_or_of_the_path_given() {
        let folder = folder();
        for (names, path, expected) in [
            (&["a.pkg", "b c.deb"][..], None, &["a.pkg 5", "b c.deb 7"][..]),
            (&["a.pkg", "b c.deb"][..], Some("mac/apps/"), &["mac/apps/a.pkg 5", "mac/apps/b c.deb 7"][..]),
            (&["a.pkg"][..], Some("mac/b.pkg"), &["mac/b.pkg 5"][..]),
            (&["a.pkg"][..], Some("/mac/"), &["mac/a.pkg 5"][..]),
        ] {
            let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
            assert_eq!(packages(folder.path(), names, path), Ok(expected));
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_before_anything_is_sent() {
        let folder = folder();
        for (names, path, expected) in [
            (&["a.pkg", "b c.deb"][..], Some("x.pkg"), "--path names one package"),
            (&["a.pkg", "./a.pkg"][..], None, "would both become a.pkg"),
            (&["bundle.app"][..], None, "/bundle.app is not a file"),
            (&["none.pkg"][..], None, "cannot read /none.pkg"),
            (&["a.pkg"][..], Some("a/../b"), "can't become the package"),
        ] {
            let refusal = packages(folder.path(), names, path).expect_err(expected);
            assert!(refusal.contains(expected), "{refusal}");
        }
    }
}
