//! Filling `{{ env("TAG") }}` into a configuration file before it is read as YAML.
//!
//! A variable that is not set is an error only where its value is used: the production environment's `must_env("IMAGE")`
//! must not stand in the way of a development deployment. Until the environment is chosen its place is held by a mark that
//! cannot occur in real text; [`find_missing`] finds it again.

use std::collections::BTreeMap;

use minijinja::{Environment, ErrorKind, UndefinedBehavior};

use super::error::{Fault, FaultKind, Position};

const MARK_START: char = '\u{E000}';
const MARK_END: char = '\u{E001}';

/// Where `env()` looks up its variables.
#[derive(Clone, Debug)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// The environment variables of this process; ones that are not Unicode are left out.
    pub fn of_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
        )
    }

    /// Fixed variables, for tests and previews.
    pub fn fixed<K: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// Renders a template; `env` is the only thing it can read, and nothing it calls has an effect.
pub(crate) fn render(text: &str, variables: &Variables) -> Result<String, Fault> {
    if !text.contains("{{") && !text.contains("{%") && !text.contains("{#") {
        return Ok(text.to_owned());
    }
    // A statement may look at a value and go another way, so a held place would be a wrong answer: fail at once.
    let missing: fn(&str, Why) -> Result<String, minijinja::Error> =
        if text.contains("{%") { |name, why| Err(refusal(name, why)) } else { |name, why| Ok(held_place(name, why)) };
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    let known = variables.0.clone();
    environment.add_function("env", move |name: String, default: Option<String>| match (known.get(&name), default) {
        (Some(value), _) => Ok(value.clone()),
        (None, Some(default)) => Ok(default),
        (None, None) => missing(&name, Why::Unset),
    });
    let known = variables.0.clone();
    environment.add_function("must_env", move |name: String| match known.get(&name) {
        Some(value) if !value.is_empty() => Ok(value.clone()),
        Some(_) => missing(&name, Why::Empty),
        None => missing(&name, Why::Unset),
    });
    environment.render_str(text, ()).map_err(|error| fault(&error))
}

/// Finds the mark of a variable that was not set.
pub(crate) fn find_missing(text: &str) -> Option<Fault> {
    let start = text.find(MARK_START)?;
    let rest = &text[start + MARK_START.len_utf8()..];
    let name = &rest[..rest.find(MARK_END)?];
    let (name, why) = match name.strip_prefix('=') {
        Some(name) => (name, Why::Empty),
        None => (name, Why::Unset),
    };
    let fault = Fault::new(why.sentence(name)).instead(advice(name));
    Some(Fault { kind: FaultKind::UnsetVariable, ..fault })
}

#[derive(Clone, Copy)]
enum Why {
    Unset,
    Empty,
}

impl Why {
    fn sentence(self, name: &str) -> String {
        match self {
            Why::Unset => format!("the environment variable {name} is not set"),
            Why::Empty => format!("the environment variable {name} is empty"),
        }
    }
}

fn advice(name: &str) -> String {
    format!("set it ({name}=… seatrial …) or give a default: {{{{ env(\"{name}\", \"…\") }}}}")
}

fn held_place(name: &str, why: Why) -> String {
    let sign = match why {
        Why::Unset => "",
        Why::Empty => "=",
    };
    format!("{MARK_START}{sign}{name}{MARK_END}")
}

fn refusal(name: &str, why: Why) -> minijinja::Error {
    minijinja::Error::new(ErrorKind::UndefinedError, format!("{}; {}", why.sentence(name), advice(name)))
}

fn fault(error: &minijinja::Error) -> Fault {
    let at = Position { line: error.line().unwrap_or(1), column: 1 };
    let detail = error.detail().map_or_else(|| error.kind().to_string(), ToOwned::to_owned);
    let fault = match error.kind() {
        ErrorKind::UndefinedError if error.detail().is_none() => {
            Fault::new("the template uses a name that is not defined")
        }
        ErrorKind::UndefinedError | ErrorKind::InvalidOperation => Fault::new(detail),
        _ => Fault::new(format!("the template cannot be filled in: {detail}")),
    };
    fault.at(at).instead("use {{ env(\"NAME\") }}, {{ env(\"NAME\", \"default\") }} or {{ must_env(\"NAME\") }}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str) -> Result<String, Fault> {
        render(text, &Variables::fixed([("TAG", "v7"), ("EMPTY", "")]))
    }

    #[test]
    fn variables_and_defaults_are_filled_in() {
        for (text, expected) in [
            ("a: {{ env(\"TAG\") }}\n", "a: v7"),
            ("a: {{ env('TAG', 'x') }}", "a: v7"),
            ("a: {{ env('NONE', 'x') }}", "a: x"),
            ("a: \"{{ env('EMPTY', 'x') }}\"", "a: \"\""),
            ("a: {{ must_env('TAG') | upper }}", "a: V7"),
            ("{target: embedded}", "{target: embedded}"),
        ] {
            assert_eq!(rendered(text).expect(text), expected);
        }
    }

    #[test]
    fn an_unset_variable_is_found_where_its_value_is_used() {
        let text = rendered("{{ env('NONE') }}").expect("rendering holds the place");
        assert_eq!(find_missing(&text).expect("a fault").what, "the environment variable NONE is not set");
        let text = rendered("x{{ must_env('EMPTY') }}y").expect("rendering holds the place");
        assert_eq!(find_missing(&text).expect("a fault").what, "the environment variable EMPTY is empty");
        assert_eq!(find_missing("plain"), None);
    }

    #[test]
    fn an_unset_variable_in_a_file_with_statements_is_an_error_at_once() {
        let fault = rendered("{% if env('NONE') == 'x' %}a{% endif %}").expect_err("statements cannot wait");
        assert!(fault.what.starts_with("the environment variable NONE is not set"), "{}", fault.what);
    }

    #[test]
    fn an_undefined_name_is_an_error_with_its_line() {
        let fault = rendered("a: 1\nb: {{ TAG }}\n").expect_err("TAG is no name of the template");
        assert_eq!(fault.at.map(|at| at.line), Some(2));
    }
}
