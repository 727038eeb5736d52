//! Actions. A forward to one target group shows as `TargetGroupArn` and `ForwardConfig`, a weighted one as `ForwardConfig` alone.

use seatrial_model::load_balancing::{Action, FixedResponse, Forward, Redirect, RedirectStatus};
use serde_json::{Value, json};

use super::{Object, put};

/// Shows the one action of a listener or rule as its list of actions.
pub(super) fn actions(action: &Action) -> Value {
    let mut object = Object::new();
    // A single action is the first.
    object.insert("Order".to_owned(), json!(1));
    match action {
        Action::Forward(forward) => {
            object.insert("Type".to_owned(), json!("forward"));
            if let [only] = forward.target_groups.as_slice() {
                object.insert("TargetGroupArn".to_owned(), json!(only.target_group));
            }
            object.insert("ForwardConfig".to_owned(), forward_config(forward));
        }
        Action::FixedResponse(response) => {
            object.insert("Type".to_owned(), json!("fixed-response"));
            object.insert("FixedResponseConfig".to_owned(), fixed_response_config(response));
        }
        Action::Redirect(redirect) => {
            object.insert("Type".to_owned(), json!("redirect"));
            object.insert("RedirectConfig".to_owned(), redirect_config(redirect));
        }
    }
    json!([object])
}

fn forward_config(forward: &Forward) -> Value {
    let groups = forward.target_groups.iter();
    let groups: Vec<Value> =
        groups.map(|entry| json!({ "TargetGroupArn": entry.target_group, "Weight": entry.weight })).collect();
    let mut stickiness = Object::new();
    stickiness.insert("Enabled".to_owned(), json!(forward.stickiness.is_some()));
    put(&mut stickiness, "DurationSeconds", forward.stickiness.map(|duration| duration.as_secs()));
    json!({ "TargetGroups": groups, "TargetGroupStickinessConfig": stickiness })
}

fn fixed_response_config(response: &FixedResponse) -> Value {
    let mut config = Object::new();
    config.insert("StatusCode".to_owned(), json!(response.status_code.to_string()));
    put(&mut config, "ContentType", response.content_type.clone());
    let body = Some(&response.message_body).filter(|body| !body.is_empty());
    put(&mut config, "MessageBody", body.cloned());
    Value::Object(config)
}

fn redirect_config(redirect: &Redirect) -> Value {
    json!({
        "Protocol": redirect.protocol,
        "Host": redirect.host,
        "Port": redirect.port,
        "Path": redirect.path,
        "Query": redirect.query,
        "StatusCode": match redirect.status_code {
            RedirectStatus::Permanent301 => "HTTP_301",
            RedirectStatus::Found302 => "HTTP_302",
        },
    })
}
