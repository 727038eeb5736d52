//! A server that misbehaves, and what comes of it.

mod kit;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use kit::{
    Answer, Image, Server, anonymous, answer, broken_off, by_digest, collect, digest_of, endless, forget, hasty, name,
    noise, open, password, push_of, receive, silent, tagged,
};
use seatrial_distribution::{
    Client, Credential, CredentialSource, DistributionError, Options, Patience, PlatformChoice, Pushed,
};
use seatrial_model::SecretText;
use serde_json::json;

const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json"}"#;

fn manifest(status: u16) -> Answer {
    answer(status, &[("content-type", kit::OCI_MANIFEST)], MANIFEST)
}

async fn pull(client: &Client, content: &[u8]) -> (Result<(), DistributionError>, Vec<u8>) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let size = content.len() as u64;
    let into = file.reopen().expect("a file");
    let result = client.pull_blob(&digest_of(content), size, into, file.path(), &silent()).await;
    (result, kit::read(file.path()))
}

/// An upload whose requests break off as planned: after how many bytes of a body, or the registry's answer is lost.
#[derive(Default)]
struct Upload {
    arrived: Mutex<Vec<u8>>,
    is_done: Mutex<bool>,
    breaks: Mutex<Vec<usize>>,
    tells_range: bool,
    loses_last_answer: bool,
}

