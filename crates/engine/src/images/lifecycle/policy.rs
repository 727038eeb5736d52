//! A lifecycle policy, parsed: rules in the order of their priority, which are right by themselves and together.

use std::num::NonZeroU32;
use std::time::Duration;

use seatrial_model::image::ImageTag;
use serde::Deserialize;

use crate::images::mutability::TagPattern;

/// The lengths of a policy's text, as in ECR.
pub const TEXT_LENGTHS: std::ops::RangeInclusive<usize> = 100..=30_720;
/// The most rules, as in ECR.
pub const RULES_MAX: usize = 50;
/// The most wildcards in a pattern, as in ECR.
const WILDCARDS_MAX: usize = 4;
/// The most prefixes or patterns of a rule; they all have to match, so that more are of no use.
const TAGS_MAX: usize = 50;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecyclePolicy {
    rules: Vec<Rule>,
}

/// A rule of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub priority: u32,
    pub selection: Selection,
    pub limit: Limit,
}

/// Which images a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Images that have, for each of these, a tag that begins with it.
    Prefixes(Vec<String>),
    /// Images that have, for each of these, a tag that matches it.
    Patterns(Vec<TagPattern>),
    Untagged,
    Any,
}

/// What a rule lets an image stay by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Being one of so many newest.
    Count(u32),
    /// Having been pushed not longer ago.
    Age(Duration),
}

