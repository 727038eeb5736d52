//! Bad input and a bad machine: a clear error that says what to do, and nothing lost.

mod harness;

use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::Trial;

const CONFIGURATION: &str = r#"
app: trial
services:
  web:
    command: "{{ env('COMMAND', 'seatrial demo-app') }}"
    port: 8080
    deregistration_delay: 5s
    listener: { port: @PORT@ }
environments:
  dev: { target: embedded, stage: dev }
"#;

const GREETING: &str = "Hello from the demo service, version v1";

#[test]
fn a_misspelt_key_is_named_with_its_place_and_the_right_one() {
    let trial = Trial::new(&CONFIGURATION.replace("listener:", "listner:"));
    let ran = trial.deploy(&[]).exits(2);
    assert!(ran.says("seatrial.yml:8:5: unknown key `listner` in `services.web`"), "{ran:?}");
    assert!(ran.says("write `listener`"), "{ran:?}");
    assert!(!trial.home().exists(), "nothing was started for a wrong configuration");
}

#[test]
fn a_value_of_the_wrong_type_is_named_with_its_place_and_what_fits() {
    let trial = Trial::new(&CONFIGURATION.replace("port: 8080", "port: eighty"));
    let ran = trial.deploy(&[]).exits(2);
    assert!(ran.says("`services.web.port` must be a whole number from 1 to 65535, but is `eighty`"), "{ran:?}");
}

#[test]
fn a_file_that_is_no_configuration_is_refused() {
    let trial = Trial::new("\u{0}\u{1} not: [yaml");
    trial.deploy(&[]).exits(2);
    std::fs::write(trial.directory().join("seatrial.yml"), b"app: \xff\xfe").expect("the file can be written");
    let ran = trial.deploy(&[]).exits(2);
    assert!(ran.says("UTF-8"), "{ran:?}");
}

#[test]
fn a_port_in_use_is_named_and_the_next_deployment_goes_on_where_this_one_stopped() {
    let trial = Trial::new(CONFIGURATION);
    let taken = TcpListener::bind(("127.0.0.1", trial.port)).expect("the port was free a moment ago");
    let ran = trial.deploy(&[]).exits(1);
    assert!(ran.says(&format!("cannot listen on port {}", trial.port)), "{ran:?}");
    assert!(ran.says("choose another `listener.port`"), "{ran:?}");
    drop(taken);
    trial.deploy(&[]).exits(0);
    assert_eq!(trial.answer().body, GREETING);
}

#[test]
fn a_missing_program_fails_at_its_first_start_and_the_running_version_stays() {
    let trial = Trial::new(CONFIGURATION);
    trial.deploy(&[]).exits(0);
    let ran = trial.deploy(&[("COMMAND", "no-such-program --flag")]).exits(3);
    assert!(ran.says("the command of container web was not found"), "{ran:?}");
    assert!(ran.says("no-such-program"), "{ran:?}");
    assert_eq!(trial.answer().body, GREETING);
}

#[test]
fn a_missing_program_in_the_first_deployment_leaves_nothing_to_roll_back_to() {
    let trial = Trial::new(CONFIGURATION);
    let ran = trial.deploy(&[("COMMAND", "no-such-program")]).exits(4);
    assert!(ran.says("there is no earlier completed deployment to return to"), "{ran:?}");
    trial.deploy(&[]).exits(0);
    assert_eq!(trial.answer().body, GREETING);
}

#[test]
fn a_service_whose_deployment_failed_is_not_scaled_up_but_down() {
    let trial = Trial::new(CONFIGURATION);
    trial.deploy(&[("COMMAND", "no-such-program")]).exits(4);
    let ran = trial.run(&["scale", "2"], &[]).exits(1);
    assert!(ran.says("the newest deployment of service web failed"), "{ran:?}");
    trial.run(&["scale", "0"], &[]).exits(0);
}

#[test]
fn questions_start_no_engine() {
    let trial = Trial::new(CONFIGURATION);
    for command in ["status", "events", "history", "logs", "rollback"] {
        let ran = trial.run(&[command], &[]).exits(1);
        assert!(ran.says("not running") && ran.says("seatrial engine start"), "{ran:?}");
    }
    assert!(!trial.home().exists());
}

