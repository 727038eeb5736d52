//! Owns the answers the balancer makes itself: errors like ELB's, fixed responses and redirects.

use std::borrow::Cow;

use http::StatusCode;
use seatrial_model::Timestamp;
use seatrial_model::load_balancing::{FixedResponse, RedirectStatus};
use time::macros::format_description;
use time::{OffsetDateTime, format_description::BorrowedFormatItem};

use crate::http1::request::Refusal;

/// What the balancer calls itself.
pub(crate) const SERVER: &str = "seatrial";

/// An answer of the balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub status: u16,
    pub content_type: Option<Cow<'static, str>>,
    pub location: Option<String>,
    pub body: Cow<'static, str>,
}

impl Answer {
    /// An error with a page that says its name.
    pub fn error(status: u16) -> Self {
        let reason = reason(status);
        let body = format!(
            "<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n\
             <center><h1>{status} {reason}</h1></center>\r\n</body>\r\n</html>\r\n"
        );
        Answer { status, content_type: Some(Cow::Borrowed("text/html")), location: None, body: Cow::Owned(body) }
    }

    pub fn fixed(response: &FixedResponse) -> Self {
        Answer {
            status: response.status_code,
            content_type: response.content_type.clone().map(Cow::Owned),
            location: None,
            body: Cow::Owned(response.message_body.clone()),
        }
    }

    pub fn redirect(status: RedirectStatus, location: String) -> Self {
        let status = match status {
            RedirectStatus::Permanent301 => 301,
            RedirectStatus::Found302 => 302,
        };
        Answer { location: Some(location), ..Answer::error(status) }
    }

    /// The header fields, in order.
    pub fn fields(&self, now: Timestamp) -> Vec<(&'static str, String)> {
        let mut fields = vec![("Server", SERVER.to_owned()), ("Date", date(now))];
        fields.extend(self.content_type.iter().map(|content_type| ("Content-Type", content_type.to_string())));
        fields.extend(self.location.iter().map(|location| ("Location", location.clone())));
        fields.push(("Content-Length", self.body.len().to_string()));
        fields.retain(|(_, value)| {
            value.bytes().all(|byte| byte == b'\t' || (b' '..0x7f).contains(&byte) || byte >= 0x80)
        });
        fields
    }
}

impl Refusal {
    pub fn status(self) -> u16 {
        match self {
            Refusal::BadRequest => 400,
            Refusal::MethodNotAllowed => 405,
            Refusal::TargetTooLong => 414,
            Refusal::HeadTooLarge => 431,
        }
    }
}

/// The reason phrase of a status code.
pub(crate) fn reason(status: u16) -> &'static str {
    StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Unknown")
}

/// `Date` as RFC 9110 wants it.
fn date(now: Timestamp) -> String {
    const FORMAT: &[BorrowedFormatItem<'_>] =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    let moment = OffsetDateTime::from_unix_timestamp(now.as_millis() / 1000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(FORMAT).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_itself_and_its_length() {
        let answer = Answer::error(502);
        assert!(answer.body.contains("<h1>502 Bad Gateway</h1>"));
        let fields = answer.fields(Timestamp::from_millis(784_111_777_000));
        assert!(fields.contains(&("Date", "Sun, 06 Nov 1994 08:49:37 GMT".to_owned())));
        assert!(fields.contains(&("Content-Length", answer.body.len().to_string())));
    }

    #[test]
    fn a_field_that_would_break_the_head_is_left_out() {
        let answer = Answer::redirect(RedirectStatus::Found302, "http://a/\r\nSet-Cookie: x".to_owned());
        assert!(answer.fields(Timestamp::EPOCH).iter().all(|(name, _)| *name != "Location"));
    }
}
