//! The deployments of services as a table.

use seatrial_release::HistoryEntry;

use super::time::{length, moment};
use crate::printer::{Paint, table};

/// One row per deployment, in the order given.
pub fn history(entries: &[HistoryEntry], paint: Paint) -> String {
    if entries.is_empty() {
        return "no deployments\n".to_owned();
    }
    let rows: Vec<Vec<String>> = entries.iter().map(|entry| row(entry, paint)).collect();
    table(&["BEGUN", "SERVICE", "RESULT", "TASK DEFINITION", "VERSION", "TOOK", "REASON"], &rows, paint)
}

fn row(entry: &HistoryEntry, paint: Paint) -> Vec<String> {
    let result = match entry.status.as_str() {
        "SUCCESSFUL" => paint.good(&entry.status),
        "PENDING" | "IN_PROGRESS" => paint.doubtful(&entry.status),
        _ => paint.bad(&entry.status),
    };
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    vec![
        moment(entry.created_at),
        entry.service.to_string(),
        result,
        or_dash(&entry.task_definition),
        or_dash(&entry.version),
        entry.duration.map_or_else(|| "-".to_owned(), length),
        entry.reason.clone().unwrap_or_default(),
    ]
}
