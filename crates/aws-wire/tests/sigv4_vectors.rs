//! AWS's published Signature Version 4 test vectors, run through the signer and through the verifier.
//!
//! All use the key AKIDEXAMPLE, us-east-1, the service `service` and 2015-08-30 12:36:00 UTC.

mod support;

use std::time::Duration;

use http::{HeaderMap, Method};
use seatrial_aws_wire::sigv4::{BodyDigest, Claim, RequestHead, Signer};
use support::{SIGNED_AT, access_key_id, credential, headers};

struct Vector {
    name: &'static str,
    method: Method,
    path: &'static str,
    query: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    signature: &'static str,
}

const HOST: (&str, &str) = ("host", "example.amazonaws.com");
const FORM: &str = "application/x-www-form-urlencoded";
const FORM_DIGEST: &str = "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e";
const VANILLA: &str = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";

const UNRESERVED: &str = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=\
                          -._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn vectors() -> Vec<Vector> {
    let get = |name, path, query, headers, signature| Vector {
        name,
        method: Method::GET,
        path,
        query,
        headers,
        body: "",
        signature,
    };
    vec![
        get("get-vanilla", "/", "", &[HOST], VANILLA),
        get("get-relative-relative-normalized", "/example1/example2/../..", "", &[HOST], VANILLA),
        get(
            "get-slashes-normalized",
            "//example//",
            "",
            &[HOST],
            "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
        ),
        get("get-utf8", "/ሴ", "", &[HOST], "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        get(
            "get-vanilla-utf8-query",
            "/",
            "ሴ=bar",
            &[HOST],
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        ),
        get(
            "get-vanilla-query-order-key-case",
            "/",
            "Param2=value2&Param1=value1",
            &[HOST],
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        get(
            "get-vanilla-query-unreserved",
            "/",
            UNRESERVED,
            &[HOST],
            "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
        ),
        get(
            "get-header-key-duplicate",
            "/",
            "",
            &[HOST, ("my-header1", "value2"), ("my-header1", "value2"), ("my-header1", "value1")],
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        get(
            "get-header-value-trim",
            "/",
            "",
            &[HOST, ("my-header1", " value1"), ("my-header2", " \"a   b   c\"")],
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        get(
            "get-header-value-multiline, as a server sees it",
            "/",
            "",
            &[HOST, ("my-header1", "value1  value2     value3")],
            "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd",
        ),
        Vector {
            name: "post-sts-header-after",
            method: Method::POST,
            path: "/",
            query: "",
            headers: &[HOST],
            body: "",
            signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        },
        Vector {
            name: "post-x-www-form-urlencoded",
            method: Method::POST,
            path: "/",
            query: "",
            headers: &[HOST, ("content-type", FORM), ("content-length", "13"), ("x-amz-content-sha256", FORM_DIGEST)],
            body: "Param1=value1",
            signature: "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
        },
    ]
}

#[test]
fn the_signer_gives_the_published_signatures() {
    for vector in vectors() {
        let map = headers(vector.headers);
        let head = RequestHead { method: &vector.method, path: vector.path, query: vector.query, headers: &map };
        let signed = signer().sign(&head, BodyDigest::of(vector.body.as_bytes()), SIGNED_AT);
        let authorization = signed.iter().find(|(name, _)| name == "authorization").expect("it is signed");
        let text = authorization.1.to_str().expect("ASCII");
        assert!(text.ends_with(&format!("Signature={}", vector.signature)), "{}: {text}", vector.name);
    }
}

#[test]
fn the_verifier_accepts_the_published_signatures() {
    for vector in vectors() {
        let mut map = headers(vector.headers);
        map.insert("x-amz-date", "20150830T123600Z".parse().expect("a value"));
        map.insert("authorization", authorization(&map, vector.signature).parse().expect("a value"));
        let head = RequestHead { method: &vector.method, path: vector.path, query: vector.query, headers: &map };
        let claim = Claim::parse(&head).expect("a claim");
        assert_eq!(claim.access_key_id(), &access_key_id());
        assert_eq!((claim.scope().region(), claim.scope().service()), ("us-east-1", "service"));
        claim.check_time(SIGNED_AT).expect("the right time");
        let verdict = claim.verify(&head, &credential(), BodyDigest::of(vector.body.as_bytes()));
        assert_eq!(verdict, Ok(()), "{}", vector.name);
    }
}

#[test]
fn the_pre_signed_form_gives_the_published_signature() {
    let map = headers(&[HOST]);
    let head = RequestHead { method: &Method::GET, path: "/", query: "", headers: &map };
    let digest = BodyDigest::of(b"");
    let query = signer().presign(&head, Some(digest), Duration::from_secs(3600), SIGNED_AT);
    assert!(query.ends_with("&X-Amz-Signature=e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d"));

    let head = RequestHead { query: &query, ..head };
    let claim = Claim::parse(&head).expect("a claim");
    assert_eq!(claim.verify(&head, &credential(), digest), Ok(()));
    claim.check_time(SIGNED_AT + Duration::from_secs(3600)).expect("valid to the last second");
    claim.check_time(SIGNED_AT + Duration::from_secs(3601)).expect_err("not a second longer");
}

fn signer() -> Signer<'static> {
    support::signer("us-east-1", "service")
}

fn authorization(headers: &HeaderMap, signature: &str) -> String {
    let mut names: Vec<&str> = headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={}, \
         Signature={signature}",
        names.join(";")
    )
}
