//! Reads the parts of a signature out of the `Authorization` header or the query, without judging them.

use std::collections::BTreeMap;

use http::header::AUTHORIZATION;
use percent_encoding::percent_decode_str;

use super::ALGORITHM;
use super::canonical::RequestHead;
use super::error::AuthError;

/// Where the signature stands in the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    Header,
    Query,
}

/// The signature's parts, as text.
#[derive(Debug)]
pub(super) struct Parameters {
    pub placement: Placement,
    pub credential: String,
    pub signed_headers: String,
    pub signature: String,
    /// Further parameters of the query form.
    pub date: Option<String>,
    pub expires: Option<String>,
    pub session_token: Option<String>,
    pub content_digest: Option<String>,
}

/// Finds the signature; the header wins when both forms are there.
pub(super) fn read(head: &RequestHead<'_>) -> Result<Parameters, AuthError> {
    let mut values = head.headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => {
            let text = value
                .to_str()
                .map_err(|_| AuthError::Incomplete("Authorization header must be printable ASCII.".to_owned()))?;
            from_header(text)
        }
        (Some(_), Some(_)) => {
            Err(AuthError::Incomplete("Authorization header must not be given more than once.".to_owned()))
        }
        (None, _) => from_query(head.query),
    }
}

fn from_header(text: &str) -> Result<Parameters, AuthError> {
    let (algorithm, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    if algorithm != ALGORITHM {
        return Err(AuthError::Incomplete(format!("Authorization header requires the algorithm '{ALGORITHM}'.")));
    }
    let mut parts = BTreeMap::new();
    for pair in rest.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(AuthError::Incomplete(
                "Authorization header has a part that is not a valid key=value pair (missing equal-sign).".to_owned(),
            ));
        };
        if parts.insert(name, value).is_some() {
            return Err(AuthError::Incomplete("Authorization header repeats a parameter.".to_owned()));
        }
    }
    let [credential, signed_headers, signature] =
        require(&mut parts, ["Credential", "SignedHeaders", "Signature"], "Authorization header")?;
    Ok(Parameters {
        placement: Placement::Header,
        credential,
        signed_headers,
        signature,
        date: None,
        expires: None,
        session_token: None,
        content_digest: None,
    })
}

fn from_query(query: &str) -> Result<Parameters, AuthError> {
    let mut parts = BTreeMap::new();
    for parameter in query.split('&').filter(|parameter| parameter.starts_with("X-Amz-")) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = percent_decode_str(value)
            .decode_utf8()
            .map_err(|_| AuthError::Incomplete("Query parameters must be UTF-8.".to_owned()))?;
        if parts.insert(name, value).is_some() {
            return Err(AuthError::Incomplete("Query repeats a parameter of the signature.".to_owned()));
        }
    }
    if !parts.contains_key("X-Amz-Signature") && !parts.contains_key("X-Amz-Algorithm") {
        return Err(AuthError::Missing);
    }
    if parts.remove("X-Amz-Algorithm").as_deref() != Some(ALGORITHM) {
        return Err(AuthError::Incomplete(format!("Query requires 'X-Amz-Algorithm' to be '{ALGORITHM}'.")));
    }
    let mut optional = |name| parts.remove(name).map(|value| value.into_owned());
    let date = optional("X-Amz-Date");
    let expires = optional("X-Amz-Expires");
    let session_token = optional("X-Amz-Security-Token");
    let content_digest = optional("X-Amz-Content-Sha256");
    let names = ["X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature"];
    let [credential, signed_headers, signature] = require(&mut parts, names, "Query")?;
    Ok(Parameters {
        placement: Placement::Query,
        credential,
        signed_headers,
        signature,
        date,
        expires,
        session_token,
        content_digest,
    })
}

/// Takes the named parts, or says which of them are missing.
fn require<V: AsRef<str>>(
    parts: &mut BTreeMap<&str, V>,
    names: [&str; 3],
    place: &str,
) -> Result<[String; 3], AuthError> {
    let missing: Vec<String> = names
        .iter()
        .filter(|name| !parts.contains_key(*name))
        .map(|name| format!("{place} requires '{name}' parameter."))
        .collect();
    if !missing.is_empty() {
        return Err(AuthError::Incomplete(missing.join(" ")));
    }
    Ok(names.map(|name| parts.get(name).map(|value| value.as_ref().to_owned()).unwrap_or_default()))
}
