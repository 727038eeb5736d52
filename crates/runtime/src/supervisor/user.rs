//! Reads a container's `user` the way Docker does, from `/etc/passwd` and `/etc/group`.

use std::path::Path;

use rustix::process::{Gid, Uid};

use super::machine::Refusal;
use crate::sys::Credentials;

/// A user other than the supervisor's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OtherUser {
    pub credentials: Credentials,
    pub home: Option<String>,
}

/// Resolves `user`, `user:group`, `uid` or `uid:gid`; none when that is who the supervisor runs as.
///
/// A number needs no entry; its group is then 0. Without an explicit group the user's supplementary groups apply.
pub(super) fn resolve(specification: &str) -> Result<Option<OtherUser>, Refusal> {
    let read = |path: &str| std::fs::read_to_string(Path::new(path)).unwrap_or_default();
    let wanted = parse(specification, &read("/etc/passwd"), &read("/etc/group"))?;
    let own = rustix::process::geteuid();
    let same_group = !specification.contains(':') || wanted.credentials.group == rustix::process::getegid();
    if wanted.credentials.user == own && same_group {
        return Ok(None);
    }
    if !own.is_root() {
        let own = own.as_raw();
        return Err(refused(
            specification,
            format_args!("the engine runs as uid {own}; only root can start tasks as others"),
        ));
    }
    Ok(Some(wanted))
}

/// Resolves a user within an image, by the image's own accounts.
pub(super) fn within(specification: &str, passwd: &str, groups: &str) -> Result<OtherUser, Refusal> {
    parse(specification, passwd, groups)
}

struct Account<'a> {
    name: &'a str,
    user: u32,
    group: u32,
    home: &'a str,
}

fn parse(specification: &str, passwd: &str, groups: &str) -> Result<OtherUser, Refusal> {
    let (user, group) = match specification.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (specification, None),
    };
    let mut accounts = passwd.lines().filter_map(parse_account);
    let account = accounts.find(|account| account.name == user || account.user.to_string() == user);
    let number = match &account {
        Some(account) => account.user,
        None => {
            parse_id(user).ok_or_else(|| refused(specification, format_args!("no user {user:?} in /etc/passwd")))?
        }
    };
    let (group, supplementary) = match group {
        Some(group) => {
            let unknown = || refused(specification, format_args!("no group {group:?} in /etc/group"));
            (group_id(group, groups).ok_or_else(unknown)?, Vec::new())
        }
        None => (account.as_ref().map_or(0, |account| account.group), memberships(account.as_ref(), groups)),
    };
    let mut supplementary_groups: Vec<Gid> = supplementary.into_iter().map(Gid::from_raw).collect();
    if supplementary_groups.is_empty() {
        supplementary_groups.push(Gid::from_raw(group));
    }
    let credentials = Credentials { user: Uid::from_raw(number), group: Gid::from_raw(group), supplementary_groups };
    Ok(OtherUser { credentials, home: account.map(|account| account.home.to_owned()) })
}

fn parse_account(line: &str) -> Option<Account<'_>> {
    let mut fields = line.split(':');
    let name = fields.next()?;
    let user = parse_id(fields.nth(1)?)?;
    let group = parse_id(fields.next()?)?;
    Some(Account { name, user, group, home: fields.nth(1)? })
}

fn group_id(wanted: &str, groups: &str) -> Option<u32> {
    let named = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let id = parse_id(fields.nth(1)?)?;
        (name == wanted).then_some(id)
    });
    named.or_else(|| parse_id(wanted))
}

fn memberships(account: Option<&Account<'_>>, groups: &str) -> Vec<u32> {
    let Some(account) = account else { return Vec::new() };
    let member_of = groups.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let id = parse_id(fields.nth(2)?)?;
        fields.next()?.split(',').any(|member| member == account.name).then_some(id)
    });
    std::iter::once(account.group).chain(member_of).collect()
}

/// Parses a user or group number. The largest means "unchanged" to the kernel and names nobody.
fn parse_id(text: &str) -> Option<u32> {
    text.parse().ok().filter(|id| *id != u32::MAX)
}

fn refused(specification: &str, problem: std::fmt::Arguments<'_>) -> Refusal {
    Refusal::permanent(format!("user {specification:?}: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1001:Web:/srv/web:/bin/false\nbroken line\n";
    const GROUPS: &str = "root:x:0:\nweb:x:1001:\nadm:x:4:syslog,web\nvideo:x:44:web\n";

    fn ids(specification: &str) -> (u32, u32, Vec<u32>) {
        let user = parse(specification, PASSWD, GROUPS).expect("a known user").credentials;
        let groups = user.supplementary_groups.iter().map(|group| group.as_raw()).collect();
        (user.user.as_raw(), user.group.as_raw(), groups)
    }

    #[test]
    fn names_and_numbers_are_read_as_docker_reads_them() {
        assert_eq!(ids("web"), (1000, 1001, vec![1001, 4, 44]));
        assert_eq!(ids("1000"), (1000, 1001, vec![1001, 4, 44]));
        assert_eq!(ids("web:adm"), (1000, 4, vec![4]));
        assert_eq!(ids("web:77"), (1000, 77, vec![77]));
        assert_eq!(ids("4711"), (4711, 0, vec![0]));
        assert_eq!(ids("4711:4712"), (4711, 4712, vec![4712]));
        assert_eq!(parse("web", PASSWD, GROUPS).expect("known").home.as_deref(), Some("/srv/web"));
    }

    #[test]
    fn unknown_names_are_named() {
        let reason = |specification| parse(specification, PASSWD, GROUPS).expect_err("unknown").reason;
        assert!(reason("nobody-here").contains("no user \"nobody-here\""));
        assert!(reason("web:nogroup-here").contains("no group \"nogroup-here\""));
        assert!(reason("4294967295").contains("no user"));
    }
}
