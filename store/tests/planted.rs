//! The planted bugs still fit the code: `bash .ci/campaign planted` shows that the crash tests and the simulated mesh
//! catch each of them, and this that none of them drifts away from what it was to change.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The lines that each hunk of a patch expects, and in which file.
fn expectations(patch: &str) -> Vec<(String, String)> {
    let mut hunks: Vec<(String, String)> = Vec::new();
    let mut file = String::new();
    for line in patch.lines() {
        if let Some(name) = line.strip_prefix("--- a/") {
            name.clone_into(&mut file);
        } else if line.starts_with("@@") {
            hunks.push((file.clone(), String::new()));
        } else if let (false, Some((_, expected))) = (line.starts_with("+++"), hunks.last_mut())
            && let Some(kept) = line.strip_prefix([' ', '-'])
        {
            expected.push_str(kept);
            expected.push('\n');
        }
    }
    hunks
}

#[test]
fn planted_bugs_fit_the_code_and_say_why_they_are_bugs() {
    for folder in ["store/tests/planted", "src/mesh/sim/planted"] {
        let entries = fs::read_dir(root().join(folder)).expect("the folder is there");
        let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        names.sort();
        assert!(names.len() >= 12, "only {} planted bugs in {folder}", names.len());
        for name in names {
            fits(&name);
        }
    }
}

fn fits(name: &Path) {
    let patch = fs::read_to_string(name).expect("readable");
    assert!(
        patch.lines().next().is_some_and(|why| why.ends_with('.')),
        "{}: say why in its first line",
        name.display()
    );
    let hunks = expectations(&patch);
    assert!(!hunks.is_empty(), "{} changes nothing", name.display());
    for (file, expected) in hunks {
        let text = fs::read_to_string(root().join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(text.contains(&expected), "{} no longer fits {file}; make it anew:\n{expected}", name.display());
    }
}
