//! A service on the screen, as lines with labels in a gutter: as many as there is room for, the less important left out first.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use seatrial_release::Verdict;
use seatrial_release::view::{AlarmState, ServiceView, WatchView};
use time::OffsetDateTime;

use super::super::words;
use super::theme::Theme;
use super::{revision, stages};
use crate::show::time::length;

/// Columns of the gutter.
const GUTTER: usize = 11;

/// Height from which groups are set apart by a blank line.
const AIRY_FROM: u16 = 32;

/// Fewest events that stay in sight.
const EVENTS_MIN: usize = 3;

/// Most lines of targets that are not healthy, in a high and in a low screen.
const AILING_HIGH: usize = 4;
const AILING_LOW: usize = 2;

/// Revisions side by side; more than two only stand while an older deployment is being cleared away.
const COLUMNS: usize = 2;

/// Draws a service into an area.
pub fn draw(
    frame: &mut Frame,
    area: Rect,
    service: &ServiceView,
    view: &WatchView,
    scrolled: usize,
    theme: Theme,
    now: OffsetDateTime,
) {
    let is_airy = area.height >= AIRY_FROM;
    let width = usize::from(area.width).saturating_sub(GUTTER);
    let mut cursor = Cursor { area, is_airy };
    cursor.group(frame, head(service, view, width, is_airy, theme, now));
    let ailing_max = if is_airy { AILING_HIGH } else { AILING_LOW };
    revisions(frame, &mut cursor, service, ailing_max, theme);
    let mut notices = notices(service, width, theme, now);
    let room = usize::from(cursor.area.height).saturating_sub(EVENTS_MIN + usize::from(is_airy));
    cut(&mut notices, room, theme);
    cursor.group(frame, notices);
    cursor.group(frame, events(service, scrolled, usize::from(cursor.area.height), theme, now));
}

/// A line with its label.
type Row = (&'static str, Line<'static>);

/// A text as rows, with the label at the first.
fn text(label: &'static str, text: &str, width: usize, style: Style) -> Vec<Row> {
    let lines = words::wrapped(text, width.saturating_sub(1)).into_iter().enumerate();
    lines.map(|(index, line)| (if index == 0 { label } else { "" }, Line::styled(line, style))).collect()
}

/// What is left of the area.
struct Cursor {
    area: Rect,
    is_airy: bool,
}

impl Cursor {
    /// Takes lines from the top of what is left.
    fn take(&mut self, height: usize) -> Rect {
        let height = u16::try_from(height).unwrap_or(u16::MAX).min(self.area.height);
        let taken = Rect { height, ..self.area };
        self.area.y += height;
        self.area.height -= height;
        taken
    }

    /// Draws rows as they are, and a blank line after them where there is room for such.
    fn group(&mut self, frame: &mut Frame, rows: Vec<Row>) {
        if rows.is_empty() {
            return;
        }
        let area = self.take(rows.len());
        let lines: Vec<Line> = rows.into_iter().map(|(label, line)| with_gutter(label, line)).collect();
        frame.render_widget(Paragraph::new(lines), area);
        self.space();
    }

    fn space(&mut self) {
        if self.is_airy {
            self.take(1);
        }
    }
}

fn with_gutter(label: &str, line: Line<'static>) -> Line<'static> {
    let mut spans = vec![Span::raw(format!(" {label:<width$}", width = GUTTER - 1))];
    let style = line.style;
    spans.extend(line.spans.into_iter().map(|span| Span { style: style.patch(span.style), ..span }));
    Line::from(spans)
}

/// What goes on, in which stage, with which shares of traffic.
fn head(
    service: &ServiceView,
    view: &WatchView,
    width: usize,
    is_airy: bool,
    theme: Theme,
    now: OffsetDateTime,
) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let state = words::state(service);
    let urls = is_airy.then(|| words::urls(service)).flatten().map(|urls| ("", Line::styled(urls, theme.faint())));
    let Some(deployment) = service.running() else {
        let course = words::course(service);
        rows.push(("service", Line::from(vec![Span::styled(state, theme.strong()), Span::raw(format!("  {course}"))])));
        rows.extend(urls);
        let is_well = service.deployment.as_ref().is_none_or(|last| last.verdict == Some(Verdict::Deployed));
        let style = if is_well { theme.faint() } else { theme.bad() };
        rows.extend(words::last(service, now).into_iter().flat_map(|last| text("", &last, width, style)));
        return rows;
    };
    let state_style = if deployment.is_rolling_back() { theme.bad() } else { theme.strong() };
    let elapsed = deployment.since.map_or(deployment.elapsed, |since| words::between(since, now));
    rows.push((
        "deploying",
        Line::from(vec![
            Span::styled(state, state_style),
            Span::raw(format!("  {}  {}  ", deployment.strategy, words::course(service))),
            Span::styled(
                if is_airy { words::scaled(elapsed, view.time_scale) } else { length(elapsed) },
                theme.faint(),
            ),
        ]),
    ));
    rows.extend(urls);
    rows.extend(deployment.waiting_for.iter().map(|what| ("", Line::raw(format!("waiting for {what}")))));
    let why =
        deployment.rollback.as_ref().and_then(|rollback| rollback.reason.clone()).or_else(|| deployment.reason.clone());
    rows.extend(why.into_iter().flat_map(|why| text("because", &why, width, theme.bad())));
    rows.extend(stages::strip(&deployment.stages, width, theme).map(|line| ("stages", line)));
    let present = stages::present(deployment, view, now);
    let style = if deployment.is_rolling_back() { theme.bad() } else { theme.plain() };
    rows.extend(present.into_iter().flat_map(|present| text("", &present, width, style)));
    rows.extend(stages::traffic(deployment, width, theme));
    rows
}

