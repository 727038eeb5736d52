//! A role to work in, taken on with other credentials: each session ends by itself and is renewed as long as it is needed.

use std::fmt;
use std::str::FromStr;

use aws_config::SdkConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::provider::SharedCredentialsProvider;

/// Names the session in AWS's records of who did what.
const SESSION: &str = "seatrial";

/// The ARN of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleArn(String);

impl FromStr for RoleArn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", partition, "iam", "", account, resource]
                if !partition.is_empty()
                    && account.len() == 12
                    && account.bytes().all(|byte| byte.is_ascii_digit())
                    && resource.strip_prefix("role/").is_some_and(|name| !name.is_empty()) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(format!("`{text}` is not the ARN of a role: write arn:aws:iam::123456789012:role/NAME")),
        }
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl RoleArn {
    /// The same settings with the role's credentials instead of those it is taken on with.
    pub(super) async fn taken_on(&self, config: &SdkConfig) -> SdkConfig {
        let provider = AssumeRoleProvider::builder(&self.0).session_name(SESSION).configure(config).build().await;
        config.to_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_arn_of_a_role_is_taken() {
        for text in ["arn:aws:iam::123456789012:role/deploy", "arn:aws-cn:iam::123456789012:role/path/deploy"] {
            assert_eq!(text.parse::<RoleArn>().expect(text).to_string(), text);
        }
        for text in [
            "deploy",
            "arn:aws:iam::123456789012:user/x",
            "arn:aws:iam::1234:role/x",
            "arn:aws:iam::123456789012:role/",
        ] {
            let error = text.parse::<RoleArn>().expect_err(text);
            assert!(error.contains(text) && error.contains("write arn:aws:iam::"), "{error}");
        }
    }
}
