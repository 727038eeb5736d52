//! Finds the answer in what a command printed.

use serde_json::Value;

/// Reads the answer: all that was printed when that is one JSON document, however many lines it has, otherwise its last line that is
/// not blank, so that a script may print progress before it.
pub(crate) fn parse(printed: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(printed).or_else(|_| serde_json::from_slice(last_line(printed)))
}

fn last_line(printed: &[u8]) -> &[u8] {
    let mut lines = printed.rsplit(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.find(|line| !line.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_the_whole_output_or_its_last_line() {
        let succeeded = json!({"hookStatus": "SUCCEEDED"});
        for printed in [
            "{\"hookStatus\":\"SUCCEEDED\"}",
            "{\n  \"hookStatus\":\n  \"SUCCEEDED\"\n}\n",
            "checking…\n\n  all well\r\n{\"hookStatus\":\"SUCCEEDED\"}\r\n\n",
            "1\n2\n{\"hookStatus\":\"SUCCEEDED\"}",
        ] {
            assert_eq!(parse(printed.as_bytes()).expect(printed), succeeded);
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for printed in ["", "\n\n", "SUCCEEDED", "{\"hookStatus\":\"SUCCEEDED\"}\ndone", "\u{0}"] {
            assert!(parse(printed.as_bytes()).is_err(), "{printed}");
        }
    }
}
