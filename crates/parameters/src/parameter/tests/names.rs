use super::*;
use crate::parameter::{ParameterName, Reference, Selector};

#[test]
fn names_are_words_or_paths_of_fifteen_levels() {
    let levels = |count: usize| "/l".repeat(count);
    for (name, refused) in [
        ("plain", ""),
        ("with.dots-and_lines", ""),
        ("/app/prod/password", ""),
        (&levels(15), ""),
        (&levels(16), "HierarchyLevelLimitExceededException"),
        ("", "ValidationException"),
        ("a b", "ValidationException"),
        ("app/prod", "ValidationException"),
        ("/app//prod", "ValidationException"),
        ("/app/", "ValidationException"),
        ("/", "ValidationException"),
        ("aws-thing", "ValidationException"),
        ("SSMthing", "ValidationException"),
        ("/aws/service", "AccessDeniedException"),
        ("/Ssm/x", "AccessDeniedException"),
        ("my-aws", ""),
        (&"x".repeat(1011), "ValidationException"),
    ] {
        assert_eq!(code(ParameterName::parse(name, &scope())), refused, "{name}");
    }
}

#[test]
fn an_arn_is_of_this_account_and_region_and_leads_to_a_word_or_a_path() {
    let home = "arn:aws:ssm:us-east-1:123456789012:parameter";
    let names = |text: &str| -> Vec<String> {
        Reference::parse(text, &scope()).expect("a reference").names().map(str::to_owned).collect()
    };
    assert_eq!(names(&format!("{home}/app/token")), ["/app/token"]);
    assert_eq!(names(&format!("{home}/token")), ["token", "/token"]);
    assert_eq!(
        ParameterName::parse("/app/token", &scope()).expect("a name").arn(&scope()),
        format!("{home}/app/token")
    );
    for foreign in ["arn:aws:ssm:eu-west-1:123456789012:parameter/x", "arn:aws:ssm:us-east-1:999999999999:parameter/x"]
    {
        assert_eq!(code(Reference::parse(foreign, &scope())), "ValidationException");
    }
}

#[test]
fn a_selector_is_a_version_or_a_label() {
    let selector = |text: &str| Reference::parse(text, &scope()).map(|reference| reference.selector().cloned());
    assert_eq!(selector("/a/b"), Ok(None));
    assert_eq!(selector("/a/b:3"), Ok(Some(Selector::Version(3))));
    assert_eq!(selector("/a/b:prod"), Ok(Some(Selector::Label("prod".to_owned()))));
    let arn = "arn:aws:ssm:us-east-1:123456789012:parameter/a/b:7";
    assert_eq!(selector(arn), Ok(Some(Selector::Version(7))));
    for wrong in ["a:", "a:0", "a:1:2", "a:9lives", "a:aws"] {
        assert_eq!(code(selector(wrong)), "ValidationException", "{wrong}");
    }
}
