//! Writing settings into a configuration file, in the hand of whoever wrote it: nothing else of the text changes.
//!
//! What an environment says of its own stays in that environment. Where the text is made by a template, or a value is no plain one, nothing
//! is written: the person is told what to write instead.

use super::error::{Fault, Position};
use super::node::{Node, Value};
use super::overrides::Setting;

/// Writes settings of a service into a file's text; `rendered` is the text with its templates filled in.
pub(crate) fn write(
    text: &str,
    rendered: impl Fn(&str) -> Result<String, Fault>,
    environment: &str,
    service: &str,
    settings: &[Setting],
) -> Result<String, Fault> {
    settings.iter().try_fold(text.to_owned(), |text, setting| {
        let filled = rendered(&text)?;
        let root = Node::parse(&filled)?;
        let edit = Edit { lines: text.lines().map(ToOwned::to_owned).collect(), filled: filled.lines().collect() };
        let keys: Vec<&str> = setting.key.split('.').collect();
        let place: Vec<&str> = if root.get("environments").and_then(|all| all.get(environment)).is_some() {
            vec!["environments", environment, "services", service]
        } else {
            vec!["services", service]
        };
        let path: Vec<&str> = place.into_iter().chain(keys).collect();
        edit.set(&root, &path, &setting.value)
    })
}

struct Edit<'a> {
    /// As they are in the file.
    lines: Vec<String>,
    /// With the templates filled in.
    filled: Vec<&'a str>,
}

impl Edit<'_> {
    fn set(mut self, root: &Node, path: &[&str], value: &str) -> Result<String, Fault> {
        let mut node = root;
        for (depth, key) in path.iter().enumerate() {
            let Value::Map(entries) = &node.value else {
                let what = format!("`{}` has a value of another kind", path[..depth].join("."));
                return Err(Fault::new(what).at(node.at).instead(by_hand(path, value)));
            };
            match entries.iter().find(|(other, _)| other.text == *key) {
                // What came with `<<` belongs to others, too.
                Some((found, inner)) if found.at >= node.at && inner.at >= found.at => node = inner,
                Some(_) | None => {
                    let begin = entries.iter().map(|(key, _)| key.at).filter(|at| *at >= node.at).min();
                    return self.insert(node, begin, (path, depth), value);
                }
            }
        }
        self.replace(node, path, value)
    }

    /// Adds the rest of a path to a map; `first` is where its first key stands.
    fn insert(
        &mut self,
        map: &Node,
        first: Option<Position>,
        (path, depth): (&[&str], usize),
        value: &str,
    ) -> Result<String, Fault> {
        let rest = &path[depth..];
        let (key, inner) = rest.split_first().unwrap_or((&"", &[]));
        let nested = inner.iter().rev().fold(value.to_owned(), |value, key| format!("{{ {key}: {value} }}"));
        let entry = format!("{key}: {nested}");
        let at = first.unwrap_or(map.at);
        let refused = || Fault::new("a template writes this place").at(at).instead(by_hand(path, value));
        if self.is_flow(map.at) {
            let line = self.own_line(map.at).ok_or_else(refused)?;
            let after = byte_of(line, map.at.column + 1);
            let comma = if first.is_some() { "," } else { " " };
            line.insert_str(after, &format!(" {entry}{comma}"));
        } else {
            self.own_line(at).ok_or_else(refused)?;
            self.lines.insert(at.line - 1, format!("{}{entry}", " ".repeat(at.column - 1)));
        }
        Ok(self.text())
    }

    fn replace(&mut self, node: &Node, path: &[&str], value: &str) -> Result<String, Fault> {
        let refused = |why: &str| Fault::new(why.to_owned()).at(node.at).instead(by_hand(path, value));
        let Value::Scalar { text, .. } = &node.value else {
            return Err(refused("there is a value of several parts"));
        };
        let text = text.clone();
        let line = self.own_line(node.at).ok_or_else(|| refused("a template writes this place"))?;
        let from = byte_of(line, node.at.column);
        let written = [text.clone(), format!("\"{text}\""), format!("'{text}'")];
        let Some(found) =
            written.iter().find(|written| !written.is_empty() && line[from..].starts_with(written.as_str()))
        else {
            return Err(refused("the value is not written on one line"));
        };
        line.replace_range(from..from + found.len(), value);
        Ok(self.text())
    }

    /// Whether a map is written in braces.
    fn is_flow(&self, at: Position) -> bool {
        self.filled.get(at.line - 1).is_some_and(|line| line[byte_of(line, at.column)..].starts_with('{'))
    }

    /// The line of a place, when no template changes the text up to there.
    fn own_line(&mut self, at: Position) -> Option<&mut String> {
        let is_own = self.lines.len() == self.filled.len();
        let index = at.line.checked_sub(1)?;
        let filled = *self.filled.get(index)?;
        self.lines.get_mut(index).filter(|line| is_own && line.as_str() == filled)
    }

    fn text(&self) -> String {
        self.lines.join("\n") + "\n"
    }
}

