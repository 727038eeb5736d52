//! `RedirectConfig`: parts of a URL, each of which may repeat parts of the request's.

use seatrial_engine::Refusal;
use seatrial_model::load_balancing::{Redirect, RedirectStatus};
use serde::Deserialize;

use super::action::invalid;
use crate::elbv2::answer::{cut, validation};

/// The longest host, path and query of a redirect.
const PART_LENGTH_MAX: usize = 128;

/// What each part is when the request does not name it: as it came.
const SAME_PROTOCOL: &str = "#{protocol}";
const SAME_HOST: &str = "#{host}";
const SAME_PORT: &str = "#{port}";
const SAME_PATH: &str = "/#{path}";
const SAME_QUERY: &str = "#{query}";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RedirectMember {
    protocol: Option<String>,
    host: Option<String>,
    port: Option<String>,
    path: Option<String>,
    query: Option<String>,
    status_code: String,
}

pub(super) fn redirect(config: RedirectMember) -> Result<Redirect, Refusal> {
    let or = |value: Option<String>, same: &str| value.unwrap_or_else(|| same.to_owned());
    let redirect = Redirect {
        protocol: or(config.protocol, SAME_PROTOCOL),
        host: or(config.host, SAME_HOST),
        port: or(config.port, SAME_PORT),
        path: or(config.path, SAME_PATH),
        query: or(config.query, SAME_QUERY),
        status_code: match config.status_code.as_str() {
            "HTTP_301" => RedirectStatus::Permanent301,
            "HTTP_302" => RedirectStatus::Found302,
            other => return Err(validation(format!("StatusCode '{}' must be HTTP_301 or HTTP_302", cut(other)))),
        },
    };
    check(&redirect)?;
    Ok(redirect)
}

fn check(redirect: &Redirect) -> Result<(), Refusal> {
    let refuse = |part: &str, value: &str, rule: &str| {
        Err(validation(format!("{part} '{}' of the redirect {rule}", cut(value))))
    };
    let is_printable = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
    if !["HTTP", "HTTPS", SAME_PROTOCOL].contains(&redirect.protocol.as_str()) {
        return refuse("Protocol", &redirect.protocol, "must be HTTP, HTTPS or #{protocol}");
    }
    if redirect.port != SAME_PORT && !redirect.port.parse().is_ok_and(|port: u16| port > 0) {
        return refuse("Port", &redirect.port, "must be between 1 and 65535 or #{port}");
    }
    if !(1..=PART_LENGTH_MAX).contains(&redirect.host.len()) || !is_printable(&redirect.host) {
        return refuse("Host", &redirect.host, "must have 1 to 128 printable characters");
    }
    if !redirect.path.starts_with('/') || redirect.path.len() > PART_LENGTH_MAX || !is_printable(&redirect.path) {
        return refuse("Path", &redirect.path, "must begin with '/' and have at most 128 printable characters");
    }
    if redirect.query.starts_with('?') || redirect.query.len() > PART_LENGTH_MAX || !is_printable(&redirect.query) {
        return refuse("Query", &redirect.query, "must not begin with '?' and have at most 128 printable characters");
    }
    let repeats = [
        (redirect.protocol.as_str(), SAME_PROTOCOL),
        (redirect.host.as_str(), SAME_HOST),
        (redirect.port.as_str(), SAME_PORT),
        (redirect.path.as_str(), SAME_PATH),
    ];
    if repeats.iter().all(|(part, same)| part == same) {
        return Err(invalid("The redirect leads back to itself: change at least one of protocol, host, port and path"));
    }
    Ok(())
}
