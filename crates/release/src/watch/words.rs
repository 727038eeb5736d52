//! ECS's messages made readable: ids cut short, ARNs reduced to names. Pure.

use std::time::Duration;

/// Letters of a task id that are shown; enough to be unique among the tasks of a service.
const ID_SHOWN: usize = 8;

/// What ECS counts, and how one of it is called.
const PLURALS: [(&str, &str); 2] = [("tasks", "task"), ("targets", "target")];

/// What may stand between a number and what is counted.
const KINDS: [&str; 2] = ["running", "pending"];

/// Length of a task id: 32 hexadecimal digits.
const ID_LENGTH: usize = 32;

/// Begins the id of a pause, of which as many characters tell it from others as of a task's.
const PAUSE_PREFIX: &str = "ecs-pause-";

/// A service event without its `(service NAME)`, with short ids and names, and without ECS's `1 tasks`.
pub(crate) fn readable(message: &str) -> String {
    let mut words: Vec<String> = without_service(message).split(' ').map(shorten_word).collect();
    for index in 1..words.len() {
        let is_one =
            words[index - 1] == "1" || (index > 1 && words[index - 2] == "1" && KINDS.contains(&&*words[index - 1]));
        if is_one && let Some((_, one)) = PLURALS.iter().find(|(many, _)| words[index].starts_with(many)) {
            let rest = words[index][one.len() + 1..].to_owned();
            words[index] = format!("{one}{rest}");
        }
    }
    words.join(" ")
}

/// The id of a task from its ARN.
pub(crate) fn task_id(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// `1 task`, `2 tasks`.
pub(crate) fn tasks_in_words(count: usize) -> String {
    if count == 1 { "1 task".to_owned() } else { format!("{count} tasks") }
}

/// A task id as it is shown.
pub(crate) fn short_id(id: &str) -> &str {
    id.get(..ID_SHOWN).unwrap_or(id)
}

fn without_service(message: &str) -> &str {
    let Some(rest) = message.strip_prefix("(service ") else { return message };
    rest.split_once(')').map_or(message, |(_, tail)| tail.trim_start())
}

/// Shortens one word, keeping the punctuation around it.
fn shorten_word(word: &str) -> String {
    let is_edge = |c: char| matches!(c, '(' | ')' | '.' | ',');
    let core = word.trim_matches(is_edge);
    let Some(start) = word.find(core).filter(|_| !core.is_empty()) else { return word.to_owned() };
    let (before, after) = (&word[..start], &word[start + core.len()..]);
    format!("{before}{}{after}", shorten(core))
}

fn shorten(word: &str) -> &str {
    if word.starts_with("arn:") {
        // …:targetgroup/NAME/0123456789abcdef, …:task/CLUSTER/ID
        let mut parts = word.split('/').skip(1);
        return match (word.contains(":targetgroup/"), parts.next(), parts.next()) {
            (true, Some(name), _) => name,
            (_, Some(_), Some(id)) => shorten(id),
            (_, Some(name), None) => name,
            (_, None, _) => word,
        };
    }
    if let Some(id) = word.strip_prefix(PAUSE_PREFIX) {
        return word.get(..PAUSE_PREFIX.len() + id.len().min(ID_SHOWN)).unwrap_or(word);
    }
    if word.len() == ID_LENGTH && word.bytes().all(|byte| byte.is_ascii_hexdigit()) { short_id(word) } else { word }
}

/// A configured length of time, and how long it really takes where the endpoint makes it shorter.
pub(crate) fn scaled(configured: Duration, time_scale: u32) -> String {
    match time_scale {
        0 | 1 => span(configured),
        scale => format!("{} ({} at time scale {scale})", span(configured), span(configured / scale)),
    }
}

/// `250 ms`, `45 s`, `10 min`, `1 h 30 min`.
fn span(duration: Duration) -> String {
    let (seconds, milliseconds) = (duration.as_secs(), duration.as_millis());
    match seconds {
        0 => format!("{milliseconds} ms"),
        1..=9 if milliseconds % 1000 != 0 => format!("{:.1} s", duration.as_secs_f64()),
        1..=59 => format!("{seconds} s"),
        60..=3599 if seconds % 60 == 0 => format!("{} min", seconds / 60),
        60..=3599 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ if seconds / 60 % 60 == 0 => format!("{} h", seconds / 3600),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_told_as_configured_and_as_they_pass() {
        let told = |seconds, scale| scaled(Duration::from_secs(seconds), scale);
        assert_eq!(told(600, 1), "10 min");
        assert_eq!(told(600, 60), "10 min (10 s at time scale 60)");
        assert_eq!(told(90, 60), "1 min 30 s (1.5 s at time scale 60)");
        assert_eq!(told(5400, 100), "1 h 30 min (54 s at time scale 100)");
        assert_eq!(told(30, 60), "30 s (500 ms at time scale 60)");
    }

    #[test]
    fn service_events_lose_what_nobody_reads() {
        let id = "0123456789abcdef0123456789abcdef";
        let group = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/hello-dev-web/0123456789abcdef";
        let cases = [
            (
                format!("(service web) has started 2 tasks: (task {id}) (task {id})."),
                "has started 2 tasks: (task 01234567) (task 01234567).",
            ),
            (
                format!("(service web) registered 1 targets in (target-group {group})"),
                "registered 1 target in (target-group hello-dev-web)",
            ),
            (
                "(service web, taskSet ecs-svc/7) has begun draining connections on 1 tasks.".into(),
                "has begun draining connections on 1 task.",
            ),
            (
                format!("(service web) has stopped 1 running tasks: (task {id})."),
                "has stopped 1 running task: (task 01234567).",
            ),
            (format!("(service web) has started 1 tasks: (task {id})."), "has started 1 task: (task 01234567)."),
            ("(service web) has reached a steady state.".into(), "has reached a steady state."),
            ("something else".into(), "something else"),
        ];
        for (message, expected) in cases {
            assert_eq!(readable(&message), expected);
        }
    }
}
