//! PutParameter: from a request to a version that may be kept, everything judged but nothing sealed yet.

use seatrial_model::arn::Scope;
use seatrial_model::{SecretText, Timestamp};

use super::tier::Population;
use super::{
    DataType, Parameter, ParameterName, ParameterType, ParameterVersion, Policy, Tier, TierChoice, VERSIONS_MAX,
};
use super::{policy, value};
use crate::refused::Refused;
use crate::stored_value::StoredValue;
use crate::tagging::{self, Tags};

/// The key shown for a SecureString that names none.
const KEY_ID_DEFAULT: &str = "alias/aws/ssm";
/// The longest name of a key.
const KEY_ID_LENGTH_MAX: usize = 256;
/// The longest description, in characters.
const DESCRIPTION_LENGTH_MAX: usize = 1024;

/// Whether a parameter that is there may be given another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    Allowed,
    Refused,
}

/// What a request asks to put.
#[derive(Clone, Debug)]
pub struct PutRequest {
    pub name: String,
    pub value: SecretText,
    pub kind: Option<ParameterType>,
    pub overwrite: Overwrite,
    pub description: Option<String>,
    pub key_id: Option<String>,
    pub allowed_pattern: Option<String>,
    pub data_type: Option<DataType>,
    pub tier: Option<TierChoice>,
    /// A JSON array in a text.
    pub policies: Option<String>,
    pub tags: Tags,
}

/// A version that may be added. Its value is still the plaintext.
#[derive(Clone, Debug)]
pub struct Draft {
    name: ParameterName,
    number: u64,
    value: SecretText,
    kind: ParameterType,
    tier: Tier,
    description: Option<String>,
    key_id: Option<String>,
    allowed_pattern: Option<String>,
    data_type: DataType,
    policies: Vec<Policy>,
    tags: Tags,
}

impl Draft {
    /// Judges a request against the parameter of its name. What an overwriting request does not say stays as it was.
    pub fn new(
        request: PutRequest,
        existing: Option<&Parameter>,
        population: Population,
        scope: &Scope,
    ) -> Result<Draft, Refused> {
        let name = ParameterName::parse(&request.name, scope)?;
        check_presence(&request, existing)?;
        let former = existing.map(Parameter::latest);
        let kind = judge_kind(&request, &name, former)?;
        let policies = match &request.policies {
            Some(text) => policy::parse(text)?,
            None => former.map(|former| former.policies.clone()).unwrap_or_default(),
        };
        let tier = judge_tier(&request, former, &policies, population)?;
        let allowed_pattern = match request.allowed_pattern.clone() {
            Some(pattern) => Some(pattern).filter(|pattern| !pattern.is_empty()),
            None => former.and_then(|former| former.allowed_pattern.clone()),
        };
        let data_type = request.data_type.or_else(|| former.map(|former| former.data_type)).unwrap_or(DataType::Text);
        value::check(request.value.expose(), tier, data_type, allowed_pattern.as_deref())?;
        let key_id = judge_key(&request, kind, former)?;
        let description = request.description.or_else(|| former.and_then(|former| former.description.clone()));
        if description.as_ref().is_some_and(|text| text.chars().count() > DESCRIPTION_LENGTH_MAX) {
            return Err(Refused::validation(format!("A description may have {DESCRIPTION_LENGTH_MAX} characters.")));
        }
        let mut tags = Tags::new();
        tagging::add(&mut tags, request.tags).map_err(|problem| Refused::validation(problem.describe()))?;
        let number = former.map_or(0, |former| former.number) + 1;
        let value = request.value;
        Ok(Draft { name, number, value, kind, tier, description, key_id, allowed_pattern, data_type, policies, tags })
    }

    pub fn name(&self) -> &ParameterName {
        &self.name
    }

    pub fn number(&self) -> u64 {
        self.number
    }

    pub fn tier(&self) -> Tier {
        self.tier
    }

    pub fn kind(&self) -> ParameterType {
        self.kind
    }

    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    pub fn value(&self) -> &SecretText {
        &self.value
    }

    pub(super) fn into_version(self, value: StoredValue, now: Timestamp, modified_by: &str) -> ParameterVersion {
        ParameterVersion {
            number: self.number,
            value,
            kind: self.kind,
            tier: self.tier,
            description: self.description,
            key_id: self.key_id,
            allowed_pattern: self.allowed_pattern,
            data_type: self.data_type,
            policies: self.policies,
            modified_at: now,
            modified_by: modified_by.to_owned(),
        }
    }
}

