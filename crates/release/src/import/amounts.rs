//! Durations, sizes and numbers of other tools, in Seatrial's units.

use super::notes::Notes;

/// The sizes of Fargate: CPU units, then the least, the greatest and the step of memory in MiB (AWS, "Task CPU and memory").
const FARGATE: [(u32, u32, u32, u32); 7] = [
    (256, 512, 2048, 1024),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 8192, 30720, 1024),
    (8192, 16384, 61440, 4096),
    (16384, 32768, 122_880, 8192),
];

/// Whole seconds of a duration such as `90s`, `1m30s` or `500ms`, rounded up; a bare number is seconds.
pub(super) fn seconds(text: &str) -> Option<u32> {
    let mut rest = text.trim();
    if let Ok(seconds) = rest.parse::<u32>() {
        return Some(seconds);
    }
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        total += number
            * match &rest[..end] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 0.001,
                "us" | "µs" => 0.000_001,
                "ns" => 0.000_000_001,
                _ => return None,
            };
        rest = &rest[end..];
    }
    (!text.trim().is_empty() && total <= f64::from(u32::MAX)).then_some(total.ceil() as u32)
}

/// Seconds within bounds; tells when they had to be moved.
pub(super) fn seconds_within(text: &str, (min, max): (u32, u32), key: &str, notes: &mut Notes) -> Option<u32> {
    let Some(seconds) = seconds(text) else {
        notes.odd(key);
        return None;
    };
    Some(within(seconds, (min, max), key, notes))
}

/// A number within bounds; tells when it had to be moved.
pub(super) fn within(number: u32, (min, max): (u32, u32), key: &str, notes: &mut Notes) -> u32 {
    let moved = number.clamp(min, max);
    if moved != number {
        notes.add(key, format!("is {number}, but ECS and its load balancers take {min} to {max}; {moved} is written"));
    }
    moved
}

/// MiB of a size such as `512M`, `1.5gb` or a number of bytes, rounded up.
pub(super) fn mebibytes(text: &str) -> Option<u32> {
    let text = text.trim().to_ascii_lowercase();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let unit = match text[end..].trim_end_matches('b').trim_end_matches('i') {
        "" => 1.0 / 1_048_576.0,
        "k" => 1.0 / 1024.0,
        "m" => 1.0,
        "g" => 1024.0,
        _ => return None,
    };
    let size = (number * unit).ceil();
    (size >= 1.0 && size <= f64::from(u32::MAX)).then_some(size as u32)
}

/// CPU units of a number of processors.
pub(super) fn cpu_units(text: &str) -> Option<u32> {
    let processors: f64 = text.trim().parse().ok()?;
    let units = (processors * 1024.0).ceil();
    (units >= 1.0 && units <= f64::from(u32::MAX)).then_some(units as u32)
}

/// The smallest size of Fargate that has at least so much.
pub(super) fn fargate(cpu: Option<u32>, memory: Option<u32>) -> Option<(u32, u32)> {
    let (cpu, memory) = (cpu.unwrap_or(0), memory.unwrap_or(0));
    let fitting = FARGATE.iter().find(|(units, _, most, _)| *units >= cpu && *most >= memory)?;
    let (units, least, most, step) = *fitting;
    let memory = if memory <= least { least } else { memory.div_ceil(step) * step };
    Some((units, memory.min(most)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rounded_up_to_seconds() {
        let cases = [
            ("30s", Some(30)),
            ("1m30s", Some(90)),
            ("500ms", Some(1)),
            ("1h", Some(3600)),
            ("15", Some(15)),
            ("", None),
            ("x", None),
            ("5", Some(5)),
            ("3d", None),
        ];
        for (text, expected) in cases {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn sizes_are_read_in_every_unit() {
        let cases = [
            ("512M", Some(512)),
            ("1.5gb", Some(1536)),
            ("1GiB", Some(1024)),
            ("1048576", Some(1)),
            ("64k", Some(1)),
            ("x", None),
            ("0", None),
        ];
        for (text, expected) in cases {
            assert_eq!(mebibytes(text), expected, "{text}");
        }
        assert_eq!((cpu_units("0.5"), cpu_units("0"), cpu_units("x")), (Some(512), None, None));
    }

    #[test]
    fn a_size_of_fargate_has_at_least_what_was_asked_for() {
        let cases = [
            ((Some(100), None), Some((256, 512))),
            ((None, Some(300)), Some((256, 512))),
            ((Some(256), Some(3000)), Some((512, 3072))),
            ((Some(1024), Some(512)), Some((1024, 2048))),
            ((None, Some(600)), Some((256, 1024))),
            ((Some(99_999), None), None),
        ];
        for ((cpu, memory), expected) in cases {
            assert_eq!(fargate(cpu, memory), expected);
        }
    }
}
