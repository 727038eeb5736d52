//! What a service waits for, as an engine extension of what AWS answers: SDKs pass over members they do not know.

use seatrial_engine::Waiting;
use seatrial_engine::state::ServiceRecord;
use seatrial_model::Timestamp;
use serde_json::{Value, json};

use super::{Object, instant, put};

/// The member of services and of service deployments that are not over.
pub const WAITING_FOR: &str = "seatrial:waitingFor";

/// Shows everything a service waits for: what, why, since when, and until when at most where that is known.
pub fn waiting_for(service: &ServiceRecord, now: Timestamp) -> Value {
    service.controller.waiting(now).into_iter().map(show).collect()
}

fn show(waiting: Waiting) -> Value {
    let mut object = Object::new();
    object.insert("what".to_owned(), json!(waiting.what));
    object.insert("why".to_owned(), json!(waiting.why));
    object.insert("since".to_owned(), instant(waiting.since));
    put(&mut object, "until", waiting.until.map(instant));
    Value::Object(object)
}
