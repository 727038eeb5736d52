//! The words and signs of an expression.

use super::MathError;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(f64),
    /// Begins with a lower-case letter.
    Id(String),
    /// Begins with an upper-case letter: a function or a keyword.
    Word(String),
    Text(String),
    Sign(&'static str),
}

/// Longer signs first.
const SIGNS: [&str; 18] =
    ["==", "!=", "<=", ">=", "&&", "||", "<", ">", "+", "-", "*", "/", "^", "(", ")", "[", "]", ","];

/// Splits an expression; each token comes with the position of its first character, counted from 1.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, MathError> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let position = text[..text.len() - rest.len()].chars().count() + 1;
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let (token, length) = match first {
            '0'..='9' | '.' => number(rest, position)?,
            'a'..='z' => word(rest, Token::Id),
            'A'..='Z' => word(rest, Token::Word),
            '"' | '\'' => quoted(rest, first, position)?,
            _ => match SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
                Some(sign) => (Token::Sign(sign), sign.len()),
                None => return Err(MathError::Syntax { position, problem: "this character has no meaning" }),
            },
        };
        tokens.push((position, token));
        rest = &rest[length..];
    }
}

fn word(rest: &str, make: fn(String) -> Token) -> (Token, usize) {
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    (make(rest[..end].to_owned()), end)
}

fn number(rest: &str, position: usize) -> Result<(Token, usize), MathError> {
    let digits = |from: usize| {
        let end = rest[from..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - from);
        from + end
    };
    let mut end = digits(0);
    if rest[end..].starts_with('.') {
        end = digits(end + 1);
    }
    if rest[end..].starts_with(['e', 'E']) {
        let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
        let exponent = digits(end + 1 + sign);
        end = if exponent > end + 1 + sign { exponent } else { end };
    }
    match rest[..end].parse::<f64>() {
        Ok(number) if number.is_finite() => Ok((Token::Number(number), end)),
        Ok(_) | Err(_) => Err(MathError::Syntax { position, problem: "this is no number" }),
    }
}

fn quoted(rest: &str, quote: char, position: usize) -> Result<(Token, usize), MathError> {
    match rest[1..].find(quote) {
        Some(end) => Ok((Token::Text(rest[1..=end].to_owned()), end + 2)),
        None => Err(MathError::Syntax { position, problem: "the closing quote is missing" }),
    }
}
