//! PutParameter.

use seatrial_aws_wire::Input;
use seatrial_engine::{Engine, parameters};
use seatrial_parameters::Refused;
use seatrial_parameters::parameter::{DataType, Overwrite, ParameterType, PutRequest, TierChoice};
use serde::Deserialize;
use serde_json::{Value, json};

use super::tags::{self, TagList};
use crate::operations::OperationError;
use crate::secret_member::SecretMember;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutParameter {
    name: String,
    value: SecretMember,
    r#type: Option<String>,
    description: Option<String>,
    key_id: Option<String>,
    #[serde(default)]
    overwrite: bool,
    allowed_pattern: Option<String>,
    #[serde(default)]
    tags: TagList,
    tier: Option<String>,
    policies: Option<String>,
    data_type: Option<String>,
}

pub(super) fn put(engine: &Engine, input: &Input, caller: &str) -> Result<Value, OperationError> {
    let request = parse(input.read()?)?;
    let parameter = engine.transact(|tx| parameters::put(tx, request, caller))?;
    let version = parameter.latest();
    Ok(json!({ "Version": version.number, "Tier": version.tier.as_str() }))
}

fn parse(request: PutParameter) -> Result<PutRequest, Refused> {
    Ok(PutRequest {
        name: request.name,
        value: request.value.0,
        kind: request.r#type.as_deref().map(ParameterType::parse).transpose()?,
        overwrite: if request.overwrite { Overwrite::Allowed } else { Overwrite::Refused },
        description: request.description,
        key_id: request.key_id,
        allowed_pattern: request.allowed_pattern,
        data_type: request.data_type.as_deref().filter(|text| !text.is_empty()).map(DataType::parse).transpose()?,
        tier: request.tier.as_deref().map(TierChoice::parse).transpose()?,
        policies: request.policies,
        tags: tags::collect(request.tags),
    })
}
