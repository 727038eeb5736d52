//! The README says what is so: its configuration is valid, and its first command is that of the example.

mod harness;

use harness::Trial;

const README: &str = include_str!("../README.md");

#[test]
fn the_files_in_the_readme_are_valid() {
    let files = README.split("```yaml\n").skip(1).map(|rest| rest.split_once("```").expect("the block ends").0);
    let whole: Vec<&str> = files.filter(|file| file.starts_with("app:")).collect();
    assert_eq!(whole.len(), 2, "one's own application, and everything the file can say");
    let validated = |file: &str| Trial::new(file).run(&["validate"], &[]).exits(0);
    assert!(validated(whole[0]).says("dev on the embedded engine"));
    let ran = validated(whole[1]);
    assert!(ran.says("dev on the embedded engine") && ran.says("prod on AWS us-east-1"), "{ran:?}");
}

#[test]
fn the_example_of_the_first_command_is_valid() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/hello/seatrial.yml");
    assert!(README.contains("cargo run --release -- deploy -c examples/hello/seatrial.yml"));
    let trial = Trial::new("");
    trial.run(&["validate", "-c", path, "-e", "dev"], &[]).exits(0);
}
