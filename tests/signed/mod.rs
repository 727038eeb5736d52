//! Signed requests to the engine's AWS API, where no SDK of the tests has the service; and plain ones to its registry.

#![allow(dead_code, reason = "each story uses a part of it")]

use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatrial_aws_wire::sigv4::{AccessKeyId, BodyDigest, Credential, RequestHead, SecretAccessKey, Signer};
use seatrial_model::Timestamp;
use serde_json::Value;

use crate::harness::Trial;

/// How long an answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// The engine as AWS clients and clients of its registry see it.
pub struct Aws {
    /// `127.0.0.1:PORT`.
    pub address: String,
    region: String,
    access_key_id: String,
    secret: String,
}

/// An answer over HTTP.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts the status, showing the answer if it is another.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.head, String::from_utf8_lossy(&self.body));
        self
    }
}

impl Aws {
    pub fn of(trial: &Trial) -> Self {
        let environment = trial.aws_environment();
        let value = |name: &str| environment.get(name).cloned().unwrap_or_else(|| panic!("{name} is printed"));
        let address = value("AWS_ENDPOINT_URL").trim_start_matches("http://").to_owned();
        let region = environment.get("AWS_REGION").cloned().unwrap_or_else(|| value("AWS_DEFAULT_REGION"));
        let (access_key_id, secret) = (value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY"));
        Aws { address, region, access_key_id, secret }
    }

    /// Calls an operation of ECR that succeeds.
    #[track_caller]
    pub fn ecr(&self, operation: &str, input: &Value) -> Value {
        self.call_ecr(operation, input).is(200).json()
    }

    pub fn call_ecr(&self, operation: &str, input: &Value) -> Reply {
        let body = input.to_string();
        let mut headers = http::HeaderMap::new();
        let target = format!("AmazonEC2ContainerRegistry_V20150921.{operation}");
        for (name, value) in [
            ("host", self.address.as_str()),
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", target.as_str()),
        ] {
            headers.insert(name, value.parse().expect("a value"));
        }
        let head = RequestHead { method: &http::Method::POST, path: "/", query: "", headers: &headers };
        let access_key_id = AccessKeyId::parse(&self.access_key_id).expect("a key id");
        let credential = Credential { secret: SecretAccessKey::new(self.secret.clone()), session_token: None };
        let signer =
            Signer { access_key_id: &access_key_id, credential: &credential, region: &self.region, service: "ecr" };
        let added = signer.sign(&head, BodyDigest::of(body.as_bytes()), now());
        headers.extend(added);
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.to_str().expect("ASCII"))).collect();
        self.exchange("POST", "/", &headers, body.as_bytes())
    }

    /// Gets a password for the registry.
    pub fn password(&self) -> String {
        let token = self.ecr("GetAuthorizationToken", &Value::Object(Default::default()));
        let token = token["authorizationData"][0]["authorizationToken"].as_str().expect("a token").to_owned();
        let pair = String::from_utf8(STANDARD.decode(token).expect("base64")).expect("UTF-8");
        pair.strip_prefix("AWS:").expect("the user AWS").to_owned()
    }

    /// Sends a request to the registry.
    pub fn registry(&self, password: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let authorization = format!("Basic {}", STANDARD.encode(format!("AWS:{password}")));
        let mut all = vec![("host", self.address.as_str()), ("authorization", authorization.as_str())];
        all.extend(headers);
        self.exchange(method, path, &all, body)
    }

    /// Sends the head of a request that announces a longer body than is sent, and returns the connection.
    pub fn break_off(&self, password: &str, method: &str, path: &str, announced: usize, body: &[u8]) -> TcpStream {
        let authorization = STANDARD.encode(format!("AWS:{password}"));
        let mut stream = TcpStream::connect(&self.address).expect("the engine listens");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Basic {authorization}\r\ncontent-length: {announced}\r\n\r\n",
            self.address
        );
        stream.write_all(head.as_bytes()).expect("written");
        stream.write_all(body).expect("written");
        stream
    }

    fn exchange(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(&self.address).expect("the engine listens");
        stream.set_read_timeout(Some(ANSWER_LIMIT)).expect("a time limit can be set");
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len()));
        stream.write_all(head.as_bytes()).expect("written");
        // A refusal may come before all of the body is taken.
        let _ = stream.write_all(body);
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("an answer in time");
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Reply { status, head, body: bytes[end + 4..].to_vec() }
    }
}

fn now() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    Timestamp::from_millis(elapsed.as_millis() as i64)
}
