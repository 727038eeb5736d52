//! The table of crates in ARCHITECTURE.md is what the manifests say: no crate uses another that the table does not allow.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// What every crate may use.
const FOUNDATION: &str = "model";
/// What the table calls a crate that may use all others.
const EVERYTHING: &str = "everything";

type Uses = BTreeMap<String, BTreeSet<String>>;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Reads the table: a row is `` | `crate`, … | what it owns | `crate`, … | ``.
fn allowed() -> Uses {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is there");
    let rows = text.lines().skip_while(|line| !line.starts_with("| crate |")).skip(2);
    let mut allowed = Uses::new();
    for row in rows.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [names, _, uses] = cells[..] else { panic!("a row of three cells: {row}") };
        let words = |cell: &str| -> BTreeSet<String> {
            cell.split(',').map(|word| word.trim().trim_matches('`').to_owned()).collect()
        };
        for name in words(names) {
            allowed.insert(name, words(uses));
        }
    }
    allowed
}

/// Asks cargo what the manifests say; development dependencies do not count.
fn actual() -> Uses {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let ours =
        |name: &serde_json::Value| name.as_str().and_then(|name| name.strip_prefix("seatrial-")).map(str::to_owned);
    let packages = metadata["packages"].as_array().expect("packages");
    let uses = |package: &serde_json::Value| {
        let dependencies = package["dependencies"].as_array().expect("dependencies");
        let counted = dependencies.iter().filter(|dependency| dependency["kind"] != "dev");
        counted.filter_map(|dependency| ours(&dependency["name"])).collect()
    };
    packages.iter().filter_map(|package| Some((ours(&package["name"])?, uses(package)))).collect()
}

#[test]
fn the_manifests_obey_the_table_of_architecture_md() {
    let (allowed, actual) = (allowed(), actual());
    let named: Vec<&String> = allowed.keys().collect();
    assert_eq!(named, actual.keys().collect::<Vec<_>>(), "the table names every crate and no other");
    for (name, uses) in actual {
        let may = &allowed[&name];
        let forbidden: Vec<&String> = uses
            .iter()
            .filter(|used| *used != FOUNDATION && !may.contains(*used) && !may.contains(EVERYTHING))
            .collect();
        assert!(forbidden.is_empty(), "{name} uses {forbidden:?}; ARCHITECTURE.md allows {may:?}");
    }
}
