//! The tree keeps its own rules: the crates' edges, what lies at the top, lengths, words, and the README's map.
//!
//! Not here: what clippy and rustdoc check themselves; of those, only that they are asked to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: i64 = 70;
const PAGE_LINE_CHARS_MAX: usize = 200;

/// The workspace's crates: where they are, and which of the others they may use.
const CRATES: [(&str, &str, &[&str]); 4] = [
    (".", "ods", &["ods-api", "ods-store", "ods-ui"]),
    ("api", "ods-api", &["ods-store"]),
    ("store", "ods-store", &[]),
    ("ui", "ods-ui", &[]),
];

/// What may lie at the top, beside dotfiles.
const TOP_NAMES: [&str; 12] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "api",
    "contrib",
    "fuzz",
    "src",
    "store",
    "tests",
    "ui",
];

/// Folders that builds and fuzzing make; never in the repository.
const MADE_FOLDERS: [&str; 7] =
    [".git", "target", "fuzz/target", "fuzz/corpus", "fuzz/artifacts", "fuzz/coverage", "node_modules"];

#[test]
fn crates_depend_only_in_the_allowed_direction() {
    for (folder, name, allowed) in CRATES {
        let manifest = manifest(&Path::new(folder).join("Cargo.toml"));
        assert_eq!(manifest["package"]["name"].as_str(), Some(name), "{folder}/Cargo.toml");
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(dependencies) = manifest.get(table).and_then(toml::Value::as_table) else { continue };
            for dependency in dependencies.keys().filter(|key| key.starts_with("ods")) {
                assert!(allowed.contains(&dependency.as_str()), "{name} may not use {dependency} ({table})");
            }
        }
    }
}

#[test]
fn every_crate_takes_the_workspace_lints_and_they_are_strict() {
    for (folder, name, _) in CRATES {
        let manifest = manifest(&Path::new(folder).join("Cargo.toml"));
        assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true), "{name} has lints of its own");
    }
    let lints = &manifest(Path::new("Cargo.toml"))["workspace"]["lints"];
    for lint in ["unsafe_code", "missing_docs", "unreachable_pub"] {
        assert_eq!(lints["rust"][lint].as_str(), Some("deny"), "{lint}");
    }
    for lint in ["unwrap_used", "too_many_lines", "allow_attributes_without_reason", "disallowed_methods"] {
        assert_eq!(lints["clippy"][lint].as_str(), Some("deny"), "{lint}");
    }
    let clippy = manifest(Path::new(".clippy.toml"));
    assert_eq!(clippy["too-many-lines-threshold"].as_integer(), Some(FUNCTION_LINES_MAX));
}

#[test]
fn only_known_names_lie_at_the_top() {
    let strangers: Vec<String> = fs::read_dir(root())
        .expect("the workspace folder is readable")
        .map(|entry| entry.expect("an entry of the workspace folder").file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && name != "target" && !TOP_NAMES.contains(&name.as_str()))
        .collect();
    assert_eq!(strangers, Vec::<String>::new(), "give each a home below one of {TOP_NAMES:?}");
}

#[test]
fn source_files_are_short_and_open_with_their_purpose() {
    let long: Vec<String> = rust_files()
        .filter(|(_, text)| text.lines().count() > FILE_LINES_MAX)
        .map(|(path, text)| format!("{path}: {} lines", text.lines().count()))
        .collect();
    assert_eq!(long, Vec::<String>::new(), "which of their ideas wants a file of its own?");
    let silent: Vec<String> =
        rust_files().filter(|(_, text)| !text.starts_with("//! ")).map(|(path, _)| path).collect();
    assert_eq!(silent, Vec::<String>::new(), "these don't open with `//! ` and what they are for");
}

