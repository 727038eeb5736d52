//! A health check: the load balancer's where it asks a path of the service's own port, else the container's.

use super::super::container::Check;
use super::super::notes::Notes;
use super::super::text::Text;
use super::super::yaml::{Entries, Yaml};
use super::super::{amounts, read};
use super::ports::Published;
use super::service::Scene;
use crate::config::node::Node;

/// What became of a health check.
#[derive(Default)]
pub(super) struct Checks {
    pub container: Option<Check>,
    /// `health_check` of the service.
    pub balancer: Entries,
}

/// The bounds of ECS's and of the load balancer's settings.
struct Bounds {
    timeout: (u32, u32),
    retries: (u32, u32),
    start: (u32, u32),
}

const CONTAINER: Bounds = Bounds { timeout: (2, 60), retries: (1, 10), start: (0, 300) };
const BALANCER: Bounds = Bounds { timeout: (2, 120), retries: (2, 10), start: (0, 604_800) };
const INTERVAL: (u32, u32) = (5, 300);

/// Reads `healthcheck`.
pub(super) fn check(node: &Node, scene: &Scene<'_>, published: Published, notes: &mut Notes) -> Checks {
    let Some(check) = node.get("healthcheck") else { return Checks::default() };
    if read::scalar_at(check, "disable") == Some("true") {
        notes.add(scene.at("healthcheck.disable"), "is left out; a load balancer always checks its tasks");
        return Checks::default();
    }
    let test = check.get("test");
    let words = test.map(read::scalars).unwrap_or_default();
    let is_line = test.is_some_and(|test| read::scalar(test).is_some());
    let (kind, words) = match words.split_first() {
        Some(_) if is_line => ("CMD-SHELL", words.as_slice()),
        Some((&"NONE", _)) => return Checks::default(),
        Some((kind, words)) if *kind == "CMD" || *kind == "CMD-SHELL" => (*kind, words),
        Some(_) | None => {
            notes.odd(scene.at("healthcheck.test"));
            return Checks::default();
        }
    };
    for (key, _) in read::entries(check) {
        if !["test", "interval", "timeout", "retries", "start_period", "disable"].contains(&key.text.as_str()) {
            notes.add(scene.at(&format!("healthcheck.{}", key.text)), "has no counterpart and is left out");
        }
    }
    let path = path(&words.join(" "), published.port).filter(|_| published.listener.is_some());
    match path {
        Some(path) => {
            let advice = "is the load balancer's `health_check`; the command itself is left out";
            notes.add(scene.at("healthcheck.test"), advice);
            Checks { container: None, balancer: balancer(path, check, scene, notes) }
        }
        None => {
            let command = std::iter::once(Text::literal(kind));
            let key = scene.at("healthcheck.test");
            let words: Vec<Text> = words.iter().map(|word| read::filled(word, &key, notes)).collect();
            let numbers = numbers(check, &CONTAINER, scene, notes);
            let [interval, timeout, retries, start_period] = numbers;
            let command = command.chain(words).collect();
            Checks { container: Some(Check { command, interval, timeout, retries, start_period }), balancer: vec![] }
        }
    }
}

fn balancer(path: String, check: &Node, scene: &Scene<'_>, notes: &mut Notes) -> Entries {
    let [interval, timeout, retries, start] = numbers(check, &BALANCER, scene, notes);
    let mut entries = vec![("path".to_owned(), Yaml::text(&path))];
    let mut put = |key: &str, value: Option<Yaml>| entries.extend(value.map(|value| (key.to_owned(), value)));
    let duration = |seconds: u32| Yaml::plain(format!("{seconds}s"));
    put("interval", interval.map(duration));
    put("timeout", timeout.map(duration));
    put("unhealthy_threshold", retries.map(Yaml::plain));
    put("grace_period", start.map(duration));
    entries
}

/// Interval, timeout, retries and start period, within bounds; a timeout is shorter than its interval.
fn numbers(check: &Node, bounds: &Bounds, scene: &Scene<'_>, notes: &mut Notes) -> [Option<u32>; 4] {
    let key = |key: &str| scene.at(&format!("healthcheck.{key}"));
    let mut seconds = |name: &str, bounds: (u32, u32)| {
        read::scalar_at(check, name).and_then(|text| amounts::seconds_within(text, bounds, &key(name), notes))
    };
    let interval = seconds("interval", INTERVAL);
    let start = seconds("start_period", bounds.start);
    let timeout = seconds("timeout", bounds.timeout);
    let retries = read::scalar_at(check, "retries").and_then(|text| text.parse().ok());
    let retries = retries.map(|retries| amounts::within(retries, bounds.retries, &key("retries"), notes));
    // Without an interval Compose checks every 30 s; a check that may take as long needs a longer one.
    let longer = timeout.filter(|timeout| *timeout >= interval.unwrap_or(30)).map(|timeout| timeout + 1);
    if let Some(longer) = longer {
        notes.add(key("interval"), format!("is {longer} s, for it must be longer than the timeout"));
    }
    [longer.or(interval).or(timeout.map(|_| 30)), timeout, retries, start]
}

/// The path asked for by a command such as `curl -f http://localhost:8080/health`, if it asks the service's own port.
fn path(command: &str, port: Option<u16>) -> Option<String> {
    let (_, address) = command.split_once("http://")?;
    let end = address.find(|c: char| c.is_whitespace() || "\"'|;&)$<>".contains(c)).unwrap_or(address.len());
    let (address, _) = address.split_at(end);
    let (host, path) = address.split_once('/').unwrap_or((address, ""));
    let (host, asked) = match host.rsplit_once(':') {
        Some((host, asked)) => (host, asked.parse().ok()?),
        None => (host, 80_u16),
    };
    (matches!(host, "localhost" | "127.0.0.1" | "0.0.0.0") && port == Some(asked)).then(|| format!("/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_the_services_own_port_is_found() {
        let cases = [
            ("curl -f http://localhost:8080/health || exit 1", Some("/health")),
            ("wget -q 'http://127.0.0.1:8080/a?b=c' -O -", Some("/a?b=c")),
            ("curl http://localhost:8080", Some("/")),
            ("curl http://localhost:9090/health", None),
            ("curl http://other:8080/health", None),
            ("pg_isready", None),
        ];
        for (command, expected) in cases {
            assert_eq!(path(command, Some(8080)).as_deref(), expected, "{command}");
        }
    }
}
