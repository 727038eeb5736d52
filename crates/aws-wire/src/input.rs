//! The input of an operation: one JSON value whatever the protocol, read into a handler's own type.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::cbor;
use crate::common_error::CommonError;
use crate::error::ServiceError;
use crate::protocol::Protocol;
use crate::query::FormValue;

/// How deep an input may nest. ECS's deepest shape has nine levels; the rest is room for `hookDetails`, which is free JSON.
pub const INPUT_DEPTH_MAX: usize = 48;

/// The longest message about an input; such messages can quote what was sent.
const MESSAGE_LENGTH_MAX: usize = 512;

/// The input of an operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    value: Value,
    protocol: Protocol,
}

/// An input that is not of the operation's shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct InvalidInput {
    text: String,
    fault: InputFault,
    protocol: Protocol,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InputFault {
    Malformed,
    MissingMember,
}

impl Input {
    /// Reads a JSON body. An empty body is an empty input; members that are null count as absent, as they do in AWS.
    pub fn from_json(body: &[u8], protocol: Protocol) -> Result<Self, InvalidInput> {
        if body.is_empty() {
            return Ok(Input { value: Value::Object(Map::new()), protocol });
        }
        let value = serde_json::from_slice(body)
            .map_err(|error| InvalidInput::new(format!("The request body is not valid JSON: {error}"), protocol))?;
        if !matches!(value, Value::Object(_)) {
            return Err(InvalidInput::new("The request body must be a JSON object".to_owned(), protocol));
        }
        Input::from_object(value, protocol)
    }

    /// Reads a CBOR body. An empty body is an empty input; null and undefined members count as absent. Byte strings become base64,
    /// timestamps epoch seconds, and doubles without a JSON number texts (see [`crate::Double`]), all as in the JSON protocols.
    pub fn from_cbor(body: &[u8]) -> Result<Self, InvalidInput> {
        let protocol = Protocol::RpcV2Cbor;
        if body.is_empty() {
            return Ok(Input { value: Value::Object(Map::new()), protocol });
        }
        let value = cbor::decode(body)
            .map_err(|error| InvalidInput::new(format!("The request body is not valid CBOR: {error}"), protocol))?;
        if !value.is_object() {
            return Err(InvalidInput::new("The request body must be a CBOR map".to_owned(), protocol));
        }
        Input::from_object(value, protocol)
    }

    fn from_object(mut value: Value, protocol: Protocol) -> Result<Self, InvalidInput> {
        if !drop_nulls(&mut value, INPUT_DEPTH_MAX) {
            let text = format!("The request body nests deeper than {INPUT_DEPTH_MAX} levels");
            return Err(InvalidInput::new(text, protocol));
        }
        Ok(Input { value, protocol })
    }

    pub(crate) fn from_query(parameters: Map<String, Value>) -> Self {
        Input { value: Value::Object(parameters), protocol: Protocol::Query }
    }

    /// Returns the input as it was sent, members unknown to the engine included. In the query protocol every leaf is a text.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Makes the error for a value that does not fit, naming the path to it.
    pub(crate) fn invalid_at(&self, path: &str, error: &impl std::fmt::Display) -> InvalidInput {
        InvalidInput::at(path, error, self.protocol)
    }

    /// Reads the input into `T`. Unknown members are ignored unless `T` says otherwise; an error names the member.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, InvalidInput> {
        match self.protocol {
            Protocol::AwsJson10 | Protocol::AwsJson11 | Protocol::RpcV2Cbor => {
                serde_path_to_error::deserialize(&self.value)
                    .map_err(|error| self.invalid_at(&error.path().to_string(), error.inner()))
            }
            Protocol::Query => serde_path_to_error::deserialize(FormValue(&self.value))
                .map_err(|error| self.invalid_at(&error.path().to_string(), error.inner())),
        }
    }
}

impl InvalidInput {
    fn new(text: String, protocol: Protocol) -> Self {
        let text = if text.len() > MESSAGE_LENGTH_MAX { text.chars().take(MESSAGE_LENGTH_MAX).collect() } else { text };
        InvalidInput { text, fault: InputFault::Malformed, protocol }
    }