#[test]
fn a_time_scale_lasts_until_the_engine_is_stopped() {
    let trial = Trial::new(CONFIGURATION);
    let scale = || {
        let status = trial.run(&["engine", "status", "-o", "json"], &[]).exits(0).stdout;
        serde_json::from_str::<serde_json::Value>(&status).expect("JSON")["time_scale"].as_u64()
    };
    trial.run(&["engine", "start", "--time-scale", "20"], &[]).exits(0);
    trial.run(&["engine", "stop", "--keep-tasks"], &[]).exits(0);
    trial.run(&["engine", "start"], &[]).exits(0);
    assert_eq!(scale(), Some(20));
    trial.run(&["engine", "stop"], &[]).exits(0);
    trial.run(&["engine", "start"], &[]).exits(0);
    assert_eq!(scale(), Some(1));
}

#[test]
fn a_second_engine_on_the_same_data_directory_names_the_first_and_ends() {
    let trial = Trial::new(CONFIGURATION);
    trial.run(&["engine", "start"], &[]).exits(0);
    let first = trial.engine_process().expect("the engine runs");
    let ran = trial.run(&["engine", "run"], &[]).exits(1);
    assert!(ran.says("another engine is using") && ran.says(&format!("(process {first})")), "{ran:?}");
    assert_eq!(trial.engine_process(), Some(first));
    trial.run(&["engine", "status"], &[]).exits(0);
}

#[test]
fn commands_that_start_the_engine_at_the_same_moment_share_one() {
    let trial = Trial::new(CONFIGURATION);
    let starters: Vec<_> = (0..6)
        .map(|_| {
            trial
                .command(&["engine", "start"], &[])
                .stdout(Stdio::null())
                .spawn()
                .expect("the binary under trial can be started")
        })
        .collect();
    for mut starter in starters {
        let status = starter.wait().expect("a child can be waited for");
        assert!(status.success(), "{status}");
    }
    let engines = || trial.processes().iter().filter(|(_, line)| line.contains("engine run")).count();
    harness::wait_until(Duration::from_secs(5), "all but one to give up", || engines() == 1);
    trial.run(&["engine", "status"], &[]).exits(0);
}

#[test]
fn a_damaged_store_is_named_and_left_as_it_is() {
    let trial = Trial::new(CONFIGURATION);
    trial.deploy(&[]).exits(0);
    trial.run(&["engine", "stop"], &[]).exits(0);
    let store = trial.home().join("store/seatrial.db");
    let sound = std::fs::read(&store).expect("the store is there");
    damage(&store);
    let damaged = std::fs::read(&store).expect("the store is there");
    let ran = trial.run(&["engine", "start"], &[]).exits(1);
    assert!(ran.says("seatrial.db is damaged") && ran.says(".recover"), "{ran:?}");
    assert_eq!(std::fs::read(&store).expect("the store is there"), damaged);
    std::fs::write(&store, sound).expect("the copy can be restored");
    trial.run(&["engine", "start"], &[]).exits(0);
    harness::wait_until(Duration::from_secs(20), "the service to come back", || trial.answers());
    assert_eq!(trial.answer().body, GREETING);
}

/// Overwrites a part of every page behind the first.
fn damage(store: &Path) {
    const PAGE: u64 = 4096;
    let mut file = std::fs::File::options().read(true).write(true).open(store).expect("the store is there");
    let length = file.metadata().expect("metadata").len();
    for page in (PAGE..length).step_by(PAGE as usize) {
        file.seek(SeekFrom::Start(page + 100)).expect("within the file");
        file.write_all(&[0xA5; 500]).expect("written");
    }
}

