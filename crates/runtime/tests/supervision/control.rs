//! The control socket, spoken to by whoever can open it.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use seatrial_model::TaskId;
use seatrial_ports::TaskReport;
use seatrial_ports::runtime::TaskPhase;
use serde_json::json;

use crate::support::{PATIENCE, World, container, shell};

fn running(world: &World) -> TaskId {
    let task = world.start(json!([shell("app", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done")]));
    world.wait_for_message(&task, "app", |line| line == "ready");
    task
}

fn connect(world: &World, task: &TaskId) -> UnixStream {
    let stream = UnixStream::connect(world.task_directory(task).join("control.sock")).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream
}

fn read_report(reader: &mut impl BufRead) -> TaskReport {
    let mut line = String::new();
    reader.read_line(&mut line).expect("a line");
    serde_json::from_str(&line).expect("a report")
}

#[test]
fn everyone_who_connects_is_told_how_the_task_is() {
    let world = World::new();
    let task = running(&world);
    // More than are served at once: the oldest make room.
    let mut readers: Vec<_> = (0..12).map(|_| BufReader::new(connect(&world, &task))).collect();
    let newest = readers.last_mut().expect("twelve");
    assert_eq!(read_report(newest).phase, TaskPhase::Running);
    let report = world.stop(&task);
    assert_eq!(container(&report, "app").exit_code, Some(3));
    let mut last = None;
    let newest = readers.last_mut().expect("twelve");
    let mut line = String::new();
    while newest.read_line(&mut line).expect("a line") > 0 {
        last = Some(serde_json::from_str::<TaskReport>(&line).expect("a report"));
        line.clear();
    }
    assert_eq!(last.as_ref(), Some(&report), "the last report came before the end of the connection");
}

#[test]
fn nonsense_is_ignored_and_endless_nonsense_disconnected() {
    let world = World::new();
    let task = running(&world);
    let mut stream = connect(&world, &task);
    stream.write_all(b"hello\n{\"order\":1}\n\"dance\"\n\xff\xfe\n").expect("it listens");
    assert_eq!(read_report(&mut BufReader::new(&stream)).phase, TaskPhase::Running);
    // Closed sooner or later: either writing fails, or the end is read.
    let nonsense = [b'x'; 10_000];
    while stream.write_all(&nonsense).is_ok() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    let report = world.stop(&task);
    assert_eq!(container(&report, "app").exit_code, Some(3));
}

#[test]
fn an_engine_that_does_not_read_holds_nothing_up() {
    let world = World::new();
    let check = json!({ "command": ["CMD-SHELL", "head -c 400 /dev/urandom | od -x; exit 1"], "interval": 5 });
    let mut app = shell("app", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done");
    app["healthCheck"] = check;
    let task = world.start(json!([app]));
    world.wait_for_message(&task, "app", |line| line == "ready");
    let deaf = connect(&world, &task);
    world.recorder.wait(&task, "twenty reports", |report| report.sequence > 20);
    let report = world.stop(&task);
    assert_eq!(container(&report, "app").exit_code, Some(3));
    drop(deaf);
}

#[test]
fn usage_is_told_while_an_engine_listens() {
    let world = World::new();
    let task = world.start(json!([shell("app", "while :; do :; done")]));
    let report = world.recorder.wait(&task, "usage", |report| report.usage.is_some());
    let usage = report.usage.expect("asked for");
    assert_eq!(report.phase, TaskPhase::Running);
    assert!(usage.memory > 100_000, "{usage:?}");
    assert!(usage.cpu_time > Duration::from_millis(100), "{usage:?}");
}
