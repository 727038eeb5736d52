//! Go templates in text that is then read as YAML or JSON: they are taken out before, and put in again in Seatrial's form.

use super::super::notes::Notes;
use super::super::text::Text;

/// Begins and ends what holds the place of a template; no real text has them.
const START: char = '\u{E010}';
const END: char = '\u{E011}';

/// Longest name of a variable that stands for a template.
const NAME_MAX: usize = 60;

/// The templates of one file, in their order.
#[derive(Debug, Default)]
pub(super) struct Templates(Vec<Variable>);

#[derive(Debug)]
struct Variable {
    name: String,
    default: Option<String>,
}

impl Templates {
    pub fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// The text with a mark in the place of each template.
    pub fn take_out(&mut self, text: &str, file: &str, notes: &mut Notes) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((inner, after)) = after.split_once("}}") else { break };
            out.push_str(before);
            rest = after;
            let inner = inner.trim_start_matches('-').trim_end_matches('-').trim();
            if inner.starts_with("/*") {
                continue;
            }
            out.push_str(&format!("{START}{}{END}", self.0.len()));
            self.0.push(variable(inner, file, notes));
        }
        out + rest
    }

    /// Text with its templates again.
    pub fn put_in(&self, text: &str) -> Text {
        let mut out = Text::default();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(START) {
            let Some((number, after)) = after.split_once(END) else { break };
            if !before.is_empty() {
                out.push_literal(before);
            }
            if let Some(variable) = number.parse().ok().and_then(|number: usize| self.0.get(number)) {
                out.push_variable(&variable.name, variable.default.as_deref());
            }
            rest = after;
        }
        if !rest.is_empty() || out == Text::default() {
            out.push_literal(rest);
        }
        out
    }
}

fn variable(expression: &str, file: &str, notes: &mut Notes) -> Variable {
    let words = words(expression);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["must_env", name] if is_name(name) => Variable { name: (*name).to_owned(), default: None },
        ["env", name] if is_name(name) => Variable { name: (*name).to_owned(), default: Some(String::new()) },
        ["env", name, default] if is_name(name) => {
            Variable { name: (*name).to_owned(), default: Some((*default).to_owned()) }
        }
        _ => {
            let name = stand_in(expression);
            let advice = format!(
                "`{{{{ {expression} }}}}` is no function of Seatrial's: set {name} to its value when you deploy"
            );
            notes.add(file, advice);
            Variable { name, default: None }
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The name of a variable for an expression.
fn stand_in(expression: &str) -> String {
    let folded: String =
        expression.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    let name = folded.split('_').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_");
    let name: String = name.chars().take(NAME_MAX).collect();
    if name.starts_with(|c: char| c.is_ascii_uppercase()) { name } else { format!("TEMPLATE_{name}") }
}

/// The words of an expression; quotes are those of Go, also behind JSON's backslash.
fn words(expression: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None::<char>);
    for character in expression.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (_, '\\') => {}
            (Some(_), _) => word.get_or_insert_default().push(character),
            (None, '"' | '`') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_become_seatrials_own_or_variables() {
        let cases = [
            ("{{ must_env `TAG` }}", "\"{{ must_env('TAG') }}\"", 0),
            ("x:{{ env \"TAG\" \"v 1\" }}", "\"x:{{ env('TAG', 'v 1') }}\"", 0),
            ("{{- env `TAG` -}}", "\"{{ env('TAG', '') }}\"", 0),
            ("{{ must_env \\\"TAG\\\" }}", "\"{{ must_env('TAG') }}\"", 0),
            ("{{ tfstate `aws_lb.x['a'].arn` }}", "\"{{ must_env('TFSTATE_AWS_LB_X_A_ARN') }}\"", 1),
            ("{{ env `A` | upper }}", "\"{{ must_env('ENV_A_UPPER') }}\"", 1),
            ("a {{/* said */}}b", "\"a b\"", 0),
            ("a {{ b", "\"a {{ '{{' }} b\"", 0),
        ];
        for (text, expected, remarks) in cases {
            let (mut templates, mut notes) = (Templates::default(), Notes::default());
            let marked = templates.take_out(text, "f", &mut notes);
            assert_eq!(templates.put_in(&marked).quoted(), expected);
            assert_eq!(notes.into_remarks().len(), remarks, "{text}");
        }
    }
}
