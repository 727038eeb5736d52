//! Names the service and operation of a request and reads its input, whatever its protocol.

use std::fmt;

use http::{HeaderMap, Method};
use serde_json::Value;

use crate::common_error::CommonError;
use crate::input::Input;
use crate::protocol::{Protocol, TARGET};
use crate::query;
use crate::service::Service;
use crate::sigv4::RequestHead;

/// Longer than any AWS operation name (the longest has 60 characters).
const OPERATION_NAME_LENGTH_MAX: usize = 128;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub service: Service,
    pub operation: OperationName,
    pub protocol: Protocol,
}

/// The name of an operation, such as `DescribeServices`. Letters and digits only, so it is safe to print.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OperationName(String);

/// A text that cannot name an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an operation name has 1 to {OPERATION_NAME_LENGTH_MAX} letters and digits")]
pub struct InvalidOperationName;

impl OperationName {
    pub fn parse(text: &str) -> Result<Self, InvalidOperationName> {
        let fits = (1..=OPERATION_NAME_LENGTH_MAX).contains(&text.len());
        if fits && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            Ok(OperationName(text.to_owned()))
        } else {
            Err(InvalidOperationName)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OperationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Route {
    /// Returns the error for an operation that its service does not have here.
    pub fn not_implemented(&self) -> CommonError {
        not_implemented(format_args!("The operation {} of {}", self.operation, self.service))
    }
}

/// Finds the route of a request and reads its input.
///
/// `signed_service` is the service in the credential scope of its signature. A query request has no other mark of its service; for
/// a JSON request the caller compares the two.
pub fn route(head: &RequestHead<'_>, body: &[u8], signed_service: &str) -> Result<(Route, Input), CommonError> {
    if !matches!(head.path, "/" | "") {
        let (path, service) = (printable(head.path), printable(signed_service));
        return Err(not_implemented(format_args!("{} {path} of the service {service}", head.method)));
    }
    match Protocol::announced(head.headers) {
        Some(protocol @ (Protocol::AwsJson10 | Protocol::AwsJson11)) if head.method == Method::POST => {
            route_json(head.headers, body, protocol)
        }
        Some(Protocol::Query) if head.method == Method::POST && !body.is_empty() => route_query(body, signed_service),
        // Pre-signed requests carry everything in their address.
        Some(Protocol::Query) | None if matches!(*head.method, Method::GET | Method::POST) && body.is_empty() => {
            route_query(head.query.as_bytes(), signed_service)
        }
        Some(_) | None => Err(not_implemented(format_args!(
            "A {} request with this Content-Type ({})",
            head.method,
            content_type(head.headers),
        ))),
    }
}

fn route_json(headers: &HeaderMap, body: &[u8], protocol: Protocol) -> Result<(Route, Input), CommonError> {
    let target = headers.get(TARGET).and_then(|target| target.to_str().ok()).unwrap_or_default();
    let Some((prefix, name)) = target.split_once('.') else {
        return Err(CommonError::UnknownOperation("The header X-Amz-Target must be Service.Operation.".to_owned()));
    };
    let operation = operation_name(name)?;
    let Some(service) = Service::by_target_prefix(prefix) else {
        return Err(not_implemented(format_args!("The service of X-Amz-Target {}", printable(target))));
    };
    let input = Input::from_json(body, protocol).map_err(|error| CommonError::MalformedInput(error.to_string()))?;
    Ok((Route { service, operation, protocol }, input))
}

fn route_query(form: &[u8], signed_service: &str) -> Result<(Route, Input), CommonError> {
    let mut parameters = query::decode(form).map_err(|error| CommonError::MalformedInput(error.to_string()))?;
    let mut take = |name: &str| match parameters.remove(name) {
        Some(Value::String(text)) => Some(text),
        Some(_) | None => None,
    };
    let (action, version) = (take("Action"), take("Version"));
    let operation = action.as_deref().map(operation_name).transpose()?;
    let found = Service::by_signing_name(signed_service).and_then(|service| Some((service, service.query_api()?)));
    let (operation, (service, api)) = match (operation, found) {
        (Some(operation), Some(found)) => (operation, found),
        (Some(operation), None) => {
            let service = printable(signed_service);
            return Err(not_implemented(format_args!("The operation {operation} of the service {service}")));
        }
        (None, Some(_)) => return Err(CommonError::UnknownOperation("The parameter Action is missing.".to_owned())),
        (None, None) => {
            return Err(not_implemented(format_args!("The service {}", printable(signed_service))));
        }
    };
    if let Some(version) = version.filter(|version| version != api.version) {
        return Err(not_implemented(format_args!("The operation {operation} of version {}", printable(&version))));
    }
    parameters.retain(|name, _| !name.starts_with("X-Amz-"));
    Ok((Route { service, operation, protocol: Protocol::Query }, Input::from_query(parameters)))
}

fn operation_name(text: &str) -> Result<OperationName, CommonError> {
    OperationName::parse(text)
        .map_err(|error| CommonError::UnknownOperation(format!("The operation is unknown: {error}.")))
}

fn not_implemented(what: fmt::Arguments<'_>) -> CommonError {
    CommonError::UnknownOperation(format!("{what} is not implemented by this engine."))
}

fn content_type(headers: &HeaderMap) -> String {
    match headers.get(http::header::CONTENT_TYPE).map(|value| value.to_str()) {
        Some(Ok(text)) => printable(text),
        Some(Err(_)) => "unreadable".to_owned(),
        None => "none".to_owned(),
    }
}

/// Shortens a text of the request for an error message and takes out what a terminal could act on.
fn printable(text: &str) -> String {
    const LENGTH_MAX: usize = 128;
    text.chars().take(LENGTH_MAX).filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::CONTENT_TYPE;
    use serde_json::json;

    use super::*;

    fn json_request(
        content_type: &'static str,
        target: &'static str,
        body: &[u8],
    ) -> Result<(Route, Input), CommonError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(TARGET, HeaderValue::from_static(target));
        let head = RequestHead { method: &Method::POST, path: "/", query: "", headers: &headers };
        route(&head, body, "ecs")
    }

    fn form_request(service: &str, body: &str) -> Result<(Route, Input), CommonError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8"));
        let head = RequestHead { method: &Method::POST, path: "/", query: "", headers: &headers };
        route(&head, body.as_bytes(), service)
    }

