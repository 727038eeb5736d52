//! A column for a revision: its tasks, targets, requests, errors and latency.

use ratatui::text::{Line, Span};
use seatrial_release::view::{DeploymentView, Rates, RevisionView, Role};

use super::super::words;
use super::theme::Theme;

/// Columns of the labels in a column.
const LABEL: usize = 9;

/// Heights of a bar of the history, the lowest first.
const HEIGHTS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// A share of errors from which it is shown as bad, in percent.
const BAD_PERCENT: f64 = 1.0;

/// Who a revision is, and how its tasks and targets do. Targets that are not healthy get `ailing_max` lines.
pub fn head(
    revision: &RevisionView,
    deployment: Option<&DeploymentView>,
    width: usize,
    ailing_max: usize,
    theme: Theme,
) -> Vec<Line<'static>> {
    let style = match revision.role {
        Role::New => theme.new_version(),
        Role::Old | Role::Serving => theme.plain(),
    };
    let role = words::role(revision.role, deployment);
    let title = vec![
        Span::styled(format!("{role} "), style.patch(theme.strong())),
        Span::styled(words::revision(revision), style),
    ];
    let is_well = revision.tasks.healthy >= revision.tasks.desired;
    let tasks = if is_well { theme.plain() } else { theme.doubtful() };
    let ailing = words::ailing(revision);
    let targets = words::targets(revision).unwrap_or_else(|| "none".to_owned());
    let targets_style = if ailing.is_empty() { theme.plain() } else { theme.doubtful() };
    let mut lines = vec![
        Line::from(title),
        labelled("tasks", words::tasks(revision), tasks, theme),
        labelled("targets", targets, targets_style, theme),
    ];
    let reasons = ailing.iter().flat_map(|text| words::wrapped(text, width.saturating_sub(LABEL)));
    lines.extend(reasons.take(ailing_max).map(|text| labelled("", text, theme.doubtful(), theme)));
    lines
}

/// Requests, errors and latency, a line each.
pub fn rates(rates: Option<&Rates>, width: usize, theme: Theme) -> Vec<Line<'static>> {
    let Some(rates) = rates else {
        return ["requests", "errors", "latency"]
            .map(|name| labelled(name, "-".to_owned(), theme.faint(), theme))
            .to_vec();
    };
    let count = format!("{:<8}", words::per_second(rates.requests_per_second));
    let history = history(&rates.history, width.saturating_sub(LABEL + count.len() + 1));
    let requests = Line::from(vec![label("requests", theme), Span::raw(count), Span::styled(history, theme.faint())]);
    let is_bad = rates.error_percent.is_some_and(|percent| percent >= BAD_PERCENT);
    let errors = words::errors(rates).map(|text| if is_bad { format!("{text} !") } else { text });
    let latency = words::latency(rates);
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    vec![
        requests,
        labelled("errors", or_none(errors), if is_bad { theme.bad() } else { theme.plain() }, theme),
        labelled("latency", or_none(latency), theme.plain(), theme),
    ]
}

fn label(text: &str, theme: Theme) -> Span<'static> {
    Span::styled(format!("{text:<LABEL$}"), theme.faint())
}

fn labelled(name: &str, text: String, style: ratatui::style::Style, theme: Theme) -> Line<'static> {
    Line::from(vec![label(name, theme), Span::styled(text, style)])
}

/// The newest values as bars, the highest of them filling the line's height.
fn history(values: &[f64], width: usize) -> String {
    let shown = &values[values.len().saturating_sub(width)..];
    let highest = shown.iter().copied().fold(0.0, f64::max);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // one of eight heights
    let height = |value: &f64| ((value / highest * (HEIGHTS.len() - 1) as f64).round() as usize).min(HEIGHTS.len() - 1);
    let bar = |value: &f64| if highest > 0.0 { HEIGHTS[height(value)] } else { HEIGHTS[0] };
    shown.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_shows_the_newest_values_by_their_share_of_the_highest() {
        assert_eq!(history(&[9.0, 0.0, 50.0, 100.0], 3), "▁▅█");
        assert_eq!(history(&[0.0, 0.0], 3), "▁▁");
        assert_eq!(history(&[], 3), "");
    }
}
