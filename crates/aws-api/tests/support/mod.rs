//! A front on a free loopback port, and a client that can misbehave.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use seatrial_aws_api::{AllowedHosts, Front, Identities, Identity, Limits, Operations, Principal};
use seatrial_aws_wire::Service;
use seatrial_aws_wire::sigv4::{AccessKeyId, BodyDigest, Credential, RequestHead, SecretAccessKey, Signer};
use seatrial_model::{AccountId, Arn, Region, TimeScale, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub const ACCESS_KEY_ID: &str = "AKIDSEATRIAL";
pub const SECRET: &str = "a secret of the test";
pub const REGION: &str = "us-east-1";

/// No answer of the front takes longer in any test.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

pub fn now() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    Timestamp::from_millis(elapsed.as_millis() as i64)
}

/// A running front; stops when dropped or asked to.
pub struct Endpoint {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
}

pub async fn start(limits: Limits, services: Vec<(Service, Arc<dyn Operations>)>) -> Endpoint {
    start_scaled(TimeScale::REAL, limits, services).await
}

/// A front of an engine on which durations are shorter.
pub async fn start_scaled(scale: TimeScale, limits: Limits, services: Vec<(Service, Arc<dyn Operations>)>) -> Endpoint {
    serve(front(scale, limits, services)).await
}

/// A front that is not serving yet.
pub fn front(scale: TimeScale, limits: Limits, services: Vec<(Service, Arc<dyn Operations>)>) -> Front {
    let identity = Identity {
        access_key_id: AccessKeyId::parse(ACCESS_KEY_ID).expect("a key id"),
        credential: Credential { secret: SecretAccessKey::new(SECRET), session_token: None },
        principal: Principal {
            account: AccountId::parse("123456789012").expect("an account"),
            arn: Arn::new("arn:aws:iam::123456789012:user/seatrial"),
            user_id: "AIDASEATRIAL".to_owned(),
        },
    };
    let region = Region::parse(REGION).expect("a region");
    let front = Front::new(region, Identities::new([identity]), AllowedHosts::loopback(), Arc::new(now), limits);
    services.into_iter().fold(front.expect("a front").with_time_scale(scale), |front, (service, operations)| {
        front.with_service(service, operations)
    })
}

pub async fn serve(front: Front) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(Arc::new(front).serve(listener, async {
        let _ = stopped.await;
    }));
    Endpoint { address, stop: Some(stop), served }
}

impl Endpoint {
    /// Asks the front to stop and waits until it has.
    pub async fn stop(mut self) {
        self.ask_to_stop();
        self.stopped().await;
    }

    pub fn ask_to_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    pub async fn stopped(self) {
        timeout(ANSWER_TIMEOUT, self.served).await.expect("the front stops").expect("it does not panic");
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("the front listens")
    }

    /// Sends bytes on a connection of their own and returns all that comes back.
    pub async fn exchange(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        // The front may answer and close before it has read everything.
        let _ = stream.write_all(bytes).await;
        read_answer(&mut stream).await
    }

    pub async fn send(&self, request: &Request) -> Answer {
        self.exchange(&request.bytes(self.address)).await
    }
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    /// The body as a text; what is not UTF-8 in it is replaced.
    pub body: String,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }
}

/// Reads one answer with a `content-length`.
pub async fn read_answer(stream: &mut TcpStream) -> Answer {
    timeout(ANSWER_TIMEOUT, read_whole_answer(stream)).await.expect("an answer in time")
}

async fn read_whole_answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    loop {
        if let Some(answer) = parse_answer(&bytes) {
            return answer;
        }
        let mut buffer = [0; 4096];
        let length = stream.read(&mut buffer).await.expect("a readable connection");
        assert!(length > 0, "the connection ended after {:?}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&buffer[..length]);
    }
}

fn parse_answer(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).expect("UTF-8").to_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let mut answer = Answer { status, head, body: String::new(), bytes: Vec::new() };
    let length: usize = answer.header("content-length").map_or(Some(0), |length| length.parse().ok())?;
    answer.bytes = bytes.get(end + 4..end + 4 + length)?.to_vec();
    answer.body = String::from_utf8_lossy(&answer.bytes).into_owned();
    Some(answer)
}

/// A request to be signed with the test's key.
#[derive(Clone, Debug)]
pub struct Request {
    pub service: &'static str,
    pub region: &'static str,
    pub secret: &'static str,
    pub signed_at: Timestamp,
    pub method: Method,
    pub target: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn json(target: &str, body: &str) -> Self {
        let headers = vec![
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target", format!("AmazonEC2ContainerServiceV20141113.{target}")),
        ];
        Request {
            service: "ecs",
            region: REGION,
            secret: SECRET,
            signed_at: now(),
            method: Method::POST,
            target: "/".to_owned(),
            headers,
            body: body.as_bytes().to_vec(),
        }
    }

    pub fn form(service: &'static str, form: &str) -> Self {
        let headers = vec![("content-type", "application/x-www-form-urlencoded; charset=utf-8".to_owned())];
        Request { service, headers, body: form.as_bytes().to_vec(), ..Request::json("", "") }
    }

    /// The signed request as it goes over the wire.
    pub fn bytes(&self, address: SocketAddr) -> Vec<u8> {
        let mut bytes = self.head(address, self.body.len()).into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// The head alone, announcing a body of the given length.
    pub fn head(&self, address: SocketAddr, content_length: usize) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_str(&address.to_string()).expect("a host"));
        for (name, value) in &self.headers {
            headers.insert(HeaderName::from_static(name), value.parse().expect("a value"));
        }
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let head = RequestHead { method: &self.method, path, query, headers: &headers };
        let access_key_id = AccessKeyId::parse(ACCESS_KEY_ID).expect("a key id");
        let credential = Credential { secret: SecretAccessKey::new(self.secret), session_token: None };
        let signer = Signer {
            access_key_id: &access_key_id,
            credential: &credential,
            region: self.region,
            service: self.service,
        };
        let added = signer.sign(&head, BodyDigest::of(&self.body), self.signed_at);
        headers.extend(added);
        let mut text = format!("{} {} HTTP/1.1\r\ncontent-length: {content_length}\r\n", self.method, self.target);
        for (name, value) in &headers {
            text.push_str(&format!("{name}: {}\r\n", value.to_str().expect("ASCII")));
        }
        text + "\r\n"
    }
}
