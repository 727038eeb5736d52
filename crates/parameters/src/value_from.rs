//! `secrets[].valueFrom` of a container: which parameter or secret a variable gets its value from.

use seatrial_model::Arn;
use seatrial_model::arn::Scope;

use crate::parameter::Reference;
use crate::secret::{SecretId, Stage, VersionId};

/// Where a variable's value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueFrom {
    Parameter(Reference),
    Secret(SecretPlace),
}

/// A secret's value, or a member of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretPlace {
    pub secret: SecretId,
    /// The member of the JSON object that the value is.
    pub json_key: Option<String>,
    pub stage: Option<Stage>,
    pub version: Option<VersionId>,
}

/// A text that names neither a parameter nor a secret of this account and Region.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValueFrom(String);

impl ValueFrom {
    /// Parses the name of a parameter, its ARN, or the ARN of a secret with or without `:json-key:version-stage:version-id`.
    pub fn parse(text: &str, scope: &Scope) -> Result<Self, InvalidValueFrom> {
        let parts: Vec<&str> = text.split(':').collect();
        if parts[0] != "arn" {
            return parameter(text, scope);
        }
        let (Some(service), Some(region), Some(account)) = (parts.get(2), parts.get(3), parts.get(4)) else {
            return Err(InvalidValueFrom("the ARN is incomplete".to_owned()));
        };
        if *region != scope.region.as_str() || *account != scope.account.as_str() {
            return Err(InvalidValueFrom(format!(
                "this engine has the account {} in {} only",
                scope.account, scope.region
            )));
        }
        match *service {
            "ssm" => parameter(text, scope),
            "secretsmanager" => secret(&parts),
            other => Err(InvalidValueFrom(format!("the service {other} keeps no values for containers"))),
        }
    }
}

fn parameter(text: &str, scope: &Scope) -> Result<ValueFrom, InvalidValueFrom> {
    let invalid = || InvalidValueFrom(format!("invalid parameters: {text}"));
    let reference = Reference::parse(text, scope).map_err(|_| invalid())?;
    // ECS asks for names alone; where a version is to be chosen, it takes a secret.
    if reference.selector().is_some() { Err(invalid()) } else { Ok(ValueFrom::Parameter(reference)) }
}

fn secret(parts: &[&str]) -> Result<ValueFrom, InvalidValueFrom> {
    let odd = || {
        InvalidValueFrom(
            "unexpected ARN format with parameters when trying to retrieve ASM secret: after the name come none or three, \
             :json-key:version-stage:version-id, each of which may be empty"
                .to_owned(),
        )
    };
    let given = |text: &&str| Some((*text).to_owned()).filter(|text| !text.is_empty());
    let (json_key, stage, version) = match &parts[5..] {
        ["secret", name] if !name.is_empty() => (None, None, None),
        ["secret", name, key, stage, version] if !name.is_empty() => (given(key), given(stage), given(version)),
        _ => return Err(odd()),
    };
    let stage = stage.map(|text| Stage::parse(&text)).transpose().map_err(|error| InvalidValueFrom(error.message))?;
    let version = version
        .map(|text| VersionId::parse("version-id", &text))
        .transpose()
        .map_err(|error| InvalidValueFrom(error.message))?;
    let secret = SecretId::new(Arn::new(parts[..7].join(":")).as_str());
    Ok(ValueFrom::Secret(SecretPlace { secret, json_key, stage, version }))
}

/// Takes a member out of a value that is a JSON object. Texts are given as they are, anything else as JSON.
pub fn json_member(value: &str, key: &str) -> Option<String> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(value).ok()?;
    object.get(key).map(|member| match member {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use seatrial_model::{AccountId, Region};

    use super::*;

    const HOME: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:app/db-AbCdEf";

    fn parse(text: &str) -> Result<ValueFrom, InvalidValueFrom> {
        let scope = Scope {
            region: Region::parse("us-east-1").expect("a region"),
            account: AccountId::parse("123456789012").expect("an account"),
        };
        ValueFrom::parse(text, &scope)
    }

    fn place(text: &str) -> SecretPlace {
        match parse(text) {
            Ok(ValueFrom::Secret(place)) => place,
            other => panic!("no secret: {other:?}"),
        }
    }

    #[test]
    fn names_and_arns_lead_to_parameters_or_secrets() {
        for name in ["token", "/app/token", "arn:aws:ssm:us-east-1:123456789012:parameter/app/token"] {
            assert!(matches!(parse(name), Ok(ValueFrom::Parameter(_))), "{name}");
        }
        assert_eq!(place(HOME).secret.as_str(), HOME);
        let version = "0".repeat(32);
        let chosen = place(&format!("{HOME}:password:AWSPREVIOUS:{version}"));
        assert_eq!(chosen.secret.as_str(), HOME);
        assert_eq!(chosen.json_key.as_deref(), Some("password"));
        assert_eq!(chosen.stage, Some(Stage::previous()));
        assert_eq!(chosen.version.map(|id| id.to_string()), Some(version));
        assert_eq!(place(&format!("{HOME}:password::")).stage, None);
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        for text in [
            "",
            "no name",
            "/app/token:3",
            "arn:aws:ssm",
            "arn:aws:ssm:eu-west-1:123456789012:parameter/a",
            "arn:aws:secretsmanager:us-east-1:999999999999:secret:a-AbCdEf",
            "arn:aws:s3:us-east-1:123456789012:a",
            &format!("{HOME}:password"),
            &format!("{HOME}:password:"),
            &format!("{HOME}::::"),
            &format!("{HOME}:::short"),
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_is_written_there_panics(text in "(arn:aws:(ssm|secretsmanager):us-east-1:123456789012)?[:/a-zA-Zä-]{0,40}") {
            drop(parse(&text));
        }
    }

    #[test]
    fn a_member_of_a_json_object_is_taken_out() {
        let value = r#"{"user": "a", "port": 5432, "on": true}"#;
        for (key, expected) in [("user", Some("a")), ("port", Some("5432")), ("on", Some("true")), ("none", None)] {
            assert_eq!(json_member(value, key).as_deref(), expected);
        }
        assert_eq!(json_member("no json", "user"), None);
    }
}
