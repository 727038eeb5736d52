//! Every way in which a request can fail to be authenticated, and the error that says so.

mod support;

use std::time::Duration;

use seatrial_aws_wire::sigv4::{AuthError, BodyDigest, Claim, Credential, Signer};
use seatrial_aws_wire::{CommonError, Protocol};
use support::{Request, SIGNED_AT, access_key_id, credential, ecs_request, signer};

type Change = fn(&mut Request);

/// The code AWS gives the error in a JSON service, and its message.
fn refusal(request: &Request) -> (String, String) {
    described(request.verify())
}

fn described(verdict: Result<(), AuthError>) -> (String, String) {
    let error = verdict.expect_err("the request is refused").to_common_error().for_protocol(Protocol::AwsJson11);
    (error.code().to_owned(), error.message().to_owned())
}

fn code(request: &Request) -> String {
    refusal(request).0
}

#[test]
fn a_signed_request_is_accepted() {
    assert_eq!(ecs_request().verify(), Ok(()));
}

#[test]
fn an_unsigned_request_misses_its_token() {
    let mut request = ecs_request();
    request.headers.remove("authorization");
    assert_eq!(
        refusal(&request),
        ("MissingAuthenticationTokenException".to_owned(), "Missing Authentication Token".to_owned())
    );
}

#[test]
fn malformed_authorization_headers_are_incomplete() {
    let cases = [
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", "algorithm"),
        ("Credential=", "Credentia=", "requires 'Credential'"),
        ("SignedHeaders=", "Headers=", "requires 'SignedHeaders'"),
        ("Signature=", "Sign=", "requires 'Signature'"),
        ("Signature=", "Signature", "key=value"),
        ("Signature=", "Signature=0, Signature=", "repeats"),
        ("Signature=", "Signature=zz", "64 hexadecimal digits"),
        ("/aws4_request", "", "exactly 5 slash-delimited elements"),
        ("20150830/", "30.8./", "YYYYMMDD"),
        ("SignedHeaders=content-type;host", "SignedHeaders=host;content-type", "sorted"),
        ("SignedHeaders=content-type;host", "SignedHeaders=Content-Type;host", "lower-case"),
    ];
    for (from, to, expected) in cases {
        let mut request = ecs_request();
        request.replace_in_authorization(from, to);
        let (code, message) = refusal(&request);
        assert_eq!(code, "IncompleteSignatureException", "{from} -> {to}: {message}");
        assert!(message.contains(expected), "{from} -> {to}: {message}");
    }
    let mut request = ecs_request();
    request.set("authorization", "Basic dXNlcjpwYXNz");
    assert_eq!(code(&request), "IncompleteSignatureException");
    let mut request = ecs_request();
    request.headers.append("authorization", "AWS4-HMAC-SHA256 x".parse().expect("a value"));
    assert_eq!(code(&request), "IncompleteSignatureException");
}

#[test]
fn a_request_without_a_date_is_incomplete() {
    let mut request = ecs_request();
    request.headers.remove("x-amz-date");
    let (code, message) = refusal(&request);
    assert_eq!(code, "IncompleteSignatureException");
    assert!(message.contains("'X-Amz-Date' or a 'Date'"), "{message}");
    request.set("date", "yesterday");
    assert!(refusal(&request).1.contains("YYYYMMDDTHHMMSSZ"));
}

#[test]
fn a_key_that_was_never_issued_is_not_recognised() {
    let mut request = ecs_request();
    request.replace_in_authorization("AKIDEXAMPLE", "AKIDOTHER");
    assert_eq!(
        refusal(&request),
        ("UnrecognizedClientException".to_owned(), "The security token included in the request is invalid.".to_owned())
    );
}

#[test]
fn a_wrong_secret_does_not_match() {
    let wrong = Credential { secret: seatrial_aws_wire::sigv4::SecretAccessKey::new("wrong"), session_token: None };
    let key = access_key_id();
    let mut request = ecs_request();
    request.headers.remove("authorization");
    request.sign(&Signer { access_key_id: &key, credential: &wrong, region: "us-east-1", service: "ecs" });
    assert_eq!(request.verify(), Err(AuthError::Mismatch));
    let (code, message) = refusal(&request);
    assert_eq!(code, "InvalidSignatureException");
    assert!(message.starts_with("The request signature we calculated does not match"), "{message}");
}

