//! Rules by table, and any text.

use proptest::prelude::*;

use super::*;

fn name(text: &str) -> AlarmName {
    AlarmName::parse(text).expect("a name")
}

/// `a` is in ALARM, `o` is OK, `i` is INSUFFICIENT_DATA; others are unknown.
fn state_of(name: &AlarmName) -> Option<StateValue> {
    match name.as_str() {
        "a" => Some(StateValue::Alarm),
        "o" => Some(StateValue::Ok),
        "i" => Some(StateValue::InsufficientData),
        _ => None,
    }
}

#[test]
fn rules_hold_as_they_read() {
    for (rule, holds) in [
        ("TRUE", true),
        ("false", false),
        ("ALARM(a)", true),
        ("ALARM(\"a\")", true),
        ("ALARM( a )", true),
        ("ALARM(\"arn:aws:cloudwatch:us-east-1:123456789012:alarm:a\")", true),
        ("ALARM(o)", false),
        ("OK(o)", true),
        ("INSUFFICIENT_DATA(i)", true),
        ("INSUFFICIENT_DATA(unknown)", false),
        ("NOT ALARM(unknown)", true),
        ("ALARM(a) AND OK(o)", true),
        ("ALARM(a) AND NOT OK(o)", false),
        ("ALARM(o) OR ALARM(a) AND OK(o)", true),
        ("TRUE OR FALSE AND FALSE", true),
        ("(TRUE OR FALSE) AND FALSE", false),
        ("NOT FALSE AND FALSE", false),
        ("NOT (FALSE AND FALSE)", true),
        ("NOT NOT TRUE", true),
        ("(ALARM(a) OR ALARM(o))AND(OK(o))", true),
        ("\n alarm(a)\tand\nTrue ", true),
    ] {
        let parsed = AlarmRule::parse(rule).unwrap_or_else(|error| panic!("{rule}: {error}"));
        assert_eq!(parsed.holds(&state_of), holds, "{rule}");
        assert_eq!(parsed.as_str(), rule);
    }
}

#[test]
fn what_is_no_rule_is_refused_with_its_place() {
    for (rule, position) in [
        ("", 1),
        ("ALARM", 6),
        ("ALARM()", 7),
        ("ALARM(a", 8),
        ("ALARM(\"a)", 7),
        ("ALARM(a) ALARM(b)", 10),
        ("ALARM(a) AND", 13),
        ("AND TRUE", 1),
        ("(TRUE", 6),
        ("TRUE)", 5),
        ("BROKEN(a)", 1),
        ("TRUE OR é", 9),
        ("NOT", 4),
    ] {
        let error = AlarmRule::parse(rule).expect_err(rule);
        assert_eq!(error.position, position, "{rule}: {error}");
    }
}

#[test]
fn rules_are_limited_in_length_depth_elements_and_children() {
    let deep = |depth: usize| format!("{}TRUE{}", "(".repeat(depth), ")".repeat(depth));
    assert!(AlarmRule::parse(&deep(RULE_DEPTH_MAX)).is_ok());
    assert!(AlarmRule::parse(&deep(RULE_DEPTH_MAX + 1)).is_err());
    assert!(AlarmRule::parse(&format!("{}TRUE", "NOT ".repeat(1000))).is_err());
    let long = |elements: usize| vec!["TRUE"; elements].join(" OR ");
    assert!(AlarmRule::parse(&long(RULE_ELEMENTS_MAX)).is_ok());
    assert!(AlarmRule::parse(&long(RULE_ELEMENTS_MAX + 1)).is_err());
    let wide = |children: usize| (0..children).map(|i| format!("ALARM(c{i})")).collect::<Vec<_>>().join(" OR ");
    assert!(AlarmRule::parse(&wide(RULE_CHILDREN_MAX)).is_ok());
    assert!(AlarmRule::parse(&wide(RULE_CHILDREN_MAX + 1)).is_err());
    assert!(AlarmRule::parse(&format!("TRUE{}", " ".repeat(RULE_LENGTH_MAX))).is_err());
}

#[test]
fn cycles_are_found_and_named() {
    let rules: BTreeMap<AlarmName, AlarmRule> = [
        ("top", "ALARM(left) OR ALARM(right)"),
        ("left", "ALARM(leaf)"),
        ("right", "ALARM(leaf) OR ALARM(one)"),
        ("one", "ALARM(two)"),
        ("two", "ALARM(three) AND ALARM(leaf)"),
        ("three", "NOT OK(one)"),
        ("self", "ALARM(self)"),
    ]
    .into_iter()
    .map(|(from, rule)| (name(from), AlarmRule::parse(rule).expect("a rule")))
    .collect();
    let cycle = |start: &str| {
        let cycle = find_cycle(&name(start), |name| rules.get(name).map(AlarmRule::children));
        cycle.map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(cycle("top").as_deref(), Some("one two three"));
    assert_eq!(cycle("self").as_deref(), Some("self"));
    assert_eq!(cycle("left"), None);
    assert_eq!(cycle("leaf"), None);
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in ".{0,200}") {
        let _ = AlarmRule::parse(&text);
    }

    #[test]
    fn any_sequence_of_words_is_parsed_or_refused(words in prop::collection::vec(prop::sample::select(vec![
        "ALARM", "OK", "INSUFFICIENT_DATA", "(", ")", "\"", "a", "AND", "OR", "NOT", "TRUE", "FALSE", "arn:", "é",
    ]), 0..60)) {
        if let Ok(rule) = AlarmRule::parse(&words.join(" ")) {
            rule.holds(&state_of);
            rule.matching(&state_of);
        }
    }
}
