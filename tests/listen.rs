//! Where the services can be reached from: this machine alone, unless the engine was told otherwise.

mod harness;

use std::net::TcpStream;
use std::time::Duration;

use harness::{Trial, wait_until};
use serde_json::Value;

const CONFIGURATION: &str = r#"
app: trial
services:
  web:
    command: seatrial demo-app
    port: 8080
    listener: { port: @PORT@ }
environments:
  dev: { target: embedded, stage: dev }
"#;

/// An address of this machine that is not the one everything listens on by default, and that no other machine can reach.
const ELSEWHERE: &str = "127.0.0.2";

fn is_open(port: u16) -> bool {
    TcpStream::connect((ELSEWHERE, port)).is_ok()
}

fn status(trial: &Trial) -> Value {
    let printed = trial.run(&["engine", "status", "-o", "json"], &[]).exits(0).stdout;
    serde_json::from_str(&printed).expect("JSON")
}

fn port_of_api(trial: &Trial) -> u16 {
    status(trial)["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port")
}

#[test]
fn load_balancers_listen_where_they_are_told_and_nothing_else_does() {
    let trial = Trial::new(CONFIGURATION);
    let ran = trial.run(&["engine", "start"], &[("SEATRIAL_LISTEN", "0.0.0.0")]).exits(0);
    assert!(ran.says("warning: load balancers listen on 0.0.0.0, where other machines can reach"), "{ran:?}");
    assert_eq!(status(&trial)["listen"], "0.0.0.0");
    let ran = trial.deploy(&[]).exits(0);
    assert!(ran.says(&trial.url("/")), "the address this machine uses: {ran:?}");
    assert!(is_open(trial.port) && trial.answers());
    assert!(!is_open(port_of_api(&trial)), "the AWS API stays on 127.0.0.1");

    let other = trial.run(&["engine", "start", "--listen", "127.0.0.1"], &[]).exits(2);
    assert!(other.says("runs already, with other settings"), "{other:?}");
    trial.run(&["engine", "stop", "--keep-tasks"], &[]).exits(0);
    trial.run(&["engine", "start"], &[]).exits(0);
    assert_eq!(status(&trial)["listen"], "0.0.0.0", "it lasts until the engine is stopped");
    assert!(is_open(trial.port) && trial.answers());
    trial.run(&["engine", "stop", "--keep-tasks"], &[]).exits(0);
    trial.run(&["engine", "start", "--listen", "127.0.0.1"], &[]).exits(0);
    wait_until(Duration::from_secs(20), "the listener to move", || !is_open(trial.port) && trial.answers());

    trial.run(&["engine", "stop"], &[]).exits(0);
    let ran = trial.run(&["engine", "start"], &[]).exits(0);
    assert!(!ran.says("warning"), "{ran:?}");
    assert_eq!(status(&trial)["listen"], "127.0.0.1");
    wait_until(Duration::from_secs(20), "the service to be back", || trial.answers());
    assert!(!is_open(trial.port));
}

#[test]
fn an_address_that_cannot_be_is_refused_with_those_that_can() {
    let trial = Trial::new(CONFIGURATION);
    let ran = trial.run(&["engine", "start", "--listen", "everywhere"], &[]).exits(2);
    assert!(ran.says("not an IP address") && ran.says("0.0.0.0 for all its addresses"), "{ran:?}");
    let ran = trial.run(&["engine", "start", "--listen", "192.0.2.1"], &[]).exits(1);
    assert!(ran.says("load balancers cannot listen on 192.0.2.1") && ran.says("ip -brief address"), "{ran:?}");
}