/// Texts are as long as they are; a line of code is read at a glance.
#[test]
fn lines_of_the_web_pages_code_are_short() {
    let is_code = |path: &str| {
        let below = path.strip_prefix("ui/assets/").unwrap_or("vendor/");
        has_ending(path, "js") && !below.starts_with("vendor/") && !below.starts_with("lib/strings")
    };
    let long: Vec<String> = text_files()
        .filter(|(path, _)| is_code(path))
        .flat_map(|(path, text)| {
            let numbered = text.lines().enumerate().filter(|(_, line)| line.chars().count() > PAGE_LINE_CHARS_MAX);
            numbered.map(|(index, _)| format!("{path}:{}", index + 1)).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(long, Vec::<String>::new(), "break these where an element or a value begins");
}

#[test]
fn no_marks_are_left_over() {
    // Written in halves, so that this file doesn't find itself.
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
        concat!("dbg", "!("),
        concat!("to", "do!("),
        concat!("unimpl", "emented!("),
        concat!("#[ig", "nore"),
        concat!("#[al", "low("),
        concat!("#![al", "low("),
    ];
    let found: Vec<String> = rust_files().flat_map(|(path, text)| lines_with(&path, &text, &marks)).collect();
    assert_eq!(found, Vec::<String>::new(), "finish it, or `#[expect(lint, reason = \"…\")]`");
}

#[test]
fn nothing_outside_tests_unwraps() {
    let found: Vec<String> = product_files()
        .flat_map(|(path, text)| lines_with(&path, before_tests(&text), &[".unwrap()", ".unwrap_err()"]))
        .collect();
    assert_eq!(found, Vec::<String>::new(), "return the error, or say with `expect` why it cannot fail");
}

#[test]
fn the_tree_names_no_workplace_and_no_registry_host() {
    let words = [
        concat!("cla", "ude"),
        concat!("chat", "gpt"),
        concat!("anth", "ropic"),
        concat!("open", "ai"),
        concat!("copi", "lot"),
        concat!("sub", "agent"),
        concat!("ai ", "agent"),
        concat!("coding ", "agent"),
        concat!("language ", "model"),
        concat!("developer ", "session"),
        concat!("developer's ", "session"),
        concat!("/wo", "rk/"),
        concat!("/fa", "rm/"),
        concat!("/ro", "ot/"),
        concat!("crates", ".io"),
        concat!("pypi", ".org"),
        concat!("python", "hosted"),
        concat!("npm", "js"),
        concat!("deb.", "debian"),
    ];
    let mut found: Vec<String> = text_files()
        .filter(|(path, _)| !has_ending(path, "lock"))
        .flat_map(|(path, text)| lines_with(&path, &text.to_lowercase(), &words))
        .collect();
    found.extend(text_files().flat_map(|(path, text)| issue_numbers(&path, &text.to_lowercase())));
    assert_eq!(found, Vec::<String>::new(), "the tree speaks of the product only");
}

#[test]
fn a_crate_shows_one_block_of_names_and_no_modules() {
    for (folder, name, _) in CRATES {
        let text = read(&Path::new(folder).join("src/lib.rs"));
        assert!(blocks_of_pub_use(&text) <= 1, "{name} has several `pub use` blocks");
    }
    let found: Vec<String> = product_files()
        .flat_map(|(path, text)| lines_with(&path, &text, &["pub mod "]))
        .filter(|line| !line.ends_with("pub mod testing;"))
        .collect();
    assert_eq!(found, Vec::<String>::new(), "modules are private; a crate's names are in its one `pub use` block");
}

#[test]
fn the_readme_maps_every_top_module() {
    let readme = read(Path::new("README.md"));
    let map = code_map(&readme);
    for folder in ["src", "store/src", "api/src", "ui/src"] {
        let actual: BTreeSet<String> = fs::read_dir(root().join(folder))
            .expect("a crate's source folder is readable")
            .map(|entry| entry.expect("an entry of a source folder").file_name().to_string_lossy().into_owned())
            .filter(|name| has_ending(name, "rs"))
            .collect();
        assert_eq!(
            map.get(folder),
            Some(&actual),
            "the README's code map of {folder}/, left, and what is there, right"
        );
    }
}

/// The files named in the README's code map, by folder: a line that starts with a folder's name and `/`, then indented
/// lines that start with a file's name.
fn code_map(readme: &str) -> BTreeMap<String, BTreeSet<String>> {
    let section = readme.split("\n## Code map").nth(1).expect("the README has a section `Code map`");
    let block = section.split("\n```").nth(1).expect("the section has a fenced block");
    let mut map: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut folder = String::new();
    for line in block.lines().skip(1) {
        let name = line.split_whitespace().next().unwrap_or_default();
        if !line.starts_with(' ') {
            name.trim_end_matches('/').clone_into(&mut folder);
        } else if has_ending(name, "rs") && !name.contains('/') {
            map.entry(folder.clone()).or_default().insert(name.to_owned());
        }
    }
    map
}

/// How many separate runs of `pub use` statements stand at the top level.
fn blocks_of_pub_use(text: &str) -> usize {
    let (mut blocks, mut inside, mut statement_open) = (0, false, false);
    for line in text.lines() {
        let plain = line.trim();
        if statement_open {
            statement_open = !plain.ends_with(';');
        } else if line.starts_with("pub use ") {
            blocks += usize::from(!inside);
            inside = true;
            statement_open = !plain.ends_with(';');
        } else if !(plain.is_empty() || plain.starts_with("//") || plain.starts_with("#[")) {
            inside = false;
        }
    }
    blocks
}

fn lines_with(path: &str, text: &str, needles: &[&str]) -> Vec<String> {
    let has = |line: &str| needles.iter().any(|needle| line.contains(needle));
    let numbered = text.lines().enumerate().filter(|(_, line)| has(line));
    numbered.map(|(index, line)| format!("{path}:{}: {}", index + 1, line.trim())).collect()
}

/// Lines that speak of a numbered ticket: they mean nothing to who reads the tree.
fn issue_numbers(path: &str, text: &str) -> Vec<String> {
    let speaks = |line: &str| {
        line.match_indices("issue ").any(|(at, word)| {
            let rest = line[at + word.len()..].trim_start_matches('#');
            rest.starts_with(|c: char| c.is_ascii_digit())
        })
    };
    let numbered = text.lines().enumerate().filter(|(_, line)| speaks(line));
    numbered.map(|(index, line)| format!("{path}:{}: {}", index + 1, line.trim())).collect()
}

fn has_ending(path: &str, ending: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == ending)
}

