//! The types of members that a service keeps as they were sent: checked on the way in, since every reader gets them back.
//!
//! What an operation acts on is read by [`Input::read`]. Members that are only kept (a task definition's, a service's) would pass
//! with any type, and then no client could read the answer. A [`Shape`] says what they must be; members it does not name may be
//! anything, as newer clients know members this engine does not.

use serde::de::{Error as _, Unexpected};
use serde_json::Value;

use crate::input::{Input, InvalidInput};

/// What a value is on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Text,
    Flag,
    Integer,
    Number,
    List(&'static Shape),
    /// Values of one shape under keys of the caller's choice.
    Map(&'static Shape),
    /// Members by name; none of them has to be there.
    Structure(&'static [(&'static str, Shape)]),
}

impl Input {
    /// Refuses an input with a member of another type than its shape says; the error names the member.
    pub fn check(&self, shape: &Shape) -> Result<(), InvalidInput> {
        let mut path = Vec::new();
        check(self.value(), shape, &mut path).map_err(|error| self.invalid_at(&render(&path), &error))
    }
}

/// A step from a value to a part of it.
enum Step<'a> {
    Member(&'a str),
    Item(usize),
}

fn check<'a>(value: &'a Value, shape: &Shape, path: &mut Vec<Step<'a>>) -> Result<(), serde_json::Error> {
    let mut descend = |step: Step<'a>, value: &'a Value, shape: &Shape| {
        path.push(step);
        check(value, shape, path)?;
        path.pop();
        Ok(())
    };
    match (shape, value) {
        (Shape::Text, Value::String(_)) | (Shape::Flag, Value::Bool(_)) | (Shape::Number, Value::Number(_)) => Ok(()),
        (Shape::Integer, Value::Number(number)) if number.is_i64() => Ok(()),
        (Shape::List(shape), Value::Array(items)) => {
            items.iter().enumerate().try_for_each(|(index, item)| descend(Step::Item(index), item, shape))
        }
        (Shape::Map(shape), Value::Object(members)) => {
            members.iter().try_for_each(|(name, member)| descend(Step::Member(name), member, shape))
        }
        (Shape::Structure(shapes), Value::Object(members)) => shapes.iter().try_for_each(|(name, shape)| {
            members.get_key_value(*name).map_or(Ok(()), |(name, member)| descend(Step::Member(name), member, shape))
        }),
        (shape, value) => Err(serde_json::Error::invalid_type(unexpected(value), &expected(shape))),
    }
}

fn render(path: &[Step<'_>]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Member(name) if text.is_empty() => text.push_str(name),
            Step::Member(name) => text.push_str(&format!(".{name}")),
            Step::Item(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

fn expected(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text => "a string",
        Shape::Flag => "a boolean",
        Shape::Integer => "an integer",
        Shape::Number => "a number",
        Shape::List(_) => "a list",
        Shape::Map(_) | Shape::Structure(_) => "a structure",
    }
}

fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(flag) => Unexpected::Bool(*flag),
        Value::Number(number) => number.as_i64().map_or(Unexpected::Other("number"), Unexpected::Signed),
        Value::String(text) => Unexpected::Str(text),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::Protocol;

    const CONTAINERS: Shape = Shape::List(&Shape::Structure(&[
        ("name", Shape::Text),
        ("cpu", Shape::Integer),
        ("essential", Shape::Flag),
        ("labels", Shape::Map(&Shape::Text)),
        ("share", Shape::Number),
    ]));
    const DEFINITION: Shape = Shape::Structure(&[("family", Shape::Text), ("containers", CONTAINERS)]);

    fn check(value: Value) -> Result<(), String> {
        let input = Input::from_json(value.to_string().as_bytes(), Protocol::AwsJson11).expect("a JSON object");
        input.check(&DEFINITION).map_err(|error| error.to_string())
    }

    #[test]
    fn what_fits_passes_and_so_does_what_is_not_named_or_not_there() {
        let container = json!({"cpu": 10, "essential": true, "labels": {"a": "b"}, "share": 0.5, "brandNew": [1, {}]});
        assert_eq!(check(json!({"family": "web", "containers": [container], "x": 1})), Ok(()));
        assert_eq!(check(json!({})), Ok(()));
    }

    #[test]
    fn a_member_of_another_type_is_named_however_deep() {
        let refusal = |container: Value| check(json!({"containers": [{}, container]})).expect_err("a wrong type");
        assert_eq!(
            refusal(json!({"cpu": "10"})),
            "Invalid value at 'containers[1].cpu': invalid type: string \"10\", expected an integer"
        );
        assert_eq!(
            refusal(json!({"labels": {"a": 5}})),
            "Invalid value at 'containers[1].labels.a': invalid type: integer `5`, expected a string"
        );
        for (container, path) in [
            (json!({"cpu": 1.5}), "containers[1].cpu"),
            (json!({"essential": "true"}), "containers[1].essential"),
            (json!({"labels": []}), "containers[1].labels"),
            (json!({"share": true}), "containers[1].share"),
            (json!([]), "containers[1]"),
        ] {
            assert!(refusal(container.clone()).contains(&format!("'{path}'")), "{container}");
        }
        assert!(check(json!({"family": 1})).expect_err("a wrong type").contains("'family'"));
    }
}
