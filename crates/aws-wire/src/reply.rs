//! Writes results and errors in the form of the request's protocol.

use http::StatusCode;
use serde_json::Value;

use crate::error::ServiceError;
use crate::protocol::Protocol;
use crate::route::Route;
use crate::service::Service;
use crate::xml::{InvalidElementName, escape, write_element};

/// An answer, ready to be sent with `x-amzn-RequestId`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: StatusCode,
    pub content_type: &'static str,
    /// The value of `x-amzn-ErrorType`; present on errors of the JSON protocols.
    pub error_type: Option<String>,
    pub body: Vec<u8>,
}

impl Reply {
    /// Writes the result of an operation. Fails only on a result that its protocol cannot express.
    pub fn success(route: &Route, output: &Value, request_id: &str) -> Result<Self, InvalidElementName> {
        let body = match route.protocol {
            Protocol::AwsJson10 | Protocol::AwsJson11 => output.to_string(),
            Protocol::Query => {
                let namespace = route.service.query_api().map(|api| api.namespace).unwrap_or_default();
                query_result(route.operation.as_str(), namespace, output, request_id)?
            }
        };
        Ok(Reply {
            status: StatusCode::OK,
            content_type: route.protocol.content_type(),
            error_type: None,
            body: body.into_bytes(),
        })
    }
}

/// Writes an error. The service gives a query error its namespace; it is absent when no service was recognised.
pub fn failure(protocol: Protocol, service: Option<Service>, error: &ServiceError, request_id: &str) -> Reply {
    let (error_type, body) = match protocol {
        Protocol::AwsJson10 | Protocol::AwsJson11 => (Some(error.code().to_owned()), json_error(error)),
        Protocol::Query => (None, query_error(service, error, request_id)),
    };
    Reply { status: error.status(), content_type: protocol.content_type(), error_type, body: body.into_bytes() }
}

fn json_error(error: &ServiceError) -> String {
    let mut members = error.members().clone();
    members.insert("__type".to_owned(), error.code().into());
    members.insert("message".to_owned(), error.message().into());
    Value::Object(members).to_string()
}

fn query_result(
    operation: &str,
    namespace: &str,
    output: &Value,
    request_id: &str,
) -> Result<String, InvalidElementName> {
    let mut xml = format!("<{operation}Response xmlns=\"{namespace}\">");
    write_element(&mut xml, &format!("{operation}Result"), output)?;
    xml.push_str("<ResponseMetadata><RequestId>");
    escape(&mut xml, request_id);
    xml.push_str(&format!("</RequestId></ResponseMetadata></{operation}Response>"));
    Ok(xml)
}

fn query_error(service: Option<Service>, error: &ServiceError, request_id: &str) -> String {
    let mut xml = String::from("<ErrorResponse");
    if let Some(api) = service.and_then(Service::query_api) {
        xml.push_str(&format!(" xmlns=\"{}\"", api.namespace));
    }
    xml.push_str(&format!("><Error><Type>{}</Type><Code>", error.fault().as_str()));
    escape(&mut xml, error.code());
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
    use crate::route::OperationName;

    fn route(service: Service, operation: &str, protocol: Protocol) -> Route {
        Route { service, operation: OperationName::parse(operation).expect("a name"), protocol }
    }

    fn body(reply: &Reply) -> &str {
        std::str::from_utf8(&reply.body).expect("UTF-8")
    }

    #[test]
    fn a_json_result_is_the_value_itself() {
        let route = route(Service::Ecs, "ListClusters", Protocol::AwsJson11);
        let reply = Reply::success(&route, &json!({"clusterArns": []}), "id").expect("a reply");
        assert_eq!((reply.status.as_u16(), reply.content_type), (200, "application/x-amz-json-1.1"));
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
        assert_eq!(reply.error_type.as_deref(), Some("ClusterNotFoundException"));
        assert_eq!(body(&reply), r#"{"__type":"ClusterNotFoundException","message":"Cluster not found."}"#);

        let error = ServiceError::sender("TargetGroupNotFound", "no <such> group");
        let reply = failure(Protocol::Query, Some(Service::Elbv2), &error, "id");
        assert_eq!(reply.error_type, None);
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
}
