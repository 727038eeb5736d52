//! Clients for one endpoint: the embedded engine's, or AWS itself. After this file nothing knows the difference.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_types::timeout::TimeoutConfig;

use super::error::{CallError, DoingExt};
use super::limits::Service;
use super::paced::{self, Buckets};
use super::role::RoleArn;
use super::time_scale::{Clock, TimeScale};
use crate::definitions::Known;

/// Longest wait for a connection: a live endpoint answers within milliseconds, across the world within one second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for one answer; every operation used here is short.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

/// Time between two looks at an endpoint on this machine, where a look costs nothing.
const POLL_INTERVAL_LOOPBACK: Duration = Duration::from_millis(250);

/// Time between two looks at AWS: five calls each stay well below its 20 a second per kind of call.
const POLL_INTERVAL_REMOTE: Duration = Duration::from_secs(2);

/// What each service that is watched at AWS adds to the time between two looks: one look at it is up to four calls about tasks, of which
/// ECS allows an account 20 a second; all of them together take a quarter of that.
const POLL_INTERVAL_OF_SERVICE: Duration = Duration::from_millis(800);

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

/// The clients of one endpoint, and what they found there that never changes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connection {
    pub(crate) ecr: aws_sdk_ecr::Client,
    pub(crate) ecs: aws_sdk_ecs::Client,
    pub(crate) elb: aws_sdk_elasticloadbalancingv2::Client,
    pub(crate) logs: aws_sdk_cloudwatchlogs::Client,
    pub(crate) cloudwatch: aws_sdk_cloudwatch::Client,
    pub(crate) scaling: aws_sdk_applicationautoscaling::Client,
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
    pub(crate) ssm: aws_sdk_ssm::Client,
    pub(crate) cloudformation: aws_sdk_cloudformation::Client,
    pub(crate) surroundings: Surroundings,
    sts: aws_sdk_sts::Client,
    pub(crate) definitions: Known,
    region: String,
    poll_interval: Duration,
    /// How many services are being watched.
    watched: Arc<AtomicUsize>,
    time_scale: TimeScale,
}

/// Services that are being watched, until it is dropped.
pub(crate) struct Watched {
    count: usize,
    all: Arc<AtomicUsize>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.all.fetch_sub(self.count, Ordering::Relaxed);
    }
}

impl Connection {
    /// Connects to an endpoint on this machine. Proxies and AWS configuration of the surrounding shell have no say in it, except that
    /// `AWS_ENDPOINT_URL_CLOUDFORMATION` names a CloudFormation to rehearse with.
    pub fn to_endpoint(endpoint: &Endpoint) -> Self {
        let credentials =
            Credentials::new(&endpoint.access_key_id, &endpoint.secret_access_key, None, None, "seatrial endpoint");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(endpoint.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(&endpoint.url)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .timeout_config(timeouts())
            .build();
        let connection = Self::new(&config, endpoint.region.clone(), Surroundings::Endpoint(endpoint.clone()));
        match std::env::var(CLOUDFORMATION_ENDPOINT) {
            Ok(elsewhere) => {
                let elsewhere = aws_sdk_cloudformation::config::Builder::from(&config).endpoint_url(elsewhere);
                Self { cloudformation: aws_sdk_cloudformation::Client::from_conf(elsewhere.build()), ..connection }
            }
            Err(_) => connection,
        }
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
        let poll_interval =
            if config.endpoint_url().is_some_and(is_loopback) { POLL_INTERVAL_LOOPBACK } else { POLL_INTERVAL_REMOTE };
        let time_scale = TimeScale::default();
        let buckets = Buckets::default();
        // The embedded engine has no limits, and no more than one client at a time.
        let of = |service: Service| match config.http_client() {
            Some(client) if config.endpoint_url().is_none_or(|url| !is_loopback(url)) => {
                config.to_builder().http_client(buckets.client(service, &client)).build()
            }
            Some(_) | None => config.clone(),
        };
        let ecs = aws_sdk_ecs::config::Builder::from(&of(Service::Ecs)).interceptor(time_scale.clone()).build();
        Self {
            ecr: aws_sdk_ecr::Client::new(&of(Service::Ecr)),
            ecs: aws_sdk_ecs::Client::from_conf(ecs),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(&of(Service::LoadBalancing)),
            logs: aws_sdk_cloudwatchlogs::Client::new(&of(Service::Logs)),
            cloudwatch: aws_sdk_cloudwatch::Client::new(&of(Service::CloudWatch)),
            scaling: aws_sdk_applicationautoscaling::Client::new(&of(Service::AutoScaling)),
            secrets: aws_sdk_secretsmanager::Client::new(&of(Service::Secrets)),
            ssm: aws_sdk_ssm::Client::new(&of(Service::Ssm)),
            cloudformation: aws_sdk_cloudformation::Client::new(&of(Service::CloudFormation)),
            surroundings,
            sts: aws_sdk_sts::Client::new(config),
            definitions: Known::default(),
            region,
            poll_interval,
            watched: Arc::default(),
            time_scale,
        }
    }

    /// The region requests are signed for.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Time between two looks at something that is being waited for.
    pub fn poll_interval(&self) -> Duration {
        stretched(self.poll_interval, self.watched.load(Ordering::Relaxed))
    }

    /// Says that so many services are watched from now on: the more, the more rarely each.
    pub(crate) fn watch(&self, count: usize) -> Watched {
        self.watched.fetch_add(count, Ordering::Relaxed);
        Watched { count, all: Arc::clone(&self.watched) }
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

/// The time between two looks at each of some services. An endpoint on this machine has no limits.
fn stretched(interval: Duration, watched: usize) -> Duration {
    let watched = u32::try_from(watched).unwrap_or(u32::MAX);
    if interval < POLL_INTERVAL_REMOTE {
        interval
    } else {
        interval.max(POLL_INTERVAL_OF_SERVICE.saturating_mul(watched))
    }
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
    fn any_number_of_services_is_watched_within_a_quarter_of_what_ecs_allows() {
        for watched in [1, 2, 3, 10, 100, 500] {
            let looks_per_second = watched as f64 / stretched(POLL_INTERVAL_REMOTE, watched).as_secs_f64();
            // Tasks that run and that have stopped, listed and described; the service; its deployment.
            for (calls, allowed) in [(4.0, 20.0), (1.0, 20.0), (1.0, 20.0)] {
                assert!(calls * looks_per_second <= allowed / 4.0 + 1e-9, "{watched}: {looks_per_second}");
            }
        }
        assert_eq!(stretched(POLL_INTERVAL_REMOTE, 1), POLL_INTERVAL_REMOTE);
        assert_eq!(stretched(POLL_INTERVAL_LOOPBACK, 500), POLL_INTERVAL_LOOPBACK);
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
