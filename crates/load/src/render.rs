//! A report as text for people.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write;

use crate::latency::Percentiles;
use crate::report::{LatencyReport, LoadReport};

impl LoadReport {
    /// Renders the report as a table of a few lines, each ended by a newline.
    pub fn render(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("writing to a string cannot fail");
        text
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        let (requests, seconds) = (&self.requests, self.elapsed_ms as f64 / 1000.0);
        writeln!(out, "{} at {}/s, {seconds:.1} s", self.target, self.rate)?;
        write!(out, "requests    sent {}, answered {}, failed {}", requests.sent, requests.answered, requests.failed)?;
        if requests.in_flight > 0 {
            write!(out, ", in flight {}", requests.in_flight)?;
        }
        writeln!(out, "; {} connections opened", requests.connections_opened)?;
        writeln!(out, "answers     {}; by version: {}", counts(&requests.by_status), counts(&requests.by_version))?;
        self.write_latencies(out)?;
        self.write_others(out)?;
        self.write_failures(out)
    }

    fn write_latencies(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "latency           {:>9} {:>9} {:>9} {:>9} {:>9}", "p50", "p90", "p99", "p99.9", "max")?;
        let mut write_pair = |name: &str, latency: &LatencyReport| -> fmt::Result {
            if latency.service.count > 0 {
                writeln!(out, "  {name:<15} {}", Row(latency.service))?;
                writeln!(out, "    corrected     {}", Row(latency.corrected))?;
            }
            Ok(())
        };
        write_pair("ordinary", &self.latency)?;
        write_pair("slow", &self.slow_latency)?;
        writeln!(out, "  generator lag   {}", Row(self.generator_lag))
    }

    fn write_others(&self, out: &mut String) -> fmt::Result {
        let (websockets, streams) = (&self.websockets, &self.streams);
        if websockets.opened + websockets.failed > 0 {
            writeln!(
                out,
                "websockets  opened {}, messages sent {}, echoed {}, clean reconnects {}, failed {}",
                websockets.opened,
                websockets.messages_sent,
                websockets.messages_echoed,
                websockets.reconnects,
                websockets.failed
            )?;
        }
        if streams.started > 0 {
            writeln!(
                out,
                "streams     started {}, whole {}, failed {}, given up at the end {}; {} bytes",
                streams.started, streams.completed, streams.failed, streams.abandoned, streams.bytes
            )?;
        }
        Ok(())
    }

    fn write_failures(&self, out: &mut String) -> fmt::Result {
        if self.failures.is_empty() {
            return writeln!(out, "failures    none");
        }
        writeln!(out, "failures    {}, of these:", self.failed())?;
        for (kind, count) in &self.failures {
            writeln!(out, "  {count:>8}  {kind}")?;
        }
        writeln!(out, "the first of each kind:")?;
        for sample in &self.samples {
            let at = sample.at_ms as f64 / 1000.0;
            writeln!(out, "  {at:>8.3} s  {}  {}: {}", sample.kind, sample.what, sample.detail)?;
        }
        Ok(())
    }
}

/// Renders counts by name.
fn counts(counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

/// A row of percentiles in milliseconds.
struct Row(Percentiles);

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Percentiles { count: _, p50_us, p90_us, p99_us, p99_9_us, max_us } = self.0;
        for (index, micros) in [p50_us, p90_us, p99_us, p99_9_us, max_us].into_iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            write!(f, "{separator}{:>9}", format!("{:.2} ms", micros as f64 / 1000.0))?;
        }
        Ok(())
    }
}
