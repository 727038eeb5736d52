//! When the last request was sent that a version answered.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Asks again and again on kept-alive connections, and remembers when each request was sent and whether the version in question answered it.
pub struct Sampler {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<(Duration, bool)>>>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

/// Each asks about a thousand times a second.
const SAMPLERS: usize = 2;
const SAMPLE_INTERVAL: Duration = Duration::from_millis(1);

impl Sampler {
    /// Starts asking the application behind a port; `given_up` is a text that only the answers of the version in question contain.
    pub fn start(port: u16, given_up: &'static str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let threads = (0..SAMPLERS)
            .map(|_| {
                let (stop, seen) = (Arc::clone(&stop), Arc::clone(&seen));
                std::thread::spawn(move || {
                    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the listener is open");
                    while !stop.load(Ordering::Relaxed) {
                        let sent = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
                        let answer = ask(&mut stream);
                        seen.lock().expect("no sampler panics").push((sent, answer.contains(given_up)));
                        std::thread::sleep(SAMPLE_INTERVAL);
                    }
                })
            })
            .collect();
        Sampler { stop, seen, threads }
    }

    pub fn has_seen_it(&self) -> bool {
        self.seen.lock().expect("no sampler panics").iter().any(|(_, is_given_up)| *is_given_up)
    }

    /// Returns when the last request was sent that the version in question answered, since 1970.
    pub fn stop(self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().expect("every request is answered"));
        let seen = self.seen.lock().expect("no sampler panics");
        seen.iter().filter(|(_, is_given_up)| *is_given_up).map(|(sent, _)| *sent).max().expect("it was seen")
    }
}

fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: trial\r\n\r\n").expect("the connection is open");
    let mut answer = String::new();
    let mut buffer = [0; 4096];
    while !answer.contains("\r\n\r\n") || !answer.trim_end().contains("version") {
        let read = stream.read(&mut buffer).expect("an answer comes");
        assert!(read > 0, "the connection was closed: {answer}");
        answer.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    answer
}
