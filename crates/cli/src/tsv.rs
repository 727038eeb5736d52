//! Results as tab-separated values, for `cut` and `awk`: the rows of the JSON form, one line each, below a line with the names.
//!
//! The rows are the result itself when it is a list, its one list when it has exactly one, and the result as a single row otherwise. The
//! columns are the members in their order, always all of them. What is nothing is an empty cell; a list or an object in a cell is JSON.
//! A backslash, tab, line feed or carriage return in a text is written `\\`, `\t`, `\n` or `\r`.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// A JSON value whose members keep their order.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Value {
    Nothing,
    Truth(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Value>),
    Object(IndexMap<String, Value>),
}

/// Returns the names and the rows of a result; nothing at all of an empty list.
pub fn table<T: Serialize>(result: &T) -> serde_json::Result<String> {
    let rows = rows(ordered(result)?);
    let names = rows.first().map(names).transpose()?.unwrap_or_default();
    let lines = rows.iter().map(row).collect::<serde_json::Result<String>>()?;
    Ok(names + &lines)
}

/// Returns the line with the names of one row's columns, for results that come one by one.
pub fn header<T: Serialize>(result: &T) -> serde_json::Result<String> {
    names(&ordered(result)?)
}

/// Returns one row without the names.
pub fn line<T: Serialize>(result: &T) -> serde_json::Result<String> {
    row(&ordered(result)?)
}

fn ordered<T: Serialize>(result: &T) -> serde_json::Result<Value> {
    serde_json::from_str(&serde_json::to_string(result)?)
}

fn rows(result: Value) -> Vec<Value> {
    let object = match result {
        Value::List(rows) => return rows,
        Value::Object(object) => object,
        Value::Nothing | Value::Truth(_) | Value::Number(_) | Value::Text(_) => return vec![result],
    };
    let mut lists = object.values().filter_map(|value| match value {
        Value::List(rows) => Some(rows),
        Value::Nothing | Value::Truth(_) | Value::Number(_) | Value::Text(_) | Value::Object(_) => None,
    });
    match (lists.next(), lists.next()) {
        (Some(only), None) => only.clone(),
        (_, _) => vec![Value::Object(object)],
    }
}

fn names(row: &Value) -> serde_json::Result<String> {
    match row {
        Value::Object(object) => Ok(object.keys().map(|name| escaped(name)).collect::<Vec<_>>().join("\t") + "\n"),
        Value::Nothing | Value::Truth(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
            Ok("value\n".to_owned())
        }
    }
}

fn row(row: &Value) -> serde_json::Result<String> {
    let cells = match row {
        Value::Object(object) => object.values().map(cell).collect::<serde_json::Result<Vec<_>>>()?,
        Value::Nothing | Value::Truth(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => vec![cell(row)?],
    };
    Ok(cells.join("\t") + "\n")
}

fn cell(value: &Value) -> serde_json::Result<String> {
    match value {
        Value::Nothing => Ok(String::new()),
        Value::Truth(truth) => Ok(truth.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Text(text) => Ok(escaped(text)),
        Value::List(_) | Value::Object(_) => serde_json::to_string(value),
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::json;

    use super::*;

    #[derive(Serialize)]
    struct Row {
        service: &'static str,
        at: Option<u32>,
        reason: &'static str,
        details: Option<[u8; 2]>,
    }

    const ROWS: [Row; 2] = [
        Row { service: "web", at: Some(3), reason: "a\tb\nc\\d", details: Some([1, 2]) },
        Row { service: "api", at: None, reason: "", details: None },
    ];

    #[test]
    fn a_list_is_a_row_each_with_the_members_in_their_order() {
        let text = table(&ROWS).expect("rows");
        assert_eq!(text, "service\tat\treason\tdetails\nweb\t3\ta\\tb\\nc\\\\d\t[1,2]\napi\t\t\t\n");
        assert!(text.lines().all(|line| line.split('\t').count() == 4));
    }

    #[test]
    fn a_result_with_one_list_is_that_list_and_any_other_is_one_row() {
        for (result, expected) in [
            (json!({ "app": "a", "services": [{ "name": "web" }] }), "name\nweb\n"),
            (json!({ "app": "a", "services": [] }), ""),
            (json!({ "a": [1], "b": [2] }), "a\tb\n[1]\t[2]\n"),
            (json!({ "a": true, "b": { "c": "d\te" } }), "a\tb\ntrue\t{\"c\":\"d\\te\"}\n"),
            (json!(["x", "y"]), "value\nx\ny\n"),
            (json!([]), ""),
        ] {
            assert_eq!(table(&result).expect("rows"), expected, "{result}");
        }
    }

    #[test]
    fn rows_that_come_one_by_one_fit_their_names() {
        let [first, second] = &ROWS;
        let text = header(first).expect("names") + &line(first).expect("row") + &line(second).expect("row");
        assert_eq!(text, table(&ROWS).expect("rows"));
    }
}
