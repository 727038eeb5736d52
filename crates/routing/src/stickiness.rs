//! Owns the two stickiness cookies: `AWSALBTG` pins a client to a target group, `AWSALB` to a target.
//!
//! A cookie holds a digest of what it names, never an address. It is only ever compared with the digests of the registered target
//! groups or targets, so a forged one can at most choose among those, as a client could by asking again. Digests depend on nothing
//! but the names, so cookies survive a restart of the data plane.
//!
//! `AWSALBTG` carries its own end, fixed when the client is first routed: otherwise a busy client would never follow a change of
//! weights. `AWSALB` is renewed with every answer.
//!
//! How long `AWSALBTG` binds is a [`PinPolicy`]: ELB's documentation says that the group in the cookie gets the request and knows no
//! exception; that this holds at weight zero, and for a group without a healthy target, is what AWS answers on re:Post.

use std::time::Duration;

use seatrial_model::{TargetGroupArn, TargetId, Timestamp};

/// The cookie that names a target group.
pub const GROUP_COOKIE: &str = "AWSALBTG";
/// The cookie that names a target.
pub const TARGET_COOKIE: &str = "AWSALB";

/// How long a client keeps the target group its cookie names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PinPolicy {
    /// Until the cookie expires, as with ELB: whatever becomes of the group's weight, and even if it has no target left.
    #[default]
    UntilExpiry,
    /// As long as the group has weight and a healthy target. After that the weights decide anew, and the client gets a new cookie.
    WhileServing,
}

/// What becomes of a group decides whether its clients stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupStanding {
    pub weight: u32,
    pub has_healthy_target: bool,
}

/// Marks the layout of both values.
const LAYOUT: &str = "1";

impl PinPolicy {
    /// Tells whether a client stays with the group its cookie names.
    pub const fn keeps(self, group: GroupStanding) -> bool {
        match self {
            PinPolicy::UntilExpiry => true,
            PinPolicy::WhileServing => group.weight > 0 && group.has_healthy_target,
        }
    }
}

/// Writes the value of `AWSALBTG`. It holds whole seconds, rounded up: a client is kept no shorter than was promised.
pub fn group_cookie(group: &TargetGroupArn, until: Timestamp) -> String {
    format!("{LAYOUT}{:016x}{:x}", group_digest(group), (until.as_millis().max(0) as u64).div_ceil(1000))
}

/// Returns the target group among `groups` that the value names, unless its time is over or the value makes no sense.
pub fn pinned_group<G>(value: &[u8], now: Timestamp, groups: impl IntoIterator<Item = (u64, G)>) -> Option<G> {
    let (digest, rest) = digest(value)?;
    let until = i64::from_str_radix(rest, 16).ok()?;
    if until.checked_mul(1000)? <= now.as_millis() {
        return None;
    }
    groups.into_iter().find(|(known, _)| *known == digest).map(|(_, group)| group)
}

/// Writes the value of `AWSALB`.
pub fn target_cookie(target: u64) -> String {
    format!("{LAYOUT}{target:016x}")
}

/// Returns the digest in an `AWSALB` value, to be compared with [`target_digest`].
pub fn pinned_target(value: &[u8]) -> Option<u64> {
    digest(value).filter(|(_, rest)| rest.is_empty()).map(|(digest, _)| digest)
}

/// Digests the identity of a target group.
pub fn group_digest(group: &TargetGroupArn) -> u64 {
    fold([group.as_str().as_bytes()])
}

/// Digests the identity of a target in its group.
pub fn target_digest(group: &TargetGroupArn, target: TargetId) -> u64 {
    fold([group.as_str().as_bytes(), b"\n", target.to_string().as_bytes()])
}

/// Writes a `Set-Cookie` value.
pub fn set_cookie(name: &str, value: &str, lifetime: Duration) -> String {
    format!("{name}={value}; Max-Age={}; Path=/", lifetime.as_secs())
}

/// Finds a cookie's value in a `Cookie` header.
pub fn find_cookie<'a>(header: &'a [u8], name: &str) -> Option<&'a [u8]> {
    header.split(|byte| *byte == b';').find_map(|pair| {
        let pair = pair.trim_ascii();
        let value = pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        Some(value)
    })
}

fn digest(value: &[u8]) -> Option<(u64, &str)> {
    let text = std::str::from_utf8(value).ok()?.strip_prefix(LAYOUT)?;
    let digits = text.get(..16).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some((u64::from_str_radix(digits, 16).ok()?, &text[16..]))
}

/// FNV-1a with a final mix: the same on every machine and in every release, unlike the standard library's hasher.
fn fold<const N: usize>(parts: [&[u8]; N]) -> u64 {
    let bytes = parts.into_iter().flatten();
    let sum = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    let mixed = (sum ^ (sum >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str) -> TargetGroupArn {
        TargetGroupArn::new(name)
    }

    #[test]
    fn a_group_cookie_names_its_group_until_its_time_is_over() {
        let (blue, green) = (group("blue"), group("green"));
        let known = [(group_digest(&blue), &blue), (group_digest(&green), &green)];
        let value = group_cookie(&green, Timestamp::from_millis(60_000));
        let at = |millis| pinned_group(value.as_bytes(), Timestamp::from_millis(millis), known);
        assert_eq!(at(59_999), Some(&green));
        assert_eq!(at(60_000), None);
        assert_eq!(pinned_group(value.as_bytes(), Timestamp::EPOCH, [(group_digest(&blue), &blue)]), None);
    }

    #[test]
    fn a_target_cookie_names_a_target_of_one_group_only() {
        let target = TargetId { address: "127.0.0.1".parse().expect("an address"), port: 9001 };
        let value = target_cookie(target_digest(&group("blue"), target));
        assert_eq!(pinned_target(value.as_bytes()), Some(target_digest(&group("blue"), target)));
        assert_ne!(pinned_target(value.as_bytes()), Some(target_digest(&group("green"), target)));
    }

    #[test]
    fn nonsense_values_name_nothing() {
        for value in [
            &b""[..],
            b"1",
            b"127.0.0.1:22",
            b"2aaaaaaaaaaaaaaaa",
            b"1+aaaaaaaaaaaaaaa",
            b"\xff\xfe",
            "1aaaaaaaaaaaaaaä".as_bytes(),
        ] {
            assert_eq!(pinned_target(value), None, "{value:?}");
            let blue = group("blue");
            assert_eq!(pinned_group(value, Timestamp::EPOCH, [(group_digest(&blue), &blue)]), None);
        }
        let blue = group("blue");
        let endless = format!("1{:016x}7fffffffffffffff", group_digest(&blue));
        assert_eq!(pinned_group(endless.as_bytes(), Timestamp::EPOCH, [(group_digest(&blue), &blue)]), None);
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let header = b"AWSALBTG=1; AWSALB=2;X=AWSALB=3; AWSALBAPP-0=4";
        assert_eq!(find_cookie(header, "AWSALB"), Some(&b"2"[..]));
        assert_eq!(find_cookie(header, "AWSALBTG"), Some(&b"1"[..]));
        assert_eq!(find_cookie(header, "AWS"), None);
        assert_eq!(set_cookie("AWSALB", "v", Duration::from_secs(60)), "AWSALB=v; Max-Age=60; Path=/");
    }
}
