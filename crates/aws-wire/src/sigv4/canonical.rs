//! The canonical request: the one byte string both sides compute from a request.
//!
//! Works on raw bytes: header values need not be UTF-8, and the path and query are those of the request line, still encoded.

use http::header::HeaderName;
use http::{HeaderMap, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

/// Everything but letters, digits and `-._~` is encoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The head of an HTTP request, borrowed from wherever it was read.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    pub method: &'a Method,
    /// The path of the request line, as sent.
    pub path: &'a str,
    /// The query of the request line without its question mark, as sent; empty when there is none.
    pub query: &'a str,
    pub headers: &'a HeaderMap,
}

impl<'a> From<&'a http::request::Parts> for RequestHead<'a> {
    fn from(parts: &'a http::request::Parts) -> Self {
        RequestHead {
            method: &parts.method,
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            headers: &parts.headers,
        }
    }
}

/// Builds the canonical request over the given headers, which must be sorted.
pub(super) fn canonical_request(
    head: &RequestHead<'_>,
    signed_headers: &[HeaderName],
    without_parameter: Option<&str>,
    payload: &str,
) -> Vec<u8> {
    let mut text = Vec::with_capacity(1024);
    let mut line = |bytes: &[u8]| {
        text.extend_from_slice(bytes);
        text.push(b'\n');
    };
    line(head.method.as_str().as_bytes());
    line(canonical_path(head.path).as_bytes());
    line(canonical_query(head.query, without_parameter).as_bytes());
    for name in signed_headers {
        line(&canonical_header(name, head.headers));
    }
    line(b"");
    line(joined(signed_headers).as_bytes());
    text.extend_from_slice(payload.as_bytes());
    text
}

/// Writes header names as `SignedHeaders` does.
pub(super) fn joined(signed_headers: &[HeaderName]) -> String {
    signed_headers.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(";")
}

/// Encodes every byte that is not unreserved.
pub(super) fn encode(bytes: &[u8]) -> String {
    percent_encode(bytes, RESERVED).to_string()
}

/// Removes empty and dot segments, then encodes each segment as it was sent: an encoded path is encoded twice, as AWS wants.
fn canonical_path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let mut canonical = String::with_capacity(path.len() + 1);
    for segment in &segments {
        canonical.push('/');
        canonical.push_str(&encode(segment.as_bytes()));
    }
    if segments.is_empty() || path.ends_with('/') {
        canonical.push('/');
    }
    canonical
}

fn canonical_query(query: &str, without_parameter: Option<&str>) -> String {
    let mut parameters: Vec<(String, String)> = query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
        .map(|(name, value)| (recode(name), recode(value)))
        .filter(|(name, _)| Some(name.as_str()) != without_parameter)
        .collect();
    parameters.sort_unstable();
    parameters.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn recode(text: &str) -> String {
    encode(&percent_decode_str(text).collect::<Vec<u8>>())
}

fn canonical_header(name: &HeaderName, headers: &HeaderMap) -> Vec<u8> {
    let mut line = name.as_str().as_bytes().to_vec();
    line.push(b':');
    for (index, value) in headers.get_all(name).iter().enumerate() {
        if index > 0 {
            line.push(b',');
        }
        collapse_spaces(value.as_bytes(), &mut line);
    }
    line
}

/// Drops leading and trailing white space and makes runs of white space within one space.
fn collapse_spaces(value: &[u8], line: &mut Vec<u8>) {
    for (index, word) in value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).enumerate() {
        if index > 0 {
            line.push(b' ');
        }
        line.extend_from_slice(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_dots_and_doubled_slashes_and_are_encoded_once_more() {
        let cases = [
            ("/", "/"),
            ("", "/"),
            ("//", "/"),
            ("//example//", "/example/"),
            ("/example1/example2/../..", "/"),
            ("/../../etc", "/etc"),
            ("/./example", "/example"),
            ("/example%20space/", "/example%2520space/"),
            ("/test/@connections/JBDvjfGEIAMCERw%3D", "/test/%40connections/JBDvjfGEIAMCERw%253D"),
            ("/ሴ", "/%E1%88%B4"),
        ];
        for (path, canonical) in cases {
            assert_eq!(canonical_path(path), canonical, "{path}");
        }
    }

    #[test]
    fn queries_are_sorted_by_encoded_name_then_value() {
        assert_eq!(canonical_query("b=2&a=2&a=1&&c", None), "a=1&a=2&b=2&c=");
        assert_eq!(canonical_query("a=x%2Fy&X-Amz-Signature=0", Some("X-Amz-Signature")), "a=x%2Fy");
        assert_eq!(canonical_query("a=x/y", None), "a=x%2Fy");
    }

    #[test]
    fn header_values_are_trimmed_collapsed_and_joined() {
        let mut headers = HeaderMap::new();
        for value in ["  a   b ", "c", " \"x   y\" "] {
            headers.append("my-header", value.parse().expect("a header value"));
        }
        let name = HeaderName::from_static("my-header");
        assert_eq!(canonical_header(&name, &headers), b"my-header:a b,c,\"x y\"");
    }
}
