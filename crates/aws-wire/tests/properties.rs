//! No bytes a stranger sends make the wire panic, and what is signed is verified.

mod support;

use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use proptest::prelude::*;
use seatrial_aws_wire::sigv4::{AuthError, Claim, RequestHead};
use seatrial_aws_wire::{Input, Protocol, route};
use support::{Request, signer};

fn header_value() -> impl Strategy<Value = HeaderValue> {
    prop::collection::vec(any::<u8>().prop_filter("a header byte", |b| *b >= 32 && *b != 127), 0..40)
        .prop_map(|bytes| HeaderValue::from_bytes(&bytes).expect("header bytes"))
}

fn request() -> impl Strategy<Value = Request> {
    let method = prop::sample::select(vec![Method::GET, Method::POST, Method::PUT, Method::DELETE]);
    let path = "/([a-z.~@%/ é]|%2F|%20|\\.\\.){0,20}";
    let query = "([a-zA-Z=&+/é]|%2F|%zz|%ff){0,30}";
    let name = prop::sample::select(vec!["x-amz-target", "content-type", "x-custom", "accept", "user-agent"]);
    let headers = prop::collection::vec((name, header_value()), 0..6);
    let body = prop::collection::vec(any::<u8>(), 0..60);
    (method, path, query, headers, body).prop_map(|(method, path, query, pairs, body)| {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("localhost"));
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), value);
        }
        Request { method, path, query, headers, body }
    })
}

proptest! {
    #[test]
    fn what_is_signed_is_verified_and_nothing_else(mut request in request(), flip in any::<prop::sample::Index>()) {
        request.sign(&signer("us-east-1", "ecs"));
        prop_assert_eq!(request.verify(), Ok(()));
        if !request.body.is_empty() {
            let at = flip.index(request.body.len());
            request.body[at] ^= 1;
            prop_assert_eq!(request.verify(), Err(AuthError::Mismatch));
        }
    }

    #[test]
    fn no_authorization_header_panics(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "AWS4-HMAC-SHA256", " ", "Credential=", "a/b/c/d/e", "/20150830/", "SignedHeaders=", "host", ";", ",",
                "Signature=", "00", "=", "é", "aws4_request",
            ]),
            0..20,
        ),
        date in header_value(),
    ) {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_str(&parts.concat()).expect("printable"));
        headers.insert("x-amz-date", date);
        let _ = Claim::parse(&RequestHead { method: &Method::POST, path: "/", query: "", headers: &headers });
    }

    #[test]
    fn no_signed_query_panics(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "X-Amz-Algorithm=AWS4-HMAC-SHA256", "&", "X-Amz-Credential=a/20150830/c/d/aws4_request",
                "X-Amz-Date=20150830T123600Z", "X-Amz-Expires=60", "X-Amz-SignedHeaders=host", "X-Amz-Signature=",
                "%", "00", "X-Amz-", "=",
            ]),
            0..20,
        ),
    ) {
        let headers = HeaderMap::new();
        let _ = Claim::parse(&RequestHead { method: &Method::GET, path: "/", query: &parts.concat(), headers: &headers });
    }

    #[test]
    fn no_request_panics_the_router(
        request in request(),
        service in "[a-z]{0,8}",
        kind in prop::sample::select(vec!["application/x-amz-json-1.1", "application/x-www-form-urlencoded"]),
    ) {
        let mut headers = request.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        let head = RequestHead { path: "/", headers: &headers, ..request.head() };
        let _ = route(&head, &request.body, &service);
    }

    #[test]
    fn no_rpc_v2_request_panics_the_router(
        request in request(),
        path in "/(service/|operation/|GraniteServiceVersion20100801/|[a-zA-Z/]){0,5}",
    ) {
        let mut headers = request.headers.clone();
        headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
        let head = RequestHead { path: &path, headers: &headers, ..request.head() };
        let _ = route(&head, &request.body, "monitoring");
    }

    #[test]
    fn no_json_body_panics(body in r#"[\[\]{}":,0-9a\\u -]{0,60}"#) {
        let _ = Input::from_json(body.as_bytes(), Protocol::AwsJson11);
    }
}
