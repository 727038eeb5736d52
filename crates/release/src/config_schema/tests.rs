use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::{ConfigSchema, Given};
use crate::config::{ConfigFile, Overrides, Variables};
use crate::plan::{Network, PublicAddress, TargetDefaults};

fn schema(schema: Json) -> ConfigSchema {
    ConfigSchema::sound("config.schema.json".into(), schema).unwrap_or_else(|fault| panic!("{}", fault.what))
}

fn breaches(schema: &ConfigSchema, values: &[(&str, Given<'_>)]) -> Vec<String> {
    let values: BTreeMap<String, Given<'_>> = values.iter().map(|(name, given)| ((*name).to_owned(), *given)).collect();
    schema.breaches(&values).into_iter().map(|breach| breach.what).collect()
}

#[test]
fn a_value_is_read_as_what_the_schema_takes() {
    let cases = [
        (json!({ "type": "integer" }), "8", true),
        (json!({ "type": "integer" }), "8.5", false),
        (json!({ "type": "integer" }), "eight", false),
        (json!({ "type": "string" }), "8", true),
        (json!({ "type": "string", "pattern": "^0" }), "007", true),
        (json!({ "type": "integer" }), "007", false),
        (json!({ "type": "boolean" }), "true", true),
        (json!({ "type": "boolean" }), "yes", false),
        (json!({ "type": ["string", "integer"] }), "8", true),
        (json!({ "anyOf": [{ "type": "integer", "minimum": 1 }, { "const": "auto" }] }), "8", true),
        (json!({ "anyOf": [{ "type": "integer", "minimum": 1 }, { "const": "auto" }] }), "auto", true),
        (json!({ "anyOf": [{ "type": "integer", "minimum": 1 }, { "const": "auto" }] }), "0", false),
        (json!({ "enum": [1, 2] }), "2", true),
        (json!({ "type": "array", "items": { "type": "integer" } }), "[1, 2]", true),
        (json!({ "type": "array", "items": { "type": "integer" } }), "[1, \"x\"]", false),
        (json!({ "$ref": "#/$defs/port" }), "80", true),
        (json!({ "$ref": "#/$defs/port" }), "70000", false),
        (json!({ "format": "uri" }), "http://localhost:80/", true),
        (json!({ "format": "uri" }), "not a uri", false),
    ];
    for (rule, text, fits) in cases {
        let port = json!({ "type": "integer", "maximum": 65535 });
        let whole = schema(json!({ "properties": { "X": rule }, "$defs": { "port": port } }));
        assert_eq!(breaches(&whole, &[("X", Given::Plain(text))]).is_empty(), fits, "{rule} {text}");
    }
}

#[test]
fn what_a_schema_wants_is_told_and_of_secrets_no_value() {
    let whole = schema(json!({
        "properties": {
            "WORKERS": { "type": "integer", "minimum": 1 },
            "LEVEL": { "enum": ["debug", "info"] },
            "TOKEN": { "type": "string", "pattern": "^tok-" },
            "TLS": { "type": "boolean" },
            "URL": {},
        },
        "required": ["URL"],
        "additionalProperties": false,
        "if": { "properties": { "TLS": { "const": true } }, "required": ["TLS"] },
        "then": { "required": ["CERTIFICATE"] },
    }));
    let told = breaches(
        &whole,
        &[
            ("WORKERS", Given::Plain("0")),
            ("LEVEL", Given::Plain("loud")),
            ("TOKEN", Given::Hidden("hunter2")),
            ("TLS", Given::Plain("true")),
            ("OTHER", Given::Unseen),
        ],
    );
    insta::assert_snapshot!(told.join("\n"));
    assert_eq!(breaches(&whole, &[("URL", Given::Plain("")), ("TOKEN", Given::Unseen)]), Vec::<String>::new());
}

#[test]
fn a_schema_that_leaves_itself_or_never_ends_is_refused() {
    let doubling: serde_json::Map<String, Json> = (0..20)
        .map(|at| {
            let next = format!("#/$defs/d{}", at + 1);
            (format!("d{at}"), json!({ "allOf": [{ "$ref": next }, { "$ref": next }] }))
        })
        .collect();
    let cases = [
        (json!({ "$ref": "https://example.com/schema.json" }), "refers to `https://example.com/schema.json`"),
        (json!({ "properties": { "A": { "$ref": "other.json#/x" } } }), "refers to `other.json#/x`"),
        (json!({ "allOf": [{ "$ref": "file:///etc/passwd" }] }), "refers to `file:///etc/passwd`"),
        (json!({ "$dynamicRef": "#a" }), "refers to `#a`"),
        (json!({ "$ref": "#" }), "more than 1000 schemas"),
        (json!({ "properties": { "A": { "$ref": "#/properties/A" } } }), "more than 1000 schemas"),
        (json!({ "$ref": "#/$defs/d0", "$defs": doubling }), "more than 1000 schemas"),
        (json!({ "$ref": "#/$defs/none" }), "is not a JSON Schema"),
        (json!({ "$defs": { "a": { "$id": "https://example.com/a" } } }), "an `$id` of its own"),
        (json!({ "$schema": "https://example.com/own-dialect" }), "is not a JSON Schema"),
        (json!({ "type": "text" }), "is not a JSON Schema"),
        (json!({ "properties": { "A": { "pattern": "(a+" } } }), "is not a JSON Schema"),
        (json!({ "properties": { "A": { "pattern": "(?=a)b" } } }), "is not a JSON Schema"),
        (json!({ "properties": { "A": { "pattern": "((a{1000}){1000}){1000}" } } }), "is not a JSON Schema"),
        (json!([1]), "which is a map of keywords"),
    ];
    for (text, expected) in cases {
        let fault = ConfigSchema::sound("x".into(), text.clone()).expect_err(&text.to_string());
        assert!(fault.what.contains(expected), "{text}: {}", fault.what);
        assert!(fault.instead.is_some(), "{text}");
    }
}

/// Plans a file, with files beside it.
fn planned(text: &str, files: &[(&str, &[u8])], environment: &str) -> Result<crate::plan::Plan, String> {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, bytes) in files {
        std::fs::write(directory.path().join(name), bytes).expect("written");
    }
    let told =
        |error: crate::config::ConfigError| error.to_string().replace(&format!("{}/", directory.path().display()), "");
    let file = ConfigFile::parse(&directory.path().join("seatrial.yml"), text, &Variables::fixed::<&str, &str>([]));
    let file = file.map_err(told)?;
    let environment = file.environment(Some(&environment.parse().expect("a name"))).map_err(told)?;
    let network = Network {
        subnets: vec!["subnet-1".into()],
        security_groups: Vec::new(),
        public_address: PublicAddress::None,
        scheme: crate::config::Scheme::Internal,
    };
    let defaults = TargetDefaults {
        region: "us-east-1".into(),
        network: Some(network),
        process_image: Some("process".into()),
        infrastructure_role: None,
    };
    file.plan(&environment, &defaults, &Overrides::default()).map_err(told)
}

const FILE: &str = "app: shop
config_schema: config.schema.json
config:
  WORKERS: 4
services:
  web: { command: x }
environments:
  dev: { target: embedded, stage: dev }
  prod:
    target: embedded
    config:
      WORKERS: 0
";

#[test]
fn a_file_is_held_against_its_schema_in_each_environment() {
    let rules = br#"{ "properties": { "WORKERS": { "type": "integer", "minimum": 1 } }, "required": ["URL"] }"#;
    let files: [(&str, &[u8]); 1] = [("config.schema.json", rules)];
    let plan = planned(FILE, &files, "dev").expect("it fits");
    assert_eq!(plan.config_schema.expect("it has one").lacking(&plan.config), ["URL"]);
    let refused = planned(FILE, &files, "prod").expect_err("0 is too few");
    assert_eq!(refused, "seatrial.yml:12:16: `config.WORKERS` is `0`, and config.schema.json wants at least 1");
    let inline = FILE.replace("config.schema.json", "{ properties: { WORKERS: { type: integer, maximum: 3 } } }");
    let refused = planned(&inline, &[], "dev").expect_err("4 are too many");
    assert_eq!(refused, "seatrial.yml:4:12: `config.WORKERS` is `4`, and config_schema wants at most 3");
    let hidden = FILE.replace("WORKERS: 4", "API_TOKEN: hunter2");
    let rules = br#"{ "properties": { "API_TOKEN": { "pattern": "^tok-" } } }"#;
    let refused = planned(&hidden, &[("config.schema.json", rules)], "dev").expect_err("not a token");
    assert!(refused.starts_with("seatrial.yml:4:14: `config.API_TOKEN` has a value, not shown here"), "{refused}");
    assert!(!refused.contains("hunter2"), "{refused}");
}

#[test]
fn a_schema_that_cannot_be_read_is_told_with_its_place() {
    let large = vec![b' '; 300 * 1024];
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let cases: [(&[u8], &str); 4] = [
        (b"{", "config.schema.json:1:1: this is not valid JSON"),
        (b"\xff", "cannot be read"),
        (&large, "at most 262144 are read"),
        (deep.as_bytes(), "this is not valid JSON: recursion limit"),
    ];
    for (bytes, expected) in cases {
        let told = planned(FILE, &[("config.schema.json", bytes)], "dev").expect_err("refused");
        assert!(told.contains(expected), "{told}");
    }
    let none = planned(FILE, &[], "dev").expect_err("there is none");
    assert!(none.contains("config.schema.json: the file of `config_schema` cannot be read"), "{none}");
    let directory = FILE.replace("config.schema.json", ".");
    assert!(planned(&directory, &[], "dev").expect_err("a directory").contains("it is no file"));
}