/// The byte at which a column begins.
fn byte_of(line: &str, column: usize) -> usize {
    line.char_indices().nth(column - 1).map_or(line.len(), |(byte, _)| byte)
}

fn by_hand(path: &[&str], value: &str) -> String {
    format!("write it yourself: {}: {value}", path.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str, settings: &[(&str, &str)]) -> Result<String, String> {
        let settings: Vec<Setting> = settings
            .iter()
            .map(|(key, value)| Setting { key: (*key).to_owned(), value: (*value).to_owned() })
            .collect();
        let rendered = |text: &str| Ok(text.replace("{{ x }}", "10s"));
        write(text, rendered, "prod", "web", &settings).map_err(|fault| fault.what)
    }

    #[test]
    fn values_are_replaced_where_they_stand_and_comments_stay() {
        let text = "services:\n  web:\n    health_check: { path: /, interval: 30s } # slow\n    deregistration_delay: '30s'   # long\n";
        let expected = "services:\n  web:\n    health_check: { path: /, interval: 5s } # slow\n    deregistration_delay: 5s   # long\n";
        assert_eq!(
            edited(text, &[("health_check.interval", "5s"), ("deregistration_delay", "5s")]).as_deref(),
            Ok(expected)
        );
    }

    #[test]
    fn what_is_missing_is_added_in_the_same_hand() {
        let text = "services:\n  web:\n    image: x\n    health_check: { path: / }\n    circuit_breaker:\n      enable: true\n";
        let settings = [
            ("health_check.interval", "5s"),
            ("circuit_breaker.rollback", "true"),
            ("deployment.early_success.healthy_percent", "100"),
            ("deployment.early_success.cleanup", "deferred"),
        ];
        let expected = "services:\n  web:\n    deployment: { early_success: { cleanup: deferred, healthy_percent: 100 } }\n    image: x\n    \
                        health_check: { interval: 5s, path: / }\n    circuit_breaker:\n      rollback: true\n      enable: true\n";
        assert_eq!(edited(text, &settings).as_deref(), Ok(expected));
    }

    #[test]
    fn an_environment_gets_settings_of_its_own() {
        let text = "services:\n  web: { image: x, deregistration_delay: 30s }\nenvironments:\n  dev: {}\n  prod:\n    target: x\n";
        let expected = "services:\n  web: { image: x, deregistration_delay: 30s }\nenvironments:\n  dev: {}\n  prod:\n    \
                        services: { web: { deregistration_delay: 5s } }\n    target: x\n";
        assert_eq!(edited(text, &[("deregistration_delay", "5s")]).as_deref(), Ok(expected));
        let empty = "services: { web: {} }\n";
        assert_eq!(edited(empty, &[("a", "1")]).as_deref(), Ok("services: { web: { a: 1 } }\n"));
    }

    #[test]
    fn what_a_template_or_somebody_else_writes_is_left_alone() {
        let template = "services:\n  web:\n    deregistration_delay: {{ x }}\n";
        let refused = edited(template, &[("deregistration_delay", "5s")]).expect_err("a template");
        assert!(refused.contains("a template writes this place"), "{refused}");
        let other = "services:\n  web:\n    circuit_breaker: true\n";
        assert!(edited(other, &[("circuit_breaker.rollback", "true")]).is_err());
        let shared = "base: &base\n  deregistration_delay: 30s\nservices:\n  web:\n    <<: *base\n    image: x\n";
        let own = edited(shared, &[("deregistration_delay", "5s")]).expect("it can be written beside");
        assert_eq!(
            own,
            shared.replace("    <<: *base\n    image", "    <<: *base\n    deregistration_delay: 5s\n    image")
        );
    }
}
