//! Long requests that are always in flight, and how long those take to end that were in flight at some moment.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::update::now;

/// Threads that each have one long request in flight, all the time.
pub struct InFlight {
    seen: Arc<Seen>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    is_over: AtomicBool,
    failed: AtomicU64,
    /// Begin and end of every request, in seconds since the Unix epoch.
    requests: Mutex<Vec<(f64, f64)>>,
}

impl InFlight {
    /// Starts this many requests of this length, spread evenly over time.
    pub fn start(port: u16, count: usize, length: Duration) -> Self {
        let seen = Arc::new(Seen::default());
        let threads = (0..count)
            .map(|index| {
                let seen = Arc::clone(&seen);
                let offset = length.mul_f64(index as f64 / count as f64);
                thread::spawn(move || {
                    thread::sleep(offset);
                    seen.ask_until_over(port, length);
                })
            })
            .collect();
        InFlight { seen, threads }
    }

    /// How long after a moment the last request ended that was in flight then, in seconds.
    pub fn drain_after(&self, moment: f64) -> f64 {
        let requests = self.seen.requests.lock().expect("no thread panics with it");
        let ends =
            requests.iter().filter(|(began, ended)| *began <= moment && moment < *ended).map(|(_, ended)| *ended);
        ends.fold(moment, f64::max) - moment
    }

    /// Waits for the last ones; returns how many failed.
    pub fn stop(self) -> u64 {
        self.seen.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("the threads do not panic");
        }
        self.seen.failed.load(Ordering::Relaxed)
    }
}

impl Seen {
    fn ask_until_over(&self, port: u16, length: Duration) {
        while !self.is_over.load(Ordering::Relaxed) {
            let began = now();
            match ask(port, length) {
                Ok(answer) if answer.starts_with("HTTP/1.1 200") => {
                    self.requests.lock().expect("no thread panics with it").push((began, now()));
                }
                Ok(answer) => self.fail(answer.lines().next().unwrap_or("an empty answer")),
                Err(error) => self.fail(&error.to_string()),
            }
        }
    }

    fn fail(&self, what: &str) {
        eprintln!("a long request failed: {what}");
        self.failed.fetch_add(1, Ordering::Relaxed);
    }
}

fn ask(port: u16, length: Duration) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let path = format!("/slow?ms={}", length.as_millis());
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
