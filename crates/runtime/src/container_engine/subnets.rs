//! Which subnets a home's network may have.
//!
//! They are small and asked for by name: an engine left to choose takes one of the few large ones it keeps for everybody (Docker has
//! thirty-one), and containers may choose an address only in a network whose subnet was given to it.

use std::fmt;
use std::net::Ipv4Addr;

/// The kernel's table of routes.
const ROUTES_FILE: &str = "/proc/net/route";

/// The private ranges, in the order in which they are tried.
const RANGES: [Subnet; 3] = [
    Subnet { first: Ipv4Addr::new(10, 0, 0, 0).to_bits(), length: 8 },
    Subnet { first: Ipv4Addr::new(172, 16, 0, 0).to_bits(), length: 12 },
    Subnet { first: Ipv4Addr::new(192, 168, 0, 0).to_bits(), length: 16 },
];

/// A bridge of Linux has room for 1,024 ends, which is as many addresses.
const LENGTH: u32 = 22;

/// How many subnets of a range are tried: the first that no route has is nearly always free.
const TRIES_PER_RANGE: usize = 4;

/// How far apart two are that are tried one after the other; odd, so that every subnet of a range has its turn.
const STRIDE: u32 = 37;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subnet {
    first: u32,
    length: u32,
}

impl Subnet {
    fn last(self) -> u32 {
        self.first | u32::MAX.checked_shr(self.length).unwrap_or(0)
    }

    fn overlaps(self, other: Subnet) -> bool {
        self.first <= other.last() && other.first <= self.last()
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from_bits(self.first), self.length)
    }
}

/// Names subnets that no route of this machine has, those that a home would rather have first.
pub(super) fn candidates(home: &str) -> Vec<Subnet> {
    // Where there is no such file, the engine runs elsewhere and knows itself what it has.
    let table = std::fs::read_to_string(ROUTES_FILE).unwrap_or_default();
    among(&routes(&table), home)
}

fn among(routes: &[Subnet], home: &str) -> Vec<Subnet> {
    let start = home.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    let of_range = |range: &Subnet| {
        let range = *range;
        let count = 1 << (LENGTH - range.length);
        let all = (0..count).map(move |turn: u32| {
            let index = start.wrapping_add(turn.wrapping_mul(STRIDE)) % count;
            Subnet { first: range.first + (index << (32 - LENGTH)), length: LENGTH }
        });
        all.filter(|subnet| !routes.iter().any(|route| route.overlaps(*subnet))).take(TRIES_PER_RANGE)
    };
    RANGES.iter().flat_map(of_range).collect()
}

/// Reads the routes that are not the default one.
fn routes(table: &str) -> Vec<Subnet> {
    let route = |line: &str| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let number = |field: &str| u32::from_str_radix(field, 16).map(u32::from_be).ok();
        let first = number(fields.next()?)?;
        let mask = number(fields.nth(5)?)?;
        Some(Subnet { first: first & mask, length: mask.leading_ones() })
    };
    table.lines().filter_map(route).filter(|route| route.length > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: &str = "60a3a4a1e8c0";

    fn subnet(text: &str) -> Subnet {
        let (first, length) = text.split_once('/').expect("a subnet");
        Subnet {
            first: first.parse::<Ipv4Addr>().expect("an address").to_bits(),
            length: length.parse().expect("a length"),
        }
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_kernels_table_is_read_but_for_the_default_route() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                     eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                     br-1\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n\
                     tun0\t0100000A\t00000000\t0001\t0\t0\t0\tFFFFFFFF\t0\t0\t0\n";
        assert_eq!(routes(table), [subnet("172.17.0.0/16"), subnet("10.0.0.1/32")]);
        assert_eq!(routes("what is\nthis"), []);
    }

    #[test]
    fn homes_prefer_different_subnets_of_every_private_range() {
        let mine = among(&[], HOME);
        assert_eq!(mine, among(&[], HOME));
        assert_eq!(mine.len(), RANGES.len() * TRIES_PER_RANGE);
        for (subnet, range) in mine.iter().zip(RANGES.iter().flat_map(|range| [range; TRIES_PER_RANGE])) {
            assert!(subnet.overlaps(*range) && subnet.length == LENGTH, "{subnet}");
        }
        assert_ne!(mine.first(), among(&[], "2d8148f2fd97").first());
    }

    #[test]
    fn nothing_that_a_route_leads_to_is_named() {
        let preferred = among(&[], HOME).remove(0);
        let next = among(&[preferred], HOME);
        assert!(!next.is_empty() && !next.contains(&preferred));
        // Somebody's private network may be all of a range.
        let elsewhere = among(&[subnet("10.0.0.0/8"), subnet("192.168.0.0/17")], HOME);
        let rest = [subnet("172.16.0.0/12"), subnet("192.168.128.0/17")];
        assert!(!elsewhere.is_empty() && elsewhere.iter().all(|free| rest.iter().any(|rest| rest.overlaps(*free))));
        let everything = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].map(subnet);
        assert_eq!(among(&everything, HOME), []);
    }

    #[test]
    fn a_subnet_is_written_with_its_length() {
        assert_eq!(subnet("172.16.4.0/22").to_string(), "172.16.4.0/22");
        assert!(subnet("0.0.0.0/0").overlaps(subnet("172.16.4.0/22")));
        assert!(!subnet("172.16.0.0/22").overlaps(subnet("172.16.4.0/22")));
    }
}