#[test]
fn any_change_to_a_signed_part_breaks_the_signature() {
    let changes: [(&str, Change); 7] = [
        ("method", |request| request.method = http::Method::PUT),
        ("path", |request| request.path = "/other".to_owned()),
        ("query", |request| request.query = "a=b".to_owned()),
        ("host", |request| request.set("host", "evil.example")),
        ("target", |request| request.set("x-amz-target", "AmazonEC2ContainerServiceV20141113.DeleteCluster")),
        ("body", |request| request.body = b"{ }".to_vec()),
        ("date", |request| request.set("x-amz-date", "20150830T123601Z")),
    ];
    for (part, change) in changes {
        let mut request = ecs_request();
        change(&mut request);
        assert_eq!(request.verify(), Err(AuthError::Mismatch), "{part}");
    }
    let mut request = ecs_request();
    request.set("user-agent", "changed on the way");
    assert_eq!(request.verify(), Ok(()), "unsigned headers may change");
}

#[test]
fn the_host_must_be_signed() {
    let mut request = ecs_request();
    request.replace_in_authorization("content-type;host;", "content-type;");
    let (code, message) = refusal(&request);
    assert_eq!(code, "InvalidSignatureException");
    assert_eq!(message, "'Host' must be a 'SignedHeader' in the AWS Authorization.");
}

#[test]
fn headers_that_carry_meaning_must_be_signed() {
    let mut request = ecs_request();
    request.replace_in_authorization(";x-amz-target", "");
    assert_eq!(request.verify(), Err(AuthError::HeaderNotSigned("x-amz-target")));
    let mut request = ecs_request();
    request.set("x-amz-security-token", "slipped in");
    assert_eq!(request.verify(), Err(AuthError::HeaderNotSigned("x-amz-security-token")));
}

#[test]
fn a_signature_lives_five_minutes_in_both_directions() {
    let request = ecs_request();
    let five = Duration::from_secs(300);
    assert_eq!(request.verify_at(SIGNED_AT + five), Ok(()));
    assert_eq!(request.verify_at(SIGNED_AT - five), Ok(()));

    let (code, message) = described(request.verify_at(SIGNED_AT + five + Duration::from_secs(1)));
    assert_eq!(code, "InvalidSignatureException");
    assert_eq!(
        message,
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T124101Z - 5 min.)"
    );
    let (code, message) = described(request.verify_at(SIGNED_AT - five - Duration::from_secs(1)));
    assert_eq!(code, "InvalidSignatureException");
    assert_eq!(
        message,
        "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T123059Z + 5 min.)"
    );
}

#[test]
fn the_scope_must_agree_with_the_request() {
    let mut request = ecs_request();
    request.replace_in_authorization("20150830/", "20150831/");
    assert!(refusal(&request).1.contains("'20150831' != '20150830'"));
    let mut request = ecs_request();
    request.replace_in_authorization("aws4_request", "aws5_request");
    assert!(refusal(&request).1.contains("valid terminator"));

    let request = ecs_request();
    let claim = Claim::parse(&request.head()).expect("a claim");
    assert_eq!(claim.scope().require_service("ecs"), Ok(()));
    assert_eq!(claim.scope().require_region("us-east-1"), Ok(()));
    let refusal = |verdict: Result<(), AuthError>| verdict.expect_err("refused").to_string();
    assert_eq!(refusal(claim.scope().require_service("sts")), "Credential should be scoped to correct service: 'sts'.");
    assert_eq!(
        refusal(claim.scope().require_region("eu-west-1")),
        "Credential should be scoped to a valid region: 'eu-west-1'."
    );
}

