use tempfile::TempDir;

use super::*;

fn find_in(text: &str, name: &str) -> Result<Function, String> {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("functions.yml");
    std::fs::write(&file, text).expect("a file");
    let found = find(&file, &FunctionName::parse(name).expect("a name"));
    let place = file.display().to_string();
    found.map_err(|error| crate::error::InvokeError::Map(error).tell().replace(&place, "FILE"))
}

fn refusal(text: &str) -> String {
    find_in(text, "check").expect_err(text)
}

const BOTH: &str = "
functions:
  check: { command: [./check.sh, --all], timeout: 30s, environment: { SHOP: staging, PORT: 8080 } }
  other:
    url: http://127.0.0.1:9000/hook
";

#[test]
fn a_function_is_a_command_or_an_address() {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("functions.yml");
    std::fs::write(&file, BOTH).expect("a file");
    let find = |name: &str| find(&file, &FunctionName::parse(name).expect("a name")).expect(name);
    let check = find("check");
    let Means::Command(line) = &check.means else { panic!("a command: {check:?}") };
    assert_eq!(line.program, directory.path().join("./check.sh"));
    assert_eq!((line.arguments.as_slice(), line.directory.as_path()), (&["--all".to_owned()][..], directory.path()));
    let environment = [("PORT", "8080"), ("SHOP", "staging")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(line.environment, environment.into());
    assert_eq!(check.time_limit, Duration::from_secs(30));

    let other = find("other");
    let Means::Address(address) = &other.means else { panic!("an address: {other:?}") };
    assert_eq!(address, "http://127.0.0.1:9000/hook");
    assert_eq!(other.time_limit, Duration::from_secs(900));
}

#[test]
fn a_program_without_a_directory_is_looked_up_in_path() {
    let function = find_in("functions: { check: { command: [sh, -c, 'true'] } }", "check").expect("a function");
    let Means::Command(line) = function.means else { panic!("a command") };
    assert_eq!(line.program, Path::new("sh"));
}

#[test]
fn the_file_may_be_json() {
    let json = "{\n\t\"functions\": {\"check\": {\"url\": \"https://example.test/\", \"timeout\": 5}}\n}";
    assert_eq!(find_in(json, "check").expect("a function").time_limit, Duration::from_secs(5));
}

#[test]
fn an_unknown_function_is_told_where_to_add_it_and_which_there_are() {
    let text = find_in(BOTH, "chek").expect_err("unknown");
    assert_eq!(text, "there is no function `chek`; add it to FILE, which has check, other");
    assert_eq!(refusal("functions: {}"), "there is no function `check`; add it to FILE, which has none");
    let missing = find(Path::new("/nonexistent/functions.yml"), &FunctionName::parse("check").expect("a name"));
    let text = missing.expect_err("no file").to_string();
    assert!(text.starts_with("the file of functions /nonexistent/functions.yml is not there; create it"), "{text}");
}

#[test]
fn an_unknown_key_is_named_at_every_level() {
    for (text, key) in [
        ("function: {}", "`function`"),
        ("functions: { check: { comand: [sh] } }", "`comand`"),
        ("functions: { check: { command: [sh], timeouts: 5s } }", "`timeouts`"),
    ] {
        let refused = refusal(text);
        assert!(refused.contains(key) && refused.starts_with("the file of functions FILE cannot be used"), "{refused}");
    }
}

#[test]
fn a_mistake_is_named_with_its_function_even_when_another_is_asked_for() {
    let other = |entry: &str| refusal(&format!("functions: {{ check: {{ command: [sh] }}, other: {entry} }}"));
    for (entry, expected) in [
        ("{}", "needs either"),
        ("{ command: [sh], url: 'http://a/' }", "keep one"),
        ("{ command: [] }", "at least the program"),
        ("{ command: [''] }", "at least the program"),
        ("{ command: [sh, \"a\\0b\"] }", "NUL"),
        ("{ command: [sh], environment: { 'A=B': c } }", "NUL"),
        ("{ url: 'http://a/', environment: { A: b } }", "is for a command"),
        ("{ url: 'ftp://a/' }", "not `ftp://a/`"),
        ("{ url: 'http://' }", "not `http://`"),
        ("{ url: '/hook' }", "not `/hook`"),
        ("{ url: 'http://user:secret@a/' }", "without user and password"),
    ] {
        let refused = other(entry);
        assert!(refused.contains(expected) && refused.contains("the function `other`"), "{entry}: {refused}");
    }
    let refused = other("{ command: [sh], timeout: 20m }");
    assert!(refused.contains("the timeout `20m` is not a duration up to 15m"), "{refused}");
    assert!(refusal("functions: { 'a b': { command: [sh] } }").contains("`a b`"));
}

#[test]
fn a_file_that_is_no_map_of_functions_is_refused() {
    for text in ["", "- a", "functions: [", "functions: { check: sh }", "functions: { check: { command: sh } }"] {
        assert!(refusal(text).starts_with("the file of functions FILE cannot be used: "), "{text}");
    }
    let twice = "functions:\n  check: { command: [sh] }\n  check: { command: [sh] }\n";
    assert!(refusal(twice).contains("check"), "{}", refusal(twice));
    assert!(refusal(&"#".repeat(2 << 20)).contains("larger than"));
}