fn check_presence(request: &PutRequest, existing: Option<&Parameter>) -> Result<(), Refused> {
    if request.overwrite == Overwrite::Allowed && !request.tags.is_empty() {
        return Err(Refused::validation(
            "Invalid request: tags and overwrite can't be used together. Create the parameter without overwrite, or use \
             AddTagsToResource and RemoveTagsFromResource.",
        ));
    }
    let Some(existing) = existing else { return Ok(()) };
    if request.overwrite == Overwrite::Refused {
        return Err(Refused::new(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        ));
    }
    let oldest = existing.versions.front().map_or(0, |version| version.number);
    if existing.versions.len() >= VERSIONS_MAX && !existing.labels_of(oldest).is_empty() {
        return Err(Refused::new(
            "ParameterMaxVersionLimitExceeded",
            format!(
                "{} has {VERSIONS_MAX} versions, and version {oldest}, the oldest, can't be deleted because it has a label. Move the \
                 label to another version of the parameter, and try again.",
                existing.name
            ),
        ));
    }
    Ok(())
}

fn judge_kind(
    request: &PutRequest,
    name: &ParameterName,
    former: Option<&ParameterVersion>,
) -> Result<ParameterType, Refused> {
    match (request.kind, former) {
        (Some(kind), Some(former)) if kind != former.kind && name.is_path() => Err(Refused::new(
            "HierarchyTypeMismatchException",
            format!(
                "Parameter Store does not support changing a parameter type in a hierarchy: {name} is a {}.",
                former.kind.as_str()
            ),
        )),
        (Some(kind), _) => Ok(kind),
        (None, Some(former)) => Ok(former.kind),
        (None, None) => Err(Refused::validation("A parameter type is required when you create a parameter.")),
    }
}

fn judge_tier(
    request: &PutRequest,
    former: Option<&ParameterVersion>,
    policies: &[Policy],
    population: Population,
) -> Result<Tier, Refused> {
    let was = former.map(|former| former.tier);
    let needs_more = request.value.expose().len() > Tier::Standard.value_bytes_max()
        || !policies.is_empty()
        || (former.is_none() && population.is_full(Tier::Standard));
    let tier = match request.tier {
        Some(TierChoice::Fixed(Tier::Standard)) if was == Some(Tier::Advanced) => {
            return Err(Refused::validation(
                "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to \
                 the standard-parameter tier.",
            ));
        }
        Some(TierChoice::Fixed(tier)) => tier,
        Some(TierChoice::Intelligent) if needs_more => Tier::Advanced,
        Some(TierChoice::Intelligent) | None => was.unwrap_or(Tier::Standard),
    };
    if !policies.is_empty() && tier == Tier::Standard {
        return Err(Refused::validation("Parameter policies are only supported in the advanced-parameter tier."));
    }
    if was != Some(tier) && population.is_full(tier) {
        return Err(Refused::new(
            "ParameterLimitExceeded",
            format!(
                "There are {} parameters of the {} tier, the most there may be.",
                tier.parameters_max(),
                tier.as_str()
            ),
        ));
    }
    Ok(tier)
}

fn judge_key(
    request: &PutRequest,
    kind: ParameterType,
    former: Option<&ParameterVersion>,
) -> Result<Option<String>, Refused> {
    let former = former.and_then(|former| former.key_id.clone());
    match (&request.key_id, kind) {
        (None, ParameterType::SecureString) => Ok(Some(former.unwrap_or_else(|| KEY_ID_DEFAULT.to_owned()))),
        (None, ParameterType::String | ParameterType::StringList) => Ok(None),
        (Some(_), ParameterType::String | ParameterType::StringList) => {
            Err(Refused::validation("KeyId is for parameters of the type SecureString only."))
        }
        (Some(key), ParameterType::SecureString) => {
            let fits = (1..=KEY_ID_LENGTH_MAX).contains(&key.len())
                && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/_-".contains(&byte));
            if fits { Ok(Some(key.clone())) } else { Err(Refused::new("InvalidKeyId", "The key ID isn't valid.")) }
        }
    }
}
