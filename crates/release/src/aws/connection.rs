//! Clients for one endpoint: the embedded engine's, or AWS itself. After this file nothing knows the difference.

use std::fmt;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_smithy_types::timeout::TimeoutConfig;

use super::error::{CallError, DoingExt};
use super::limits::Service;
use super::looks::Looks;
use super::paced::{self, Buckets};
use super::role::RoleArn;
use super::time_scale::{Clock, TimeScale};
use crate::definitions::Known;
use crate::watch::bulletin::Bulletin;

/// Longest wait for a connection: a live endpoint answers within milliseconds, across the world within one second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for one answer; every operation used here is short.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

/// Time between two looks at an endpoint on this machine, where a look costs nothing.
const POLL_INTERVAL_LOOPBACK: Duration = Duration::from_millis(250);

/// Time between two looks at AWS: five calls each stay well below its 20 a second per kind of call.
const POLL_INTERVAL_REMOTE: Duration = Duration::from_secs(2);

/// Where an AWS API is served, and the key it expects.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Such as `http://127.0.0.1:4510`; plain HTTP only, since it never leaves this machine.
    pub url: String,
    pub region: String,
    pub access_key_id: String,
    pub secret_access_key: String,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("url", &self.url).field("region", &self.region).finish_non_exhaustive()
    }
}

/// What a program that is started beside these clients has to be given to reach the same endpoint.
#[derive(Clone, Debug)]
pub(crate) enum Surroundings {
    Endpoint(Endpoint),
    /// What this process was given, with this profile.
    Shell {
        profile: Option<String>,
    },
    /// The credentials of a role that was taken on.
    Role(SharedCredentialsProvider),
}

/// Names the endpoint of CloudFormation, which the embedded engine does not have.
pub(super) const CLOUDFORMATION_ENDPOINT: &str = "AWS_ENDPOINT_URL_CLOUDFORMATION";

/// And that of S3.
const S3_ENDPOINT: &str = "AWS_ENDPOINT_URL_S3";

/// The clients of one endpoint, and what they found there that never changes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connection {
    pub(crate) ecr: aws_sdk_ecr::Client,
    pub(crate) ecs: aws_sdk_ecs::Client,
    pub(crate) elb: aws_sdk_elasticloadbalancingv2::Client,
    pub(crate) logs: aws_sdk_cloudwatchlogs::Client,
    pub(crate) cloudwatch: aws_sdk_cloudwatch::Client,
    pub(crate) scaling: aws_sdk_applicationautoscaling::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
    pub(crate) ssm: aws_sdk_ssm::Client,
    pub(crate) cloudformation: aws_sdk_cloudformation::Client,
    pub(crate) surroundings: Surroundings,
    sts: aws_sdk_sts::Client,
    pub(crate) definitions: Known,
    region: String,
    poll_interval: Duration,
    pub(crate) looks: Looks,
    pub(crate) bulletin: Bulletin,
    time_scale: TimeScale,
}

impl Connection {
    /// Connects to an endpoint on this machine. Proxies and AWS configuration of the surrounding shell have no say in it, except that
    /// `AWS_ENDPOINT_URL_CLOUDFORMATION` and `AWS_ENDPOINT_URL_S3` name a CloudFormation and an S3 to rehearse with.
    pub fn to_endpoint(endpoint: &Endpoint) -> Self {
        let config = config_of(endpoint);
        let mut connection = Self::new(&config, endpoint.region.clone(), Surroundings::Endpoint(endpoint.clone()));
        if let Ok(elsewhere) = std::env::var(CLOUDFORMATION_ENDPOINT) {
            let elsewhere = aws_sdk_cloudformation::config::Builder::from(&config).endpoint_url(elsewhere);
            connection.cloudformation = aws_sdk_cloudformation::Client::from_conf(elsewhere.build());
        }
        if let Ok(elsewhere) = std::env::var(S3_ENDPOINT) {
            let elsewhere = config.to_builder().endpoint_url(elsewhere).build();
            connection.s3 = s3(&elsewhere);
        }
        connection
    }

    /// Connects to an endpoint on this machine as if it were AWS: with its limits, and with looks that are as rare.
    #[cfg(test)]
    pub(crate) fn to_endpoint_far_away(endpoint: &Endpoint) -> Self {
        let surroundings = Surroundings::Endpoint(endpoint.clone());
        Self::at_a_distance(&config_of(endpoint), endpoint.region.clone(), surroundings, false)
    }

    /// Connects to AWS by the default chain of credentials and settings (environment, profiles, roles, `AWS_ENDPOINT_URL`), and with
    /// these takes on a role if one is given.
    pub async fn to_aws(region: &str, profile: Option<&str>, role: Option<&RoleArn>) -> Self {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .http_client(paced::https())
            .timeout_config(timeouts());
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        let config = loader.load().await;
        match role {
            None => {
                let profile = profile.map(ToOwned::to_owned);
                Self::new(&config, region.to_owned(), Surroundings::Shell { profile })
            }
            Some(role) => {
                let config = role.taken_on(&config).await;
                let surroundings = match config.credentials_provider() {
                    Some(credentials) => Surroundings::Role(credentials),
                    None => Surroundings::Shell { profile: profile.map(ToOwned::to_owned) },
                };
                Self::new(&config, region.to_owned(), surroundings)
            }
        }
    }

