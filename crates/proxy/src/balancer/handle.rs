//! Owns the handle the engine holds. Everything happens on a thread of its own; calls return at once.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use seatrial_ports::balancer::{Balancer, BalancerConfig, BalancerReports};

use crate::balancer::spawn::ProxyCommand;
use crate::balancer::supervisor::{Order, Supervisor};
use crate::plane::target::lock;

/// Where the proxy lives and how it is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxySettings {
    /// Holds control socket, lock and log of the proxy; made if missing, for its user alone. One proxy runs per directory.
    pub directory: PathBuf,
    pub command: ProxyCommand,
}

/// The proxy process, as a [`Balancer`].
///
/// Dropped, it leaves the proxy running: traffic goes on, and the next engine adopts it.
#[derive(Debug)]
pub struct ProxyBalancer {
    orders: Mutex<Sender<Order>>,
    process_id: Arc<AtomicU32>,
    stopped: Mutex<Receiver<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ProxyBalancer {
    /// Adopts the directory's proxy or starts one, without waiting for it. Reports come from a thread of the balancer.
    pub fn start(settings: ProxySettings, reports: BalancerReports) -> io::Result<Self> {
        crate::process::make_private(&settings.directory)?;
        let (orders, inbox) = channel();
        let (stop, stopped) = channel();
        let process_id = Arc::new(AtomicU32::new(0));
        let supervisor = Supervisor::new(settings, reports, orders.clone(), Arc::clone(&process_id));
        let run = move || {
            supervisor.run(&inbox);
            // Nobody waits unless the proxy was to be stopped.
            let _ = stop.send(());
        };
        let thread = std::thread::Builder::new().name("balancer".to_owned()).spawn(run)?;
        let (orders, stopped) = (Mutex::new(orders), Mutex::new(stopped));
        Ok(ProxyBalancer { orders, process_id, stopped, thread: Some(thread) })
    }

    /// Asks for a report of metrics now, beside those that come every second.
    pub fn report_metrics(&self) {
        self.order(Order::ReportMetrics);
    }

    /// The process id of the proxy that is connected, if one is.
    pub fn process_id(&self) -> Option<u32> {
        Some(self.process_id.load(Ordering::Acquire)).filter(|id| *id != 0)
    }

    /// Ends the proxy, and every connection with it. Tells whether it has ended within `patience`. Nothing is reported afterwards.
    pub fn stop(&self, patience: Duration) -> bool {
        self.order(Order::Stop);
        lock(&self.stopped).recv_timeout(patience).is_ok()
    }

    fn order(&self, order: Order) {
        // After a stop there is nobody to order about.
        let _ = lock(&self.orders).send(order);
    }
}

impl Balancer for ProxyBalancer {
    fn apply(&self, config: BalancerConfig) {
        self.order(Order::Apply(config));
    }
}

impl Drop for ProxyBalancer {
    fn drop(&mut self) {
        self.order(Order::Leave);
        if let Some(thread) = self.thread.take() {
            // A panic has been printed where it happened.
            let _ = thread.join();
        }
    }
}