/// Why a text is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    #[error("a policy has {} to {} characters", TEXT_LENGTHS.start(), TEXT_LENGTHS.end())]
    Length,
    #[error("the policy cannot be read: {0}")]
    Malformed(String),
    #[error("a policy has 1 to {RULES_MAX} rules")]
    RuleCount,
    #[error("two rules have the rulePriority {0}")]
    SamePriority(u32),
    #[error("the rule with tagStatus any must have the highest rulePriority, and be the only one")]
    AnyNotLast,
    #[error("only one rule may have tagStatus untagged")]
    SeveralUntagged,
    #[error("rule {priority}: {problem}")]
    Rule { priority: u32, problem: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    rules: Vec<RawRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawRule {
    rule_priority: NonZeroU32,
    #[serde(default, rename = "description")]
    _description: Option<String>,
    selection: RawSelection,
    action: RawAction,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawSelection {
    tag_status: String,
    tag_prefix_list: Option<Vec<String>>,
    tag_pattern_list: Option<Vec<String>>,
    count_type: String,
    count_unit: Option<String>,
    count_number: NonZeroU32,
}

#[derive(Deserialize)]
struct RawAction {
    #[serde(rename = "type")]
    kind: String,
}

impl LifecyclePolicy {
    pub fn parse(text: &str) -> Result<Self, InvalidPolicy> {
        if !TEXT_LENGTHS.contains(&text.len()) {
            return Err(InvalidPolicy::Length);
        }
        let raw: RawPolicy = serde_json::from_str(text).map_err(|error| InvalidPolicy::Malformed(error.to_string()))?;
        if !(1..=RULES_MAX).contains(&raw.rules.len()) {
            return Err(InvalidPolicy::RuleCount);
        }
        let mut rules = raw.rules.into_iter().map(parse_rule).collect::<Result<Vec<Rule>, _>>()?;
        rules.sort_by_key(|rule| rule.priority);
        if let Some(pair) = rules.windows(2).find(|pair| pair[0].priority == pair[1].priority) {
            return Err(InvalidPolicy::SamePriority(pair[0].priority));
        }
        let before_last = &rules[..rules.len() - 1];
        if before_last.iter().any(|rule| rule.selection == Selection::Any) {
            return Err(InvalidPolicy::AnyNotLast);
        }
        if rules.iter().filter(|rule| rule.selection == Selection::Untagged).count() > 1 {
            return Err(InvalidPolicy::SeveralUntagged);
        }
        Ok(LifecyclePolicy { rules })
    }

    /// Returns the rules, the first to be applied first.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

impl Selection {
    /// Tells whether an image with these tags is meant.
    pub fn selects(&self, tags: &[&ImageTag]) -> bool {
        match self {
            Selection::Any => true,
            Selection::Untagged => tags.is_empty(),
            Selection::Prefixes(prefixes) => {
                prefixes.iter().all(|prefix| tags.iter().any(|tag| tag.as_str().starts_with(prefix)))
            }
            Selection::Patterns(patterns) => {
                patterns.iter().all(|pattern| tags.iter().any(|tag| pattern.matches(tag.as_str())))
            }
        }
    }
}

fn parse_rule(raw: RawRule) -> Result<Rule, InvalidPolicy> {
    let priority = raw.rule_priority.get();
    let wrong = |problem: String| InvalidPolicy::Rule { priority, problem };
    if raw.action.kind != "expire" {
        let problem = format!("the action {:?} is not known here; expire is", raw.action.kind);
        return Err(wrong(problem));
    }
    let limit = parse_limit(&raw.selection).map_err(wrong)?;
    let selection = parse_selection(raw.selection).map_err(wrong)?;
    Ok(Rule { priority, selection, limit })
}

fn parse_limit(raw: &RawSelection) -> Result<Limit, String> {
    let number = raw.count_number.get();
    match (raw.count_type.as_str(), raw.count_unit.as_deref()) {
        ("imageCountMoreThan", None) => Ok(Limit::Count(number)),
        ("imageCountMoreThan", Some(_)) => Err("countUnit does not go with imageCountMoreThan".to_owned()),
        ("sinceImagePushed", Some("days")) => Ok(Limit::Age(DAY.saturating_mul(number))),
        ("sinceImagePushed", _) => Err("sinceImagePushed needs the countUnit days".to_owned()),
        (other, _) => {
            Err(format!("the countType {other:?} is not known here; imageCountMoreThan and sinceImagePushed are"))
        }
    }
}

fn parse_selection(raw: RawSelection) -> Result<Selection, String> {
    let fits = |list: &[String]| (1..=TAGS_MAX).contains(&list.len()) && list.iter().all(|text| !text.is_empty());
    match (raw.tag_status.as_str(), raw.tag_prefix_list, raw.tag_pattern_list) {
        ("any", None, None) => Ok(Selection::Any),
        ("untagged", None, None) => Ok(Selection::Untagged),
        ("any" | "untagged", _, _) => Err("tagPrefixList and tagPatternList go with tagStatus tagged alone".to_owned()),
        ("tagged", Some(prefixes), None) if fits(&prefixes) => Ok(Selection::Prefixes(prefixes)),
        ("tagged", None, Some(patterns)) if fits(&patterns) => {
            let parse =
                |text: &String| TagPattern::with_wildcards(text, WILDCARDS_MAX).map_err(|error| error.to_string());
            patterns.iter().map(parse).collect::<Result<_, _>>().map(Selection::Patterns)
        }
        ("tagged", _, _) => {
            Err("tagStatus tagged needs one of tagPrefixList and tagPatternList, with texts in it".to_owned())
        }
        (other, _, _) => Err(format!("the tagStatus {other:?} is none of tagged, untagged, any")),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    pub fn rule(priority: u32, selection: Value) -> Value {
        json!({"rulePriority": priority, "description": "a rule of a test", "selection": selection,
            "action": {"type": "expire"}})
    }

    pub fn parse(rules: &[Value]) -> Result<LifecyclePolicy, InvalidPolicy> {
        LifecyclePolicy::parse(&format!("{:100}", json!({"rules": rules}).to_string()))
    }

    fn counted(status: &str) -> Value {
        json!({"tagStatus": status, "countType": "imageCountMoreThan", "countNumber": 1})
    }

    fn with(mut selection: Value, member: &str, value: Value) -> Value {
        selection[member] = value;
        selection
    }

    #[test]
    fn rules_come_in_the_order_of_their_priority() {
        let policy = parse(&[rule(20, counted("any")), rule(5, counted("untagged"))]).expect("a policy");
        let priorities: Vec<u32> = policy.rules().iter().map(|rule| rule.priority).collect();
        assert_eq!(priorities, [5, 20]);
    }

    #[test]
    fn what_is_no_policy_is_told_why() {
        let tagged = with(counted("tagged"), "tagPrefixList", json!(["v"]));
        for (rules, why) in [
            (vec![], "1 to 50 rules"),
            (vec![rule(0, counted("any"))], "cannot be read"),
            (vec![rule(1, tagged.clone()), rule(1, counted("any"))], "two rules have the rulePriority 1"),
            (vec![rule(1, counted("any")), rule(2, tagged.clone())], "tagStatus any must have the highest"),
            (vec![rule(1, counted("untagged")), rule(2, counted("untagged"))], "only one rule may"),
            (vec![rule(1, counted("tagged"))], "needs one of tagPrefixList"),
            (vec![rule(1, with(tagged.clone(), "tagPatternList", json!(["v*"])))], "needs one of tagPrefixList"),
            (vec![rule(1, with(counted("any"), "tagPrefixList", json!(["v"])))], "go with tagStatus tagged"),
            (vec![rule(1, with(counted("tagged"), "tagPatternList", json!(["*****"])))], "no pattern"),
            (vec![rule(1, counted("some"))], "none of tagged"),
            (vec![rule(1, with(counted("any"), "countType", json!("sinceImagePulled")))], "is not known here"),
            (vec![rule(1, with(counted("any"), "countType", json!("sinceImagePushed")))], "needs the countUnit"),
            (vec![rule(1, with(counted("any"), "countUnit", json!("days")))], "countUnit does not go"),
            (vec![rule(1, with(counted("any"), "countNumber", json!(0)))], "cannot be read"),
            (vec![rule(1, with(counted("any"), "colour", json!("red")))], "unknown field"),
        ] {
            let error = parse(&rules).expect_err(why).to_string();
            assert!(error.contains(why), "{error} should say {why}");
        }
        assert_eq!(LifecyclePolicy::parse("{}"), Err(InvalidPolicy::Length));
    }
}