    fn at(path: &str, error: &impl std::fmt::Display, protocol: Protocol) -> Self {
        let parent = if path == "." { "" } else { path };
        let error = error.to_string();
        if let Some(member) = missing_member(&error) {
            let dot = if parent.is_empty() { "" } else { "." };
            let text = format!(
                "1 validation error detected: Value null at '{parent}{dot}{member}' failed to satisfy constraint: Member \
                 must not be null"
            );
            return InvalidInput { fault: InputFault::MissingMember, ..InvalidInput::new(text, protocol) };
        }
        match parent {
            "" => InvalidInput::new(error, protocol),
            path => InvalidInput::new(format!("Invalid value at '{path}': {error}"), protocol),
        }
    }
}

/// Returns the member that serde's error misses, if that is what it says.
fn missing_member(error: &str) -> Option<&str> {
    error.strip_prefix("missing field `")?.split('`').next()
}

impl From<InvalidInput> for ServiceError {
    fn from(error: InvalidInput) -> ServiceError {
        let text = error.text;
        let error_of_front = match error.fault {
            InputFault::Malformed => CommonError::MalformedInput(text),
            InputFault::MissingMember => CommonError::MissingMember(text),
        };
        error_of_front.for_protocol(error.protocol)
    }
}

/// Removes null members; returns false when the value nests deeper than `depth` levels.
fn drop_nulls(value: &mut Value, depth: usize) -> bool {
    match value {
        Value::Array(items) => depth > 0 && items.iter_mut().all(|item| drop_nulls(item, depth - 1)),
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            depth > 0 && members.values_mut().all(|member| drop_nulls(member, depth - 1))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase", default)]
    struct Service {
        service_name: Option<String>,
        desired_count: Option<i32>,
        deployment: Deployment,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase", default)]
    struct Deployment {
        percents: Vec<u32>,
    }

    fn read(body: &str) -> Result<Service, InvalidInput> {
        Input::from_json(body.as_bytes(), Protocol::AwsJson11)?.read()
    }

    #[test]
    fn unknown_members_and_nulls_are_ignored() {
        let service = read(r#"{"serviceName":"web","brandNew":{"x":1},"deployment":null,"desiredCount":null}"#);
        assert_eq!(service, Ok(Service { service_name: Some("web".to_owned()), ..Service::default() }));
    }

    #[test]
    fn a_wrong_type_names_the_member() {
        let error = read(r#"{"deployment":{"percents":[50,"many"]}}"#).expect_err("a wrong type");
        assert_eq!(
            error.to_string(),
            "Invalid value at 'deployment.percents[1]': invalid type: string \"many\", expected u32"
        );
        let error = ServiceError::from(error);
        assert_eq!((error.code(), error.status().as_u16()), ("SerializationException", 400));
    }

    #[test]
    fn a_missing_member_is_named() {
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Listener {
            #[serde(rename = "Actions")]
            _actions: Vec<Action>,
        }
        #[derive(Debug, Deserialize)]
        struct Action {
            #[serde(rename = "Type")]
            _kind: String,
        }
        let missing = |body: Value, protocol: Protocol| {
            let error = Input { value: body, protocol }.read::<Listener>().expect_err("a missing member");
            ServiceError::from(error)
        };
        let error = missing(serde_json::json!({}), Protocol::AwsJson11);
        assert_eq!(error.code(), "InvalidParameterException");
        assert!(error.message().contains("Value null at 'Actions' failed"), "{error}");
        let error = missing(serde_json::json!({"Actions": [{"Type": "a"}, {"Order": "1"}]}), Protocol::Query);
        assert_eq!(error.code(), "ValidationError");
        assert!(error.message().contains("Value null at 'Actions[1].Type' failed"), "{error}");
    }

    #[test]
    fn messages_stay_short_whatever_was_sent() {
        let body = format!(r#"{{"desiredCount":"{}"}}"#, "é".repeat(10_000));
        let error = read(&body).expect_err("a wrong type");
        assert!(error.to_string().chars().count() <= MESSAGE_LENGTH_MAX);
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| format!("{}{}{}", r#"{"a":"#.repeat(depth), "1", "}".repeat(depth));
        assert!(read(&nested(INPUT_DEPTH_MAX)).is_ok());
        assert!(read(&nested(INPUT_DEPTH_MAX + 1)).is_err());
        assert!(read(&nested(100_000)).is_err());
    }
}
