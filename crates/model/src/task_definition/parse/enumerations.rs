//! Members that take one of a few words. They are looked at in the document itself, so that a wrong word is refused with its place and
//! the words that would be right, wherever it stands.

use serde_json::Value;

use super::{InvalidTaskDefinition, rule};

/// Where the words stand (`[]` is every item of a list) and what they may be, as the ECS model has them. Only `protocol` is missing:
/// ECS takes every word that is not `udp` for `tcp`.
const ENUMERATIONS: [(&str, &[&str]); 18] = [
    ("networkMode", &["bridge", "host", "awsvpc", "none"]),
    ("requiresCompatibilities[]", &["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"]),
    ("pidMode", &["host", "task"]),
    ("ipcMode", &["host", "task", "none"]),
    ("runtimePlatform.cpuArchitecture", &["X86_64", "ARM64"]),
    (
        "runtimePlatform.operatingSystemFamily",
        &[
            "WINDOWS_SERVER_2019_FULL",
            "WINDOWS_SERVER_2019_CORE",
            "WINDOWS_SERVER_2016_FULL",
            "WINDOWS_SERVER_2004_CORE",
            "WINDOWS_SERVER_2022_CORE",
            "WINDOWS_SERVER_2022_FULL",
            "WINDOWS_SERVER_2025_CORE",
            "WINDOWS_SERVER_2025_FULL",
            "WINDOWS_SERVER_20H2_CORE",
            "LINUX",
        ],
    ),
    ("proxyConfiguration.type", &["APPMESH"]),
    ("placementConstraints[].type", &["memberOf"]),
    ("containerDefinitions[].portMappings[].appProtocol", &["http", "http2", "grpc"]),
    ("containerDefinitions[].environmentFiles[].type", &["s3"]),
    ("containerDefinitions[].dependsOn[].condition", &["START", "COMPLETE", "SUCCESS", "HEALTHY"]),
    (
        "containerDefinitions[].logConfiguration.logDriver",
        &["json-file", "syslog", "journald", "gelf", "fluentd", "awslogs", "splunk", "awsfirelens"],
    ),
    ("containerDefinitions[].firelensConfiguration.type", &["fluentd", "fluentbit"]),
    ("containerDefinitions[].versionConsistency", &["enabled", "disabled"]),
    ("containerDefinitions[].resourceRequirements[].type", &["GPU", "InferenceAccelerator", "NeuronDevice"]),
    (
        "containerDefinitions[].ulimits[].name",
        &[
            "core",
            "cpu",
            "data",
            "fsize",
            "locks",
            "memlock",
            "msgqueue",
            "nice",
            "nofile",
            "nproc",
            "rss",
            "rtprio",
            "rttime",
            "sigpending",
            "stack",
        ],
    ),
    ("containerDefinitions[].linuxParameters.devices[].permissions[]", &["read", "write", "mknod"]),
    ("volumes[].dockerVolumeConfiguration.scope", &["task", "shared"]),
];

/// Refuses the first wrong word.
pub(super) fn check(document: &Value) -> Result<(), InvalidTaskDefinition> {
    ENUMERATIONS.iter().try_for_each(|(path, words)| look(document, path, String::new(), words))
}

/// Follows the rest of a path from a value; `place` is the path so far.
fn look(value: &Value, path: &str, place: String, words: &[&str]) -> Result<(), InvalidTaskDefinition> {
    if path.is_empty() {
        return match value.as_str() {
            Some(word) if !words.contains(&word) => {
                rule(format!("{place} should be one of [{}], got '{word}'.", words.join(",")))
            }
            Some(_) | None => Ok(()),
        };
    }
    if let Some(rest) = path.strip_prefix("[]") {
        let rest = rest.strip_prefix('.').unwrap_or(rest);
        let mut items = value.as_array().into_iter().flatten().enumerate();
        return items.try_for_each(|(index, item)| look(item, rest, format!("{place}[{index}]"), words));
    }
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (member, rest) = path.split_at(end);
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    let place = if place.is_empty() { member.to_owned() } else { format!("{place}.{member}") };
    value.get(member).map_or(Ok(()), |value| look(value, rest, place, words))
}
