//! Where in Secrets Manager a variable's value is, as `valueFrom` writes it.

/// The third part of an ARN of Secrets Manager.
const SERVICE: &str = "secretsmanager";
/// Begins the name of a parameter that stands for a secret.
const REFERENCE: &str = "/aws/reference/secretsmanager/";
/// How many characters AWS adds to the name of a secret in its ARN, after a hyphen.
const SUFFIX_LENGTH: usize = 6;

/// A secret, and which part of it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// ARN or name of the secret.
    pub id: String,
    /// None for a name, which is of the environment's own Region.
    pub region: Option<String>,
    /// The member of the JSON object that its value is.
    pub json_key: Option<String>,
    pub stage: Option<String>,
    pub version: Option<String>,
}

/// A text that names Secrets Manager and no place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Place {
    /// Reads what `valueFrom` says; none where it names something other than a secret.
    pub fn parse(text: &str) -> Result<Option<Self>, Malformed> {
        if let Some(name) = text.strip_prefix(REFERENCE) {
            return Ok(Some(Place { id: name.to_owned(), ..Place::default() }));
        }
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", _, SERVICE, region, _, rest @ ..] = &parts[..] else { return Ok(None) };
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let (json_key, stage, version) = match rest {
            ["secret", name] if !name.is_empty() => (None, None, None),
            ["secret", name, key, stage, version] if !name.is_empty() => (given(key), given(stage), given(version)),
            _ => return Err(Malformed),
        };
        let id = parts[..7].join(":");
        Ok(Some(Place { id, region: given(region), json_key, stage, version }))
    }

    /// The name that the secret was made with, as far as its ARN tells.
    pub fn name(&self) -> &str {
        let name = self.id.rsplit(':').next().unwrap_or(&self.id);
        match name.rsplit_once('-') {
            Some((name, suffix)) if self.region.is_some() && is_suffix(suffix) => name,
            _ => name,
        }
    }
}

/// Whether AWS has added this, rather than somebody written it: hardly ever are its letters all small.
fn is_suffix(text: &str) -> bool {
    text.len() == SUFFIX_LENGTH
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && !text.bytes().all(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/db-AbCd3f";

    fn place(text: &str) -> Place {
        Place::parse(text).expect("it is well formed").expect("it is a secret")
    }

    #[test]
    fn a_secret_and_its_parts_are_told_apart() {
        let whole = place(ARN);
        assert_eq!((whole.id.as_str(), whole.region.as_deref()), (ARN, Some("eu-west-1")));
        assert_eq!((whole.json_key, whole.stage, whole.version), (None, None, None));
        let some = |text: &str| Some(text.to_owned());
        for (suffix, expected) in [
            (":user::", (some("user"), None, None)),
            ("::AWSPREVIOUS:", (None, some("AWSPREVIOUS"), None)),
            (":user:AWSCURRENT:v-1", (some("user"), some("AWSCURRENT"), some("v-1"))),
            (":::", (None, None, None)),
        ] {
            let Place { id, json_key, stage, version, .. } = place(&format!("{ARN}{suffix}"));
            assert_eq!((id.as_str(), (json_key, stage, version)), (ARN, expected), "{suffix}");
        }
        let by_name = place("/aws/reference/secretsmanager/shop/db");
        assert_eq!((by_name.id.as_str(), by_name.region), ("shop/db", None));
    }

    #[test]
    fn parameters_are_no_secrets_and_half_a_suffix_is_refused() {
        for text in ["/shop/db", "db", "arn:aws:ssm:eu-west-1:1:parameter/shop/db", "", "arn:aws:secretsmanager"] {
            assert_eq!(Place::parse(text), Ok(None), "{text}");
        }
        for suffix in [":user", ":user:", ":a:b:c:d"] {
            assert_eq!(Place::parse(&format!("{ARN}{suffix}")), Err(Malformed), "{suffix}");
        }
        for text in ["arn:aws:secretsmanager:r:1:secret:", "arn:aws:secretsmanager:r:1:other:x"] {
            assert_eq!(Place::parse(text), Err(Malformed), "{text}");
        }
    }

    #[test]
    fn the_name_is_the_one_it_was_made_with() {
        for (name, expected) in [
            ("shop/db-AbCd3f", "shop/db"),
            ("shop/db", "shop/db"),
            ("shop-secret", "shop-secret"),
            ("a-b-Zz0000", "a-b"),
        ] {
            assert_eq!(place(&format!("arn:aws:secretsmanager:r:1:secret:{name}")).name(), expected);
        }
        assert_eq!(place("/aws/reference/secretsmanager/a-AbCd3f").name(), "a-AbCd3f", "a name is not shortened");
    }
}
