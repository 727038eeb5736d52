//! What a registry wants to be shown: the header `WWW-Authenticate`.

use std::collections::BTreeMap;

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// The longest header that is read; real ones have some hundred characters.
const LENGTH_MAX: usize = 8 * 1024;

/// A way to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A token, of the server of tokens at `realm`.
    Bearer { realm: String, service: Option<String>, scope: Option<String> },
    /// User and password themselves.
    Basic,
}

impl Challenge {
    /// Reads what is wanted: a token where there is a choice, `None` where nothing known is offered.
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let texts = headers.get_all(WWW_AUTHENTICATE).into_iter().filter_map(|value| value.to_str().ok());
        let offers: Vec<Offer> = texts.filter(|text| text.len() <= LENGTH_MAX).flat_map(parse).collect();
        let bearer = offers.iter().find_map(|offer| {
            let realm = offer.parameters.get("realm").filter(|_| offer.scheme == "bearer")?;
            let parameter = |name: &str| offer.parameters.get(name).filter(|text| !text.is_empty()).cloned();
            Some(Challenge::Bearer { realm: realm.clone(), service: parameter("service"), scope: parameter("scope") })
        });
        bearer.or_else(|| offers.iter().any(|offer| offer.scheme == "basic").then_some(Challenge::Basic))
    }
}

/// One scheme with its parameters; names are in lower case.
#[derive(Debug, Default)]
struct Offer {
    scheme: String,
    parameters: BTreeMap<String, String>,
}

/// Reads `SCHEME NAME=VALUE, NAME="VALUE", SCHEME …`. What fits nowhere is passed over.
fn parse(text: &str) -> Vec<Offer> {
    let mut offers: Vec<Offer> = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_token) {
        let (word, after) = split_token(&rest[start..]);
        let Some(value) = after.trim_start().strip_prefix('=') else {
            offers.push(Offer { scheme: word.to_ascii_lowercase(), ..Offer::default() });
            rest = after;
            continue;
        };
        let (value, after) = split_value(value.trim_start());
        if let Some(offer) = offers.last_mut() {
            offer.parameters.entry(word.to_ascii_lowercase()).or_insert(value);
        }
        rest = after;
    }
    offers
}

fn split_token(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c| !is_token(c)).unwrap_or(text.len()))
}

fn split_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = split_token(text);
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/:".contains(c)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn read(values: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(value).expect("a value"));
        }
        Challenge::read(&headers)
    }

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Option<Challenge> {
        let own = |text: &str| text.to_owned();
        Some(Challenge::Bearer { realm: own(realm), service: service.map(own), scope: scope.map(own) })
    }

    #[test]
    fn a_token_is_asked_for_with_its_parameters() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        let expected =
            bearer("https://auth.docker.io/token", Some("registry.docker.io"), Some("repository:a/b:pull,push"));
        assert_eq!(read(&[hub]), expected);
        assert_eq!(read(&["Basic realm=x", hub]), expected, "a token where there is a choice");
        assert_eq!(read(&[&format!("Basic realm=\"x, y\", {hub}")]), expected, "in one header");
        assert_eq!(read(&[r#"bearer REALM = "a\"b" , service=plain"#]), bearer("a\"b", Some("plain"), None));
        assert_eq!(read(&["Bearer realm=https://a.io/token"]), bearer("https://a.io/token", None, None));
    }

    #[test]
    fn anything_else_is_basic_or_nothing() {
        assert_eq!(
            read(&[r#"Basic realm="https://1.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com""#]),
            Some(Challenge::Basic)
        );
        assert_eq!(read(&["Negotiate abc==, basic"]), Some(Challenge::Basic));
        for nothing in ["", "Bearer", "Bearer service=x", "Negotiate", "=", "\"", ",,,", "realm=\"x\""] {
            assert_eq!(read(&[nothing]), None, "{nothing}");
        }
        assert_eq!(read(&[]), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(Bearer|[a-z]{1,3}|=|,|\"|\\\\| |é){0,30}") {
            parse(&text);
        }
    }
}
