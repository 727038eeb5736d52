//! Builds requests, all alike but for the path.

use bytes::Bytes;
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Uri};
use http_body_util::Full;

use crate::plan::{LoadPlan, Protocol};
use crate::values::InvalidValue;

/// What a request carries; mostly nothing.
pub(crate) type Content = Full<Bytes>;

/// What the bodies of POSTs are made of.
const FILLING: u8 = b'x';

/// The request for one path, ready to be sent any number of times.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    content: Bytes,
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
        Ok(Template { method: Method::GET, uri, headers, content: Bytes::new() })
    }

    /// The same as a POST with as many bytes as the plan says; unchanged when it says none.
    pub(crate) fn posting(self, plan: &LoadPlan) -> Self {
        match plan.post {
            Some(size) => Template { method: Method::POST, content: vec![FILLING; size.get()].into(), ..self },
            None => self,
        }
    }

    pub(crate) fn request(&self) -> Request<Content> {
        let mut request = Request::new(Full::new(self.content.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::plan::Length;

    fn plan(protocol: Protocol) -> LoadPlan {
        let target = "http://127.0.0.1:8080/a".parse().expect("a URL");
        LoadPlan { protocol, ..LoadPlan::new(target, "1".parse().expect("a rate"), Length::UntilStopped) }
    }

    fn request(plan: &LoadPlan) -> Request<Content> {
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
    fn a_post_carries_as_many_bytes_as_planned() {
        let size = |request: &Request<Content>| hyper::body::Body::size_hint(request.body()).exact();
        let template = |plan: &LoadPlan| Template::new(plan, &PathAndQuery::from_static("/a")).expect("valid");
        let plan = LoadPlan { post: NonZeroUsize::new(256), ..plan(Protocol::Http1) };
        let posted = template(&plan).posting(&plan).request();
        assert_eq!((posted.method(), size(&posted)), (&Method::POST, Some(256)));
        let got = template(&plan).request();
        assert_eq!((got.method(), size(&got)), (&Method::GET, Some(0)));
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
