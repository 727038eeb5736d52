//! Who asks: HTTP Basic credentials.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::refusal::Refusal;
use crate::catalog::Credential;
use crate::limits::CREDENTIAL_LENGTH_MAX;

const HOW: &str = "Log in first: aws ecr get-login-password, with the variables of `seatrial engine env`, prints the password of the user AWS.";

/// Reads the credential of a request.
pub(super) fn credential(headers: &HeaderMap) -> Result<Credential, Refusal> {
    let header = headers.get(AUTHORIZATION).ok_or_else(|| Refusal::unauthorized(HOW))?;
    header.to_str().ok().and_then(parse).ok_or_else(|| Refusal::unauthorized(HOW))
}

fn parse(header: &str) -> Option<Credential> {
    if header.len() > CREDENTIAL_LENGTH_MAX {
        return None;
    }
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some(Credential { user: user.to_owned(), password: password.to_owned() })
}

/// The refusal of a credential that is not, or no longer, valid.
pub(super) fn refused() -> Refusal {
    let text = format!("The password is wrong or has expired: one lasts twelve hours. {HOW}");
    Refusal::unauthorized(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_read_and_others_are_not() {
        let encoded = STANDARD.encode("AWS:a:b");
        let credential = parse(&format!("basic {encoded}")).expect("a credential");
        assert_eq!((credential.user.as_str(), credential.password.as_str()), ("AWS", "a:b"));
        for wrong in
            ["", "Basic", "Basic !", &format!("Bearer {encoded}"), &format!("Basic {}", STANDARD.encode("AWS"))]
        {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }
}
