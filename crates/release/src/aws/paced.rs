//! Holds calls back until AWS's limits allow them. Every attempt of every client goes through here, those that are tried again as well.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use super::bucket::Bucket;
use super::limits::{Category, Service};

/// The longest that a call is held back: well within the time that an attempt has. Then AWS itself is asked whether there is room.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// A wait of this length is told.
const TOLD_FROM: Duration = Duration::from_secs(1);

/// The buckets of an account, as far as this program draws from them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Buckets(Arc<Mutex<BTreeMap<Category, Bucket>>>);

impl Buckets {
    /// A client for one service that takes from these buckets.
    pub fn client(&self, service: Service, through: &SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(Paced { service, buckets: self.clone(), through: through.clone() })
    }

    fn take(&self, service: Service, operation: &str) -> (Category, Duration) {
        let now = Instant::now();
        let (category, limit) = service.category(operation);
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = buckets.entry(category).or_insert_with(|| Bucket::full(limit, now)).take(now);
        (category, wait)
    }

    fn refused(&self, category: Category) {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(&category) {
            bucket.refused(Instant::now());
        }
    }
}

/// The client that the SDK would make by itself: HTTPS, through the proxy that the environment names.
pub(super) fn https() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = ConnectorBuilder::default().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.build()
    })
}

#[derive(Debug)]
struct Paced {
    service: Service,
    buckets: Buckets,
    through: SharedHttpClient,
}

impl HttpClient for Paced {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let through = self.through.http_connector(settings, components);
        SharedHttpConnector::new(PacedConnector { service: self.service, buckets: self.buckets.clone(), through })
    }
}

struct PacedConnector {
    service: Service,
    buckets: Buckets,
    through: SharedHttpConnector,
}

impl fmt::Debug for PacedConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacedConnector").field("service", &self.service).finish_non_exhaustive()
    }
}

impl HttpConnector for PacedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = operation(&request).to_owned();
        let (category, wait) = self.buckets.take(self.service, &operation);
        let (through, buckets) = (self.through.clone(), self.buckets.clone());
        HttpConnectorFuture::new(async move {
            if wait >= TOLD_FROM {
                let seconds = wait.min(WAIT_MAX).as_secs_f64();
                tracing::info!("{operation} waits {seconds:.1} s, so that AWS's limit for {} is kept", category.name);
            }
            tokio::time::sleep(wait.min(WAIT_MAX)).await;
            let answer = through.call(request).await;
            // Every service says in its own words that there were too many, and with one of these codes.
            if answer.as_ref().is_ok_and(|answer| is_throttled(answer.status().as_u16(), answer.body().bytes())) {
                buckets.refused(category);
            }
            answer
        })
    }
}

/// The name of an operation: in a header, in the path, or in a form, as the protocol of the service has it.
fn operation(request: &HttpRequest) -> &str {
    if let Some(target) = request.headers().get("x-amz-target") {
        return target.rsplit('.').next().unwrap_or(target);
    }
    if let Some((_, operation)) = request.uri().rsplit_once("/operation/") {
        return operation;
    }
    let form = request.body().bytes().and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
    form.split('&').find_map(|pair| pair.strip_prefix("Action=")).unwrap_or_default()
}

fn is_throttled(status: u16, body: Option<&[u8]>) -> bool {
    let says = |words: &str| body.is_some_and(|body| body.windows(words.len()).any(|part| part == words.as_bytes()));
    status == 429 || (status >= 400 && ["Throttl", "RequestLimitExceeded", "TooManyRequests"].into_iter().any(says))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    /// Answers everything in the same way, and counts.
    #[derive(Clone, Debug)]
    struct Answering(Arc<AtomicUsize>, u16, &'static str);

    impl HttpConnector for Answering {
        fn call(&self, _request: HttpRequest) -> HttpConnectorFuture {
            self.0.fetch_add(1, Ordering::SeqCst);
            let status = self.1.try_into().expect("a status");
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(self.2))))
        }
    }

    fn connector(status: u16, body: &'static str) -> (PacedConnector, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let through = SharedHttpConnector::new(Answering(Arc::clone(&count), status, body));
        (PacedConnector { service: Service::Ecs, buckets: Buckets::default(), through }, count)
    }

    fn request(operation: &str) -> HttpRequest {
        let mut request = HttpRequest::new(SdkBody::from("{}"));
        request.headers_mut().insert("x-amz-target", format!("AmazonEC2ContainerServiceV20141113.{operation}"));
        request
    }

    #[tokio::test]
    async fn what_goes_beyond_the_burst_waits_and_other_calls_do_not() {
        let (connector, count) = connector(200, "{}");
        // Clusters may be changed ten times at once by this program, and once in two seconds from then on.
        for _ in 0..10 {
            connector.call(request("CreateCluster")).await.expect("an answer");
        }
        let next = connector.call(request("CreateCluster"));
        let soon = tokio::time::timeout(Duration::from_millis(200), next).await;
        assert!(soon.is_err(), "it waits");
        connector.call(request("DescribeServices")).await.expect("an answer");
        assert_eq!(count.load(Ordering::SeqCst), 11);
    }

    #[tokio::test]
    async fn a_refusal_slows_its_own_kind_of_calls_down() {
        let (connector, _) = connector(400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#);
        connector.call(request("DescribeServices")).await.expect("an answer");
        let (_, wait) = connector.buckets.take(Service::Ecs, "ListServices");
        assert!(wait > Duration::from_millis(150), "half of ten a second: {wait:?}");
        assert_eq!(connector.buckets.take(Service::Ecs, "DescribeTasks").1, Duration::ZERO);
    }

    #[test]
    fn operations_are_known_by_every_protocol() {
        assert_eq!(operation(&request("UpdateService")), "UpdateService");
        let form = HttpRequest::new(SdkBody::from("Action=DescribeTargetHealth&Version=2015-12-01"));
        assert_eq!(operation(&form), "DescribeTargetHealth");
        let mut rpc = HttpRequest::new(SdkBody::from(""));
        rpc.set_uri("https://h/service/GraniteServiceVersion20100801/operation/DescribeAlarms").expect("a URI");
        assert_eq!(operation(&rpc), "DescribeAlarms");
        assert_eq!(operation(&HttpRequest::new(SdkBody::from("nothing"))), "");
    }

    #[test]
    fn refusals_are_told_from_other_errors() {
        assert!(is_throttled(400, Some(br#"{"__type":"ThrottlingException"}"#)));
        assert!(is_throttled(503, Some(b"<Code>RequestLimitExceeded</Code>")) && is_throttled(429, None));
        assert!(!is_throttled(400, Some(b"ValidationException")) && !is_throttled(200, Some(b"Throttled")));
    }
}
