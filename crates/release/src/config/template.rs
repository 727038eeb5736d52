//! Filling `{{ env("TAG") }}` into a configuration file before it is read as YAML.
//!
//! A variable that is not set is an error only where its value is used: the production environment's `must_env("IMAGE")`
//! must not stand in the way of a development deployment. Until the environment is chosen its place is held by a mark that
//! cannot occur in real text; [`find_missing`] finds it again. The same goes for `{{ infra.NAME }}`, an output of the environment's
//! infrastructure, which is not known before the environment is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};
use serde_json::Value as Json;

use super::error::{Fault, FaultKind, Position};
use super::infra_outputs::InfraOutputs;

const MARK_START: char = '\u{E000}';
const MARK_END: char = '\u{E001}';

/// Begins the mark of an output.
const OUTPUT_SIGN: char = '!';

/// Where `env()` looks up its variables, and `infra` its outputs.
#[derive(Clone, Debug)]
pub struct Variables {
    environment: BTreeMap<String, String>,
    /// None while they are not known.
    outputs: Option<BTreeMap<String, Json>>,
}

impl Variables {
    /// The environment variables of this process; ones that are not Unicode are left out.
    pub fn of_process() -> Self {
        let all = std::env::vars_os();
        Self::fixed(all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))))
    }

    /// Fixed variables, for tests and previews.
    pub fn fixed<K: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        let environment = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { environment, outputs: None }
    }

    /// The same, with the outputs of an infrastructure.
    pub(crate) fn with_outputs(&self, outputs: BTreeMap<String, Json>) -> Self {
        Self { outputs: Some(outputs), ..self.clone() }
    }
}

/// A template that has been filled in.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub text: String,
    /// The outputs of an infrastructure that it looked at.
    pub outputs: BTreeSet<String>,
}

impl Rendered {
    /// An output that is not known and whose place is not simply held: a comparison or a filter has made something else of it.
    pub fn reshaped(&self, known: &BTreeMap<String, Json>) -> Option<&String> {
        self.outputs.iter().find(|name| !known.contains_key(*name) && !self.text.contains(&held_output(name)))
    }
}

/// Tells whether a text has statements, which may look at a value and go another way.
pub(crate) fn has_statements(text: &str) -> bool {
    text.contains("{%")
}

/// Renders a template as [`render_with_outputs`] does.
pub(crate) fn render(text: &str, variables: &Variables) -> Result<String, Fault> {
    render_with_outputs(text, variables).map(|rendered| rendered.text)
}

/// Renders a template; `env` and `infra` are all it can read, and nothing it calls has an effect.
pub(crate) fn render_with_outputs(text: &str, variables: &Variables) -> Result<Rendered, Fault> {
    if !text.contains("{{") && !has_statements(text) && !text.contains("{#") {
        return Ok(Rendered { text: text.to_owned(), outputs: BTreeSet::new() });
    }
    // A statement may look at a value and go another way, so a held place would be a wrong answer: fail at once.
    let missing: fn(&str, Why) -> Result<String, minijinja::Error> =
        if has_statements(text) { |name, why| Err(refusal(name, why)) } else { |name, why| Ok(held_place(name, why)) };
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    let infra = Arc::new(InfraOutputs::new(variables.outputs.clone(), held_output));
    environment.add_global("infra", minijinja::Value::from_dyn_object(infra.clone()));
    let writer = infra.clone();
    environment.set_formatter(move |output, state, value| writer.write(output, state, value));
    let known = variables.environment.clone();
    environment.add_function("env", move |name: String, default: Option<String>| match (known.get(&name), default) {
        (Some(value), _) => Ok(value.clone()),
        (None, Some(default)) => Ok(default),
        (None, None) => missing(&name, Why::Unset),
    });
    let known = variables.environment.clone();
    environment.add_function("must_env", move |name: String| match known.get(&name) {
        Some(value) if !value.is_empty() => Ok(value.clone()),
        Some(_) => missing(&name, Why::Empty),
        None => missing(&name, Why::Unset),
    });
    let text = environment.render_str(text, ()).map_err(|error| fault(&error))?;
    Ok(Rendered { text, outputs: infra.asked_for() })
}

