//! Writes results and errors in the form of the request's protocol.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use crate::answer_form::AnswerForms;
use crate::cbor;
use crate::error::ServiceError;
use crate::protocol::{Protocol, RPC_V2_CBOR, SMITHY_PROTOCOL};
use crate::route::Route;
use crate::service::Service;
use crate::xml::{InvalidElementName, escape, write_element};

/// The header in which JSON clients look for the code of an error first.
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// The header from which clients of a service that left the query protocol behind take the code it had there.
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");

/// An answer, ready to be sent with `x-amzn-RequestId`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: StatusCode,
    /// The headers its protocol asks for, `Content-Type` first of all.
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    /// Writes the result of an operation. Fails only on a result that its protocol cannot express.
    pub fn success(route: &Route, output: &Value, request_id: &str) -> Result<Self, InvalidElementName> {
        let forms = route.service.answer_forms();
        let body = match route.protocol {
            Protocol::AwsJson10 | Protocol::AwsJson11 => output.to_string().into_bytes(),
            Protocol::Query => query_result(route, output, forms, request_id)?.into_bytes(),
            Protocol::RpcV2Cbor => cbor::encode(output, forms),
        };
        Ok(Reply { status: StatusCode::OK, headers: headers(route.protocol), body })
    }
}

/// Writes an error, under the name it has in the protocol. The service tells that name and gives a query error its namespace; it is
/// absent when none was recognised.
pub fn failure(protocol: Protocol, service: Option<Service>, error: &ServiceError, request_id: &str) -> Reply {
    let known =
        service.and_then(|service| service.error_name(error.code()).or_else(|| service.error_name(error.query_code())));
    let shape = known.map_or(error.code(), |known| known.shape);
    let code = known.map_or(error.query_code(), |known| known.code);
    let status = known.map_or(error.status(), |known| known.status);

    let mut headers = headers(protocol);
    let body = match protocol {
        Protocol::AwsJson10 | Protocol::AwsJson11 => {
            insert(&mut headers, ERROR_TYPE, shape);
            error_members(shape, error).to_string().into_bytes()
        }
        Protocol::Query => query_error(service, code, error, request_id).into_bytes(),
        Protocol::RpcV2Cbor => cbor::encode(&error_members(shape, error), AnswerForms::NONE),
    };
    if protocol != Protocol::Query && service.is_some_and(Service::is_query_compatible) {
        insert(&mut headers, QUERY_ERROR, &format!("{code};{}", error.fault().as_str()));
    }
    Reply { status, headers, body }
}

fn headers(protocol: Protocol) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(protocol.content_type()));
    if protocol == Protocol::RpcV2Cbor {
        headers.insert(SMITHY_PROTOCOL, HeaderValue::from_static(RPC_V2_CBOR));
    }
    headers
}

/// Adds a header whose value comes from a handler; one that no header can have is left out, as the body says the same.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn error_members(shape: &str, error: &ServiceError) -> Value {
    let mut members = error.members().clone();
    members.insert("__type".to_owned(), shape.into());
    members.insert("message".to_owned(), error.message().into());
    Value::Object(members)
}

fn query_result(
    route: &Route,
    output: &Value,
    forms: AnswerForms,
    request_id: &str,
) -> Result<String, InvalidElementName> {
    let operation = &route.operation;
    let namespace = route.service.query_api().map(|api| api.namespace).unwrap_or_default();
    let mut xml = format!("<{operation}Response xmlns=\"{namespace}\">");
    write_element(&mut xml, &format!("{operation}Result"), output, forms)?;
    xml.push_str("<ResponseMetadata><RequestId>");
    escape(&mut xml, request_id);
    xml.push_str(&format!("</RequestId></ResponseMetadata></{operation}Response>"));
    Ok(xml)
}

