//! Writes JSON values as the XML of the query protocol: lists as `<member>` elements, members as elements of their own name.

use serde_json::Value;

/// A member whose name no XML element can have. Only a handler's own mistake can cause it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot be the name of an XML element")]
pub struct InvalidElementName(String);

/// Writes `<name>value</name>`. A null writes nothing, an empty list or structure an empty element.
pub(crate) fn write_element(xml: &mut String, name: &str, value: &Value) -> Result<(), InvalidElementName> {
    if value.is_null() {
        return Ok(());
    }
    if !is_name(name) {
        return Err(InvalidElementName(name.to_owned()));
    }
    xml.push('<');
    xml.push_str(name);
    xml.push('>');
    match value {
        Value::Null => {}
        Value::Bool(flag) => xml.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => xml.push_str(&number.to_string()),
        Value::String(text) => escape(xml, text),
        Value::Array(items) => items.iter().try_for_each(|item| write_element(xml, "member", item))?,
        Value::Object(members) => members.iter().try_for_each(|(name, member)| write_element(xml, name, member))?,
    }
    xml.push_str("</");
    xml.push_str(name);
    xml.push('>');
    Ok(())
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

    fn xml(value: Value) -> String {
        let mut xml = String::new();
        write_element(&mut xml, "R", &value).expect("every name is a name");
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
    fn markup_in_texts_stays_text() {
        assert_eq!(xml(json!("<a>&\"\r\u{0}")), "<R>&lt;a&gt;&amp;&quot;&#13;\u{fffd}</R>");
    }

    #[test]
    fn a_name_that_would_break_the_document_is_refused() {
        let mut text = String::new();
        for name in ["", "1st", "a b", "a><b", "é"] {
            assert!(write_element(&mut text, name, &json!(1)).is_err(), "{name}");
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
