//! A client of the engine's JSON services that needs no SDK of each: one signed request, one answer.

use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use seatrial_aws_wire::sigv4::{AccessKeyId, BodyDigest, Credential, RequestHead, SecretAccessKey, Signer};
use seatrial_model::Timestamp;
use serde_json::Value;

use super::Trial;

/// How long an answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// A client with the credentials of `seatrial engine env`.
pub struct Aws {
    address: String,
    region: String,
    access_key_id: String,
    secret_access_key: String,
}

/// An error answer.
#[derive(Debug)]
pub struct Refused {
    pub code: String,
    pub body: String,
}

impl Aws {
    pub fn of(trial: &Trial) -> Self {
        let environment = trial.aws_environment();
        let variable = |name: &str| environment.get(name).cloned().unwrap_or_else(|| panic!("{name}: {environment:?}"));
        let address = variable("AWS_ENDPOINT_URL").trim_start_matches("http://").trim_end_matches('/').to_owned();
        Aws {
            address,
            region: variable("AWS_REGION"),
            access_key_id: variable("AWS_ACCESS_KEY_ID"),
            secret_access_key: variable("AWS_SECRET_ACCESS_KEY"),
        }
    }

    pub fn ecs(&self, operation: &str, input: Value) -> Value {
        self.call("ecs", &format!("AmazonEC2ContainerServiceV20141113.{operation}"), input)
    }

    pub fn scaling(&self, operation: &str, input: Value) -> Value {
        self.call("application-autoscaling", &format!("AnyScaleFrontendService.{operation}"), input)
    }

    pub fn ssm(&self, operation: &str, input: Value) -> Value {
        self.call("ssm", &format!("AmazonSSM.{operation}"), input)
    }

    pub fn secretsmanager(&self, operation: &str, input: Value) -> Value {
        self.call("secretsmanager", &format!("secretsmanager.{operation}"), input)
    }

    #[track_caller]
    fn call(&self, service: &str, target: &str, input: Value) -> Value {
        self.ask(service, target, &input).unwrap_or_else(|refused| panic!("{target}: {refused:?}"))
    }

    /// Carries out an operation of a service, or returns its refusal.
    pub fn ask(&self, service: &str, target: &str, input: &Value) -> Result<Value, Refused> {
        let body = input.to_string();
        let mut headers = HeaderMap::new();
        let given =
            [("host", self.address.as_str()), ("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
        for (name, value) in given {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header"));
        }
        self.sign(service, &body, &mut headers);
        let mut request = format!("POST / HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in &headers {
            request.push_str(&format!("{name}: {}\r\n", value.to_str().expect("ASCII")));
        }
        request.push_str("\r\n");
        request.push_str(&body);
        let mut stream = TcpStream::connect(&self.address).expect("the engine listens");
        stream.set_read_timeout(Some(ANSWER_LIMIT)).expect("a time limit can be set");
        stream.write_all(request.as_bytes()).expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the connection ends in time");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        let value: Value = serde_json::from_str(body).expect("a JSON body");
        if head.split(' ').nth(1) == Some("200") {
            return Ok(value);
        }
        Err(Refused { code: value["__type"].as_str().unwrap_or_default().to_owned(), body: body.to_owned() })
    }

    fn sign(&self, service: &str, body: &str, headers: &mut HeaderMap) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let access_key_id = AccessKeyId::parse(&self.access_key_id).expect("a key id");
        let secret = SecretAccessKey::new(self.secret_access_key.clone());
        let credential = Credential { secret, session_token: None };
        let signer = Signer { access_key_id: &access_key_id, credential: &credential, region: &self.region, service };
        let head = RequestHead { method: &Method::POST, path: "/", query: "", headers };
        let now = Timestamp::from_millis(since.as_millis() as i64);
        let added = signer.sign(&head, BodyDigest::of(body.as_bytes()), now);
        headers.extend(added);
    }
}
