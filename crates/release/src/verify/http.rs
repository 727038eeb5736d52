//! Sends the requests of a check. Everything about an answer is bounded: its time, its size, and redirections are not followed.

use std::time::Instant;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use rustls::crypto::aws_lc_rs;

use super::expect::Answer;
use super::{ANSWER_LIMIT, HttpCheck, Place};

/// Largest body that is looked at.
const BODY_MAX: usize = 1024 * 1024;

/// Sends as many requests as have to pass; an error says why the first one that did not pass did not.
pub(super) async fn passes(check: &HttpCheck, place: &Place) -> Result<(), String> {
    let (uri, header) = address(check, place)?;
    if uri.scheme_str() == Some("https") {
        let connector = tls_connector().await?;
        all_pass(check, &Client::builder(TokioExecutor::new()).build(connector), &uri, header).await
    } else {
        all_pass(check, &Client::builder(TokioExecutor::new()).build_http(), &uri, header).await
    }
}

/// Makes a connector that trusts whom the operating system trusts; reading those certificates may wait for the disk.
async fn tls_connector() -> Result<HttpsConnector<HttpConnector>, String> {
    let made = tokio::task::spawn_blocking(|| {
        let builder = HttpsConnectorBuilder::new().with_provider_and_native_roots(aws_lc_rs::default_provider())?;
        Ok::<_, std::io::Error>(builder.https_only().enable_http1().build())
    });
    let unreadable =
        |error: &dyn std::error::Error| format!("cannot be sent: this machine's certificates cannot be read: {error}");
    made.await.map_err(|error| unreadable(&error))?.map_err(|error| unreadable(&error))
}

async fn all_pass<C>(
    check: &HttpCheck,
    client: &Client<C, Full<Bytes>>,
    uri: &Uri,
    header: Header<'_>,
) -> Result<(), String>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let limit = check.expectation.within.unwrap_or(ANSWER_LIMIT).max(ANSWER_LIMIT);
    for number in 1..=check.times {
        let request = request(check, uri, header)?;
        let began = Instant::now();
        let answered = tokio::time::timeout(limit, async {
            let response = client.request(request).await.map_err(|error| refused(uri, &error))?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), BODY_MAX).collect().await;
            let body = body
                .map_err(|error| format!("got an answer of {} that broke off or is too long: {error}", shown(uri)))?;
            Ok::<_, String>((status, body.to_bytes()))
        });
        let (status, body) =
            answered.await.map_err(|_| format!("got no answer of {} within {} s", shown(uri), limit.as_secs()))??;
        let judged = check.expectation.judge(&Answer { status, body: &body, took: began.elapsed() });
        let which = if check.times > 1 { format!("{number} of {}: ", check.times) } else { String::new() };
        judged.map_err(|why| format!("{which}{} {why}", shown(uri)))?;
    }
    Ok(())
}

type Header<'p> = Option<&'p (String, String)>;

/// The address of a check, and the header that leads to the new version there. It is for nobody else to see.
fn address<'p>(check: &HttpCheck, place: &'p Place) -> Result<(Uri, Header<'p>), String> {
    let (text, header) = if check.place.starts_with('/') {
        let Some(url) = &place.url else {
            return Err("cannot be sent: no load balancer leads to the new version".to_owned());
        };
        (format!("{}{}", url.trim_end_matches('/'), check.place), place.header.as_ref())
    } else {
        (check.place.clone(), None)
    };
    text.parse().map(|uri| (uri, header)).map_err(|error| format!("cannot be sent: {text} is no address: {error}"))
}

fn request(check: &HttpCheck, uri: &Uri, header: Header<'_>) -> Result<Request<Full<Bytes>>, String> {
    let body = check.body.clone().unwrap_or_default();
    let mut request = Request::builder().method(check.method.as_str()).uri(uri);
    let own = check.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in own.chain(header.map(|(name, value)| (name.as_str(), value.as_str()))) {
        request = request.header(name, value);
    }
    request.body(Full::new(Bytes::from(body))).map_err(|error| format!("cannot be sent: {error}"))
}

/// An address without its query, which may hold a secret.
fn shown(uri: &Uri) -> String {
    uri.to_string().split('?').next().unwrap_or_default().to_owned()
}

fn refused(uri: &Uri, error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    format!("could not reach {}: {cause}", shown(uri))
}

#[cfg(test)]
mod tests {
    use super::super::Check;
    use super::*;

    fn check(place: &str) -> HttpCheck {
        match Check::get(place) {
            Check::Http(check) => check,
            Check::Command(_) => unreachable!("it is a request"),
        }
    }

    #[test]
    fn the_header_that_leads_to_the_new_version_goes_nowhere_else() {
        let place = Place {
            url: Some("http://127.0.0.1:8091/".into()),
            header: Some(("x-canary".into(), "yes".into())),
            ..Place::default()
        };
        let (uri, header) = address(&check("/health?full=1"), &place).expect("an address");
        assert_eq!((uri.to_string().as_str(), header.is_some()), ("http://127.0.0.1:8091/health?full=1", true));
        let (uri, header) = address(&check("http://127.0.0.1:9/x"), &place).expect("an address");
        assert_eq!((uri.to_string().as_str(), header), ("http://127.0.0.1:9/x", None));
        assert!(address(&check("/"), &Place::default()).is_err());
    }

    #[tokio::test]
    async fn nobody_listening_is_told_with_the_address() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let why = passes(&check(&format!("http://{address}/")), &Place::default()).await.expect_err("nobody listens");
        assert!(why.starts_with(&format!("could not reach http://{address}/: ")), "{why}");
    }
}
