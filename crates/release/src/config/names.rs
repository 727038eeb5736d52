//! The names a configuration gives: application, environment, service.
//!
//! They become part of cluster, task definition family, log group and load balancer names, so they keep to what all of
//! those accept: lower-case letters, digits and single hyphens, beginning with a letter.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::decode_error::complaint;

/// Longest name: three of them and their hyphens stay readable in a terminal column and below ECS's 255 characters.
const NAME_MAX: usize = 40;

/// A name that breaks the rules of this file.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is not a name: use 1 to {NAME_MAX} lower-case letters, digits and single hyphens, beginning with a letter"
)]
pub struct NameError(String);

fn checked(text: &str) -> Result<String, NameError> {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_lowercase());
    let allowed = text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if first && allowed && text.len() <= NAME_MAX && !text.ends_with('-') && !text.contains("--") {
        Ok(text.to_owned())
    } else {
        Err(NameError(text.to_owned()))
    }
}

/// The nearest valid name, for the advice in an error.
fn repaired(text: &str) -> Option<String> {
    let folded: String = text
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
        .collect();
    let joined = folded.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    checked(&joined).ok()
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                checked(text).map(Self)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                checked(&text).map(Self).map_err(|error| match repaired(&text) {
                    Some(near) => de::Error::custom(complaint(format_args!("holds a bad name: {error}"), format_args!("write `{near}`"))),
                    None => de::Error::custom(format_args!("holds a bad name: {error}")),
                })
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", "maxLength": NAME_MAX })
            }
        }
    };
}

name! {
    /// The application: one `seatrial.yml`.
    AppName
}
name! {
    /// An environment of the application, such as `dev` or `prod`.
    EnvironmentName
}
name! {
    /// A service of the application; also its name in ECS, unless a service definition says otherwise.
    ServiceName
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_words_joined_by_hyphens() {
        for text in ["a", "web", "web-2", "my-long-app"] {
            assert!(text.parse::<ServiceName>().is_ok(), "{text}");
        }
        for text in ["", "Web", "2web", "a--b", "a-", "-a", "a_b", "a b", "ä", &"a".repeat(41)] {
            assert!(text.parse::<ServiceName>().is_err(), "{text}");
        }
        assert_eq!(repaired("My_App").as_deref(), Some("my-app"));
    }
}
