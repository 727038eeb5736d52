//! Counts what a task's containers use.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::super::line::Voice;
use super::super::{KeeperNews, KeeperOrder};
use crate::container_engine::{Client, container_name};

/// How long one reading may take: the next is due soon.
const READING_LIMIT: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
struct Reading {
    cpu_stats: ProcessorReading,
    #[serde(default)]
    memory_stats: MemoryReading,
}

#[derive(Deserialize)]
struct ProcessorReading {
    cpu_usage: ProcessorUsage,
}

#[derive(Deserialize)]
struct ProcessorUsage {
    #[serde(default)]
    total_usage: u64,
}

#[derive(Default, Deserialize)]
struct MemoryReading {
    #[serde(default)]
    usage: u64,
    #[serde(default)]
    stats: Option<MemoryDetails>,
}

/// What of the memory the kernel would give up first, in the words of either version of control groups.
#[derive(Deserialize)]
struct MemoryDetails {
    inactive_file: Option<u64>,
    total_inactive_file: Option<u64>,
}

impl MemoryReading {
    fn in_use(&self) -> u64 {
        let details = self.stats.as_ref();
        let cache = details.and_then(|details| details.total_inactive_file.or(details.inactive_file)).unwrap_or(0);
        self.usage.saturating_sub(cache)
    }
}

/// Processor time that goes on growing when a container is started again, whose count begins anew.
#[derive(Default)]
struct Counter {
    ended: u64,
    last: u64,
}

impl Counter {
    fn read(&mut self, nanoseconds: u64) {
        if nanoseconds < self.last {
            self.ended += self.last;
        }
        self.last = nanoseconds;
    }
}

/// Tells usage from time to time, for as long as it is asked for.
pub(super) async fn tell(order: &KeeperOrder, client: &Client, voice: &mut Voice) {
    let client = client.within(READING_LIMIT);
    let names: Vec<String> = order.images.iter().map(|(container, _)| container_name(&order.task, container)).collect();
    let mut counters: BTreeMap<&str, Counter> = BTreeMap::new();
    loop {
        tokio::time::sleep(order.usage_interval).await;
        let mut memory = 0;
        let mut has_read = false;
        for name in &names {
            let Some(reading) = read(&client, name).await else { continue };
            counters.entry(name).or_default().read(reading.cpu_stats.cpu_usage.total_usage);
            memory += reading.memory_stats.in_use();
            has_read = true;
        }
        if has_read {
            let nanoseconds = counters.values().map(|counter| counter.ended + counter.last).sum();
            voice.say(&KeeperNews::Usage { cpu_time: Duration::from_nanos(nanoseconds), memory }).await;
        }
    }
}

/// Reads one container; none when it does not run, or the engine cannot count.
async fn read(client: &Client, name: &str) -> Option<Reading> {
    let answer = client.get(&format!("/containers/{name}/stats?stream=false&one-shot=true")).await.ok()?;
    answer.json().ok().filter(|reading: &Reading| reading.cpu_stats.cpu_usage.total_usage > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_never_shrinks() {
        let mut counter = Counter::default();
        let counted: Vec<u64> = [10, 30, 5, 8]
            .into_iter()
            .map(|reading| {
                counter.read(reading);
                counter.ended + counter.last
            })
            .collect();
        assert_eq!(counted, [10, 30, 35, 38]);
    }

    #[test]
    fn memory_is_counted_without_what_the_kernel_would_give_up() {
        let read = |json: &str| serde_json::from_str::<MemoryReading>(json).expect("a reading").in_use();
        assert_eq!(read("{\"usage\":100,\"stats\":{\"total_inactive_file\":30,\"inactive_file\":1}}"), 70);
        assert_eq!(read("{\"usage\":100,\"stats\":{\"inactive_file\":40}}"), 60);
        assert_eq!(read("{\"usage\":100}"), 100);
        assert_eq!(read("{}"), 0);
    }
}
