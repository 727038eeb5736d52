//! How soon a changed file is on traffic, and how soon a release that has nothing to do is over.
//!
//! The image is of the kind `files`: a server that is compiled beforehand, and a page that changes. Measured is the whole of
//! `seatrial deploy`: packing, pushing into the engine's registry, unpacking, a rolling update of one task. Beside it, what of that is the
//! boot of the same image without a change (`--force-new-deployment`).

#[path = "../tests/harness/mod.rs"]
mod harness;
mod support;

use std::process::Command;
use std::time::Duration;

use harness::Trial;
use support::figures::{Figures, HEADS, milliseconds, verdict};
use support::machine;

/// The time a change may take, in milliseconds.
const CHANGE_GOAL_MS: f64 = 3000.0;
/// The time nothing may take.
const NOTHING_GOAL_MS: f64 = 1000.0;
const ROUNDS: usize = 15;
/// A file that stays as it is, so that the image has a size: 32 MiB that hardly compress.
const BALLAST: usize = 32 << 20;

const SERVER: &str = r#"
use std::io::{Read, Write};
fn main() {
    let port: u16 = std::env::var("PORT").unwrap().parse().unwrap();
    for client in std::net::TcpListener::bind(("127.0.0.1", port)).unwrap().incoming() {
        let mut client = client.unwrap();
        let _ = client.read(&mut [0; 4096]);
        let page = std::fs::read_to_string("/public/page").unwrap();
        let _ = write!(client, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}", page.len());
    }
}
"#;

const CONFIGURATION: &str = r#"
app: change
services:
  web:
    build:
      files: { /server: server, /ballast: ballast, /public: public }
    command: [/server]
    port: 3000
    health_check: { path: /, interval: 5s }
    listener: { port: @PORT@ }
"#;

fn main() {
    println!("build_to_traffic: `seatrial deploy` of an image of files, {ROUNDS} times each");
    machine::describe();
    let trial = Trial::new(CONFIGURATION);
    let at = |name: &str| trial.directory().join(name);
    std::fs::create_dir(at("public")).expect("writable");
    std::fs::write(at("public/page"), "0").expect("writable");
    let ballast: Vec<u8> = (0..BALLAST as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    std::fs::write(at("ballast"), ballast).expect("writable");
    std::fs::write(at("main.rs"), SERVER).expect("writable");
    let compiled = Command::new("rustc")
        .args(["--edition", "2024", "-O", "-C", "target-feature=+crt-static", "-o", "server", "main.rs"])
        .current_dir(trial.directory())
        .status();
    assert!(compiled.is_ok_and(|status| status.success()), "the server compiles");
    let first = trial.deploy(&[]).exits(0).took;
    println!(
        "\nthe first deployment, with the engine's start and {} MiB packed: {:.1} s",
        BALLAST >> 20,
        first.as_secs_f64()
    );

    println!("\n{:44}{HEADS}", "milliseconds");
    let nothing: Vec<Duration> = (0..ROUNDS).map(|_| trial.deploy(&[]).exits(0).took).collect();
    let forced = || trial.run(&["deploy", "--force-new-deployment"], &[]).exits(0).took;
    let boots: Vec<Duration> = (0..ROUNDS).map(|_| forced()).collect();
    let changes: Vec<Duration> = (1..=ROUNDS)
        .map(|round| {
            std::fs::write(at("public/page"), round.to_string()).expect("writable");
            let took = trial.deploy(&[]).exits(0).took;
            assert_eq!(trial.answer().body, round.to_string(), "the change is on traffic");
            took
        })
        .collect();
    print("nothing has changed", &nothing, Some(NOTHING_GOAL_MS));
    print("new tasks of the same image", &boots, None);
    print("one file has changed", &changes, Some(CHANGE_GOAL_MS));
}

fn print(what: &str, took: &[Duration], goal: Option<f64>) {
    let figures: Figures = took.iter().map(|took| milliseconds(*took)).collect();
    let told = goal.map(|goal| format!("   {} (≤ {goal} ms)", verdict(figures.median(), goal))).unwrap_or_default();
    println!("{what:44}{figures:.0}{told}");
}
