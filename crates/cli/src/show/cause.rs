//! A cause of failure as a block of text: what happened, what ECS says, the last log lines, what to try next.

use seatrial_release::Cause;

use crate::printer::Paint;

/// What ECS says of every task that stopped this way; the sentence of the cause says it too, and more.
const STOCK_REASONS: [&str; 4] = [
    "Essential container in task exited",
    "Task failed to start",
    "Task failed ELB health checks",
    "Task failed container health checks",
];

/// Whether a detail adds to the sentence above it.
fn is_news(cause: &Cause, detail: &str) -> bool {
    !cause.what.contains(detail) && !STOCK_REASONS.iter().any(|stock| detail.starts_with(stock))
}

/// The block, indented by two blanks.
pub fn block(cause: &Cause, paint: Paint) -> String {
    let count = if cause.tasks > 1 { format!(" ({} tasks failed like this)", cause.tasks) } else { String::new() };
    let mut lines = vec![format!("{} {}{count}", paint.bad("cause:"), cause.what)];
    let details = [
        ("stopped reason", &cause.stopped_reason),
        ("container", &cause.container_reason),
        ("health check", &cause.health_answer),
    ];
    for (name, value) in details {
        let news = value.as_ref().filter(|value| is_news(cause, value));
        lines.extend(news.map(|value| format!("  {} {value}", paint.faint(&format!("{name}:")))));
    }
    if let Some(code) = cause.exit_code.filter(|code| !cause.what.contains(&format!("code {code}"))) {
        lines.push(format!("  {} {code}", paint.faint("exit code:")));
    }
    if !cause.log.is_empty() {
        let container = cause.container.as_deref().unwrap_or("the container");
        lines.push(format!("  {}", paint.faint(&format!("last lines of {container}:"))));
        lines.extend(cause.log.iter().map(|line| format!("  {} {line}", paint.faint("|"))));
    }
    lines.push(format!("{} {}", paint.strong("next:"), cause.next));
    lines.into_iter().map(|line| format!("  {line}\n")).collect()
}
