use super::*;
use crate::parameter::{DataType, Tier, TierChoice, tier::Population};

fn over(name: &str, value: &str) -> PutRequest {
    PutRequest { overwrite: Overwrite::Allowed, ..request(name, value) }
}

#[test]
fn a_parameter_is_overwritten_only_when_that_is_asked_for() {
    let first = put(None, request("/a/b", "one")).expect("a parameter");
    assert_eq!(first.latest().number, 1);
    assert_eq!(code(put(Some(first.clone()), request("/a/b", "two"))), "ParameterAlreadyExists");
    let second = put(Some(first), PutRequest { kind: None, ..over("/a/b", "two") }).expect("another version");
    assert_eq!((second.latest().number, second.latest().kind), (2, ParameterType::String));
    assert_eq!(code(put(None, PutRequest { kind: None, ..request("/a/b", "one") })), "ValidationException");
    let tags = Tags::from([("team".to_owned(), "blue".to_owned())]);
    assert_eq!(code(put(None, PutRequest { tags, ..over("/a/b", "one") })), "ValidationException");
}

#[test]
fn what_an_overwriting_request_does_not_say_stays() {
    let told = PutRequest {
        description: Some("a number".to_owned()),
        allowed_pattern: Some("^[0-9]+$".to_owned()),
        ..request("/a/b", "1")
    };
    let first = put(None, told).expect("a parameter");
    assert_eq!(code(put(Some(first.clone()), over("/a/b", "one"))), "ParameterPatternMismatchException");
    let second = put(Some(first), over("/a/b", "2")).expect("another version");
    assert_eq!(second.latest().description.as_deref(), Some("a number"));
    assert_eq!(second.latest().allowed_pattern.as_deref(), Some("^[0-9]+$"));
}

#[test]
fn a_type_can_change_outside_a_hierarchy_only() {
    let kind = Some(ParameterType::SecureString);
    let path = put(None, request("/a/b", "x")).expect("a parameter");
    assert_eq!(code(put(Some(path), PutRequest { kind, ..over("/a/b", "x") })), "HierarchyTypeMismatchException");
    let word = put(None, request("word", "x")).expect("a parameter");
    let changed = put(Some(word), PutRequest { kind, ..over("word", "x") }).expect("another version");
    assert_eq!(changed.latest().key_id.as_deref(), Some("alias/aws/ssm"));
}

#[test]
fn a_value_has_a_size_a_form_and_a_pattern() {
    let pattern =
        |pattern: &str, value: &str| PutRequest { allowed_pattern: Some(pattern.to_owned()), ..request("a", value) };
    let image = |value: &str| PutRequest { data_type: Some(DataType::Image), ..request("a", value) };
    for (asked, refused) in [
        (request("a", &"x".repeat(4096)), ""),
        (request("a", &"x".repeat(4097)), "ValidationException"),
        (request("a", &"ä".repeat(2049)), "ValidationException"),
        (request("a", ""), "ValidationException"),
        (request("a", "see {{ssm:other}}"), "ValidationException"),
        (request("a", "}} is fine {{"), ""),
        (pattern("^a+$", "aaa"), ""),
        (pattern("^a+$", "aab"), "ParameterPatternMismatchException"),
        (pattern("(", "a"), "InvalidAllowedPatternException"),
        (pattern("(?=a)a", "a"), "InvalidAllowedPatternException"),
        (pattern("(a{999}){999}", "a"), "InvalidAllowedPatternException"),
        (image("ami-0123456789abcdef0"), ""),
        (image("image"), "ValidationException"),
        (PutRequest { key_id: Some("alias/mine".to_owned()), ..request("a", "x") }, "ValidationException"),
    ] {
        let shown = asked.allowed_pattern.clone();
        assert_eq!(code(put(None, asked)), refused, "{shown:?}");
    }
}

#[test]
fn tiers_only_go_up_and_intelligent_tiering_goes_as_far_as_it_must() {
    let tier = |tier: TierChoice, value: &str| PutRequest { tier: Some(tier), ..request("a", value) };
    let large = "x".repeat(5000);
    let advanced = put(None, tier(TierChoice::Fixed(Tier::Advanced), &large)).expect("a parameter");
    let down = PutRequest { overwrite: Overwrite::Allowed, ..tier(TierChoice::Fixed(Tier::Standard), "x") };
    assert_eq!(code(put(Some(advanced.clone()), down)), "ValidationException");
    assert_eq!(put(Some(advanced), over("a", "x")).expect("a version").latest().tier, Tier::Advanced);
    assert_eq!(put(None, tier(TierChoice::Intelligent, "x")).expect("a parameter").latest().tier, Tier::Standard);
    assert_eq!(put(None, tier(TierChoice::Intelligent, &large)).expect("a parameter").latest().tier, Tier::Advanced);
    assert_eq!(code(put(None, tier(TierChoice::Intelligent, &"x".repeat(8193)))), "ValidationException");

    let full = Population { standard: 10_000, advanced: 0 };
    let drafted = |request| Draft::new(request, None, full, &scope());
    assert_eq!(code(drafted(request("a", "x"))), "ParameterLimitExceeded");
    assert_eq!(
        drafted(tier(TierChoice::Intelligent, "x")).map(|draft| draft.tier()),
        Ok(Tier::Advanced).map_err(|e: Refused| e)
    );
}

#[test]
fn policies_need_the_advanced_tier_and_their_attributes() {
    let with = |policies: &str| PutRequest {
        policies: Some(policies.to_owned()),
        tier: Some(TierChoice::Fixed(Tier::Advanced)),
        ..request("a", "x")
    };
    let expiration = r#"[{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"2030-01-01T00:00:00.000Z"}}]"#;
    let notified = r#"[{"Type":"ExpirationNotification","Version":"1.0","Attributes":{"Before":"5","Unit":"Days"}}]"#;
    for (policies, refused) in [
        (expiration, ""),
        ("[]", ""),
        (notified, "IncompatiblePolicyException"),
        (r#"[{"Type":"Other"}]"#, "InvalidPolicyTypeException"),
        (r#"[{"Type":"Expiration","Version":"1.0"}]"#, "InvalidPolicyAttributeException"),
        ("nonsense", "InvalidPolicyTypeException"),
    ] {
        assert_eq!(code(put(None, with(policies))), refused, "{policies}");
    }
    assert_eq!(code(put(None, PutRequest { tier: None, ..with(expiration) })), "ValidationException");
    let kept = put(None, with(expiration)).expect("a parameter");
    let again = put(Some(kept), over("a", "y")).expect("a version");
    assert_eq!(again.latest().policies.len(), 1);
    let cleared = PutRequest { overwrite: Overwrite::Allowed, ..with("[]") };
    assert!(put(Some(again), cleared).expect("a version").latest().policies.is_empty());
}
