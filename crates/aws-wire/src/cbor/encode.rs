//! Writes an answer as CBOR, with definite lengths and doubles for all that is not an integer.

use serde_json::{Map, Number, Value};

use crate::answer_form::{AnswerForms, MemberForm};

const UNSIGNED: u8 = 0 << 5;
const NEGATIVE: u8 = 1 << 5;
const TEXT: u8 = 3 << 5;
const LIST: u8 = 4 << 5;
const MAP: u8 = 5 << 5;
const TAG_EPOCH_SECONDS: u8 = 6 << 5 | 1;
const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;
const DOUBLE: u8 = 0xfb;

/// Encodes a value. Null members are left out, as they are absent.
pub(crate) fn encode(value: &Value, forms: AnswerForms) -> Vec<u8> {
    let mut writer = Writer { bytes: Vec::new(), forms };
    writer.value(value, None);
    writer.bytes
}

struct Writer {
    bytes: Vec<u8>,
    forms: AnswerForms,
}

impl Writer {
    fn value(&mut self, value: &Value, form: Option<MemberForm>) {
        match value {
            Value::Null => self.bytes.push(NULL),
            Value::Bool(flag) => self.bytes.push(if *flag { TRUE } else { FALSE }),
            Value::Number(seconds) if form == Some(MemberForm::Timestamp) => self.timestamp(seconds),
            Value::Number(number) => self.number(number),
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                self.head(LIST, items.len() as u64);
                items.iter().for_each(|item| self.value(item, form));
            }
            Value::Object(members) => self.members(members, form),
        }
    }

    fn members(&mut self, members: &Map<String, Value>, form: Option<MemberForm>) {
        self.head(MAP, members.values().filter(|member| !member.is_null()).count() as u64);
        for (name, member) in members.iter().filter(|(_, member)| !member.is_null()) {
            self.text(name);
            self.value(member, self.forms.inside(form, name));
        }
    }

    /// Writes an instant. Always as a double: some clients accept no integer here.
    fn timestamp(&mut self, seconds: &Number) {
        self.bytes.push(TAG_EPOCH_SECONDS);
        self.double(seconds.as_f64().unwrap_or_default());
    }

    fn number(&mut self, number: &Number) {
        match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => self.head(UNSIGNED, number),
            (None, Some(number)) => self.head(NEGATIVE, number.unsigned_abs() - 1),
            (None, None) => self.double(number.as_f64().unwrap_or_default()),
        }
    }

    fn double(&mut self, number: f64) {
        self.bytes.push(DOUBLE);
        self.bytes.extend_from_slice(&number.to_bits().to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.head(TEXT, text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Writes the head of an item in as few bytes as it fits into.
    fn head(&mut self, major: u8, argument: u64) {
        let bytes = argument.to_be_bytes();
        let (info, length) = match argument {
            0..24 => return self.bytes.push(major | argument as u8),
            24..0x100 => (24, 1),
            0x100..0x1_0000 => (25, 2),
            0x1_0000..0x1_0000_0000 => (26, 4),
            _ => (27, 8),
        };
        self.bytes.push(major | info);
        self.bytes.extend_from_slice(&bytes[bytes.len() - length..]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::cbor::decode;

    const FORMS: AnswerForms =
        AnswerForms(&[("At", MemberForm::Timestamp), ("Times", MemberForm::Timestamp), ("Map", MemberForm::Map)]);

    fn hex(value: Value) -> String {
        hex::encode(encode(&value, FORMS))
    }

    #[test]
    fn values_take_as_few_bytes_as_they_fit_into() {
        assert_eq!(
            hex(json!([0, 23, 24, 255, 256, 65536, 4_294_967_296_u64])),
            "870017181818ff1901001a000100001b0000000100000000"
        );
        assert_eq!(hex(json!([-1, -24, -25, -257, i64::MIN])), "852037381839 0100 3b7fffffffffffffff".replace(' ', ""));
        assert_eq!(
            hex(json!({"a": [true, false, null], "b": "é", "c": null})),
            "a26161 83f5f4f6 616262c3a9".replace(' ', "")
        );
    }

    #[test]
    fn a_number_that_is_not_an_integer_is_a_double_however_round() {
        assert_eq!(hex(json!(5.0)), "fb4014000000000000");
        assert_eq!(hex(json!(5)), "05");
    }

    #[test]
    fn instants_are_tagged_doubles() {
        assert_eq!(hex(json!({"At": 1})), "a1624174c1fb3ff0000000000000");
        assert_eq!(hex(json!({"Times": [1.0]})), "a16554696d657381c1fb3ff0000000000000");
        assert_eq!(hex(json!({"Map": {"At": 1}})), "a1634d6170a162417401", "a key of the caller's choice says nothing");
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_filter_map("finite", |number| Number::from_f64(number).map(Value::Number)),
            ".{0,30}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 60, 30, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..30).prop_map(Value::from),
                prop::collection::btree_map("[a-z]{0,3}", inner, 0..30).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_itself(value in value()) {
            prop_assert_eq!(decode(&encode(&value, FORMS)), Ok(value));
        }
    }
}