fn query_error(service: Option<Service>, code: &str, error: &ServiceError, request_id: &str) -> String {
    let mut xml = String::from("<ErrorResponse");
    if let Some(api) = service.and_then(Service::query_api) {
        xml.push_str(&format!(" xmlns=\"{}\"", api.namespace));
    }
    xml.push_str(&format!("><Error><Type>{}</Type><Code>", error.fault().as_str()));
    escape(&mut xml, code);
    xml.push_str("</Code><Message>");
    escape(&mut xml, error.message());
    xml.push_str("</Message></Error><RequestId>");
    escape(&mut xml, request_id);
    xml.push_str("</RequestId></ErrorResponse>");
    xml
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::common_error::CommonError;
    use crate::operation_name::OperationName;

    fn route(service: Service, operation: &str, protocol: Protocol) -> Route {
        Route { service, operation: OperationName::parse(operation).expect("a name"), protocol }
    }

    fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
        reply.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    fn body(reply: &Reply) -> &str {
        std::str::from_utf8(&reply.body).expect("UTF-8")
    }

    #[test]
    fn a_json_result_is_the_value_itself() {
        let route = route(Service::Ecs, "ListClusters", Protocol::AwsJson11);
        let reply = Reply::success(&route, &json!({"clusterArns": []}), "id").expect("a reply");
        assert_eq!((reply.status.as_u16(), header(&reply, "content-type")), (200, Some("application/x-amz-json-1.1")));
        assert_eq!(body(&reply), r#"{"clusterArns":[]}"#);
    }

    #[test]
    fn a_query_result_is_wrapped_twice_and_carries_the_request_id() {
        let identity = route(Service::Sts, "GetCallerIdentity", Protocol::Query);
        let reply = Reply::success(&identity, &json!({"Account": "123456789012"}), "id-1").expect("a reply");
        assert_eq!(
            body(&reply),
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
             <Account>123456789012</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>id-1</RequestId>\
             </ResponseMetadata></GetCallerIdentityResponse>"
        );
        let deleted = route(Service::Elbv2, "DeleteRule", Protocol::Query);
        let reply = Reply::success(&deleted, &json!({}), "id-2").expect("a reply");
        assert!(body(&reply).contains("<DeleteRuleResult></DeleteRuleResult>"));
    }

    #[test]
    fn errors_take_the_form_of_their_protocol() {
        let error = ServiceError::sender("ClusterNotFoundException", "Cluster not found.");
        let reply = failure(Protocol::AwsJson11, Some(Service::Ecs), &error, "id");
        assert_eq!(header(&reply, "x-amzn-errortype"), Some("ClusterNotFoundException"));
        assert_eq!(header(&reply, "x-amzn-query-error"), None);
        assert_eq!(body(&reply), r#"{"__type":"ClusterNotFoundException","message":"Cluster not found."}"#);

        let error = ServiceError::sender("TargetGroupNotFound", "no <such> group");
        let reply = failure(Protocol::Query, Some(Service::Elbv2), &error, "id");
        assert_eq!(header(&reply, "x-amzn-errortype"), None);
        assert_eq!(
            body(&reply),
            "<ErrorResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\"><Error>\
             <Type>Sender</Type><Code>TargetGroupNotFound</Code><Message>no &lt;such&gt; group</Message></Error>\
             <RequestId>id</RequestId></ErrorResponse>"
        );
    }

    #[test]
    fn an_error_may_have_further_members() {
        let error = ServiceError::sender("ConflictException", "no").with_member("resourceIds", json!(["a"]));
        let reply = failure(Protocol::AwsJson11, Some(Service::Ecs), &error, "id");
        assert!(body(&reply).contains(r#""resourceIds":["a"]"#));
    }

    #[test]
    fn an_error_of_a_service_with_three_protocols_has_its_name_in_each() {
        let reply =
            |protocol: Protocol, error: &ServiceError| failure(protocol, Some(Service::CloudWatch), error, "id");
        let error = ServiceError::sender("InvalidParameterValue", "no");
        let query = reply(Protocol::Query, &error);
        assert!(body(&query).contains("<Type>Sender</Type><Code>InvalidParameterValue</Code>"), "{}", body(&query));
        assert_eq!(header(&query, "x-amzn-query-error"), None);

        let json = reply(Protocol::AwsJson10, &error);
        assert_eq!(body(&json), r#"{"__type":"InvalidParameterValueException","message":"no"}"#);
        assert_eq!(header(&json, "x-amzn-query-error"), Some("InvalidParameterValue;Sender"));

        let cbor = reply(Protocol::RpcV2Cbor, &error);
        let members = crate::cbor::decode(&cbor.body).expect("CBOR");
        assert_eq!(members, json!({"__type": "InvalidParameterValueException", "message": "no"}));
        assert_eq!(header(&cbor, "x-amzn-query-error"), Some("InvalidParameterValue;Sender"));
        assert_eq!(header(&cbor, "smithy-protocol"), Some("rpc-v2-cbor"));
        assert_eq!(header(&cbor, "content-type"), Some("application/cbor"));
    }

    #[test]
    fn the_model_of_a_service_tells_the_status_of_its_errors() {
        let error = ServiceError::sender("ResourceNotFound", "no such alarm");
        let status = |service| failure(Protocol::RpcV2Cbor, Some(service), &error, "id").status.as_u16();
        assert_eq!((status(Service::CloudWatch), status(Service::Ecs)), (404, 400));
    }

    #[test]
    fn an_error_of_the_front_keeps_its_query_code_where_clients_look_for_it() {
        let front = |error: CommonError| {
            let error = error.for_protocol(Protocol::RpcV2Cbor);
            let reply = failure(Protocol::RpcV2Cbor, Some(Service::CloudWatch), &error, "id");
            let members = crate::cbor::decode(&reply.body).expect("CBOR");
            (members["__type"].as_str().map(str::to_owned), header(&reply, "x-amzn-query-error").map(str::to_owned))
        };
        let pair = |shape: &str, code: &str| (Some(shape.to_owned()), Some(code.to_owned()));
        let unknown = CommonError::UnrecognizedClient("no".to_owned());
        assert_eq!(front(unknown), pair("UnrecognizedClientException", "InvalidClientTokenId;Sender"));
        let missing = CommonError::MissingMember("AlarmName".to_owned());
        assert_eq!(front(missing), pair("ValidationException", "ValidationError;Sender"));
    }

    #[test]
    fn a_result_has_the_form_of_its_protocol() {
        let output = json!({"Datapoints": [{"Timestamp": 1_769_860_800.0, "ExtendedStatistics": {"p99": 0.5}}]});
        let reply = |protocol| {
            let route = route(Service::CloudWatch, "GetMetricStatistics", protocol);
            Reply::success(&route, &output, "id").expect("a reply")
        };
        let json = reply(Protocol::AwsJson10);
        assert_eq!(body(&json), r#"{"Datapoints":[{"ExtendedStatistics":{"p99":0.5},"Timestamp":1769860800.0}]}"#);
        let query = reply(Protocol::Query);
        let expected = "<member><ExtendedStatistics><entry><key>p99</key><value>0.5</value></entry></ExtendedStatistics>\
                        <Timestamp>2026-01-31T12:00:00.000Z</Timestamp></member>";
        assert!(body(&query).contains(expected), "{}", body(&query));
        let cbor = reply(Protocol::RpcV2Cbor);
        assert_eq!(
            hex::encode(&cbor.body),
            [
                "a1 6a 44617461706f696e7473 81 a2", // {"Datapoints": [{
                "72 457874656e64656453746174697374696373 a1 63703939 fb3fe0000000000000", // "ExtendedStatistics": {"p99": 0.5},
                "69 54696d657374616d70 c1 fb41da5f7bb0000000", // "Timestamp": 1(1769860800.0)}]}
            ]
            .concat()
            .replace(' ', "")
        );
    }
}
