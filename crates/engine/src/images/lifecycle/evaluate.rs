//! Which images a policy lets go, and by which rule.
//!
//! As in ECR: every rule looks at all images it selects, as if no other rule had taken any; then rules are applied by priority. An image
//! that a rule selects is out of reach of all later rules, whether or not that rule lets it go. Images that an index names stay. Older
//! images go before newer ones.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use seatrial_model::image::{Digest, ImageTag};
use seatrial_model::{TimeScale, Timestamp};

use super::policy::{LifecyclePolicy, Limit, Rule};

/// An image as a policy sees it.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    pub digest: &'a Digest,
    pub tags: Vec<&'a ImageTag>,
    pub pushed_at: Timestamp,
    /// Whether an index names it.
    pub is_child: bool,
}

/// An image that is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    pub digest: Digest,
    pub rule_priority: u32,
}

/// Returns the images that are to go, oldest first within each rule.
pub fn evaluate(policy: &LifecyclePolicy, images: &[Candidate<'_>], now: Timestamp, scale: TimeScale) -> Vec<Expiry> {
    let mut newest_first: Vec<&Candidate<'_>> = images.iter().collect();
    newest_first.sort_by_key(|image| (Reverse(image.pushed_at), image.digest));
    let mut taken: BTreeSet<&Digest> = BTreeSet::new();
    let mut expired = Vec::new();
    for rule in policy.rules() {
        let selected: Vec<&Candidate<'_>> =
            newest_first.iter().copied().filter(|image| rule.selection.selects(&image.tags)).collect();
        let beyond = beyond_limit(rule, &selected, now, scale);
        let goes = beyond.iter().rev().filter(|image| !image.is_child && !taken.contains(image.digest));
        expired.extend(goes.map(|image| Expiry { digest: image.digest.clone(), rule_priority: rule.priority }));
        taken.extend(selected.iter().map(|image| image.digest));
    }
    expired
}

/// Returns the images a rule does not let stay, of those it selects, newest first.
fn beyond_limit<'s, 'i>(
    rule: &Rule,
    newest_first: &'s [&'i Candidate<'i>],
    now: Timestamp,
    scale: TimeScale,
) -> &'s [&'i Candidate<'i>] {
    let stay = match rule.limit {
        Limit::Count(count) => (count as usize).min(newest_first.len()),
        Limit::Age(age) => newest_first.partition_point(|image| now.since(image.pushed_at) <= scale.apply(age)),
    };
    &newest_first[stay..]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::policy::tests::{parse, rule};
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    /// Images as `name tag,tag age-in-days`, `!` before the name for one that an index names.
    fn expired(rules: &[Value], images: &[&str]) -> Vec<String> {
        let policy = parse(rules).expect("a policy");
        let parsed: Vec<(String, Digest, Vec<ImageTag>, Timestamp)> = images
            .iter()
            .map(|image| {
                let [name, tags, age] = image.split(' ').collect::<Vec<_>>()[..] else { panic!("{image}") };
                let letter = name.trim_start_matches('!');
                let digest = Digest::parse(&format!("sha256:{}", letter.repeat(64))).expect("a digest");
                let tags = tags.split(',').filter(|tag| *tag != "-");
                let tags = tags.map(|tag| ImageTag::parse(tag).expect("a tag")).collect();
                let age = Duration::from_secs(age.parse::<u64>().expect("days") * 24 * 3600);
                (name.to_owned(), digest, tags, NOW - age)
            })
            .collect();
        let candidates: Vec<Candidate<'_>> = parsed
            .iter()
            .map(|(name, digest, tags, pushed_at)| Candidate {
                digest,
                tags: tags.iter().collect(),
                pushed_at: *pushed_at,
                is_child: name.starts_with('!'),
            })
            .collect();
        let gone = evaluate(&policy, &candidates, NOW, TimeScale::REAL);
        gone.iter().map(|expiry| format!("{}:{}", &expiry.digest.hex()[..1], expiry.rule_priority)).collect()
    }

    fn count(status: &str, list: Option<(&str, Value)>, number: u32) -> Value {
        let mut selection = json!({"tagStatus": status, "countType": "imageCountMoreThan", "countNumber": number});
        if let Some((name, list)) = list {
            selection[name] = list;
        }
        selection
    }

    fn age(status: &str, days: u32) -> Value {
        json!({"tagStatus": status, "countType": "sinceImagePushed", "countUnit": "days", "countNumber": days})
    }

    #[test]
    fn the_newest_stay_and_older_ones_go_first() {
        let images = ["a v1 4", "b v2 3", "c v3 2", "d - 1"];
        assert_eq!(expired(&[rule(1, count("any", None, 2))], &images), ["a:1", "b:1"]);
        assert_eq!(expired(&[rule(1, count("any", None, 9))], &images), [""; 0]);
    }

    #[test]
    fn an_image_goes_when_it_is_older_than_the_limit() {
        let images = ["a - 15", "b - 14", "c v1 30"];
        assert_eq!(expired(&[rule(1, age("untagged", 14))], &images), ["a:1"]);
        assert_eq!(expired(&[rule(1, age("any", 14))], &images), ["c:1", "a:1"]);
    }

    #[test]
    fn all_prefixes_and_all_patterns_have_to_match() {
        let images = ["a alpha,beta 3", "b alpha 2", "c beta 1"];
        let prefixes = |list: Value| rule(1, count("tagged", Some(("tagPrefixList", list)), 1));
        assert_eq!(
            expired(&[prefixes(json!(["al", "be"]))], &["a alpha,beta 3", "d alpha,beta 4", "b alpha 2"]),
            ["d:1"]
        );
        assert_eq!(expired(&[prefixes(json!(["al"]))], &images), ["a:1"]);
        let patterns = rule(1, count("tagged", Some(("tagPatternList", json!(["*eta"]))), 1));
        assert_eq!(expired(&[patterns], &images), ["a:1"]);
    }

    #[test]
    fn what_an_earlier_rule_selects_no_later_rule_takes() {
        // The rule for releases keeps both; the rule for any counts them, but cannot take them.
        let releases = rule(1, count("tagged", Some(("tagPrefixList", json!(["release"]))), 5));
        let any = rule(2, count("any", None, 1));
        let images = ["a release1 9", "b release2 8", "c dev 7", "d dev2 6"];
        assert_eq!(expired(&[any, releases], &images), ["c:2"]);
    }

    #[test]
    fn an_image_that_an_index_names_stays() {
        assert_eq!(expired(&[rule(1, count("any", None, 1))], &["!a - 9", "b v1 8", "c v2 7"]), ["b:1"]);
    }

    proptest! {
        #[test]
        fn a_rule_takes_only_what_it_selects_and_no_rule_before_it_does(
            images in prop::collection::vec(("(-|v[12]|v1,x|x)", 0..20u64, any::<bool>()), 0..12),
            rules in prop::collection::vec((0..4usize, 1..5u32, any::<bool>()), 1..4),
        ) {
            let lists = [("tagged", json!(["v"])), ("tagged", json!(["v1", "x"])), ("tagged", json!(["x"])), ("untagged", json!(null))];
            let mut has_untagged = false;
            let rules: Vec<Value> = rules
                .iter()
                .filter(|(kind, ..)| *kind != 3 || !std::mem::replace(&mut has_untagged, true))
                .enumerate()
                .map(|(index, (kind, number, by_age))| {
                    let (status, list) = &lists[*kind];
                    let mut selection = if *by_age { age(status, *number) } else { count(status, None, *number) };
                    if !list.is_null() {
                        selection["tagPrefixList"] = list.clone();
                    }
                    rule(index as u32 + 1, selection)
                })
                .collect();
            let policy = parse(&rules).expect("a policy");
            let images: Vec<(Digest, Vec<ImageTag>, Timestamp, bool)> = images
                .iter()
                .enumerate()
                .map(|(index, (tags, days, is_child))| {
                    let digest = Digest::parse(&format!("sha256:{index:064x}")).expect("a digest");
                    let tags = tags.split(',').filter(|tag| *tag != "-").map(|tag| ImageTag::parse(tag).expect("a tag"));
                    (digest, tags.collect(), NOW - Duration::from_secs(days * 24 * 3600), *is_child)
                })
                .collect();
            let candidates: Vec<Candidate<'_>> = images
                .iter()
                .map(|(digest, tags, pushed_at, is_child)| Candidate {
                    digest,
                    tags: tags.iter().collect(),
                    pushed_at: *pushed_at,
                    is_child: *is_child,
                })
                .collect();
            let gone = evaluate(&policy, &candidates, NOW, TimeScale::REAL);
            let digests: BTreeSet<&Digest> = gone.iter().map(|expiry| &expiry.digest).collect();
            prop_assert_eq!(digests.len(), gone.len(), "nothing goes twice");
            for expiry in &gone {
                let image = candidates.iter().find(|image| *image.digest == expiry.digest).expect("one of them");
                let first = policy.rules().iter().find(|rule| rule.selection.selects(&image.tags));
                prop_assert_eq!(first.map(|rule| rule.priority), Some(expiry.rule_priority));
                prop_assert!(!image.is_child);
            }
            // Of what a rule counts, as many stay as it says, however many other rules there are.
            for rule in policy.rules() {
                let Limit::Count(number) = rule.limit else { continue };
                let selected = candidates.iter().filter(|image| rule.selection.selects(&image.tags));
                let by_it = gone.iter().filter(|expiry| expiry.rule_priority == rule.priority).count();
                prop_assert!(by_it <= selected.count().saturating_sub(number as usize));
            }
        }
    }
}
