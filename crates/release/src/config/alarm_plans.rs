//! Alarms in short-hand as the alarms that are made of them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::alarms::{AlarmsEntry, Limit, MissingWord, ShortHand};
use super::deployment;
use super::document::ServiceEntry;
use super::error::Fault;
use super::names::ServiceName;
use super::site::Site;
use crate::deploy::watching_time;
use crate::plan::{AlarmPlan, Extensions, Measure, ServicePlan};

/// Elastic Load Balancing publishes once a minute on AWS, in seconds.
const PUBLISHED_EVERY: i32 = 60;

/// The alarms of a service; `named` gives both names of one.
pub(crate) fn alarms(
    service: &ServiceName,
    entry: &ServiceEntry,
    extensions: Extensions,
    named: impl Fn(&str) -> (String, String),
    site: &Site<'_>,
) -> Result<Vec<AlarmPlan>, Fault> {
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    let mut plans = Vec::new();
    for alarm in written(entry) {
        refuse_useless(entry, alarm, &site.below("deployment").below("alarms"))?;
        let what = key(&alarm.limit);
        let number = used.entry(what.clone()).or_default();
        *number += 1;
        let (name, alternate_name) = if *number == 1 { named(&what) } else { named(&format!("{what}-{number}")) };
        plans.push(plan(service, alarm, extensions, (name, alternate_name)));
    }
    Ok(plans)
}

/// Tells which alarms are not as they were written, and which can hardly fire.
pub(crate) fn remarks(entry: &ServiceEntry, plan: &ServicePlan, extensions: Extensions) -> Vec<String> {
    let service = &plan.name;
    let is_fine = |alarm: &&ShortHand| alarm.period < PUBLISHED_EVERY;
    let mut remarks = Vec::new();
    if let (Extensions::Missing, Some(alarm)) = (extensions, written(entry).find(is_fine)) {
        remarks.push(format!(
            "service {service}: the alarm on {} looks at whole minutes, since load balancers publish once a minute on AWS",
            key(&alarm.limit)
        ));
    }
    let watched = watching_time(plan);
    let needed = entry.deployment.as_ref().and_then(|deployment| deployment.alarms.as_ref());
    let needed = needed.map_or(0, AlarmsEntry::time_to_fire);
    let needed = Duration::from_secs(u64::from(needed.unsigned_abs()));
    if needed > watched {
        remarks.push(format!(
            "service {service}: its slowest alarm may need {} to fire, but the new version is watched for {} only; lengthen `bake`",
            minutes(needed),
            minutes(watched)
        ));
    }
    remarks
}

fn minutes(length: Duration) -> String {
    match (length.as_secs() / 60, length.as_secs() % 60) {
        (minutes, 0) => format!("{minutes} min"),
        (0, seconds) => format!("{seconds} s"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

fn written(entry: &ServiceEntry) -> impl Iterator<Item = &ShortHand> {
    let alarms = entry.deployment.as_ref().and_then(|deployment| deployment.alarms.as_ref());
    alarms.into_iter().flat_map(AlarmsEntry::short_hand)
}

/// An alarm that has nothing to look at, or fires before there is anything to look at.
fn refuse_useless(entry: &ServiceEntry, alarm: &ShortHand, site: &Site<'_>) -> Result<(), Fault> {
    if entry.listener.is_none() {
        let what = format!("judges the service by {}, but the service has no `listener`", key(&alarm.limit));
        return Err(site.fault(what).instead("add `listener: { port: … }`, or name an alarm on other metrics"));
    }
    match (alarm.missing, deployment::strategy(entry.deployment.as_ref()).shifts_traffic()) {
        (MissingWord::NotBreaching | MissingWord::Missing, _) | (_, false) => Ok(()),
        (MissingWord::Breaching, true) => Err(site
            .fault("has `missing: breaching`, but a target group that waits for its first request has no data, so it would fire at the start")
            .instead("leave `missing` out")),
        (MissingWord::Ignore, true) => Err(site
            .fault("has `missing: ignore`, but a target group that waits for its first request has no data, so it would stay as the version before left it")
            .instead("leave `missing` out")),
    }
}

fn plan(service: &ServiceName, alarm: &ShortHand, extensions: Extensions, names: (String, String)) -> AlarmPlan {
    let (period, periods) = match extensions {
        Extensions::Missing if alarm.period < PUBLISHED_EVERY => {
            let window = alarm.period * alarm.periods;
            (PUBLISHED_EVERY, (window + PUBLISHED_EVERY - 1) / PUBLISHED_EVERY)
        }
        Extensions::Available | Extensions::Missing => (alarm.period, alarm.periods),
    };
    let (measure, threshold, what) = match &alarm.limit {
        Limit::Errors(percent) => {
            let what = format!("more than {percent} % of requests are answered with 5xx or find no connection");
            (Measure::Errors, *percent, what)
        }
        Limit::ResponseTime { statistic, seconds } => {
            let what = format!("{statistic} of the response time is above {seconds} s");
            (Measure::ResponseTime(statistic.clone()), *seconds, what)
        }
    };
    let (name, alternate_name) = names;
    AlarmPlan {
        name,
        alternate_name,
        description: format!("Service {service}: {what}, {periods} × {period} s"),
        measure,
        threshold,
        period,
        periods,
        missing_data: as_cloudwatch(alarm.missing),
    }
}

/// The key under which a limit is written.
fn key(limit: &Limit) -> String {
    match limit {
        Limit::Errors(_) => "errors".to_owned(),
        Limit::ResponseTime { statistic, .. } => statistic.to_ascii_lowercase(),
    }
}

const fn as_cloudwatch(word: MissingWord) -> &'static str {
    match word {
        MissingWord::NotBreaching => "notBreaching",
        MissingWord::Breaching => "breaching",
        MissingWord::Ignore => "ignore",
        MissingWord::Missing => "missing",
    }
}