/// Finds the mark of a variable that was not set.
pub(crate) fn find_missing(text: &str) -> Option<Fault> {
    let start = text.find(MARK_START)?;
    let rest = &text[start + MARK_START.len_utf8()..];
    let name = &rest[..rest.find(MARK_END)?];
    let fault = match (name.strip_prefix('='), name.strip_prefix(OUTPUT_SIGN)) {
        (_, Some(output)) => return Some(unknown_output(output)),
        (Some(name), None) => Fault::new(Why::Empty.sentence(name)).instead(advice(name)),
        (None, None) => Fault::new(Why::Unset.sentence(name)).instead(advice(name)),
    };
    Some(Fault { kind: FaultKind::UnsetVariable, ..fault })
}

/// An output whose value is needed before anything can tell it.
pub(crate) fn unknown_output(name: &str) -> Fault {
    let fault = Fault::new(format!("the output `{name}` of the infrastructure is not known yet"));
    Fault { kind: FaultKind::UnknownOutput, ..fault.instead("make it first: seatrial infra apply") }
}

/// Puts something in the place of each mark of an output.
pub(crate) fn replace_outputs(
    text: &str,
    mut replacement: impl FnMut(&str) -> Result<String, Fault>,
) -> Result<String, Fault> {
    let start = format!("{MARK_START}{OUTPUT_SIGN}");
    let (mut replaced, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once(&start) {
        let Some((name, after)) = after.split_once(MARK_END) else { break };
        replaced += before;
        replaced += &replacement(name)?;
        rest = after;
    }
    Ok(replaced + rest)
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

fn held_output(name: &str) -> String {
    format!("{MARK_START}{OUTPUT_SIGN}{name}{MARK_END}")
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
    fault.at(at).instead(
        "use {{ env(\"NAME\") }}, {{ env(\"NAME\", \"default\") }}, {{ must_env(\"NAME\") }} or {{ infra.OUTPUT }}",
    )
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
    fn outputs_hold_their_places_until_they_are_known() {
        let text = "a: {{ infra.url }} {{ infra['x-y'] }}\nb: {{ infra.list }}\n";
        let unknown = render_with_outputs(text, &Variables::fixed::<&str, &str>([])).expect("it holds the places");
        assert_eq!(unknown.outputs.iter().map(String::as_str).collect::<Vec<_>>(), ["list", "url", "x-y"]);
        assert!(find_missing(&unknown.text).is_some_and(|fault| fault.what.contains("`url`")));
        let told = replace_outputs(&unknown.text, |name| Ok(format!("<{name}>"))).expect("nothing refuses");
        assert_eq!(told, "a: <url> <x-y>\nb: <list>");
        let known = BTreeMap::from([
            ("url".to_owned(), serde_json::json!("http://x")),
            ("x-y".to_owned(), serde_json::json!(1.5)),
            ("list".to_owned(), serde_json::json!(["a", "b\"c"])),
        ]);
        let variables = Variables::fixed::<&str, &str>([]).with_outputs(known);
        assert_eq!(render(text, &variables).expect("known"), "a: http://x 1.5\nb: [\"a\",\"b\\\"c\"]");
        let other = render("{{ infra.other }}", &variables).expect("it holds the place");
        assert!(find_missing(&other).is_some(), "an output that is not there");
        let parts = "{{ infra.list[0] }} {{ infra.map.key }} {{ infra.list | join(',') }}";
        let held = render_with_outputs(parts, &Variables::fixed::<&str, &str>([])).expect("it holds the places");
        assert_eq!(held.reshaped(&BTreeMap::new()), None);
        let told = replace_outputs(&held.text, |name| Ok(name.to_owned())).expect("nothing refuses");
        assert_eq!(told, "list map list");
        for reshaping in ["{{ infra.a | upper }}", "{{ 1 if infra.a == 'x' else 2 }}", "{{ infra.a | length }}"] {
            let held = render_with_outputs(reshaping, &Variables::fixed::<&str, &str>([])).expect(reshaping);
            assert_eq!(held.reshaped(&BTreeMap::new()).map(String::as_str), Some("a"), "{reshaping}");
        }
        let lines = Variables::fixed::<&str, &str>([])
            .with_outputs(BTreeMap::from([("pem".to_owned(), serde_json::json!("a\nb"))]));
        let fault = render("a: {{ infra.pem }}", &lines).expect_err("it would change the file's structure");
        assert!(fault.what.contains("has several lines"), "{}", fault.what);
    }

    #[test]
    fn an_undefined_name_is_an_error_with_its_line() {
        let fault = rendered("a: 1\nb: {{ TAG }}\n").expect_err("TAG is no name of the template");
        assert_eq!(fault.at.map(|at| at.line), Some(2));
    }
}
