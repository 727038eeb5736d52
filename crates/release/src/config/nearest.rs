//! Which valid word somebody probably meant.

/// Fewest letters that two words must share at their beginning to count as near.
const PREFIX_MIN: usize = 3;

/// The valid word nearest to `word`, when one is near enough to be worth naming.
///
/// Spelling that differs in case, hyphens and underscores only (`healthCheck`) counts as equal; a word that goes on where the
/// valid one ends, or the other way round (`production`), counts as near.
pub(crate) fn nearest<'a>(word: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(word);
    valid
        .into_iter()
        .map(|candidate| (distance(&folded, &fold(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn distance(word: &str, candidate: &str) -> usize {
    let (short, long) = if word.len() < candidate.len() { (word, candidate) } else { (candidate, word) };
    if short.len() >= PREFIX_MIN && long.starts_with(short) { 1 } else { strsim::damerau_levenshtein(word, candidate) }
}

fn fold(word: &str) -> String {
    word.chars().filter(|c| *c != '_' && *c != '-').flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let valid = ["command", "health_check", "desired_count", "port"];
        for (word, expected) in [
            ("comand", Some("command")),
            ("helth_check", Some("health_check")),
            ("healthCheck", Some("health_check")),
            ("desired-count", Some("desired_count")),
            ("prot", Some("port")),
            ("ports", Some("port")),
            ("desired", Some("desired_count")),
            ("volumes", None),
        ] {
            assert_eq!(nearest(word, valid), expected, "{word}");
        }
    }
}