fn before_tests(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

/// Every Rust file of the crates' own sources, test modules in files of their own left out.
fn product_files() -> impl Iterator<Item = (String, String)> {
    rust_files().filter(|(path, _)| {
        let below_source = ["src/", "store/src/", "api/src/", "ui/src/"].iter().any(|folder| path.starts_with(folder));
        below_source && !path.ends_with("testing.rs") && !path.ends_with("tests.rs") && !path.contains("/tests/")
    })
}

fn rust_files() -> impl Iterator<Item = (String, String)> {
    text_files().filter(|(path, _)| has_ending(path, "rs"))
}

/// Every text file of the tree: its path from the workspace's folder and its text. Binary files are passed over.
fn text_files() -> impl Iterator<Item = (String, String)> {
    let mut files = Vec::new();
    walk(root(), &mut files);
    files.sort();
    files.into_iter().filter_map(|path| {
        let name = path.strip_prefix(root()).expect("a file below the workspace").to_string_lossy().replace('\\', "/");
        Some((name, fs::read_to_string(&path).ok()?))
    })
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("an entry").path();
        let name = path.strip_prefix(root()).expect("below the workspace").to_string_lossy().replace('\\', "/");
        if MADE_FOLDERS.contains(&name.as_str()) || name.ends_with("/node_modules") {
            continue;
        }
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}

fn manifest(path: &Path) -> toml::Value {
    read(path).parse::<toml::Table>().map(toml::Value::Table).expect("a manifest is valid TOML")
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{} is readable: {error}", path.display()))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
