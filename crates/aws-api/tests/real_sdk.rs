//! The AWS SDK for Rust against the front: an independent signer, parser and error reader.

mod support;

use std::sync::Arc;

use aws_sdk_sts::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sts::error::ProvideErrorMetadata;
use aws_sdk_sts::operation::RequestId;
use seatrial_aws_api::Limits;
use seatrial_aws_api::sts::Sts;
use seatrial_aws_wire::Service;
use support::{ACCESS_KEY_ID, Endpoint, REGION, SECRET};

fn client(front: &Endpoint, secret: &str) -> aws_sdk_sts::Client {
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(format!("http://{}", front.address))
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(ACCESS_KEY_ID, secret, None, None, "test"))
        .build();
    aws_sdk_sts::Client::from_conf(config)
}

async fn start() -> Endpoint {
    support::start(Limits::default(), vec![(Service::Sts, Arc::new(Sts))]).await
}

#[tokio::test]
async fn the_sdk_is_let_in_and_reads_the_identity() {
    let front = start().await;
    let identity = client(&front, SECRET).get_caller_identity().send().await.expect("an answer");
    assert_eq!(identity.account(), Some("123456789012"));
    assert_eq!(identity.arn(), Some("arn:aws:iam::123456789012:user/seatrial"));
    assert_eq!(identity.request_id().map(str::len), Some(36));
    front.stop().await;
}

#[tokio::test]
async fn the_sdk_reads_the_codes_of_refusals() {
    let front = start().await;
    let error = client(&front, "wrong").get_caller_identity().send().await.expect_err("a wrong secret");
    assert_eq!(error.code(), Some("SignatureDoesNotMatch"));

    let error = client(&front, SECRET).get_session_token().send().await.expect_err("not there");
    assert_eq!(error.code(), Some("InvalidAction"));
    assert_eq!(error.message(), Some("The operation GetSessionToken of STS is not implemented by this engine."));
    front.stop().await;
}
