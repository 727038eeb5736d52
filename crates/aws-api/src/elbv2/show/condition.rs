//! Conditions. Hosts and paths show their values twice, in the old place and the new one, as ELB does.

use seatrial_model::load_balancing::{Condition, QueryPattern};
use serde_json::{Value, json};

use super::{Object, put};

pub(super) fn condition(condition: &Condition) -> Value {
    match condition {
        Condition::HostHeader(values) => {
            json!({ "Field": "host-header", "Values": values, "HostHeaderConfig": { "Values": values } })
        }
        Condition::PathPattern(values) => {
            json!({ "Field": "path-pattern", "Values": values, "PathPatternConfig": { "Values": values } })
        }
        Condition::HttpHeader { name, values } => {
            json!({ "Field": "http-header", "HttpHeaderConfig": { "HttpHeaderName": name, "Values": values } })
        }
        Condition::QueryString(pairs) => {
            let pairs: Vec<Value> = pairs.iter().map(pair).collect();
            json!({ "Field": "query-string", "QueryStringConfig": { "Values": pairs } })
        }
        Condition::HttpRequestMethod(values) => {
            json!({ "Field": "http-request-method", "HttpRequestMethodConfig": { "Values": values } })
        }
        Condition::SourceIp(networks) => {
            let networks: Vec<String> = networks.iter().map(ToString::to_string).collect();
            json!({ "Field": "source-ip", "SourceIpConfig": { "Values": networks } })
        }
    }
}

fn pair(pattern: &QueryPattern) -> Value {
    let mut object = Object::new();
    put(&mut object, "Key", pattern.key.clone());
    object.insert("Value".to_owned(), json!(pattern.value));
    Value::Object(object)
}