    fn new(config: &SdkConfig, region: String, surroundings: Surroundings) -> Self {
        let is_near = config.endpoint_url().is_some_and(is_loopback);
        Self::at_a_distance(config, region, surroundings, is_near)
    }

    /// An endpoint that is near has no limits.
    fn at_a_distance(config: &SdkConfig, region: String, surroundings: Surroundings, is_near: bool) -> Self {
        let poll_interval = if is_near { POLL_INTERVAL_LOOPBACK } else { POLL_INTERVAL_REMOTE };
        let time_scale = TimeScale::default();
        let buckets = Buckets::default();
        // The embedded engine has no limits, and no more than one client at a time.
        let of = |service: Service| match config.http_client() {
            Some(client) if !is_near => config.to_builder().http_client(buckets.client(service, &client)).build(),
            Some(_) | None => config.clone(),
        };
        let ecs = aws_sdk_ecs::config::Builder::from(&of(Service::Ecs)).interceptor(time_scale.clone()).build();
        // Locks, freezes and records go by the time of the endpoint, which its first answers tell.
        let ssm = aws_sdk_ssm::config::Builder::from(&of(Service::Ssm)).interceptor(time_scale.clone()).build();
        let sts = aws_sdk_sts::config::Builder::from(config).interceptor(time_scale.clone()).build();
        Self {
            ecr: aws_sdk_ecr::Client::new(&of(Service::Ecr)),
            ecs: aws_sdk_ecs::Client::from_conf(ecs),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(&of(Service::LoadBalancing)),
            logs: aws_sdk_cloudwatchlogs::Client::new(&of(Service::Logs)),
            cloudwatch: aws_sdk_cloudwatch::Client::new(&of(Service::CloudWatch)),
            scaling: aws_sdk_applicationautoscaling::Client::new(&of(Service::AutoScaling)),
            s3: s3(config),
            secrets: aws_sdk_secretsmanager::Client::new(&of(Service::Secrets)),
            ssm: aws_sdk_ssm::Client::from_conf(ssm),
            cloudformation: aws_sdk_cloudformation::Client::new(&of(Service::CloudFormation)),
            surroundings,
            sts: aws_sdk_sts::Client::from_conf(sts),
            definitions: Known::default(),
            region,
            poll_interval,
            looks: if is_near { Looks::unlimited() } else { Looks::limited() },
            bulletin: Bulletin::default(),
            time_scale,
        }
    }

    /// The region requests are signed for.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Time between two looks at something that is being waited for.
    pub fn poll_interval(&self) -> Duration {
        self.poll_interval
    }

    /// Waits for the next look at something that is watched: the time between two looks, and longer where there is much to look at.
    pub(crate) async fn next_look(&self) {
        tokio::join!(tokio::time::sleep(self.poll_interval), self.looks.turn());
    }

    /// How many times shorter the endpoint makes the durations it is given, as far as its answers have told: 1 on AWS.
    pub fn time_scale(&self) -> u32 {
        self.time_scale.factor()
    }

    /// The endpoint's clock, by which its expiries have to be judged.
    pub(crate) fn clock(&self) -> Clock {
        Clock { now: self.time_scale.now(), time_scale: self.time_scale() }
    }

    /// How long a configured duration really takes at this endpoint.
    pub fn really(&self, configured: Duration) -> Duration {
        configured / self.time_scale()
    }

    /// The account behind the credentials; also proves that the endpoint answers and accepts them.
    pub async fn account(&self) -> Result<String, CallError> {
        let identity =
            self.sts.get_caller_identity().send().await.doing(|| "asking whose credentials these are".into())?;
        Ok(identity.account().unwrap_or_default().to_owned())
    }
}

/// Endpoints beside AWS have no name of a host for each bucket; and not all of them know checksums that are sent behind a body.
fn s3(config: &SdkConfig) -> aws_sdk_s3::Client {
    let builder = aws_sdk_s3::config::Builder::from(config)
        .force_path_style(config.endpoint_url().is_some())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
    aws_sdk_s3::Client::from_conf(builder.build())
}

fn config_of(endpoint: &Endpoint) -> SdkConfig {
    let credentials =
        Credentials::new(&endpoint.access_key_id, &endpoint.secret_access_key, None, None, "seatrial endpoint");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(endpoint.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(&endpoint.url)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .timeout_config(timeouts())
        .build()
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(ATTEMPT_TIMEOUT).build()
}

fn is_loopback(url: &str) -> bool {
    let authority = url.split("://").nth(1).unwrap_or(url).split('/').next().unwrap_or_default();
    let host = authority.strip_prefix('[').map_or_else(|| authority.split(':').next(), |rest| rest.split(']').next());
    host.is_some_and(|host| {
        host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_addresses_are_recognised() {
        for url in ["http://127.0.0.1:4510", "http://localhost/", "http://[::1]:80/x"] {
            assert!(is_loopback(url), "{url}");
        }
        for url in ["https://ecs.us-east-1.amazonaws.com", "http://10.0.0.1:4510", "http://127.0.0.1.example.com"] {
            assert!(!is_loopback(url), "{url}");
        }
    }

    #[test]
    fn a_secret_never_shows_in_debug_output() {
        let endpoint = Endpoint {
            url: "http://127.0.0.1:1".into(),
            region: "us-east-1".into(),
            access_key_id: "AKIA".into(),
            secret_access_key: "hush".into(),
        };
        assert!(!format!("{endpoint:?}").contains("hush"));
    }
}
