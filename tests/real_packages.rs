//! Packages as registries carry them, through the whole way: into one node, out of another, the same bytes.
//!
//! Left out, visibly, where a registry or its client isn't to be had.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::bytes::blake3_hex;
use crate::support::mesh;
use crate::support::node::Node;
use crate::support::tools;

/// Small to large; the last is tens of megabytes.
const DEBIAN: [&str; 5] = ["hostname", "curl", "bash", "git", "perl-modules-5.36"];
const PYTHON: [&str; 2] = ["six", "numpy"];

#[test]
fn debian_packages_arrive_whole() {
    through_two_nodes("deb", |folder| {
        for name in DEBIAN {
            tools::run("apt-get", &["download", "-q", name], folder);
        }
    });
}

#[test]
fn wheels_arrive_whole() {
    through_two_nodes("whl", |folder| {
        for name in PYTHON {
            tools::run("pip", &["download", "-q", "--no-deps", "--only-binary", ":all:", name], folder);
        }
    });
}

#[test]
fn disk_images_arrive_whole() {
    through_two_nodes("dmg", |folder| {
        // A crate that reads disk images carries real ones for its own tests. (No registry was found that has a package
        // with an installer `.pkg` or `.msi` in it.)
        let project = folder.join("project");
        fs::create_dir_all(project.join("src")).expect("a new folder");
        tools::write(&project.join("src/lib.rs"), b"");
        let manifest =
            "[package]\nname = \"images\"\nversion = \"0.1.0\"\n[dependencies]\ndmgwiz = \"=1.1.1\"\n[workspace]\n";
        tools::write(&project.join("Cargo.toml"), manifest.as_bytes());
        tools::run("cargo", &["fetch", "--quiet"], &project);
        for registry in fs::read_dir(tools::cargo_home().join("registry/src")).into_iter().flatten().flatten() {
            for file in files_with(&registry.path().join("dmgwiz-1.1.1/tests"), "dmg") {
                fs::copy(&file, folder.join(file.file_name().expect("a file"))).expect("an image can be copied");
            }
        }
    });
}

#[test]
fn crates_arrive_whole() {
    through_two_nodes("crate", |folder| {
        // Those that cargo has fetched for this very build.
        let cache = tools::cargo_home().join("registry/cache");
        for registry in fs::read_dir(cache).into_iter().flatten().flatten() {
            let files = fs::read_dir(registry.path()).into_iter().flatten().flatten();
            for file in files.filter(|file| file.file_name().to_string_lossy().starts_with("tokio-")).take(8) {
                fs::copy(file.path(), folder.join(file.file_name())).expect("a crate can be copied");
            }
        }
    });
}

/// Gets packages into a folder, publishes each on one node, and compares what the other gives.
fn through_two_nodes(ending: &str, get: impl FnOnce(&Path)) {
    let (hq, branch) = (Node::start("hq"), Node::start("branch"));
    let folder = hq.folder().join("packages");
    fs::create_dir(&folder).expect("a new folder");
    tools::run_well("chmod", &["777", "."], &folder);
    get(&folder);
    let files = files_with(&folder, ending);
    if files.is_empty() {
        return tools::leave_out(&format!(".{ending} packages"), "none could be got from a registry");
    }
    mesh::pair(&hq, &branch, "replica");
    for file in &files {
        let (path, bytes) = (path_of(ending, file), fs::read(file).expect("a package can be read"));
        let package = hq.put(&path, &bytes).expect(201).json()["package"].clone();
        assert_eq!(package["kind"], ending);
    }
    for file in &files {
        let (path, bytes) = (path_of(ending, file), fs::read(file).expect("a package can be read"));
        mesh::stored(&branch, &path, &blake3_hex(&bytes));
        assert!(branch.download(&path).expect(200).body == bytes, "{path}");
        println!("{path}: {} bytes", bytes.len());
    }
}

fn files_with(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.extension().is_some_and(|found| found == ending)).collect()
}

fn path_of(ending: &str, file: &Path) -> String {
    format!("{ending}/{}", file.file_name().expect("a file").to_string_lossy())
}