#[test]
fn a_stated_body_digest_must_be_the_bodys() {
    let mut request = ecs_request();
    request.headers.remove("authorization");
    request.set("x-amz-content-sha256", &BodyDigest::of(&request.body).to_string());
    request.sign(&signer("us-east-1", "ecs"));
    assert_eq!(request.verify(), Ok(()));
    request.body = b"{\"x\":1}".to_vec();
    assert_eq!(request.verify(), Err(AuthError::BodyMismatch));

    request.set("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    assert_eq!(code(&request), "IncompleteSignatureException");
}

#[test]
fn an_unsigned_payload_leaves_the_body_free() {
    let mut request = ecs_request();
    request.headers.remove("authorization");
    request.set("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    request.sign(&signer("us-east-1", "ecs"));
    assert_eq!(request.verify(), Ok(()));
    request.body = b"anything".to_vec();
    assert_eq!(request.verify(), Ok(()));
    request.headers.remove("x-amz-content-sha256");
    assert_eq!(request.verify(), Err(AuthError::Mismatch), "the freedom itself is signed");
}

#[test]
fn a_temporary_credential_needs_its_token_and_a_lasting_one_must_not_have_any() {
    let temporary = Credential { session_token: Some("token".to_owned()), ..credential() };
    let key = access_key_id();
    let mut request = ecs_request();
    let digest = BodyDigest::of(&request.body);
    let claim = Claim::parse(&request.head()).expect("a claim");
    assert_eq!(claim.verify(&request.head(), &temporary, digest), Err(AuthError::UnknownKey));

    request.headers.remove("authorization");
    request.sign(&Signer { access_key_id: &key, credential: &temporary, region: "us-east-1", service: "ecs" });
    let claim = Claim::parse(&request.head()).expect("a claim");
    assert_eq!(claim.verify(&request.head(), &temporary, digest), Ok(()));
    assert_eq!(claim.verify(&request.head(), &credential(), digest), Err(AuthError::UnknownKey));
    let other = Credential { session_token: Some("other".to_owned()), ..credential() };
    assert_eq!(claim.verify(&request.head(), &other, digest), Err(AuthError::UnknownKey));
}

#[test]
fn a_date_header_serves_instead_of_x_amz_date() {
    let mut request = ecs_request();
    request.headers.remove("x-amz-date");
    request.set("date", "Sun, 30 Aug 2015 12:36:00 GMT");
    request.replace_in_authorization(";x-amz-date", "");
    assert_eq!(request.verify(), Err(AuthError::Mismatch), "the date is understood, only the signature is another one");
}

#[test]
fn malformed_pre_signed_queries_are_incomplete() {
    let mut request = ecs_request();
    request.headers.remove("authorization");
    request.headers.remove("x-amz-date");
    let digest = BodyDigest::of(&request.body);
    let query = signer("us-east-1", "ecs").presign(&request.head(), Some(digest), Duration::from_secs(60), SIGNED_AT);
    request.query = query.clone();
    assert_eq!(request.verify(), Ok(()));
    for (from, to) in [
        ("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=none"),
        ("X-Amz-Expires=60", "X-Amz-Expires=0"),
        ("X-Amz-Expires=60", "X-Amz-Expires=604801"),
        ("X-Amz-Date=20150830T123600Z", "X-Amz-Date=now"),
        ("X-Amz-Date=20150830T123600Z&", ""),
        ("X-Amz-SignedHeaders", "SignedHeaders"),
        ("X-Amz-Expires=60", "X-Amz-Expires=60&X-Amz-Expires=70"),
        ("AKIDEXAMPLE", "%ff"),
    ] {
        request.query = query.replace(from, to);
        assert_eq!(code(&request), "IncompleteSignatureException", "{from} -> {to}");
    }
    request.query = query.replace("X-Amz-Expires=60", "X-Amz-Expires=61");
    assert_eq!(request.verify(), Err(AuthError::Mismatch));
}

#[test]
fn query_services_use_their_own_names() {
    let mut request = ecs_request();
    request.body.clear();
    let error = request.verify().expect_err("refused").to_common_error();
    assert!(matches!(error, CommonError::InvalidSignature(_)));
    let error = error.for_protocol(Protocol::Query);
    assert_eq!((error.code(), error.status().as_u16()), ("SignatureDoesNotMatch", 403));
}
