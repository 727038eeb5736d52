//! Writes JSON values as the XML of the query protocol: lists as `<member>` elements, members as elements of their own name, maps as
//! `<entry>` elements with a key and a value, instants in ISO 8601.

use serde_json::{Number, Value};

use crate::answer_form::{AnswerForms, MemberForm};
use crate::timestamp::{EpochSeconds, Iso8601};

/// A member whose name no XML element can have. Only a handler's own mistake can cause it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot be the name of an XML element")]
pub struct InvalidElementName(String);

/// Writes `<name>value</name>`. A null writes nothing, an empty list or structure an empty element.
pub(crate) fn write_element(
    xml: &mut String,
    name: &str,
    value: &Value,
    forms: AnswerForms,
) -> Result<(), InvalidElementName> {
    Writer { xml, forms }.element(name, value, None)
}

struct Writer<'a> {
    xml: &'a mut String,
    forms: AnswerForms,
}

impl Writer<'_> {
    fn element(&mut self, name: &str, value: &Value, form: Option<MemberForm>) -> Result<(), InvalidElementName> {
        if value.is_null() {
            return Ok(());
        }
        if !is_name(name) {
            return Err(InvalidElementName(name.to_owned()));
        }
        self.xml.push('<');
        self.xml.push_str(name);
        self.xml.push('>');
        self.content(value, form)?;
        self.xml.push_str("</");
        self.xml.push_str(name);
        self.xml.push('>');
        Ok(())
    }

    fn content(&mut self, value: &Value, form: Option<MemberForm>) -> Result<(), InvalidElementName> {
        match value {
            Value::Null => {}
            Value::Bool(flag) => self.xml.push_str(if *flag { "true" } else { "false" }),
            Value::Number(number) if form == Some(MemberForm::Timestamp) => self.xml.push_str(&instant(number)),
            Value::Number(number) => self.xml.push_str(&number.to_string()),
            Value::String(text) => escape(self.xml, text),
            Value::Array(items) => items.iter().try_for_each(|item| self.element("member", item, form))?,
            Value::Object(entries) if form == Some(MemberForm::Map) => {
                entries.iter().try_for_each(|(key, value)| self.entry(key, value))?;
            }
            Value::Object(members) => members
                .iter()
                .try_for_each(|(name, member)| self.element(name, member, self.forms.inside(form, name)))?,
        }
        Ok(())
    }

    fn entry(&mut self, key: &str, value: &Value) -> Result<(), InvalidElementName> {
        self.xml.push_str("<entry><key>");
        escape(self.xml, key);
        self.xml.push_str("</key>");
        self.element("value", value, None)?;
        self.xml.push_str("</entry>");
        Ok(())
    }
}

/// Writes epoch seconds in ISO 8601; what is no instant stays a number.
fn instant(seconds: &Number) -> String {
    let instant = seconds.as_f64().and_then(|seconds| EpochSeconds::parse(seconds).ok());
    instant.map_or_else(|| seconds.to_string(), |EpochSeconds(timestamp)| Iso8601(timestamp).format())
}

/// Writes a text so that a parser gives it back. Characters that XML 1.0 cannot hold become U+FFFD.
pub(crate) fn escape(xml: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\r' => xml.push_str("&#13;"),
            '\t' | '\n' => xml.push(c),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => xml.push('\u{fffd}'),
            c => xml.push(c),
        }
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quick_xml::Reader;
    use quick_xml::events::Event;
    use serde_json::json;

    use super::*;

    const FORMS: AnswerForms = AnswerForms(&[("At", MemberForm::Timestamp), ("Statistics", MemberForm::Map)]);

    fn xml(value: Value) -> String {
        let mut xml = String::new();
        write_element(&mut xml, "R", &value, FORMS).expect("every name is a name");
        xml
    }

    #[test]
    fn lists_become_members_and_structures_elements() {
        let rules = json!({"Rules": [{"Priority": "10", "IsDefault": false, "Weight": 5}], "NextMarker": null});
        assert_eq!(
            xml(rules),
            "<R><Rules><member><IsDefault>false</IsDefault><Priority>10</Priority><Weight>5</Weight></member></Rules></R>"
        );
        assert_eq!(xml(json!({"Empty": [], "None": {}})), "<R><Empty></Empty><None></None></R>");
    }

    #[test]
    fn maps_become_entries_and_instants_iso_8601() {
        assert_eq!(
            xml(json!({"Statistics": {"p99.9": 0.5, "At": 5}})),
            "<R><Statistics><entry><key>At</key><value>5</value></entry><entry><key>p99.9</key><value>0.5</value></entry>\
             </Statistics></R>"
        );
        assert_eq!(xml(json!({"At": 1_769_860_800})), "<R><At>2026-01-31T12:00:00.000Z</At></R>");
        assert_eq!(
            xml(json!({"At": [0.25, "x"]})),
            "<R><At><member>1970-01-01T00:00:00.250Z</member><member>x</member></At></R>"
        );
        assert_eq!(xml(json!({"Elsewhere": 1})), "<R><Elsewhere>1</Elsewhere></R>");
    }

    #[test]
    fn markup_in_texts_stays_text() {
        assert_eq!(xml(json!("<a>&\"\r\u{0}")), "<R>&lt;a&gt;&amp;&quot;&#13;\u{fffd}</R>");
    }

    #[test]
    fn a_name_that_would_break_the_document_is_refused() {
        let mut text = String::new();
        for name in ["", "1st", "a b", "a><b", "é"] {
            assert!(write_element(&mut text, name, &json!(1), FORMS).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_parser_gives_every_text_back(text in "[^\u{0}-\u{8}\u{b}\u{c}\u{e}-\u{1f}\u{fffe}\u{ffff}]{0,40}") {
            let document = xml(json!(text));
            let mut reader = Reader::from_str(&document);
            let mut read = String::new();
            loop {
                match reader.read_event().expect("well-formed XML") {
                    Event::Text(part) => read.push_str(&part),
                    Event::GeneralRef(entity) => {
                        if let Some(c) = entity.resolve_char_ref().expect("a character") {
                            read.push(c);
                        } else {
                            read.push_str(quick_xml::escape::resolve_predefined_entity(&entity).expect("a known entity"));
                        }
                    }
                    Event::Eof => break,
                    _ => {}
                }
            }
            prop_assert_eq!(read, text);
        }
    }
}
