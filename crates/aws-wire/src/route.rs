//! Names the service and operation of a request and reads its input, whatever its protocol.

use std::fmt;

use http::{HeaderMap, Method};
use serde_json::Value;

use crate::common_error::CommonError;
use crate::input::Input;
use crate::operation_name::OperationName;
use crate::protocol::{Protocol, TARGET};
use crate::query;
use crate::service::Service;
use crate::sigv4::RequestHead;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub service: Service,
    pub operation: OperationName,
    pub protocol: Protocol,
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
/// the others the caller compares the two.
pub fn route(head: &RequestHead<'_>, body: &[u8], signed_service: &str) -> Result<(Route, Input), CommonError> {
    let is_at_root = matches!(head.path, "/" | "");
    match Protocol::announced(head.headers) {
        Some(Protocol::RpcV2Cbor) if head.method == Method::POST && !is_at_root => {
            route_rpc_v2(head.path, body, signed_service)
        }
        Some(_) | None if !is_at_root => Err(no_such_path(head.method, head.path, signed_service)),
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

fn route_rpc_v2(path: &str, body: &[u8], signed_service: &str) -> Result<(Route, Input), CommonError> {
    let names = path.strip_prefix("/service/").and_then(|names| names.split_once("/operation/"));
    let found = names.and_then(|(service, name)| Some((Service::by_rpc_v2_service(service)?, name)));
    let Some((service, name)) = found else {
        return Err(no_such_path(&Method::POST, path, signed_service));
    };
    let operation = operation_name(name)?;
    let input = Input::from_cbor(body).map_err(|error| CommonError::MalformedInput(error.to_string()))?;
    Ok((Route { service, operation, protocol: Protocol::RpcV2Cbor }, input))
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

fn no_such_path(method: &Method, path: &str, signed_service: &str) -> CommonError {
    let (path, service) = (printable(path), printable(signed_service));
    not_implemented(format_args!("{method} {path} of the service {service}"))
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
    use crate::protocol::{RPC_V2_CBOR, SMITHY_PROTOCOL};

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

    fn cbor_request(path: &str, body: &[u8]) -> Result<(Route, Input), CommonError> {
        let mut headers = HeaderMap::new();
        headers.insert(SMITHY_PROTOCOL, HeaderValue::from_static(RPC_V2_CBOR));
        let head = RequestHead { method: &Method::POST, path, query: "", headers: &headers };
        route(&head, body, "monitoring")
    }

    #[test]
    fn an_rpc_v2_request_is_routed_by_its_path() {
        let path = "/service/GraniteServiceVersion20100801/operation/DescribeAlarms";
        let (route, input) = cbor_request(path, b"\xa1\x6aMaxRecords\x05").expect("a route");
        assert_eq!((route.service, route.operation.as_str()), (Service::CloudWatch, "DescribeAlarms"));
        assert_eq!(route.protocol, Protocol::RpcV2Cbor);
        assert_eq!(input.value(), &json!({"MaxRecords": 5}));
        let (_, input) = cbor_request(path, b"").expect("an empty body is an empty input");
        assert_eq!(input.value(), &json!({}));
        for body in [&b"\x80"[..], b"\xa1", b"{}"] {
            assert!(matches!(cbor_request(path, body), Err(CommonError::MalformedInput(_))), "{body:?}");
        }
    }

    #[test]
    fn an_rpc_v2_path_that_is_not_there_is_named_in_the_refusal() {
        for path in ["/", "/service/GraniteServiceVersion20100801", "/service/Other/operation/PutMetricData"] {
            assert!(text(cbor_request(path, b"\xa0")).ends_with(" is not implemented by this engine."), "{path}");
        }
        let path = "/service/GraniteServiceVersion20100801/operation/a/b";
        assert!(text(cbor_request(path, b"\xa0")).starts_with("The operation is unknown"));
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
