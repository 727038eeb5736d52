//! An application of one file whose image a release builds.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};

use super::aws::Aws;
use super::{Ran, Trial};

/// A server in one file. It is compiled into a program that needs no library, for an image that has none.
pub const SERVER: &str = r#"
use std::io::{Read, Write};
fn main() {
    let version = include_str!("version").trim();
    if version == "broken" {
        eprintln!("cannot start");
        std::process::exit(3);
    }
    let port: u16 = std::env::var("PORT").unwrap().parse().unwrap();
    for client in std::net::TcpListener::bind(("127.0.0.1", port)).unwrap().incoming() {
        let mut client = client.unwrap();
        let _ = client.read(&mut [0; 4096]);
        let page = std::fs::read_to_string("/public/page").unwrap_or_default();
        let body = format!("version {version} {page}");
        let _ = write!(client, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    }
}
"#;

pub const COMPILE: &str = "rustc --edition 2024 -C target-feature=+crt-static -o server main.rs";

pub const CONFIGURATION: &str = r#"
app: trial
services:
  web:
    build:
      before: @COMPILE@
      files: { /server: server, /public: public }
      ignore: ["*.tmp"]
    command: [/server]
    port: 3000
    health_check: { path: /health, interval: 5s }
    listener: { port: @PORT@ }
environments:
  dev: { target: embedded, stage: dev }
  prod: { target: embedded, stage: prod, services: { web: { desired_count: 1 } } }
"#;

pub const REPOSITORY: &str = "trial/web";

pub fn start(configuration: &str) -> Trial {
    let trial = Trial::new(&configuration.replace("@COMPILE@", COMPILE));
    trial.run(&["engine", "start", "--port", "0"], &[]).exits(0);
    trial
}

/// A trial with the server's source in it.
pub fn with_server(configuration: &str) -> Trial {
    let trial = start(configuration);
    write(&trial, "main.rs", SERVER);
    fs::create_dir(trial.directory().join("public")).expect("writable");
    write(&trial, "public/page", "hello");
    write(&trial, "public/left.tmp", "out");
    version(&trial, "1");
    trial
}

pub fn write(trial: &Trial, name: &str, text: &str) {
    fs::write(trial.directory().join(name), text).expect("writable");
}

pub fn version(trial: &Trial, version: &str) {
    write(trial, "version", version);
}

pub fn seen(trial: &Trial, path: &str) -> String {
    let host = trial.url("").trim_start_matches("http://").to_owned();
    trial.converse(format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").as_bytes())
}

pub fn parsed(ran: &Ran) -> Json {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("not JSON: {ran:?}"))
}

pub fn ecr(trial: &Trial, operation: &str, input: Json) -> Json {
    let target = format!("AmazonEC2ContainerRegistry_V20150921.{operation}");
    Aws::of(trial).ask("ecr", &target, &input).unwrap_or_else(|refused| panic!("{operation}: {refused:?}"))
}

pub fn digest_of(trial: &Trial, tag: &str) -> String {
    let images =
        ecr(trial, "DescribeImages", json!({ "repositoryName": REPOSITORY, "imageIds": [{ "imageTag": tag }] }));
    images["imageDetails"][0]["imageDigest"].as_str().expect("it is there").to_owned()
}

pub fn registry(trial: &Trial) -> String {
    trial.aws_environment()["AWS_ENDPOINT_URL"].trim_start_matches("http://").to_owned()
}

pub fn login(trial: &Trial) -> [String; 2] {
    let answer = ecr(trial, "GetAuthorizationToken", json!({}));
    let token = answer["authorizationData"][0]["authorizationToken"].as_str().expect("a token").to_owned();
    let decoded = Command::new("base64").arg("-d").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut decoding = decoded.expect("base64 is there");
    std::io::Write::write_all(decoding.stdin.as_mut().expect("a pipe"), token.as_bytes()).expect("it reads");
    let output = decoding.wait_with_output().expect("it ends");
    ["--creds".to_owned(), String::from_utf8(output.stdout).expect("text")]
}

pub fn inspected(trial: &Trial, arguments: &[&str], image: &str) -> Json {
    let output = Command::new("skopeo")
        .args(arguments)
        .arg("--tls-verify=false")
        .args(login(trial))
        .arg(format!("docker://{image}"))
        .output()
        .expect("skopeo is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}
