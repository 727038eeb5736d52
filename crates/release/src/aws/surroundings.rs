//! The environment variables with which another program reaches the same endpoint with the same credentials.

use std::borrow::Cow;

use aws_credential_types::provider::ProvideCredentials;

use super::Connection;
use super::connection::{CLOUDFORMATION_ENDPOINT, Surroundings};
use crate::error::ReleaseError;

/// What would lead elsewhere where credentials are given.
const LEADING_ELSEWHERE: [&str; 3] = ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"];

/// What begins the name of a variable with the endpoint of a single service, which goes before the one of all.
const SINGLE_ENDPOINT: &str = "AWS_ENDPOINT_URL_";

/// An environment variable of another program; without a value it is taken away.
pub(crate) type Surrounding = (Cow<'static, str>, Option<String>);

impl Connection {
    /// What is set and taken away of a program's environment, on top of this process's own.
    pub(crate) async fn environment(&self) -> Result<Vec<Surrounding>, ReleaseError> {
        let region = self.region().to_owned();
        let mut assigned: Vec<Surrounding> =
            vec![("AWS_REGION".into(), Some(region.clone())), ("AWS_DEFAULT_REGION".into(), Some(region))];
        match &self.surroundings {
            Surroundings::Shell { profile: None } => {}
            Surroundings::Shell { profile } => assigned.push(("AWS_PROFILE".into(), profile.clone())),
            Surroundings::Endpoint(endpoint) => {
                assigned.extend(LEADING_ELSEWHERE.map(|name| (name.into(), None)));
                let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
                assigned.extend(names.filter(|name| is_single_endpoint(name)).map(|name| (name.into(), None)));
                assigned.push(("AWS_ENDPOINT_URL".into(), Some(endpoint.url.clone())));
                assigned.push(("AWS_ACCESS_KEY_ID".into(), Some(endpoint.access_key_id.clone())));
                assigned.push(("AWS_SECRET_ACCESS_KEY".into(), Some(endpoint.secret_access_key.clone())));
            }
            Surroundings::Role(provider) => {
                let credentials = provider.provide_credentials().await.map_err(|error| {
                    ReleaseError::not_possible(
                        format!("the credentials of the role cannot be had: {error}"),
                        "check --assume-role-arn and who may take on the role",
                    )
                })?;
                assigned.push(("AWS_PROFILE".into(), None));
                assigned.push(("AWS_ACCESS_KEY_ID".into(), Some(credentials.access_key_id().to_owned())));
                assigned.push(("AWS_SECRET_ACCESS_KEY".into(), Some(credentials.secret_access_key().to_owned())));
                assigned.push(("AWS_SESSION_TOKEN".into(), credentials.session_token().map(ToOwned::to_owned)));
            }
        }
        Ok(assigned)
    }
}

/// Whether a variable names the endpoint of a single service; CloudFormation's is asked for.
fn is_single_endpoint(name: &str) -> bool {
    name.starts_with(SINGLE_ENDPOINT) && name != CLOUDFORMATION_ENDPOINT
}

#[cfg(test)]
mod tests {
    use super::super::Endpoint;
    use super::*;

    #[tokio::test]
    async fn a_program_is_led_to_the_same_endpoint_and_nowhere_else() {
        let connection = Connection::to_endpoint(&Endpoint {
            url: "http://127.0.0.1:1".into(),
            region: "eu-central-1".into(),
            access_key_id: "AKIA".into(),
            secret_access_key: "hush".into(),
        });
        let assigned = connection.environment().await.expect("nothing has to be asked");
        let value = |name: &str| assigned.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_deref());
        assert_eq!(value("AWS_ENDPOINT_URL"), Some(Some("http://127.0.0.1:1")));
        assert_eq!(value("AWS_REGION"), Some(Some("eu-central-1")));
        assert_eq!(value("AWS_PROFILE"), Some(None));
        assert_eq!(value("AWS_SESSION_TOKEN"), Some(None));
        assert_eq!(value("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"), Some(None));
        for (name, is_taken_away) in [
            ("AWS_ENDPOINT_URL_S3", true),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", true),
            ("AWS_ENDPOINT_URL_CLOUDFORMATION", false),
            ("AWS_ENDPOINT_URL", false),
        ] {
            assert_eq!(is_single_endpoint(name), is_taken_away, "{name}");
        }
    }
}
