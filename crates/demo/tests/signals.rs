//! The real signals. A file, and thereby a process, of its own: they reach
//! every service in the process that listens.

mod common;

use common::{DEADLINE, options};
use rustix::process::{Signal, getpid, kill_process};
use seatrial_demo::{DemoArgs, DemoExit, serve};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test]
async fn sigterm_of_the_process_stops_the_service() {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = free.local_addr().expect("an address");
    drop(free);
    let service = tokio::spawn(serve(DemoArgs { port: address.port(), ..options() }));
    common::eventually("the port opens", async || TcpStream::connect(address).await.is_ok()).await;
    kill_process(getpid(), Signal::TERM).expect("a signal to this process");
    let exit = tokio::time::timeout(DEADLINE, service).await.expect("stops in time");
    assert_eq!(exit.expect("no panic").expect("no error"), DemoExit::Drained);
}
