//! What a schema wants, in words.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value as Json;

use super::{About, Breach};

/// Longest piece of a value or a schema in a message, in characters.
const SHOWN_MAX: usize = 80;

/// A value that does not fit; without its text where that is nobody's business.
pub(super) fn value(name: &str, text: Option<&str>, within: &str, error: &ValidationError<'_>, schema: &str) -> Breach {
    let place = if within.is_empty() { String::new() } else { format!(" at {within}") };
    let found = match text {
        Some(text) => format!("is `{}`", shortened(text)),
        None => "has a value, not shown here, that does not fit".to_owned(),
    };
    Breach {
        about: About::Value(name.to_owned()),
        what: format!("`config.{name}` {found}, and {schema} wants{place} {}", wanted(error)),
    }
}

/// A value that no schema knows.
pub(super) fn unexpected(name: &str, schema: &str) -> Breach {
    Breach {
        about: About::Value(name.to_owned()),
        what: format!("`config.{name}` is not a value that {schema} allows"),
    }
}

/// Something about all values together.
pub(super) fn whole(error: &ValidationError<'_>, schema: &str) -> Breach {
    Breach {
        about: About::Whole,
        what: format!("the values of `config` together are not what {schema} wants: {}", wanted(error)),
    }
}

fn wanted(error: &ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::Type { kind } => of_type(kind),
        ValidationErrorKind::Enum { options } => one_of(options),
        ValidationErrorKind::Constant { expected_value } => plain(expected_value),
        ValidationErrorKind::Minimum { limit } => format!("at least {limit}"),
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("more than {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("at most {limit}"),
        ValidationErrorKind::ExclusiveMaximum { limit } => format!("less than {limit}"),
        ValidationErrorKind::MultipleOf { multiple_of } => format!("a multiple of {multiple_of}"),
        ValidationErrorKind::MinLength { limit } => format!("at least {limit} characters"),
        ValidationErrorKind::MaxLength { limit } => format!("at most {limit} characters"),
        ValidationErrorKind::MinItems { limit } => format!("at least {limit} items"),
        ValidationErrorKind::MaxItems { limit } => format!("at most {limit} items"),
        ValidationErrorKind::Pattern { pattern } => format!("what matches `{}`", shortened(pattern)),
        ValidationErrorKind::Format { format } => format!("the form `{format}`"),
        ValidationErrorKind::Required { property } => format!("a member {property}"),
        ValidationErrorKind::FalseSchema => "no value there".to_owned(),
        // Of the rest the library's words tell the keyword; the value is left out of them.
        kind => format!("something else by its `{}`: {}", kind.keyword(), shortened(&error.masked().to_string())),
    }
}

fn of_type(kind: &TypeKind) -> String {
    let with_article = |name: String| match name.as_str() {
        "integer" | "array" | "object" => format!("an {name}"),
        "null" => name,
        _ => format!("a {name}"),
    };
    match kind {
        TypeKind::Single(one) => with_article(one.to_string()),
        TypeKind::Multiple(several) => {
            let names: Vec<String> = several.iter().map(|one| with_article(one.to_string())).collect();
            names.join(" or ")
        }
    }
}

fn one_of(options: &Json) -> String {
    let options: Vec<String> = options.as_array().into_iter().flatten().map(plain).collect();
    format!("one of {}", shortened(&options.join(", ")))
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => format!("`{text}`"),
        other => other.to_string(),
    }
}

/// Text of a length that a message can bear, on one line.
pub(super) fn shortened(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
