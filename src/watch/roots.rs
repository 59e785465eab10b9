//! Which folders may be watched by the API: those below the setting `watch.roots`, with all links resolved on both sides,
//! apart from the node's own data and from the folders that the configuration watches.
//!
//! A folder is kept by its real name, and a watch that was added here reads it only as long as that name still leads to
//! itself (`folder.rs`). What lies outside is refused before it is looked at, so that nobody learns what there is.

use std::path::{Path, PathBuf};

use ods_api::BadFolder;

use super::overlap::{FoldersOverlap, check_folders, real};

/// What may be watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Roots {
    /// Folders below which watches may be added.
    pub(crate) allowed: Vec<PathBuf>,
    /// The node's own.
    pub(crate) data: PathBuf,
    /// Folders that are watched by configuration.
    pub(crate) configured: Vec<PathBuf>,
}

impl Roots {
    /// The real name of a folder that may be watched and can be read now.
    pub(crate) fn check(&self, folder: &str) -> Result<String, BadFolder> {
        let unusable = |reason: String| BadFolder::Unusable { reason };
        let typed = Path::new(folder);
        if !typed.is_absolute() || folder.contains('\0') {
            return Err(unusable(
                "`folder` is an absolute path on the node's machine, such as /srv/drop/mac".to_owned(),
            ));
        }
        let folder = self.place(typed)?;
        let metadata = std::fs::metadata(&folder).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => unusable(format!("{} is not there; make it first", folder.display())),
            _ => unusable(format!("{} can't be looked at: {error}", folder.display())),
        })?;
        if !metadata.is_dir() {
            return Err(unusable(format!("{} is a file, not a folder", folder.display())));
        }
        std::fs::read_dir(&folder).map_err(|error| {
            let hint = "let the user that the node runs as read it";
            unusable(format!("{} can't be read: {error}; {hint}", folder.display()))
        })?;
        let text = folder.to_str().map(str::to_owned);
        text.ok_or_else(|| unusable(format!("the name of {} is not UTF-8", folder.display())))
    }

    /// The real name of a folder that may be watched, whether it is there or not.
    pub(crate) fn place(&self, folder: &Path) -> Result<PathBuf, BadFolder> {
        let place = real(folder);
        let plain = place.components().all(|part| !matches!(part, std::path::Component::ParentDir));
        if !plain || !self.allowed.iter().any(|root| place.starts_with(real(root))) {
            return Err(BadFolder::Outside { reason: self.outside() });
        }
        let folders = self.configured.iter().map(PathBuf::as_path).chain([place.as_path()]);
        check_folders(folders, &self.data).map_err(|error| match error {
            FoldersOverlap::Same(_) | FoldersOverlap::Nested { .. } | FoldersOverlap::Data { .. } => {
                BadFolder::Taken { reason: error.to_string() }
            }
        })?;
        Ok(place)
    }

    fn outside(&self) -> String {
        if self.allowed.is_empty() {
            return "no folder may be watched by the API: the setting watch.roots names none. Add the folders below which \
                    it may, such as roots = [\"/srv/drop\"] under [watch] in ods.toml, and start the node again"
                .to_owned();
        }
        let roots: Vec<String> = self.allowed.iter().map(|root| root.display().to_string()).collect();
        format!(
            "the folder lies, with its links resolved, below none of those that the setting watch.roots names: {}",
            roots.join(", ")
        )
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "these tests play the admin who makes folders")]
mod tests {
    use super::*;

    struct Place {
        folder: tempfile::TempDir,
        roots: Roots,
    }

    /// `srv/drop` is allowed, `srv/drop/taken` is watched by configuration, `srv/data` is the node's.
    fn place() -> Place {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let base = folder.path().canonicalize().expect("a real name");
        for name in ["srv/drop/mac", "srv/drop/taken/inner", "srv/data", "srv/drop2", "etc"] {
            std::fs::create_dir_all(base.join(name)).expect("made");
        }
        let roots = Roots {
            allowed: vec![base.join("srv/drop"), base.join("srv/data")],
            data: base.join("srv/data"),
            configured: vec![base.join("srv/drop/taken")],
        };
        Place { folder, roots }
    }

    impl Place {
        fn name(&self, below: &str) -> String {
            self.folder.path().canonicalize().expect("a real name").join(below).display().to_string()
        }

        fn code(&self, below: &str) -> &'static str {
            match self.roots.check(&self.name(below)) {
                Ok(_) => "ok",
                Err(BadFolder::Outside { .. }) => "outside",
                Err(BadFolder::Taken { .. }) => "taken",
                Err(BadFolder::Unusable { .. }) => "unusable",
            }
        }
    }

    #[test]
    fn only_folders_below_a_root_may_be_watched() {
        let place = place();
        std::fs::write(place.name("srv/drop/file"), b"x").expect("written");
        let cases = [
            ("srv/drop/mac", "ok"),
            ("srv/drop", "taken"),
            ("srv/drop2", "outside"),
            ("etc", "outside"),
            ("srv/drop/../../etc", "outside"),
            ("srv/drop/none/../../../etc", "outside"),
            ("srv/drop/mac/../mac", "ok"),
            ("srv", "outside"),
            ("no such", "outside"),
            ("srv/drop/no such", "unusable"),
            ("srv/drop/file", "unusable"),
            ("srv/drop/taken", "taken"),
            ("srv/drop/taken/inner", "taken"),
            ("srv/data", "taken"),
            ("srv/data/blobs", "taken"),
        ];
        for (name, expected) in cases {
            assert_eq!(place.code(name), expected, "{name}");
        }
        for text in ["", "drop", "./drop", "/etc\0"] {
            assert!(matches!(place.roots.check(text), Err(BadFolder::Unusable { .. })), "{text:?}");
        }
        for text in ["/", "/etc", "/proc/self/root"] {
            assert!(matches!(place.roots.check(text), Err(BadFolder::Outside { .. })), "{text:?}");
        }
        let none = Roots { allowed: Vec::new(), ..place.roots.clone() };
        assert!(matches!(none.check(&place.name("srv/drop/mac")), Err(BadFolder::Outside { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_nowhere_else() {
        let place = place();
        let link = |to: &str, from: &str| {
            std::os::unix::fs::symlink(place.name(to), place.name(from)).expect("linked");
        };
        link("etc", "srv/drop/link");
        link("srv/drop/mac", "elsewhere");
        assert_eq!(place.code("srv/drop/link"), "outside");
        assert_eq!(place.code("srv/drop/link/deeper"), "outside");
        // A link from outside to a folder that is allowed is that folder, under its real name.
        assert_eq!(place.roots.check(&place.name("elsewhere")), Ok(place.name("srv/drop/mac")));
    }
}
