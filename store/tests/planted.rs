//! The planted bugs still fit the code: `bash .ci/campaign planted` shows that the crash tests and the simulated mesh
//! catch each of them, or the test that its second line names, and this that none of them drifts away from what it was to change.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A part of a patch.
#[derive(Debug)]
struct Hunk {
    file: String,
    /// `-start,lines +start,lines`, as its head says.
    head: String,
    /// Each with what it begins with: a blank, `-` or `+`.
    lines: Vec<String>,
}

impl Hunk {
    /// The lines that begin with one of these, without that.
    fn of(&self, begins: [char; 2]) -> Vec<&str> {
        self.lines.iter().filter_map(|line| line.strip_prefix(begins)).collect()
    }

    /// Start and number of lines on one side.
    fn said(&self, side: char) -> (usize, usize) {
        let range = self.head.split(' ').find_map(|range| range.strip_prefix(side)).expect("a range of lines");
        let (start, lines) = range.split_once(',').unwrap_or((range, "1"));
        (start.parse().expect("a number"), lines.parse().expect("a number"))
    }

    /// Whether it is well-formed and there is a place for it, as `git apply` looks for one.
    fn fits(&self, text: &str) -> bool {
        let (before, after) = (self.of([' ', '-']), self.of([' ', '+']));
        let (start, is_last) = (self.said('-').0, self.lines.last().is_some_and(|line| !line.starts_with(' ')));
        let all: Vec<&str> = text.lines().collect();
        (self.said('-').1, self.said('+').1) == (before.len(), after.len())
            && all.windows(before.len().max(1)).enumerate().any(|(at, there)| {
                there == before && (start > 1 || at == 0) && (!is_last || at + before.len() == all.len())
            })
    }
}

fn hunks(patch: &str) -> Vec<Hunk> {
    let (mut hunks, mut file) = (Vec::<Hunk>::new(), String::new());
    for line in patch.lines() {
        if let Some(name) = line.strip_prefix("--- a/") {
            name.clone_into(&mut file);
        } else if let Some(head) = line.strip_prefix("@@ ") {
            hunks.push(Hunk { file: file.clone(), head: head.to_owned(), lines: Vec::new() });
        } else if let (false, Some(hunk)) = (line.starts_with("+++ "), hunks.last_mut()) {
            hunk.lines.push(if line.is_empty() { " ".to_owned() } else { line.to_owned() });
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
    if let Some(test) = patch.lines().nth(1).and_then(|line| line.strip_prefix("Caught by ")) {
        let (module, test) = test.strip_suffix('.').and_then(|test| test.rsplit_once("::")).expect("a test's name");
        let folder = if name.starts_with(root().join("src")) { "src" } else { "store/tests" };
        let file = root().join(folder).join(module.replace("::", "/")).with_extension("rs");
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(text.contains(&format!("fn {test}()")), "{} names no test: {test}", name.display());
    }
    let hunks = hunks(&patch);
    assert!(!hunks.is_empty(), "{} changes nothing", name.display());
    for hunk in hunks {
        let file = &hunk.file;
        let text = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(hunk.fits(&text), "{} no longer fits {file}; make it anew:\n{hunk:?}", name.display());
    }
}