impl Upload {
    async fn serve(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        match (method.as_str(), path.contains("/uploads/")) {
            ("HEAD", false) => answer(if *self.is_done.lock().expect("no panic") { 200 } else { 404 }, &[], ""),
            ("POST", true) => {
                self.arrived.lock().expect("no panic").clear();
                answer(202, &[("location", "/v2/web/blobs/uploads/1?state=a")], "")
            }
            ("GET", true) if self.tells_range => {
                let range = format!("0-{}", self.arrived.lock().expect("no panic").len() - 1);
                answer(204, &[("range", &range)], "")
            }
            ("GET", true) => answer(404, &[], r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}"#),
            ("PATCH", true) => {
                let first =
                    request.headers().get("content-range").map(|value| value.to_str().expect("text").to_owned());
                let expected = self.arrived.lock().expect("no panic").len();
                if first.is_some_and(|range| !range.starts_with(&format!("{expected}-"))) {
                    return answer(416, &[], "");
                }
                let limit = self.breaks.lock().expect("no panic").pop().unwrap_or(usize::MAX);
                let (bytes, is_whole) = receive(request, limit).await;
                self.arrived.lock().expect("no panic").extend(bytes);
                if is_whole { answer(202, &[("location", "/v2/web/blobs/uploads/1?state=b")], "") } else { broken() }
            }
            ("PUT", true) => {
                let query = request.uri().query().expect("a query").to_owned();
                let bytes = collect(request).await;
                let mut arrived = self.arrived.lock().expect("no panic");
                arrived.extend(bytes);
                let digest = digest_of(&arrived).to_string().replace(':', "%3A");
                if !query.contains(&digest) {
                    return answer(400, &[], r#"{"errors":[{"code":"DIGEST_INVALID","message":"no"}]}"#);
                }
                *self.is_done.lock().expect("no panic") = true;
                if self.loses_last_answer { broken() } else { answer(201, &[], "") }
            }
            _ => answer(405, &[], ""),
        }
    }
}

fn broken() -> Answer {
    Err(std::io::ErrorKind::BrokenPipe.into())
}

async fn upload_server(upload: &Arc<Upload>) -> Server {
    let upload = Arc::clone(upload);
    Server::start(move |request| Arc::clone(&upload).serve(request)).await
}

#[tokio::test]
async fn an_upload_goes_on_where_the_registry_says_it_broke() {
    let content = noise(1, 9_000_000);
    let upload = Arc::new(Upload {
        breaks: Mutex::new(vec![1_000_000, 1_000_000, 1_000_000]),
        tells_range: true,
        ..Upload::default()
    });
    let server = upload_server(&upload).await;
    let image = Image::new();
    let client = anonymous(&server.image("a.b/web")).await;
    assert_eq!(client.push_blob(&image.blob(&content), None, &silent()).await.expect("pushed"), Pushed::Uploaded);
    assert_eq!((server.count("POST"), server.count("PATCH"), server.count("PUT")), (1, 4, 1));
    assert!(
        server.asked().iter().any(|asked| asked.method == "PUT" && asked.target.contains("?state=b&digest=sha256"))
    );
}

#[tokio::test]
async fn an_upload_begins_again_where_the_registry_does_not_say_how_far_it_got() {
    let upload = Arc::new(Upload { breaks: Mutex::new(vec![3_000_000]), ..Upload::default() });
    let server = upload_server(&upload).await;
    let client = anonymous(&server.image("web/a")).await;
    client.push_blob(&Image::new().blob(&noise(2, 5_000_000)), None, &silent()).await.expect("pushed");
    assert_eq!((server.count("POST"), server.count("PATCH"), server.count("PUT")), (2, 2, 1));
}

#[tokio::test]
async fn an_upload_whose_last_answer_was_lost_is_not_done_twice() {
    let upload = Arc::new(Upload { loses_last_answer: true, ..Upload::default() });
    let server = upload_server(&upload).await;
    let client = anonymous(&server.image("web/a")).await;
    client.push_blob(&Image::new().blob(&noise(3, 5_000_000)), None, &silent()).await.expect("pushed");
    assert_eq!((server.count("POST"), server.count("PUT")), (1, 1));
}

#[tokio::test]
async fn an_upload_that_always_breaks_is_given_up() {
    let upload = Arc::new(Upload { breaks: Mutex::new(vec![1; 100]), tells_range: true, ..Upload::default() });
    let server = upload_server(&upload).await;
    let client = anonymous(&server.image("web/a")).await;
    let error = client.push_blob(&Image::new().blob(&noise(4, 2_000_000)), None, &silent()).await.expect_err("broken");
    assert!(matches!(error, DistributionError::Broken { .. }), "{error}");
    assert_eq!(server.count("PATCH"), 5);
}

#[tokio::test]
async fn a_file_that_changed_is_no_fault_of_the_registry() {
    let server = upload_server(&Arc::default()).await;
    let client = anonymous(&server.image("web/a")).await;
    let image = Image::new();
    for (written, size) in [(noise(5, 1000), 1000), (noise(5, 2_000_000), 2_000_000)] {
        let mut blob = image.blob(&written);
        blob.digest = digest_of(b"what it was before");
        let error = client.push_blob(&blob, None, &silent()).await.expect_err("changed");
        assert!(matches!(error, DistributionError::DigestMismatch { .. }), "{error}");
        blob.size = size + 1;
        let error = client.push_blob(&blob, None, &silent()).await.expect_err("shorter");
        assert!(matches!(error, DistributionError::Source { .. }), "{error}");
    }
}

#[tokio::test]
async fn what_can_heal_is_tried_again_and_nothing_else() {
    for (status, retry_after, attempts) in [
        (503, None, 3),
        (429, Some("0"), 3),
        (500, None, 3),
        (502, None, 3),
        (504, None, 3),
        (400, None, 1),
        (403, None, 1),
        (418, None, 1),
        (501, None, 1),
        (429, Some("3600"), 1),
    ] {
        let asked = Arc::new(AtomicUsize::new(0));
        let server = Server::start({
            let asked = Arc::clone(&asked);
            move |_| {
                let is_third = asked.fetch_add(1, Ordering::SeqCst) == 2;
                async move {
                    let headers: Vec<(&str, &str)> = retry_after.iter().map(|text| ("retry-after", *text)).collect();
                    if is_third { manifest(200) } else { answer(status, &headers, "no") }
                }
            }
        })
        .await;
        let result = anonymous(&server.image("a/b")).await.manifest(&tagged("v1")).await;
        assert_eq!((result.is_ok(), asked.load(Ordering::SeqCst)), (attempts == 3, attempts), "{status} {result:?}");
    }
}

#[tokio::test]
async fn a_registry_that_stays_busy_is_given_up_with_what_it_said() {
    let server = Server::start(|_| async {
        answer(429, &[("retry-after", "0")], r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#)
    })
    .await;
    let error = anonymous(&server.image("a/b")).await.manifest(&tagged("v1")).await.expect_err("busy").to_string();
    assert!(error.contains("too many requests (TOOMANYREQUESTS: slow down)"), "{error}");
    assert_eq!(server.count("GET"), 5);
}

#[tokio::test]
async fn a_registry_that_answers_nothing_is_given_up() {
    let server = Server::start(|_| std::future::pending()).await;
    let patience = Patience { still_max: Duration::from_millis(50), attempts_max: 2, ..hasty().patience };
    let options = Options { patience, ..Options::default() };
    let client =
        Client::open(&name(&server.image("a/b")), &CredentialSource::Anonymous, &options).await.expect("a client");
    let error = client.manifest(&tagged("v1")).await.expect_err("no answer");
    assert!(matches!(error, DistributionError::TimedOut { .. }), "{error}");
    assert!(error.to_string().contains("nothing moved between here and 127.0.0.1:"), "{error}");

    let address = server.address;
    drop(server);
    let gone =
        Client::open(&name(&format!("{address}/a/b")), &CredentialSource::Anonymous, &options).await.expect("a client");
    let error = gone.manifest(&tagged("v1")).await.expect_err("nobody listens").tell();
    assert!(error.contains("cannot be reached") && error.contains("refused"), "{error}");
}

#[tokio::test]
async fn a_manifest_of_another_digest_is_refused() {
    let server = Server::start(|request: Request<Incoming>| async move {
        let other = digest_of(b"other").to_string();
        let is_tag = request.uri().path().ends_with("/v1");
        let headers = [("docker-content-digest", other.as_str())];
        answer(200, if is_tag { &headers[..] } else { &[] }, MANIFEST)
    })
    .await;
    let client = anonymous(&server.image("a/b")).await;
    for reference in [tagged("v1"), by_digest(&digest_of(b"wanted"))] {
        let error = client.manifest(&reference).await.expect_err("another digest");
        assert!(matches!(error, DistributionError::DigestMismatch { .. }), "{error}");
    }
    assert_eq!(server.count("GET"), 2, "not tried again");
}

#[tokio::test]
async fn answers_without_end_are_cut_off() {
    let server = Server::start(|request: Request<Incoming>| async move {
        let status = if request.uri().path().ends_with("/v2") { 400 } else { 200 };
        endless(status, &[("content-type", kit::OCI_MANIFEST)])
    })
    .await;
    let client = anonymous(&server.image("a/b")).await;
    let error = client.manifest(&tagged("v1")).await.expect_err("endless").to_string();
    assert!(error.contains("the manifest is larger than 4194304 bytes"), "{error}");
    let error = client.manifest(&tagged("v2")).await.expect_err("endless");
    assert!(matches!(error, DistributionError::Refused { .. }), "{error}");
    assert!(matches!(client.tags().await, Err(DistributionError::TooLarge { .. })));
    let (result, written) = pull(&client, b"a short blob").await;
    assert!(matches!(result, Err(DistributionError::TooLarge { .. })), "{result:?}");
    assert!(written.len() <= 12);
}

#[tokio::test]
async fn a_list_without_end_and_one_that_goes_on_elsewhere_are_refused() {
    let server = Server::start(|request: Request<Incoming>| async move {
        let is_elsewhere = request.uri().path().contains("elsewhere");
        let next = if is_elsewhere { "<http://127.0.0.2:1/x>; rel=next" } else { "<list?n=1000>; rel=\"next\"" };
        answer(200, &[("link", next)], r#"{"tags":["a"]}"#)
    })
    .await;
    let error = anonymous(&server.image("a/endless")).await.tags().await.expect_err("endless").to_string();
    assert!(error.contains("more than 1000 pages"), "{error}");
    let error = anonymous(&server.image("a/elsewhere")).await.tags().await.expect_err("elsewhere").to_string();
    assert!(error.contains("goes on elsewhere"), "{error}");
}

#[tokio::test]
async fn a_pull_goes_on_where_it_broke_and_checks_what_arrived() {
    let content = Arc::new(noise(6, 3_000_000));
    for honours_ranges in [true, false] {
        let server = Server::start({
            let content = Arc::clone(&content);
            let asked = Arc::new(AtomicUsize::new(0));
            move |request: Request<Incoming>| {
                let (content, attempt) = (Arc::clone(&content), asked.fetch_add(1, Ordering::SeqCst));
                async move {
                    let range = request.headers().get("range").and_then(|range| range.to_str().ok());
                    let first = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
                    let first: usize = if honours_ranges { first.unwrap_or(0) } else { 0 };
                    let of = format!("bytes {first}-{}/{}", content.len() - 1, content.len());
                    let headers = [("content-range", of.as_str())];
                    let (status, headers) = if first > 0 { (206, &headers[..]) } else { (200, &[][..]) };
                    let rest = content[first..].to_vec();
                    match attempt {
                        0 | 1 => broken_off(status, headers, rest[..1_000_000].to_vec()),
                        _ => answer(status, headers, rest),
                    }
                }
            }
        })
        .await;
        let (result, written) = pull(&anonymous(&server.image("a/b")).await, &content).await;
        result.expect("pulled");
        assert!(written == *content);
        let ranges: Vec<bool> = server.asked().iter().map(|asked| asked.range.is_some()).collect();
        assert_eq!(ranges, [false, true, true], "{honours_ranges}");
    }
}

#[tokio::test]
async fn a_blob_of_another_content_or_length_is_refused() {
    let server = Server::start(|request: Request<Incoming>| async move {
        let path = request.uri().path();
        match () {
            () if path.contains("/other/") => answer(200, &[], "other content"),
            () if path.contains("/short/") => answer(200, &[], "short"),
            () if path.contains("/long/") => answer(200, &[], "content that is longer"),
            () => answer(206, &[("content-range", "bytes 5-12/13")], "content!"),
        }
    })
    .await;
    let ask = async |repository: &str| {
        pull(&anonymous(&server.image(repository)).await, b"right content").await.0.expect_err(repository)
    };
    assert!(matches!(ask("a/other").await, DistributionError::DigestMismatch { .. }));
    assert!(matches!(ask("a/short").await, DistributionError::Broken { .. }));
    assert!(matches!(ask("a/long").await, DistributionError::TooLarge { .. }));
    assert!(matches!(ask("a/part").await, DistributionError::Protocol { .. }));
}

/// A registry that wants tokens, and a server that gives them out.
struct Tokens {
    registry: Server,
    tokens: Arc<Server>,
}

impl Tokens {
    async fn start(expires_in: u64) -> Self {
        let given = Arc::new(AtomicUsize::new(0));
        let tokens = Server::start({
            let given = Arc::clone(&given);
            move |request: Request<Incoming>| {
                let given = Arc::clone(&given);
                async move {
                    let basic =
                        request.headers().get("authorization").map(|value| value.to_str().expect("text").to_owned());
                    let is_refresh = request.method() == "POST";
                    let body = String::from_utf8(collect(request).await).expect("text");
                    if basic.as_deref() != Some("Basic bWU6aHVudGVyMg==") && !body.contains("refresh_token=hunter3") {
                        return answer(401, &[], r#"{"errors":[{"code":"UNAUTHORIZED","message":"who are you"}]}"#);
                    }
                    let token = format!("token-{}", given.fetch_add(1, Ordering::SeqCst) + 1);
                    let member = if is_refresh { "access_token" } else { "token" };
                    answer(200, &[], json!({member: token, "expires_in": expires_in}).to_string())
                }
            }
        })
        .await;
        let tokens = Arc::new(tokens);
        let challenge =
            format!("Bearer realm=\"http://{}/token\",service=\"test\",scope=\"repository:a/b:pull\"", tokens.address);
        let registry = Server::start(move |request: Request<Incoming>| {
            let challenge = challenge.clone();
            let given = Arc::clone(&given);
            async move {
                let shown =
                    request.headers().get("authorization").map(|value| value.to_str().expect("text").to_owned());
                // A registry takes the last token only, as if those before had been revoked.
                let good = format!("Bearer token-{}", given.load(Ordering::SeqCst));
                if shown != Some(good) { answer(401, &[("www-authenticate", &challenge)], "") } else { manifest(200) }
            }
        })
        .await;
        Tokens { registry, tokens }
    }
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_used_until_it_ends() {
    let server = Tokens::start(3600).await;
    let client = open(&server.registry.image("a/b"), &password("me", "hunter2")).await;
    for _ in 0..3 {
        client.manifest(&tagged("v1")).await.expect("let in");
    }
    assert_eq!((server.tokens.asked().len(), server.registry.asked().len()), (1, 4));
    let asked = &server.tokens.asked()[0].target;
    assert_eq!(asked, "/token?service=test&account=me&scope=repository%3Aa%2Fb%3Apull");
    let shown: Vec<_> = server.registry.asked().into_iter().map(|asked| asked.authorization).collect();
    assert!(
        shown[0].is_none() && shown[1..].iter().all(|shown| shown.as_deref() == Some("Bearer token-1")),
        "{shown:?}"
    );
}

#[tokio::test]
async fn a_token_that_is_no_longer_good_is_replaced_once() {
    let server = Tokens::start(3600).await;
    let client = open(&server.registry.image("a/b"), &password("me", "hunter2")).await;
    client.manifest(&tagged("v1")).await.expect("let in");
    // Somebody else's token makes ours bad.
    let other = open(&server.registry.image("a/b"), &password("me", "hunter2")).await;
    other.manifest(&tagged("v1")).await.expect("let in");
    client.manifest(&tagged("v1")).await.expect("let in again");
    assert_eq!(server.tokens.asked().len(), 3);
}

#[tokio::test]
async fn an_identity_token_gets_tokens() {
    let server = Tokens::start(300).await;
    let identity = |text: &str| CredentialSource::Given(Credential::IdentityToken(SecretText::new(text)));
    open(&server.registry.image("a/b"), &identity("hunter3")).await.manifest(&tagged("v1")).await.expect("let in");
    let wrong = open(&server.registry.image("a/b"), &identity("wrong")).await.manifest(&tagged("v1")).await;
    let told = format!("{:?}", wrong.expect_err("wrong"));
    assert!(told.starts_with("Unauthorised") && !told.contains("wrong"), "{told}");
}

#[tokio::test]
async fn credentials_that_are_not_accepted_are_tried_once() {
    let server = Tokens::start(300).await;
    for credentials in [password("me", "wrong"), CredentialSource::Anonymous] {
        let client = open(&server.registry.image("a/b"), &credentials).await;
        let error = client.manifest(&tagged("v1")).await.expect_err("not let in");
        assert!(matches!(error, DistributionError::Unauthorised { .. }), "{error}");
        assert!(error.to_string().contains(&format!("docker login {}", server.registry.address)), "{error}");
    }
    assert_eq!((server.tokens.asked().len(), server.registry.asked().len()), (2, 2));
}

#[tokio::test]
async fn a_password_is_not_sent_where_it_can_be_read() {
    let server = Server::start(|_| async {
        answer(401, &[("www-authenticate", "Bearer realm=\"http://tokens.example.com/token\"")], "")
    })
    .await;
    let client = open(&server.image("a/b"), &password("me", "hunter2")).await;
    let error = client.manifest(&tagged("v1")).await.expect_err("insecure");
    assert!(matches!(error, DistributionError::Insecure { .. }), "{error}");
    assert!(error.to_string().contains("http://tokens.example.com"), "{error}");
}

#[tokio::test]
async fn a_redirection_is_followed_without_what_lets_in() {
    let content = b"content of a layer";
    let elsewhere = Arc::new(Server::start(move |_| async move { answer(200, &[], &content[..]) }).await);
    let server = Server::start({
        let elsewhere = Arc::clone(&elsewhere);
        move |request: Request<Incoming>| {
            let to = format!("http://{}/layers/1?signature=a%2Fb", elsewhere.address);
            async move {
                if !request.headers().contains_key("authorization") {
                    return answer(401, &[("www-authenticate", "Basic realm=x")], "");
                }
                if request.uri().path().contains("/again/") {
                    return answer(307, &[("location", request.uri().path())], "");
                }
                answer(307, &[("location", &to)], "")
            }
        }
    })
    .await;
    let client = open(&server.image("a/b"), &password("me", "hunter2")).await;
    let (result, written) = pull(&client, content).await;
    result.expect("pulled");
    assert_eq!(written, content);
    let asked = elsewhere.asked();
    assert_eq!(
        (asked.len(), asked[0].target.as_str(), asked[0].authorization.as_deref()),
        (1, "/layers/1?signature=a%2Fb", None)
    );

    let again = open(&server.image("a/again"), &password("me", "hunter2")).await;
    let error = pull(&again, content).await.0.expect_err("no end").to_string();
    assert!(error.contains("one redirection after another"), "{error}");
}

#[tokio::test]
async fn an_upload_that_goes_on_elsewhere_goes_without_what_lets_in() {
    let elsewhere = Arc::new(
        Server::start(|request: Request<Incoming>| async move {
            collect(request).await;
            answer(201, &[], "")
        })
        .await,
    );
    let server = Server::start({
        let elsewhere = Arc::clone(&elsewhere);
        move |request: Request<Incoming>| {
            let to = format!("http://{}/upload", elsewhere.address);
            async move {
                if !request.headers().contains_key("authorization") {
                    return answer(401, &[("www-authenticate", "Basic realm=x")], "");
                }
                if request.method() == "POST" { answer(202, &[("location", &to)], "") } else { answer(404, &[], "") }
            }
        }
    })
    .await;
    let client = open(&server.image("a/b"), &password("me", "hunter2")).await;
    client.push_blob(&Image::new().blob(b"content"), None, &silent()).await.expect("pushed");
    assert_eq!(elsewhere.asked()[0].authorization, None);
}

#[tokio::test]
async fn what_a_registry_refuses_is_told_in_its_words() {
    let server = Server::start(|request: Request<Incoming>| async move {
        let path = request.uri().path().to_owned();
        let error = |code: &str, message: &str| json!({"errors": [{"code": code, "message": message}]}).to_string();
        match request.method().as_str() {
            "HEAD" => answer(404, &[], ""),
            _ if path.contains("/unknown/") => answer(404, &[], error("NAME_UNKNOWN", "no such repository")),
            _ if path.contains("/denied/") => answer(403, &[], error("DENIED", "not for\u{7} you")),
            _ if path.contains("/large/") => answer(413, &[], "<html>too large</html>"),
            _ if path.contains("/immutable/") => {
                answer(412, &[], error("PRECONDITION", "the tag is configured as immutable"))
            }
            _ => answer(202, &[], ""),
        }
    })
    .await;
    let image = Image::new();
    let digest = image.write("amd64", &[b"layer"]);
    let ask = async |repository: &str| {
        let client = anonymous(&server.image(repository)).await;
        client.push_image(image.source(), &push_of(&digest, &["v1"]), &silent()).await.expect_err(repository)
    };
    let unknown = ask("a/unknown").await;
    assert!(matches!(unknown, DistributionError::RepositoryUnknown { .. }), "{unknown}");
    assert!(unknown.to_string().contains("no repository a/unknown"), "{unknown}");
    let denied = ask("a/denied").await.to_string();
    assert!(
        denied.contains("does not let this user push the blob") && denied.contains("DENIED: not for  you"),
        "{denied}"
    );
    let large = ask("a/large").await;
    assert!(matches!(large, DistributionError::TooLargeForRegistry { .. }), "{large}");
    let immutable = ask("a/immutable").await;
    assert!(matches!(immutable, DistributionError::TagImmutable { .. }), "{immutable}");
    let nowhere = ask("a/nowhere").await.to_string();
    assert!(nowhere.contains("an upload without an address to go on at"), "{nowhere}");
}

#[tokio::test]
async fn an_image_that_is_not_there_or_is_none_is_told() {
    let server = Server::start(|request: Request<Incoming>| async move {
        if request.uri().path().ends_with("/missing") { answer(404, &[], "") } else { manifest(200) }
    })
    .await;
    let client = anonymous(&server.image("a/b")).await;
    let into = Image::new();
    let ask = async |text: &str| client.pull_image(&tagged(text), &PlatformChoice::All, &into.layout, &silent()).await;
    let missing = ask("missing").await.expect_err("not there").to_string();
    assert!(missing.contains("has no image missing in a/b"), "{missing}");
    let invalid = ask("v1").await.expect_err("no config").tell();
    assert!(invalid.contains("cannot be used: the manifest names no config"), "{invalid}");
    assert!(!into.path().join("index.json").exists());
}

#[tokio::test]
async fn a_registry_that_lists_referrers_without_saying_so_gets_no_tag_for_them() {
    let server = Server::start(|request: Request<Incoming>| async move {
        match (request.method().as_str(), request.uri().path().contains("/referrers/")) {
            ("GET", true) => answer(200, &[], r#"{"schemaVersion":2,"manifests":null}"#),
            ("PUT", _) => answer(201, &[], ""),
            _ => answer(404, &[], ""),
        }
    })
    .await;
    let image = Image::new();
    let subject = image.write("amd64", &[b"layer"]);
    let signature = image.artifact("application/x-signature", &subject);
    let bytes = kit::read(&image.layout.blob_path(&signature));
    let client = anonymous(&server.image("a/b")).await;
    client.put_manifest(&by_digest(&signature), kit::OCI_MANIFEST, bytes.into()).await.expect("put");
    assert_eq!(server.count("PUT"), 1);
    assert!(client.referrers(&subject, None).await.expect("a list").is_empty());
}

#[tokio::test]
async fn an_upload_that_nobody_takes_is_given_up_and_one_that_is_being_hashed_is_not() {
    let patience = Patience { still_max: Duration::from_millis(500), attempts_max: 3, ..hasty().patience };
    let options = Options { patience, ..Options::default() };
    let server = Server::start(|request: Request<Incoming>| async move {
        match request.method().as_str() {
            "POST" => answer(202, &[("location", &format!("{}1", request.uri().path()))], ""),
            "PATCH" if request.uri().path().contains("/taken/") => {
                forget(request).await;
                answer(202, &[], "")
            }
            "PATCH" => std::future::pending().await,
            "PUT" => {
                tokio::time::sleep(Duration::from_millis(1200)).await;
                answer(201, &[], "")
            }
            _ => answer(404, &[], ""),
        }
    })
    .await;
    let image = Image::new();
    let blob = image.blob(&noise(7, 64_000_000));
    let client = async |repository: &str| {
        Client::open(&name(&server.image(repository)), &CredentialSource::Anonymous, &options).await.expect("a client")
    };
    client("a/taken").await.push_blob(&blob, None, &silent()).await.expect("hashed in the end");
    let error = client("a/left").await.push_blob(&blob, None, &silent()).await.expect_err("nobody takes it");
    assert!(
        matches!(error, DistributionError::TimedOut { limit, .. } if limit == Duration::from_millis(500)),
        "{error}"
    );
}

#[tokio::test]
async fn an_image_with_a_blob_beyond_all_measure_is_refused() {
    let huge = json!({"digest": digest_of(b"huge"), "size": 1u64 << 50});
    let document =
        json!({"schemaVersion": 2, "mediaType": kit::OCI_MANIFEST, "config": huge, "layers": []}).to_string();
    let server = Server::start(move |_| {
        let document = document.clone();
        async move { answer(200, &[("content-type", kit::OCI_MANIFEST)], document) }
    })
    .await;
    let into = Image::new();
    let client = anonymous(&server.image("a/b")).await;
    let pulled = client.pull_image(&tagged("v1"), &PlatformChoice::All, &into.layout, &silent()).await;
    assert!(matches!(pulled, Err(DistributionError::TooLarge { .. })), "{pulled:?}");
    assert_eq!(server.count("GET"), 1);
}
