//! Proxies: TLS goes through the one that the environment names (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`), by a tunnel that it cannot read.
//!
//! What is on this machine, and what is asked for without encryption, is asked directly.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::reference::is_loopback;

type BoxError = Box<dyn Error + Send + Sync>;

/// Connects to where it is asked to, or to the proxy in between.
#[derive(Clone)]
pub(super) struct Connector {
    direct: HttpConnector,
    proxies: Arc<Matcher>,
}

/// The environment names a proxy that is spoken to in another way.
#[derive(Debug)]
struct UnknownProxy(String);

impl Connector {
    pub fn new(direct: HttpConnector) -> Self {
        Connector { direct, proxies: Arc::new(Matcher::from_env()) }
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.direct.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let Some(proxy) = between(&self.proxies, &to) else {
            let connecting = self.direct.call(to);
            return Box::pin(async { Ok(connecting.await?) });
        };
        if proxy.uri().scheme_str() != Some("http") {
            let refused = UnknownProxy(super::address::host(proxy.uri()));
            return Box::pin(async { Err(refused.into()) });
        }
        let tunnel = Tunnel::new(proxy.uri().clone(), self.direct.clone());
        let mut tunnel = match proxy.basic_auth() {
            Some(authorization) => tunnel.with_auth(authorization.clone()),
            None => tunnel,
        };
        let connecting = tunnel.call(to);
        Box::pin(async { Ok(connecting.await?) })
    }
}

/// Finds the proxy between here and an address.
fn between(proxies: &Matcher, to: &Uri) -> Option<Intercept> {
    let is_far = to.scheme_str() == Some("https") && !to.host().is_some_and(is_loopback);
    if is_far { proxies.intercept(to) } else { None }
}

impl fmt::Display for UnknownProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the proxy {} is named with a scheme other than http://, and only such proxies are used", self.0)
    }
}

impl Error for UnknownProxy {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_encrypted_and_far_goes_through_a_proxy() {
        let proxies = Matcher::builder().all("http://user:secret@proxy.example.com:3128").no("b.io,10.0.0.0/8").build();
        for (to, is_proxied) in [
            ("https://a.io/v2/", true),
            ("https://a.io:5000/v2/", true),
            ("http://a.io/v2/", false),
            ("https://b.io/v2/", false),
            ("https://10.1.2.3/v2/", false),
            ("https://127.0.0.1:5000/v2/", false),
            ("https://[::1]:5000/v2/", false),
            ("https://localhost/v2/", false),
        ] {
            let to: Uri = to.parse().expect("an address");
            assert_eq!(between(&proxies, &to).is_some(), is_proxied, "{to}");
        }
    }
}
