//! What goes into a layer, and what cannot.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use tempfile::TempDir;

use super::super::*;
use crate::testing::{self, GZIP};
use crate::unpack::{Limits, unpack};

/// Packs, unpacks and lists what is there then: mode and path, with contents or target.
fn packed(entries: &[Entry], options: &PackOptions) -> Result<Vec<String>, PackError> {
    let directory = tempfile::tempdir().expect("a directory");
    let mut bytes = Vec::new();
    let packed = pack_layer(entries, options, &mut bytes)?;
    assert_eq!(packed.size, bytes.len() as u64);
    let path = directory.path().join("layer");
    fs::write(&path, bytes).expect("written");
    let layer = crate::LayerFile { path, media_type: GZIP.to_owned(), digest: packed.digest };
    let root = directory.path().join("root");
    let configuration = testing::configuration(vec![packed.diff_id]);
    unpack(&configuration, &[layer], &root, &Limits::default()).expect("unpacked");
    let mut found = Vec::new();
    list(&root, "", &mut found);
    Ok(found)
}

fn list(directory: &std::path::Path, below: &str, found: &mut Vec<String>) {
    let mut children: Vec<_> =
        fs::read_dir(directory).expect("readable").map(|child| child.expect("readable")).collect();
    children.sort_by_key(fs::DirEntry::file_name);
    for child in children {
        let (path, name) = (child.path(), format!("{below}/{}", child.file_name().to_string_lossy()));
        let metadata = path.symlink_metadata().expect("there");
        let mode = metadata.permissions().mode() & 0o7777;
        if metadata.is_symlink() {
            found.push(format!("{name} -> {}", fs::read_link(&path).expect("a link").display()));
        } else if metadata.is_dir() {
            found.push(format!("{mode:o} {name}/"));
            list(&path, &name, found);
        } else {
            found.push(format!("{mode:o} {name}: {}", fs::read_to_string(&path).expect("text")));
        }
    }
}

/// A directory as a developer has it.
fn project() -> TempDir {
    let project = tempfile::tempdir().expect("a directory");
    let root = project.path();
    fs::create_dir_all(root.join("target/debug")).expect("made");
    fs::create_dir_all(root.join("assets/empty")).expect("made");
    for (name, mode) in [("server", 0o750), ("assets/logo", 0o600), ("notes.md", 0o666), ("target/debug/junk", 0o644)] {
        fs::write(root.join(name), name).expect("written");
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).expect("set");
    }
    symlink("../server", root.join("assets/link")).expect("made");
    project
}

#[test]
fn directories_go_in_with_everything_and_modes_are_plain() {
    let project = project();
    let files = packed(&[Entry::from_path(project.path(), "/app")], &PackOptions::default()).expect("packed");
    let wanted = [
        "755 /app/",
        "755 /app/assets/",
        "755 /app/assets/empty/",
        "/app/assets/link -> ../server",
        "644 /app/assets/logo: assets/logo",
        "644 /app/notes.md: notes.md",
        "755 /app/server: server",
        "755 /app/target/",
        "755 /app/target/debug/",
        "644 /app/target/debug/junk: target/debug/junk",
    ];
    assert_eq!(files, wanted);
}

#[test]
fn what_the_list_ignores_stays_out() {
    let project = project();
    let ignored = Ignored::parse("# what is built\ntarget/\n*.md\n!README.md\n/assets/empty\n").expect("patterns");
    fs::write(project.path().join("README.md"), "kept").expect("written");
    let options = PackOptions { ignored, ..PackOptions::default() };
    let files = packed(&[Entry::from_path(project.path(), "/")], &options).expect("packed");
    let wanted = [
        "644 /README.md: kept",
        "755 /assets/",
        "/assets/link -> ../server",
        "644 /assets/logo: assets/logo",
        "755 /server: server",
    ];
    assert_eq!(files, wanted);
    let error = Ignored::parse("good\n[z-a]\n").expect_err("no pattern").to_string();
    assert!(error.contains("\"[z-a]\""), "{error}");
}

#[test]
fn modes_and_later_entries_decide() {
    let project = project();
    let entries = [
        Entry::from_path(project.path().join("assets"), "/a").with_mode(0o640),
        Entry::from_bytes("new", "/a/logo"),
        Entry::from_bytes("run", "/bin/run").with_mode(0o4755),
        Entry::symbolic_link("run", "/bin/start"),
        Entry::directory("/tmp").with_mode(0o1777),
    ];
    let wanted = [
        "750 /a/",
        "750 /a/empty/",
        "/a/link -> ../server",
        "644 /a/logo: new",
        "755 /bin/",
        "4755 /bin/run: run",
        "/bin/start -> run",
        "1777 /tmp/",
    ];
    let mut files = packed(&entries, &PackOptions::default()).expect("packed");
    if !rustix::process::geteuid().is_root() {
        files[5] = files[5].replacen("755", "4755", 1);
    }
    assert_eq!(files, wanted);
}

#[test]
fn on_a_base_only_directories_that_say_something_are_written() {
    let project = project();
    let entries = [
        Entry::from_path(project.path().join("assets"), "/lib/assets"),
        Entry::directory("/data").with_owner(1000, 1000),
        Entry::from_bytes("x", "/data/x"),
    ];
    let options = PackOptions { directories: Directories::Implied, ..PackOptions::default() };
    let mut bytes = Vec::new();
    pack_layer(&entries, &options, &mut bytes).expect("packed");
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&bytes[..]));
    let paths: Vec<String> = archive
        .entries()
        .expect("entries")
        .map(|entry| entry.expect("an entry").path().expect("a path").to_string_lossy().into_owned())
        .collect();
    assert_eq!(paths, ["data/", "data/x", "lib/assets/empty/", "lib/assets/link", "lib/assets/logo"]);
}

#[test]
fn what_cannot_be_packed_is_told() {
    let project = project();
    let pipe = project.path().join("pipe");
    let _listener = std::os::unix::net::UnixListener::bind(&pipe).expect("a socket");
    let missing = project.path().join("missing");
    let bytes = |path: &str| Entry::from_bytes("x", path);
    let cases = [
        (vec![bytes("relative")], "absolute path"),
        (vec![bytes("/a/../b")], "absolute path"),
        (vec![bytes("/a\0b")], "absolute path"),
        (vec![bytes("/")], "directory and something else"),
        (vec![bytes("/a"), bytes("/a/b")], "/a would be a directory"),
        (vec![bytes("/a/b"), bytes("/a")], "/a would be a directory"),
        (vec![Entry::directory("/a"), bytes("/a")], "/a would be a directory"),
        (vec![bytes("/a/.wh.b")], "take files away"),
        (vec![Entry::symbolic_link("", "/a")], "absolute path"),
        (vec![Entry::from_path(&missing, "/a")], "cannot look at"),
        (vec![Entry::from_path(&pipe, "/a")], "neither a file nor a directory"),
        (vec![Entry::from_path(project.path(), "/a")], "neither a file nor a directory"),
    ];
    for (entries, why) in cases {
        let error = packed(&entries, &PackOptions::default()).expect_err("refused").to_string();
        assert!(error.contains(why), "{error}");
    }
}
