//! Builds requests, all alike but for the path.

use bytes::Bytes;
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderMap, Request, Uri};
use http_body_util::Empty;

use crate::plan::{LoadPlan, Protocol};
use crate::values::InvalidValue;

/// Requests have no body.
pub(crate) type NoBody = Empty<Bytes>;

/// The request for one path, ready to be sent any number of times.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    uri: Uri,
    headers: HeaderMap,
}

impl Template {
    pub(crate) fn new(plan: &LoadPlan, path: &PathAndQuery) -> Result<Self, InvalidValue> {
        let mut headers = plan.headers.clone();
        let host = headers.remove(HOST).unwrap_or_else(|| plan.target.host_header());
        let uri = match plan.protocol {
            Protocol::Http1 => {
                headers.insert(HOST, host);
                Uri::from(path.clone())
            }
            // HTTP/2 names the host in the URI.
            Protocol::Http2 => Uri::builder()
                .scheme("http")
                .authority(host.as_bytes())
                .path_and_query(path.clone())
                .build()
                .map_err(|error| InvalidValue(format!("the host {host:?} cannot be used with HTTP/2: {error}")))?,
        };
        Ok(Template { uri, headers })
    }

    pub(crate) fn request(&self) -> Request<NoBody> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Length;

    fn plan(protocol: Protocol) -> LoadPlan {
        let target = "http://127.0.0.1:8080/a".parse().expect("a URL");
        LoadPlan { protocol, ..LoadPlan::new(target, "1".parse().expect("a rate"), Length::UntilStopped) }
    }

    fn request(plan: &LoadPlan) -> Request<NoBody> {
        Template::new(plan, &PathAndQuery::from_static("/a?b=c")).expect("valid").request()
    }

    #[test]
    fn host_is_a_header_in_http1_and_part_of_the_uri_in_http2() {
        let http1 = request(&plan(Protocol::Http1));
        assert_eq!(
            (http1.uri().to_string(), &http1.headers()[HOST]),
            ("/a?b=c".into(), &"127.0.0.1:8080".parse().expect("a header"))
        );
        let http2 = request(&plan(Protocol::Http2));
        assert_eq!(http2.uri(), "http://127.0.0.1:8080/a?b=c");
        assert!(http2.headers().is_empty());
    }

    #[test]
    fn host_header_of_the_plan_wins() {
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let mut plan = plan(protocol);
            plan.headers.insert(HOST, "shop.example".parse().expect("a header"));
            let request = request(&plan);
            let host = request.uri().host().or_else(|| request.headers()[HOST].to_str().ok());
            assert_eq!(host, Some("shop.example"));
        }
    }
}
