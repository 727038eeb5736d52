//! What stands between a command and AWS: sign-ins that are missing or over, profiles, expired credentials, clocks, Regions. Each is told in
//! plain words with the next command. A listener of the story's own plays AWS.

mod harness;

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use harness::http::read_request;
use harness::{Ran, Trial};

const CONFIGURATION: &str = r#"
app: trial
services:
  worker: { image: worker }
environments:
  prod:
    target: { region: eu-west-1, profile: "{{ env('PROFILE', 'shop') }}" }
    execution_role: arn:aws:iam::123456789012:role/execution
    network: { subnets: [subnet-1] }
"#;
const PROFILES: &str = "[profile shop]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = deploy\n\
    [sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.awsapps.com/start\n\
    [profile keys]\naws_access_key_id = AKIAOFSOMEBODY\naws_secret_access_key = secret\n\
    [profile program]\ncredential_process = echo '{\"Version\": 1, \"AccessKeyId\": \"AKIAOFPROGRAM\", \"SecretAccessKey\": \"secret\"}'\n";
/// The name of the file in which `aws sso login` keeps the token of the session: the SHA-1 of `corp`.
const TOKEN_FILE: &str = "ee0bfd2552fbd840c02cc48b6e823320543c450f.json";
const OF_PORTAL: &str = r#"{"roleCredentials":{"accessKeyId":"ASIAOFPORTAL","secretAccessKey":"secret","sessionToken":"t","expiration":4070908800000}}"#;
const NO_SERVICE: &str = r#"{"services":[],"failures":[]}"#;

/// Answers like AWS: the access portal as if somebody were signed in, everything else in one way.
struct Cloud {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Cloud {
    fn answering(status: u16, body: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let request = answer(stream, status, body);
                kept.lock().expect("nobody panics with it").push(request);
            }
        });
        Cloud { url, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("nobody panics with it").clone()
    }
}

fn answer(mut stream: TcpStream, status: u16, body: &str) -> String {
    let request = read_request(&mut stream);
    let (status, body) = if request.contains("/federation/credentials") { (200, OF_PORTAL) } else { (status, body) };
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).expect("the client waits for the answer");
    request
}

/// Somebody's machine, with profiles.
struct Machine {
    trial: Trial,
    cloud: Cloud,
}

impl Machine {
    fn before(cloud: Cloud) -> Self {
        let trial = Trial::new(CONFIGURATION);
        fs::write(trial.directory().join("profiles"), PROFILES).expect("written");
        Machine { trial, cloud }
    }

    /// Keeps what `aws sso login` would.
    fn sign_in(&self, expires_at: &str) {
        let cache = self.trial.directory().join(".aws/sso/cache");
        fs::create_dir_all(&cache).expect("a directory");
        let token = format!(r#"{{"accessToken":"token","expiresAt":"{expires_at}","region":"eu-west-1"}}"#);
        fs::write(cache.join(TOKEN_FILE), token).expect("written");
    }

    fn status(&self, profile: &str) -> Ran {
        let directory = self.trial.directory();
        let profiles = directory.join("profiles");
        let path = |path: &std::path::Path| path.to_str().expect("UTF-8").to_owned();
        let (home, profiles) = (path(directory), path(&profiles));
        let mut command = self.trial.command(
            &["status"],
            &[
                ("HOME", home.as_str()),
                ("AWS_CONFIG_FILE", &profiles),
                ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
                ("AWS_EC2_METADATA_DISABLED", "true"),
                ("AWS_ENDPOINT_URL", &self.cloud.url),
                ("PROFILE", profile),
            ],
        );
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"] {
            command.env_remove(name);
        }
        let output = command.output().expect("the binary under trial can be started");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (code, stdout, stderr) = (output.status.code(), text(&output.stdout), text(&output.stderr));
        Ran { code, stdout, stderr, took: std::time::Duration::ZERO }
    }
}

#[test]
fn a_sign_in_that_is_missing_or_over_is_asked_for_and_one_that_is_there_is_used() {
    let machine = Machine::before(Cloud::answering(200, NO_SERVICE));
    let is_asked_for = |ran: Ran| {
        assert!(ran.says("nobody is signed in with this profile, or the sign-in is over"), "{ran:?}");
        assert!(ran.says("next: sign in: aws sso login --profile PROFILE"), "{ran:?}");
    };
    is_asked_for(machine.status("shop").exits(1));
    machine.sign_in("2020-01-01T00:00:00Z");
    is_asked_for(machine.status("shop").exits(1));
    assert_eq!(machine.cloud.requests(), Vec::<String>::new(), "nobody is asked without credentials");
    machine.sign_in("2099-01-01T00:00:00Z");
    let ran = machine.status("shop").exits(0);
    assert!(ran.says("not deployed"), "{ran:?}");
    let requests = machine.cloud.requests();
    assert!(requests[0].contains("/federation/credentials?role_name=deploy&account_id=123456789012"), "{requests:?}");
    assert!(requests[1..].iter().all(|request| request.contains("Credential=ASIAOFPORTAL/")), "{requests:?}");
}

#[test]
fn a_profile_may_have_a_program_that_gives_credentials_and_one_that_is_not_there_is_named_as_the_cause() {
    let machine = Machine::before(Cloud::answering(200, NO_SERVICE));
    machine.status("program").exits(0);
    let requests = machine.cloud.requests();
    assert!(
        !requests.is_empty() && requests.iter().all(|one| one.contains("Credential=AKIAOFPROGRAM/")),
        "{requests:?}"
    );
    let ran = machine.status("nobody").exits(1);
    assert!(ran.says("there is no profile of that name") && ran.says("aws configure list-profiles"), "{ran:?}");
}

#[test]
fn what_aws_refuses_everybody_for_is_told_with_the_next_command() {
    for (status, body, words, next) in [
        (
            400,
            r#"{"__type":"ExpiredTokenException","message":"The security token included in the request is expired"}"#,
            "the credentials have expired",
            "get new ones: aws sso login --profile PROFILE",
        ),
        (
            403,
            r#"{"__type":"InvalidSignatureException","message":"Signature expired: 20200101T000000Z is now earlier than 20200101T001000Z"}"#,
            "the clock of this machine is too far from AWS's",
            "timedatectl set-ntp true",
        ),
        (
            403,
            r#"{"__type":"RequestTimeTooSkewed","message":"The difference between the request time and the current time is too large."}"#,
            "the clock of this machine is too far from AWS's",
            "timedatectl set-ntp true",
        ),
        (
            400,
            r#"{"__type":"UnrecognizedClientException","message":"The security token included in the request is invalid."}"#,
            "AWS does not know these credentials in this Region",
            "aws account enable-region --region-name REGION",
        ),
        (
            400,
            r#"{"__type":"OptInRequired","message":"The AWS Access Key Id needs a subscription for the service"}"#,
            "the account does not use this Region",
            "aws account enable-region --region-name REGION",
        ),
    ] {
        let machine = Machine::before(Cloud::answering(status, body));
        let ran = machine.status("keys").exits(1);
        assert!(ran.says(words) && ran.says(next), "{ran:?}");
    }
}

#[test]
fn a_target_without_a_region_is_told_what_to_write() {
    let trial = Trial::new(&CONFIGURATION.replace("region: eu-west-1, ", ""));
    let ran = trial.run(&["validate"], &[]).exits(2);
    assert!(ran.says("`environments.prod.target` lacks `region`") && ran.says("next: add `region:`"), "{ran:?}");
}
