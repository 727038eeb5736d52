//! Addresses: where a header points to, and whether two of them are the same server.

use http::Uri;

use crate::reference::is_loopback;

/// The longest address that is followed: signed ones have some two thousand characters.
const LENGTH_MAX: usize = 16 * 1024;

/// Resolves an address that a header gives, relative to the address of the request; `None` when it is none that is asked over HTTP.
pub(crate) fn resolve(base: &Uri, given: &str) -> Option<Uri> {
    if given.len() > LENGTH_MAX {
        return None;
    }
    // What follows # is not sent.
    let given = given.split('#').next().unwrap_or_default();
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    let text = if given.starts_with("http://") || given.starts_with("https://") {
        given.to_owned()
    } else if given.starts_with("//") {
        format!("{scheme}:{given}")
    } else if given.starts_with('/') {
        format!("{scheme}://{authority}{given}")
    } else if given.starts_with('?') {
        format!("{scheme}://{authority}{}{given}", base.path())
    } else {
        let directory = base.path().rsplit_once('/').map_or("", |(directory, _)| directory);
        format!("{scheme}://{authority}{directory}/{given}")
    };
    let address: Uri = text.parse().ok()?;
    let has_host =
        address.authority().is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'));
    has_host.then_some(address)
}

/// Adds a parameter to an address that may have some.
pub(crate) fn with_parameter(address: &Uri, name: &str, value: &str) -> Option<Uri> {
    let separator = if address.query().is_some() { '&' } else { '?' };
    let encoded: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
    format!("{address}{separator}{name}={encoded}").parse().ok()
}

/// Tells whether two addresses are the same server's: scheme, host and port.
pub(crate) fn is_same_origin(one: &Uri, other: &Uri) -> bool {
    let origin = |address: &Uri| {
        let host = address.host().map(str::to_ascii_lowercase);
        let scheme = address.scheme_str().map(str::to_ascii_lowercase);
        let default = if scheme.as_deref() == Some("https") { 443 } else { 80 };
        (scheme, host, address.port_u16().unwrap_or(default))
    };
    origin(one) == origin(other)
}

/// Tells whether what is sent to an address can be read by nobody on the way.
pub(crate) fn is_private(address: &Uri) -> bool {
    address.scheme_str() == Some("https") || address.host().is_some_and(is_loopback)
}

/// Returns the host of an address, with its port, for people.
pub(crate) fn host(address: &Uri) -> String {
    address.authority().map_or_else(String::new, ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().expect("an address")
    }

    #[test]
    fn headers_point_anywhere() {
        let base = uri("https://a.io:5000/v2/web/tags/list?n=1");
        for (given, expected) in [
            ("/v2/x?last=b", Some("https://a.io:5000/v2/x?last=b")),
            ("https://b.io/x?y=%2F&z=a+b", Some("https://b.io/x?y=%2F&z=a+b")),
            ("//b.io/x", Some("https://b.io/x")),
            ("?n=1&last=b", Some("https://a.io:5000/v2/web/tags/list?n=1&last=b")),
            ("next", Some("https://a.io:5000/v2/web/tags/next")),
            ("/x#fragment", Some("https://a.io:5000/x")),
            ("https://user@b.io/x", None),
            ("https:///x", None),
            ("/a b", None),
            ("/\u{1}", None),
        ] {
            assert_eq!(resolve(&base, given).map(|uri| uri.to_string()).as_deref(), expected, "{given}");
        }
        assert_eq!(resolve(&base, &"x".repeat(LENGTH_MAX + 1)), None);
    }

    #[test]
    fn a_parameter_is_added_to_others() {
        let digest = "sha256:0a";
        let add = |text: &str| with_parameter(&uri(text), "digest", digest).expect("an address").to_string();
        assert_eq!(add("http://a/u"), "http://a/u?digest=sha256%3A0a");
        assert_eq!(add("http://a/u?_state=x%3D"), "http://a/u?_state=x%3D&digest=sha256%3A0a");
    }

    #[test]
    fn a_server_is_scheme_host_and_port() {
        let is_same = |one: &str, other: &str| is_same_origin(&uri(one), &uri(other));
        assert!(is_same("https://a.io/x", "https://A.io:443/y"));
        assert!(!is_same("https://a.io/", "http://a.io/"));
        assert!(!is_same("https://a.io/", "https://a.io:444/"));
        assert!(!is_same("https://a.io/", "https://b.a.io/"));
    }

    #[test]
    fn passwords_travel_encrypted_or_within_the_machine() {
        for (address, expected) in [
            ("https://a.io/", true),
            ("http://a.io/", false),
            ("http://127.0.0.1:1/", true),
            ("http://[::1]:1/", true),
            ("http://localhost/", true),
        ] {
            assert_eq!(is_private(&uri(address)), expected, "{address}");
        }
    }
}
