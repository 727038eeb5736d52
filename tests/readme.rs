//! The README says what is so: its configuration is valid, and its first command is that of the example.

mod harness;

use harness::Trial;

const README: &str = include_str!("../README.md");

#[test]
fn the_file_in_the_readme_is_valid() {
    let (_, rest) = README.split_once("```yaml\n").expect("the README shows a file");
    let (file, _) = rest.split_once("```").expect("the block ends");
    let ran = Trial::new(file).run(&["validate"], &[]).exits(0);
    assert!(ran.says("dev on the embedded engine") && ran.says("prod on AWS us-east-1"), "{ran:?}");
}

#[test]
fn the_example_of_the_first_command_is_valid() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/hello/seatrial.yml");
    assert!(README.contains("cargo run --release -- deploy -c examples/hello/seatrial.yml"));
    let trial = Trial::new("");
    trial.run(&["validate", "-c", path, "-e", "dev"], &[]).exits(0);
}
