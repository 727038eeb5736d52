//! A client of the engine's ECS: the AWS SDK, as any program would use it.

use std::collections::BTreeMap;

use aws_sdk_ecs::config::{BehaviorVersion, Credentials, Region};

/// Makes a client of what `seatrial engine env` prints.
pub fn ecs(environment: &BTreeMap<String, String>) -> aws_sdk_ecs::Client {
    let value = |name: &str| environment.get(name).unwrap_or_else(|| panic!("engine env prints {name}")).clone();
    connect(&value("AWS_ENDPOINT_URL"), value("AWS_REGION"), value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY"))
}

/// Makes a client of an endpoint on this machine.
pub fn connect(url: &str, region: String, access_key: String, secret_key: String) -> aws_sdk_ecs::Client {
    let config = aws_sdk_ecs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(Credentials::new(access_key, secret_key, None, None, "benchmark"))
        .endpoint_url(url)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    aws_sdk_ecs::Client::from_conf(config)
}
