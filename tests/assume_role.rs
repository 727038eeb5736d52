//! On AWS a role can be taken on: what follows is signed with the role's credentials. A listener of the story's own plays AWS.

mod harness;

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use harness::Trial;
use harness::http::read_request;

const CONFIGURATION: &str = r#"
app: trial
services:
  worker: { image: worker }
environments:
  prod:
    target: { region: us-east-1 }
    execution_role: arn:aws:iam::123456789012:role/execution
    network: { subnets: [subnet-1] }
  dev: { target: embedded, stage: dev }
"#;
const ROLE: &str = "arn:aws:iam::123456789012:role/deploy";
const ASSUMED: &str = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
    <AssumedRoleUser><AssumedRoleId>AROA:seatrial</AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/deploy/seatrial</Arn></AssumedRoleUser>\
    <Credentials><AccessKeyId>ASIAOFTHEROLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>\
    <SessionToken>token-of-the-role</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>\
    </AssumeRoleResult></AssumeRoleResponse>";
const NO_SERVICE: &str = r#"{"services":[],"failures":[]}"#;

/// Answers like AWS, as far as the story goes, and keeps the requests it got.
struct Cloud {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Cloud {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let request = answer(stream);
                kept.lock().expect("nobody panics with it").push(request);
            }
        });
        Cloud { url, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("nobody panics with it").clone()
    }
}

fn answer(mut stream: TcpStream) -> String {
    let request = read_request(&mut stream);
    let (kind, body) = if request.contains("Action=AssumeRole") {
        ("text/xml", ASSUMED)
    } else {
        ("application/x-amz-json-1.1", NO_SERVICE)
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).expect("the client waits for the answer");
    request
}

#[test]
fn requests_are_signed_with_the_credentials_of_the_role() {
    let trial = Trial::new(CONFIGURATION);
    let cloud = Cloud::start();
    let environment = [
        ("AWS_ENDPOINT_URL", cloud.url.as_str()),
        ("AWS_ACCESS_KEY_ID", "AKIAOFSOMEBODY"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ];
    let ran = trial.run(&["status", "-e", "prod", "--assume-role-arn", ROLE], &environment).exits(0);
    assert!(ran.says("not deployed"), "{ran:?}");
    let requests = cloud.requests();
    let (first, rest) = requests.split_first().expect("AWS was asked");
    assert!(first.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fdeploy"), "{first}");
    assert!(first.contains("Credential=AKIAOFSOMEBODY/"), "{first}");
    assert!(!rest.is_empty());
    for request in rest {
        assert!(request.contains("Credential=ASIAOFTHEROLE/") && request.contains("token-of-the-role"), "{request}");
    }

    let wrong = trial.run(&["status", "-e", "prod", "--assume-role-arn", "deploy"], &environment).exits(2);
    assert!(wrong.says("`deploy` is not the ARN of a role: write arn:aws:iam::"), "{wrong:?}");
}

#[test]
fn the_embedded_engine_has_no_roles_and_says_so() {
    let trial = Trial::new(CONFIGURATION);
    trial.run(&["engine", "start", "--port", "0"], &[]).exits(0);
    let ran = trial.run(&["status", "-e", "dev", "--assume-role-arn", ROLE], &[]).exits(0);
    assert!(ran.says("--assume-role-arn changes nothing here"), "{ran:?}");
}
