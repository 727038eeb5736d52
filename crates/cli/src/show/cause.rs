//! A cause of failure as a block of text: what happened, what ECS says, the last log lines, what to try next.

use seatrial_release::Cause;

use crate::printer::Paint;

/// The block, indented by two blanks.
pub fn block(cause: &Cause, paint: Paint) -> String {
    let count = if cause.tasks > 1 { format!(" ({} tasks failed like this)", cause.tasks) } else { String::new() };
    let mut lines = vec![format!("{} {}{count}", paint.bad("cause:"), cause.what)];
    let details = [
        ("stopped reason", cause.stopped_reason.clone()),
        ("container", cause.container_reason.clone()),
        ("exit code", cause.exit_code.map(|code| code.to_string())),
        ("health check", cause.health_answer.clone()),
    ];
    for (name, value) in details {
        lines.extend(value.map(|value| format!("  {} {value}", paint.faint(&format!("{name}:")))));
    }
    if !cause.log.is_empty() {
        let container = cause.container.as_deref().unwrap_or("the container");
        lines.push(format!("  {}", paint.faint(&format!("last lines of {container}:"))));
        lines.extend(cause.log.iter().map(|line| format!("  {} {line}", paint.faint("|"))));
    }
    lines.push(format!("{} {}", paint.strong("next:"), cause.next));
    lines.into_iter().map(|line| format!("  {line}\n")).collect()
}
