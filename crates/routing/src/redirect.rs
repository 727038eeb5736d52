//! Owns the expansion of a redirect's `#{protocol}`, `#{host}`, `#{port}`, `#{path}` and `#{query}` into a `Location`.

use seatrial_model::load_balancing::Redirect;

/// The parts of the request a redirect may repeat.
#[derive(Clone, Copy, Debug)]
pub struct RedirectSource<'a> {
    /// `http` or `https`.
    pub protocol: &'a str,
    /// Without a port.
    pub host: &'a str,
    /// The listener's port.
    pub port: u16,
    /// With its leading slash.
    pub path: &'a str,
    /// Without its `?`; empty when there is none.
    pub query: &'a str,
}

/// Returns the URL to send the client to; the port is left out where it is the protocol's own.
pub fn location(redirect: &Redirect, source: RedirectSource<'_>) -> String {
    let protocol = expand(&redirect.protocol, source).to_ascii_lowercase();
    let host = expand(&redirect.host, source);
    let port = expand(&redirect.port, source);
    // In a path `#{path}` stands for the path without its leading slash: the usual template is `/#{path}`.
    let bare = RedirectSource { path: source.path.strip_prefix('/').unwrap_or(source.path), ..source };
    let path = expand(&redirect.path, bare);
    let query = expand(&redirect.query, bare);

    let mut url = format!("{protocol}://{host}");
    if !matches!((protocol.as_str(), port.as_str()), ("http", "80") | ("https", "443") | (_, "")) {
        url.push(':');
        url.push_str(&port);
    }
    if !path.starts_with('/') {
        url.push('/');
    }
    url.push_str(&path);
    if !query.is_empty() {
        url.push('?');
        url.push_str(&query);
    }
    url
}

fn expand(template: &str, source: RedirectSource<'_>) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(start) = rest.find("#{") {
        let (before, from) = rest.split_at(start);
        text.push_str(before);
        let Some(end) = from.find('}') else {
            rest = from;
            break;
        };
        match &from[2..end] {
            "protocol" => text.push_str(source.protocol),
            "host" => text.push_str(source.host),
            "port" => text.push_str(&source.port.to_string()),
            "path" => text.push_str(source.path),
            "query" => text.push_str(source.query),
            _ => text.push_str(&from[..=end]),
        }
        rest = &from[end + 1..];
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use seatrial_model::load_balancing::RedirectStatus;

    use super::*;

    fn redirect(protocol: &str, host: &str, port: &str, path: &str, query: &str) -> Redirect {
        let [protocol, host, port, path, query] = [protocol, host, port, path, query].map(str::to_owned);
        Redirect { protocol, host, port, path, query, status_code: RedirectStatus::Permanent301 }
    }

    #[test]
    fn templates_expand_as_documented() {
        let source = RedirectSource { protocol: "http", host: "a.test", port: 8080, path: "/x/y", query: "k=v" };
        let table = [
            (redirect("#{protocol}", "#{host}", "#{port}", "/#{path}", "#{query}"), "http://a.test:8080/x/y?k=v"),
            (redirect("HTTPS", "#{host}", "443", "/#{path}", "#{query}"), "https://a.test/x/y?k=v"),
            (
                redirect("HTTPS", "www.#{host}", "8443", "/new/#{path}", "old=1&#{query}"),
                "https://www.a.test:8443/new/x/y?old=1&k=v",
            ),
            (redirect("#{protocol}", "#{host}", "80", "/", ""), "http://a.test/"),
            (redirect("HTTP", "b.test", "#{port}", "/#{unknown}/#{", ""), "http://b.test:8080/#{unknown}/#{"),
        ];
        for (redirect, expected) in table {
            assert_eq!(location(&redirect, source), expected);
        }
    }
}
