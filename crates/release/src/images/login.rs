//! The registry of an account, and the password for it.

use aws_sdk_ecr::types::AuthorizationData;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatrial_model::SecretText;

use crate::aws::{Connection, DoingExt};
use crate::error::ReleaseError;

/// Where images go, and what lets somebody in. ECR's passwords are good for twelve hours.
#[derive(Clone, Debug)]
pub struct Login {
    /// `HOST[:PORT]`.
    pub registry: String,
    pub user: String,
    pub password: SecretText,
}

/// Asks for the registry and a password.
pub(crate) async fn login(connection: &Connection) -> Result<Login, ReleaseError> {
    let answer = connection.ecr.get_authorization_token().send().await;
    let answer = answer.doing(|| "asking for the password of the image registry".into())?;
    let data = answer.authorization_data().first().ok_or(ReleaseError::Incomplete("authorizationData"))?;
    read(data).ok_or(ReleaseError::Incomplete("a readable authorizationToken"))
}

fn read(data: &AuthorizationData) -> Option<Login> {
    let endpoint = data.proxy_endpoint()?;
    let registry = endpoint.split_once("://").map_or(endpoint, |(_, host)| host).trim_end_matches('/').to_owned();
    let token = STANDARD.decode(data.authorization_token()?).ok()?;
    let token = String::from_utf8(token).ok()?;
    let (user, password) = token.split_once(':')?;
    Some(Login { registry, user: user.to_owned(), password: SecretText::new(password.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_apart_and_the_password_is_never_shown() {
        let token = STANDARD.encode("AWS:hush:hush");
        let data = AuthorizationData::builder()
            .authorization_token(token)
            .proxy_endpoint("https://123456789012.dkr.ecr.eu-west-1.amazonaws.com")
            .build();
        let login = read(&data).expect("a login");
        assert_eq!(login.registry, "123456789012.dkr.ecr.eu-west-1.amazonaws.com");
        assert_eq!((login.user.as_str(), login.password.expose()), ("AWS", "hush:hush"));
        assert!(!format!("{login:?}").contains("hush"));
        assert!(
            read(&AuthorizationData::builder().authorization_token("?").proxy_endpoint("http://a:1").build()).is_none()
        );
    }
}
