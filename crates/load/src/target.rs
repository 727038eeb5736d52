//! Where the load goes: a plain `http://` URL.

use std::fmt;
use std::str::FromStr;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};

use crate::values::InvalidValue;

/// An `http://host[:port][/path]` URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    authority: Authority,
    path: PathAndQuery,
}

impl Target {
    /// Returns the host, without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    /// Returns the port; 80 when the URL names none.
    pub fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(80)
    }

    /// Returns the path and query of ordinary requests.
    pub fn path(&self) -> &PathAndQuery {
        &self.path
    }

    /// Returns what the `Host` header says.
    pub(crate) fn host_header(&self) -> HeaderValue {
        HeaderValue::from_str(self.authority.as_str()).expect("a URL's authority is a valid header")
    }

    /// Returns the URL of a path at this target, with another scheme for WebSockets.
    pub(crate) fn url(&self, scheme: &str, path: &PathAndQuery) -> String {
        format!("{scheme}://{}{path}", self.authority)
    }
}

impl FromStr for Target {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |why: &str| InvalidValue(format!("'{text}' is not a URL such as http://127.0.0.1:8080/: {why}"));
        let uri: Uri = text.parse().map_err(|error: http::uri::InvalidUri| invalid(&error.to_string()))?;
        let parts = uri.into_parts();
        match (parts.scheme, parts.authority) {
            (Some(scheme), Some(authority)) if scheme == Scheme::HTTP => {
                if authority.as_str().contains('@') {
                    return Err(invalid("credentials in a URL are not supported, use a header"));
                }
                let root = PathAndQuery::from_static("/");
                Ok(Target { authority, path: parts.path_and_query.unwrap_or(root) })
            }
            (Some(scheme), _) if scheme != Scheme::HTTP => Err(invalid("only http is supported")),
            (_, _) => Err(invalid("it must begin with http:// and name a host")),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url("http", &self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let target: Target = "http://[::1]:8080/a?b=c".parse().expect("a URL");
        assert_eq!((target.host(), target.port(), target.path().as_str()), ("::1", 8080, "/a?b=c"));
        let target: Target = "http://shop.example".parse().expect("a URL");
        assert_eq!((target.host(), target.port(), target.path().as_str()), ("shop.example", 80, "/"));
        assert_eq!(target.to_string(), "http://shop.example/");
    }

    #[test]
    fn what_cannot_be_a_target_is_refused_with_a_reason() {
        for (wrong, why) in [
            ("https://shop.example/", "only http is supported"),
            ("shop.example:80", "must begin with http://"),
            ("/path", "must begin with http://"),
            ("", "empty"),
            ("http://user:secret@shop.example/", "credentials"),
        ] {
            let error = wrong.parse::<Target>().expect_err("refused").to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
