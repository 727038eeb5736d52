use super::*;
use crate::parameter::filter::{Depth, Filter, Listing, is_below};

#[test]
fn paths_are_looked_below_one_level_or_all_the_way() {
    for (name, path, one, any) in [
        ("/a/b", "/a", true, true),
        ("/a/b", "/a/", true, true),
        ("/a/b/c", "/a", false, true),
        ("/ab/c", "/a", false, false),
        ("/a", "/a", false, false),
        ("/a", "/", true, true),
        ("word", "/", true, true),
        ("/a/b", "/", false, true),
    ] {
        assert_eq!(
            (is_below(name, path, Depth::OneLevel), is_below(name, path, Depth::Any)),
            (one, any),
            "{name} {path}"
        );
    }
}

#[test]
fn filters_find_what_they_say() {
    let tags = Tags::from([("team".to_owned(), "blue".to_owned())]);
    let parameter = put(None, PutRequest { tags, ..request("/app/prod/url", "x") }).expect("a parameter");
    for (key, option, value, found) in [
        ("Name", None, "/app/prod/url", true),
        ("Name", None, "/app/prod", false),
        ("Name", Some("BeginsWith"), "/app", true),
        ("Name", Some("Contains"), "prod", true),
        ("Path", None, "/app", false),
        ("Path", Some("Recursive"), "/app", true),
        ("Type", None, "String", true),
        ("Type", None, "SecureString", false),
        ("KeyId", None, "alias/aws/ssm", false),
        ("Tier", None, "Standard", true),
        ("DataType", None, "text", true),
        ("tag:team", None, "blue", true),
        ("tag:team", Some("BeginsWith"), "b", true),
        ("tag:other", None, "blue", false),
    ] {
        let filter = Filter::parse(key, option, vec![value.to_owned()], Listing::Describe).expect("a filter");
        assert_eq!(filter.admits(&parameter, parameter.latest()), found, "{key} {option:?} {value}");
    }
    let any_tag = Filter::parse("tag:team", None, Vec::new(), Listing::Describe).expect("a filter");
    assert!(any_tag.admits(&parameter, parameter.latest()));
}

#[test]
fn each_listing_knows_its_own_keys_and_options() {
    for (key, option, values, listing, refused) in [
        ("Label", None, vec!["x"], Listing::Describe, "InvalidFilterKey"),
        ("Label", None, vec!["x"], Listing::ByPath, ""),
        ("Label", Some("BeginsWith"), vec!["x"], Listing::ByPath, "InvalidFilterOption"),
        ("Name", None, vec!["x"], Listing::ByPath, "InvalidFilterKey"),
        ("Colour", None, vec!["x"], Listing::Describe, "InvalidFilterKey"),
        ("tag:", None, vec!["x"], Listing::Describe, "InvalidFilterKey"),
        ("Type", Some("Contains"), vec!["x"], Listing::Describe, "InvalidFilterOption"),
        ("Path", Some("Equals"), vec!["/x"], Listing::Describe, "InvalidFilterOption"),
        ("Path", None, vec!["x"], Listing::Describe, "InvalidFilterValue"),
        ("Name", None, vec![], Listing::Describe, "InvalidFilterValue"),
    ] {
        let values = values.into_iter().map(str::to_owned).collect();
        assert_eq!(code(Filter::parse(key, option, values, listing)), refused, "{key} {option:?}");
    }
    assert_eq!(code(Filter::parse_older("Path", vec!["/x".to_owned()])), "InvalidFilterKey");
}