    fn text<T: fmt::Debug>(result: Result<T, CommonError>) -> String {
        match result.expect_err("the request is refused") {
            CommonError::UnknownOperation(text) | CommonError::MalformedInput(text) => text,
            other => panic!("unexpected {other:?}"),
        }
    }

    #[test]
    fn a_json_request_is_routed_by_its_target() {
        let (route, input) = json_request(
            "application/x-amz-json-1.1",
            "AmazonEC2ContainerServiceV20141113.DescribeServices",
            br#"{"cluster":"hello","services":null}"#,
        )
        .expect("a route");
        assert_eq!((route.service, route.operation.as_str()), (Service::Ecs, "DescribeServices"));
        assert_eq!(route.protocol, Protocol::AwsJson11);
        assert_eq!(input.value(), &json!({"cluster": "hello"}), "null members count as absent");
    }

    #[test]
    fn a_query_request_is_routed_by_signature_and_action() {
        let (route, input) =
            form_request("elasticloadbalancing", "Action=DescribeRules&Version=2015-12-01&RuleArns.member.1=a%2Fb")
                .expect("a route");
        assert_eq!((route.service, route.operation.as_str()), (Service::Elbv2, "DescribeRules"));
        assert_eq!(input.value(), &json!({"RuleArns": ["a/b"]}));
    }

    #[test]
    fn a_pre_signed_request_carries_its_action_in_the_query() {
        let headers = HeaderMap::new();
        let query = "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Signature=00";
        for method in [Method::GET, Method::POST] {
            let head = RequestHead { method: &method, path: "/", query, headers: &headers };
            let (route, input) = route(&head, b"", "sts").expect("a route");
            assert_eq!((route.service, route.operation.as_str()), (Service::Sts, "GetCallerIdentity"));
            assert_eq!(input.value(), &json!({}));
        }
    }

    #[test]
    fn what_is_not_there_is_named_in_the_refusal() {
        let target = "DynamoDB_20120810.PutItem";
        assert_eq!(
            text(json_request("application/x-amz-json-1.0", target, b"{}")),
            "The service of X-Amz-Target DynamoDB_20120810.PutItem is not implemented by this engine."
        );
        assert_eq!(
            text(form_request("ec2", "Action=DescribeVpcs&Version=2016-11-15")),
            "The operation DescribeVpcs of the service ec2 is not implemented by this engine."
        );
        assert_eq!(text(form_request("s3", "")), "The service s3 is not implemented by this engine.");
        assert_eq!(text(form_request("sts", "Version=2011-06-15")), "The parameter Action is missing.");
        assert_eq!(
            text(form_request("elasticloadbalancing", "Action=DescribeLoadBalancers&Version=2012-06-01")),
            "The operation DescribeLoadBalancers of version 2012-06-01 is not implemented by this engine."
        );
        let headers = HeaderMap::new();
        let head = RequestHead { method: &Method::POST, path: "/service/X/operation/Y", query: "", headers: &headers };
        assert_eq!(
            text(route(&head, b"", "monitoring")),
            "POST /service/X/operation/Y of the service monitoring is not implemented by this engine."
        );
    }

    #[test]
    fn a_body_that_is_no_json_object_is_refused() {
        let target = "AmazonEC2ContainerServiceV20141113.ListClusters";
        for body in [&b"{"[..], b"[]", b"\"x\"", b"\xff", b"{}{}"] {
            let refusal = json_request("application/x-amz-json-1.1", target, body);
            assert!(matches!(refusal, Err(CommonError::MalformedInput(_))), "{body:?}");
        }
        let (_, input) =
            json_request("application/x-amz-json-1.1", target, b"").expect("an empty body is an empty input");
        assert_eq!(input.value(), &json!({}));
    }
}
