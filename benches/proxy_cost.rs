//! What a proxied request costs: CPU time of the proxy per request, beside nginx, haproxy and caddy where they are installed.
//!
//! Every proxy has one thread on one core, two targets and the same load; the targets and the load generator have the other core.
//! Requests per second would measure the machine; CPU time per request, divided by that of nginx in the same round, is steady.
//! It depends on how busy a proxy is (a busy one wakes up less often per request), so two rates are measured.

mod support;

#[path = "proxy_cost/load.rs"]
mod load;
#[path = "proxy_cost/proxies.rs"]
mod proxies;

use std::collections::BTreeMap;
use std::time::Duration;

use load::Load;
use proxies::{Field, Proxy};
use support::figures::{Figures, HEADS, verdict};
use support::{machine, usage};

/// The most a request may cost, as a multiple of nginx's cost.
const GOAL: f64 = 1.0;
/// Rounds that count; one more before them warms everything up.
const ROUNDS: usize = 7;
/// How long each proxy is measured in each round.
const LENGTH: Duration = Duration::from_secs(4);
/// Bytes of a small form or JSON document.
const POST_SIZE: &str = "256";
/// The loads: a modest one, and one near what the generator and the targets can do on their core.
const RATES: [u32; 2] = [1_000, 6_000];

fn main() {
    println!("proxy_cost: CPU time per request of one-threaded proxies, {ROUNDS} rounds of {LENGTH:?} each");
    machine::describe();
    let field = Field::start();
    for kind in [Kind::Get, Kind::Post] {
        for rate in RATES {
            measure(&field, kind, rate);
        }
    }
}

fn measure(field: &Field, kind: Kind, rate: u32) {
    let mut rows: Vec<Row> = field.proxies().iter().map(|_| Row::default()).collect();
    for round in 0..=ROUNDS {
        // Each round begins with another proxy, so that none always follows the same neighbour.
        let places = (0..rows.len()).map(|place| (place + round) % rows.len());
        let costs: BTreeMap<usize, Cost> =
            places.map(|place| (place, cost(&field.proxies()[place], kind, rate))).collect();
        if round == 0 {
            continue;
        }
        let nginx = field.proxies().iter().position(|proxy| proxy.name == "nginx");
        let nginx = nginx.map(|place| costs[&place].microseconds);
        for (row, cost) in rows.iter_mut().zip(costs.into_values()) {
            row.microseconds.push(cost.microseconds);
            row.p99.push(cost.load.p99_milliseconds);
            row.failed += cost.load.failed;
            row.user_ticks += cost.user_ticks;
            row.kernel_ticks += cost.kernel_ticks;
            if let Some(nginx) = nginx {
                row.ratios.push(cost.microseconds / nginx);
            }
        }
    }
    println!("\n{rate} {}/s on kept-alive connections", kind.words());
    println!(
        "{:10}{:>29}   {:>29}   {:>9}{:>8}{:>8}",
        "", "µs of CPU per request", "the same / nginx's", "in kernel", "p99", "failed"
    );
    println!("{:10}{HEADS:>29}   {HEADS:>29}   {:>9}{:>8}", "", "%", "ms");
    for (proxy, row) in field.proxies().iter().zip(&rows) {
        let (name, p99) = (proxy.name, row.p99.median());
        println!(
            "{name:10}{:.1}   {:.2}   {:>9.0}{p99:>8.2}{:>8}",
            row.microseconds,
            row.ratios,
            row.in_kernel(),
            row.failed
        );
    }
    let ours = rows.first().map_or(f64::NAN, |row| row.ratios.median());
    if ours.is_nan() {
        println!("nginx is not installed: there is nothing to compare with");
    } else {
        println!("seatrial / nginx, {}: {ours:.2}, {} (≤ {GOAL:.1})", kind.words(), verdict(ours, GOAL));
    }
}

/// What is asked for.
#[derive(Clone, Copy)]
enum Kind {
    Get,
    /// With a small body, which comes back: such a request may not be sent twice, and so goes out on a fresh connection.
    Post,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Kind::Get => "requests",
            Kind::Post => "POSTs",
        }
    }

    /// The path, and what else the load generator is told.
    fn arguments(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Kind::Get => ("/", &[]),
            Kind::Post => ("/echo", &["--post", POST_SIZE]),
        }
    }
}

#[derive(Default)]
struct Row {
    microseconds: Figures,
    ratios: Figures,
    p99: Figures,
    failed: u64,
    user_ticks: u64,
    kernel_ticks: u64,
}

impl Row {
    /// Which part of the time went to the kernel, in percent.
    fn in_kernel(&self) -> f64 {
        100.0 * self.kernel_ticks as f64 / (self.user_ticks + self.kernel_ticks) as f64
    }
}

struct Cost {
    microseconds: f64,
    user_ticks: u64,
    kernel_ticks: u64,
    load: Load,
}

fn cost(proxy: &Proxy, kind: Kind, rate: u32) -> Cost {
    let before = usage::cpu_time(proxy.process());
    let (user, kernel) = usage::user_and_kernel_ticks(proxy.process());
    let load = load::run(proxy.port, kind.arguments(), rate, LENGTH);
    let used = usage::cpu_time(proxy.process()).saturating_sub(before);
    let (user_after, kernel_after) = usage::user_and_kernel_ticks(proxy.process());
    let microseconds = used.as_secs_f64() * 1e6 / load.answered as f64;
    Cost { microseconds, user_ticks: user_after - user, kernel_ticks: kernel_after - kernel, load }
}