#[test]
fn on_a_full_disk_changes_are_refused_traffic_flows_and_afterwards_everything_goes_on() {
    let Some(disk) = SmallDisk::mount() else {
        println!("not tried: a file system of its own cannot be mounted here");
        return;
    };
    let mut trial = Trial::new(CONFIGURATION);
    trial.move_home(&disk.directory.path().join("home"));
    trial.deploy(&[]).exits(0);
    let filler = disk.fill();
    for version in ["1", "2", "3"] {
        let ran = trial.deploy(&[("COMMAND", &format!("seatrial demo-app --version {version}"))]).exits(1);
        assert!(ran.says("is full") && ran.says("nothing was changed"), "{ran:?}");
        assert_eq!(trial.answer().body, GREETING);
    }
    std::fs::remove_file(filler).expect("the filler can be removed");
    trial.deploy(&[("COMMAND", "seatrial demo-app --version 4")]).exits(0);
    assert_eq!(trial.answer().body, "Hello from the demo service, version 4");
    drop(trial);
}

/// A file system of one mebibyte.
struct SmallDisk {
    directory: tempfile::TempDir,
}

impl SmallDisk {
    fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(directory.path())
            .output()
            .is_ok_and(|output| output.status.success());
        mount.then_some(SmallDisk { directory })
    }

    /// Takes all space that is left.
    fn fill(&self) -> PathBuf {
        let path = self.directory.path().join("filler");
        let mut file = std::fs::File::create(&path).expect("an empty file has room");
        let block = [0; 1024];
        while file.write_all(&block).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.directory.path()).status();
    }
}

/// What the service's listener makes of bytes that are no request. The crate of the data plane tests many more.
#[test]
fn what_is_no_request_is_refused_at_the_listener_and_the_next_request_is_answered() {
    let trial = Trial::new(CONFIGURATION);
    trial.deploy(&[]).exits(0);
    for (bytes, status) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello\r\n\r\n"[..], "400"),
        (b"GET / HTTP/1.1\r\n\r\n", "400"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", "400"),
    ] {
        let answer = trial.converse(bytes);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer:?}");
    }
    assert_eq!(trial.answer().body, GREETING);
}

/// A body of a gibibyte passes through in both processes' constant memory.
#[test]
fn a_body_of_a_gibibyte_passes_without_being_held() {
    const LENGTH: u64 = 1 << 30;
    let trial = Trial::new(CONFIGURATION);
    trial.deploy(&[]).exits(0);
    let mut stream = TcpStream::connect(("127.0.0.1", trial.port)).expect("the listener is open");
    let head = format!("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {LENGTH}\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("written");
    let mut receiving = stream.try_clone().expect("a second handle");
    let reader = std::thread::spawn(move || std::io::copy(&mut receiving, &mut std::io::sink()));
    let block = vec![b'x'; 1 << 16];
    for _ in 0..LENGTH >> 16 {
        stream.write_all(&block).expect("the body is taken");
    }
    let received = reader.join().expect("no panic").expect("an answer to its end");
    println!("{received} bytes came back");
    let peak = peak_memory(trial.proxy());
    assert!(peak < 256 << 20, "the proxy held {peak} bytes");
    assert_eq!(trial.answer().body, GREETING);
}

#[test]
fn ten_thousand_idle_connections_leave_room_for_one_that_asks() {
    const WANTED: u64 = 10_000;
    /// What a process needs beside its connections.
    const OTHERS: u64 = 200;
    let trial = Trial::new(CONFIGURATION);
    trial.deploy(&[]).exits(0);
    let limit = raise_descriptor_limit();
    let count = WANTED.min(limit.saturating_sub(OTHERS));
    let connections: Vec<TcpStream> = (0..count)
        .map(|_| TcpStream::connect(("127.0.0.1", trial.port)).expect("the listener takes the connection"))
        .collect();
    assert_eq!(trial.answer().body, GREETING);
    let peak = peak_memory(trial.proxy());
    println!("{} idle connections; the proxy's memory was {} KiB at most", connections.len(), peak >> 10);
    assert!(peak < 512 << 20, "the proxy held {peak} bytes");
}

/// Lets this process open as many files as it may; returns how many.
fn raise_descriptor_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// The most memory a process ever had, in bytes.
fn peak_memory(process: u32) -> u64 {
    let mut status = String::new();
    std::fs::File::open(format!("/proc/{process}/status"))
        .and_then(|mut file| file.read_to_string(&mut status))
        .expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel tells");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}
