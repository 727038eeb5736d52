//! The wire protocols and how a request is recognised as one of them.
//!
//! rest-json and rest-xml are further variants with a reader in `route` and a writer in `reply`; nothing else knows the list.

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::sigv4::RequestHead;

/// The header by which an awsJson request names its operation.
pub(crate) const TARGET: &str = "x-amz-target";

/// The header that announces RPC v2, in requests and in answers.
pub(crate) const SMITHY_PROTOCOL: &str = "smithy-protocol";

/// What it says when bodies are CBOR.
pub(crate) const RPC_V2_CBOR: &str = "rpc-v2-cbor";

const CBOR: &str = "application/cbor";
const JSON_1_0: &str = "application/x-amz-json-1.0";
const JSON_1_1: &str = "application/x-amz-json-1.1";
const FORM: &str = "application/x-www-form-urlencoded";

/// The signing names of the services with the restXml protocol.
const REST_XML_SERVICES: [&str; 3] = ["cloudfront", "route53", "s3"];

/// A wire protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    AwsJson10,
    AwsJson11,
    /// Form parameters in, XML out.
    Query,
    /// Smithy's RPC v2: the service and operation in the path, CBOR in and out.
    RpcV2Cbor,
}

impl Protocol {
    /// Returns the protocol the headers announce, or `None` when they announce none of these.
    pub fn announced(headers: &HeaderMap) -> Option<Protocol> {
        if let Some(name) = headers.get(SMITHY_PROTOCOL) {
            return (name == RPC_V2_CBOR).then_some(Protocol::RpcV2Cbor);
        }
        let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        if is(JSON_1_1) {
            Some(Protocol::AwsJson11)
        } else if is(JSON_1_0) {
            Some(Protocol::AwsJson10)
        } else if is(FORM) {
            Some(Protocol::Query)
        } else {
            None
        }
    }

    /// Returns the protocol in which an error is best answered, whatever is wrong with the request.
    pub fn for_errors(headers: &HeaderMap) -> Protocol {
        match Protocol::announced(headers) {
            Some(protocol) => protocol,
            None if headers.contains_key(TARGET) || headers.contains_key(CONTENT_TYPE) => Protocol::AwsJson11,
            None => Protocol::Query,
        }
    }

    /// Returns the protocol in which to tell an authenticated request that it is not implemented. One to a path of its own is meant
    /// for a REST service: most of those read JSON errors, a few XML.
    pub fn for_refusals(head: &RequestHead<'_>, signed_service: &str) -> Protocol {
        match head.path {
            "/" | "" => Protocol::for_errors(head.headers),
            _ if Protocol::announced(head.headers) == Some(Protocol::RpcV2Cbor) => Protocol::RpcV2Cbor,
            _ if REST_XML_SERVICES.contains(&signed_service) => Protocol::Query,
            _ => Protocol::AwsJson11,
        }
    }

    /// Returns the `Content-Type` of answers.
    pub const fn content_type(self) -> &'static str {
        match self {
            Protocol::AwsJson10 => JSON_1_0,
            Protocol::AwsJson11 => JSON_1_1,
            Protocol::Query => "text/xml",
            Protocol::RpcV2Cbor => CBOR,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(content_type: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers
    }

    #[test]
    fn the_content_type_announces_the_protocol_whatever_its_case_and_parameters() {
        assert_eq!(Protocol::announced(&headers("application/x-amz-json-1.1")), Some(Protocol::AwsJson11));
        assert_eq!(Protocol::announced(&headers("Application/X-Amz-Json-1.0")), Some(Protocol::AwsJson10));
        let form = headers("application/x-www-form-urlencoded; charset=utf-8");
        assert_eq!(Protocol::announced(&form), Some(Protocol::Query));
        assert_eq!(Protocol::announced(&headers("text/plain")), None);
    }

    #[test]
    fn rpc_v2_is_announced_by_a_header_of_its_own() {
        let mut headers = headers("application/cbor");
        assert_eq!(Protocol::announced(&headers), None, "a body of CBOR alone is not the protocol");
        headers.insert(SMITHY_PROTOCOL, HeaderValue::from_static(RPC_V2_CBOR));
        assert_eq!(Protocol::announced(&headers), Some(Protocol::RpcV2Cbor));
        headers.insert(SMITHY_PROTOCOL, HeaderValue::from_static("rpc-v2-json"));
        assert_eq!(Protocol::announced(&headers), None);
    }

    #[test]
    fn an_error_finds_a_form_even_when_nothing_is_announced() {
        assert_eq!(Protocol::for_errors(&HeaderMap::new()), Protocol::Query);
        assert_eq!(Protocol::for_errors(&headers("application/cbor")), Protocol::AwsJson11);
    }

    #[test]
    fn a_rest_service_is_refused_in_a_form_its_clients_read() {
        let headers = HeaderMap::new();
        let refusal = |path, service| {
            let head = RequestHead { method: &http::Method::GET, path, query: "", headers: &headers };
            Protocol::for_refusals(&head, service)
        };
        assert_eq!(refusal("/2015-03-31/functions", "lambda"), Protocol::AwsJson11);
        assert_eq!(refusal("/2013-04-01/hostedzone", "route53"), Protocol::Query);
        assert_eq!(refusal("/", "ec2"), Protocol::Query);
        let mut headers = HeaderMap::new();
        headers.insert(SMITHY_PROTOCOL, HeaderValue::from_static(RPC_V2_CBOR));
        let head =
            RequestHead { method: &http::Method::POST, path: "/service/S/operation/O", query: "", headers: &headers };
        assert_eq!(Protocol::for_refusals(&head, "sqs"), Protocol::RpcV2Cbor);
    }
}