fn revisions(frame: &mut Frame, cursor: &mut Cursor, service: &ServiceView, ailing_max: usize, theme: Theme) {
    let shown = &service.revisions[..service.revisions.len().min(COLUMNS)];
    if shown.is_empty() {
        return;
    }
    let count = u16::try_from(shown.len()).unwrap_or(1);
    let width = cursor.area.width / count;
    let room = usize::from(width).saturating_sub(1);
    let deployment = service.running();
    let tops: Vec<Vec<Line>> =
        shown.iter().map(|each| revision::head(each, deployment, room, ailing_max, theme)).collect();
    let height = tops.iter().map(Vec::len).max().unwrap_or(0);
    // What is compared stands side by side.
    let columns: Vec<Vec<Line>> = shown
        .iter()
        .zip(tops)
        .map(|(each, mut lines)| {
            if service.shared_rates.is_none() {
                lines.resize(height, Line::default());
                lines.extend(revision::rates(each.rates.as_ref(), room, theme));
            }
            lines
        })
        .collect();
    let height = columns.iter().map(Vec::len).max().unwrap_or(0);
    let area = cursor.take(height);
    for (number, lines) in (0..count).zip(columns) {
        let left = area.x + number * width + 1;
        let column = Rect { x: left, width: width.saturating_sub(1), ..area };
        frame.render_widget(Paragraph::new(lines), column.intersection(area));
    }
    if let Some(rates) = &service.shared_rates {
        let lines = revision::rates(Some(rates), usize::from(area.width).saturating_sub(2), theme);
        let area = cursor.take(lines.len());
        frame.render_widget(Paragraph::new(lines), Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area });
    }
    let more = service.revisions.len() - shown.len();
    if more > 0 {
        let area = cursor.take(1);
        frame.render_widget(Line::styled(format!(" and {more} older still leaving"), theme.faint()), area);
    }
    cursor.space();
}

/// Hooks, alarms, failures, and what could not be read: what needs somebody first.
fn notices(service: &ServiceView, width: usize, theme: Theme, now: OffsetDateTime) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    if let Some(deployment) = service.running() {
        for hook in deployment.hooks.iter().filter(|hook| hook.is_open()) {
            rows.extend(text("hooks", &words::hook(hook, now), width, theme.doubtful()));
        }
        for hook in deployment.hooks.iter().filter(|hook| !hook.is_open()) {
            rows.push(("hooks", Line::styled(words::hook(hook, now), theme.faint())));
        }
        rows.extend(
            words::breaker(deployment).into_iter().flat_map(|told| text("breaker", &told, width, theme.doubtful())),
        );
    }
    for alarm in &service.alarms {
        let style = match alarm.state {
            AlarmState::Alarm => theme.bad(),
            AlarmState::Ok => theme.good(),
            AlarmState::InsufficientData | AlarmState::Missing => theme.doubtful(),
        };
        rows.extend(text("alarms", &words::alarm(alarm, now), width, style));
    }
    for failure in &service.failures {
        rows.extend(text("failed", &failure.what, width, theme.bad()));
        rows.extend(failure.log.iter().map(|line| ("", Line::styled(format!("| {line}"), theme.faint()))));
    }
    rows.extend(service.remarks.iter().flat_map(|remark| text("remark", remark, width, theme.doubtful())));
    without_repeated_labels(rows)
}

fn without_repeated_labels(mut rows: Vec<Row>) -> Vec<Row> {
    let mut last = "";
    for (label, _) in &mut rows {
        let is_repeated = *label == last;
        last = if label.is_empty() { last } else { *label };
        if is_repeated {
            *label = "";
        }
    }
    rows
}

/// Keeps as many rows as there is room for, and says how many are missing.
fn cut(rows: &mut Vec<Row>, room: usize, theme: Theme) {
    if rows.len() <= room {
        return;
    }
    let missing = rows.len() - room.saturating_sub(1);
    rows.truncate(room.saturating_sub(1));
    if room > 0 {
        rows.push((
            "",
            Line::styled(format!("… {missing} more lines on a higher screen, or with --plain"), theme.faint()),
        ));
    }
}

fn events(service: &ServiceView, scrolled: usize, room: usize, theme: Theme, now: OffsetDateTime) -> Vec<Row> {
    let shown = service.events.iter().skip(scrolled).take(room);
    let row = |(index, event): (usize, &seatrial_release::view::EventView)| {
        let at = event.at.map(|at| words::clock(at, now)).unwrap_or_default();
        let label = if index == 0 { "events" } else { "" };
        (label, Line::from(vec![Span::styled(format!("{at}  "), theme.faint()), Span::raw(event.message.clone())]))
    };
    shown.enumerate().map(row).collect()
}
