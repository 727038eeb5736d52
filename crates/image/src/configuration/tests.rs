//! Configurations as tools write them, and what is none.

use serde_json::{Value, json};

use super::*;

fn parse(document: &Value) -> Result<ImageConfiguration, InvalidConfiguration> {
    ImageConfiguration::parse(document.to_string().as_bytes())
}

fn diff_id(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

#[test]
fn everything_that_is_used_is_read() {
    let document = json!({
        "architecture": "arm64", "variant": "v8", "os": "linux", "created": "2026-01-02T03:04:05Z", "author": "unused",
        "config": {
            "Entrypoint": ["/bin/web"], "Cmd": ["--port", "80"], "Env": ["A=b=c", "EMPTY=", "BARE"], "WorkingDir": "/app",
            "User": "1000:1000", "ExposedPorts": {"80/tcp": {}, "53/udp": {}, "81": null, "8000-8010/tcp": {}, "0/tcp": {}},
            "StopSignal": "SIGQUIT", "Labels": {"a": "b", "none": null}, "OnBuild": [{"anything": 1}],
            "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 30_000_000_000_u64, "Timeout": 0, "Retries": 3},
        },
        "rootfs": {"type": "layers", "diff_ids": [diff_id('a'), diff_id('b')]},
        "history": [{"created_by": "COPY"}, {"created_by": "ENV", "empty_layer": true}],
    });
    let configuration = parse(&document).expect("a configuration");
    assert_eq!(configuration.platform.to_string(), "linux/arm64/v8");
    let run = &configuration.run;
    assert_eq!((run.entry_point.len(), run.command.join(" ").as_str()), (1, "--port 80"));
    let environment: Vec<(&str, &str)> = run.environment.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(environment, [("A", "b=c"), ("EMPTY", ""), ("BARE", "")]);
    let ports: Vec<String> = run.exposed_ports.iter().map(ToString::to_string).collect();
    assert_eq!(ports, ["53/udp", "80/tcp", "81/tcp"], "ranges and port 0 are no ports");
    assert_eq!((run.labels["a"].as_str(), run.labels["none"].as_str()), ("b", ""));
    let healthcheck = run.healthcheck.as_ref().expect("a health check");
    assert_eq!((healthcheck.interval, healthcheck.timeout), (Some(Duration::from_secs(30)), None));
    assert_eq!((configuration.diff_ids.len(), configuration.history.len()), (2, 2));
    assert!(configuration.history[1].is_empty_layer && !configuration.history[0].is_empty_layer);
}

#[test]
fn what_is_null_is_as_good_as_missing() {
    let nulls = json!({
        "architecture": "amd64", "variant": null, "os": "linux", "created": null, "history": null,
        "rootfs": {"type": null, "diff_ids": null},
        "config": {"Entrypoint": null, "Cmd": null, "Env": null, "WorkingDir": null, "User": null, "ExposedPorts": null,
            "StopSignal": null, "Labels": null, "Healthcheck": null},
    });
    let bare = parse(&json!({"architecture": "amd64", "os": "linux"})).expect("a configuration");
    assert_eq!(parse(&nulls).expect("a configuration"), bare);
    assert_eq!(parse(&json!({"architecture": "amd64", "os": "linux", "config": null, "rootfs": null})), Ok(bare));
}

#[test]
fn what_is_no_configuration_is_told_why() {
    let layers: Vec<String> = vec![diff_id('a'); LAYERS_MAX + 1];
    let cases = [
        (json!([]), "cannot be read"),
        (json!({"os": "linux"}), "for which architecture"),
        (json!({"os": "", "architecture": "amd64"}), "for which os"),
        (json!({"os": "linux", "architecture": "amd64", "config": {"Cmd": "text"}}), "cannot be read"),
        (json!({"os": "linux", "architecture": "amd64", "config": {"Cmd": ["a\0b"]}}), "`Cmd`"),
        (json!({"os": "linux", "architecture": "amd64", "config": {"Env": ["A=\0"]}}), "`Env`"),
        (json!({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": ["sha256:../../x"]}}), "cannot be read"),
        (json!({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": layers}}), "names 1025 layers"),
    ];
    for (document, why) in cases {
        let error = parse(&document).expect_err("no configuration").to_string();
        assert!(error.contains(why), "{error}");
    }
    let large = vec![b' '; CONFIGURATION_BYTES_MAX + 1];
    assert_eq!(ImageConfiguration::parse(&large), Err(InvalidConfiguration::TooLarge(large.len())));
    let deep = "[".repeat(100_000);
    assert!(ImageConfiguration::parse(format!("{{\"x\":{deep}").as_bytes()).is_err());
}

#[test]
fn what_is_written_is_read_again() {
    let document = json!({
        "architecture": "amd64", "os": "linux", "created": "2026-01-02T03:04:05Z",
        "config": {"Cmd": ["a"], "Env": ["A=b"], "ExposedPorts": {"80/tcp": {}}, "Labels": {"a": "b"},
            "Healthcheck": {"Test": ["NONE"], "StartInterval": 5_000_000_000_u64}},
        "rootfs": {"type": "layers", "diff_ids": [diff_id('a')]},
        "history": [{"created_by": "x"}, {"empty_layer": true}],
    });
    let configuration = parse(&document).expect("a configuration");
    let written = serde_json::to_value(Document::from(&configuration)).expect("JSON");
    assert_eq!(written, document);
}
