//! A timeline as a picture: what is waited for in turn, the new version's share of traffic, and healthy and all tasks below it.

use std::fmt::Write;
use std::time::Duration;

use seatrial_release::forecast::{Point, Timeline, Wait};

use super::time::length;
use super::timeline::words;

const WIDTH: f64 = 960.0;
const LEFT: f64 = 230.0;
const ROW: f64 = 20.0;
const CHART: f64 = 70.0;
const GAP: f64 = 16.0;
/// The distance between two marks of the axis is one of these.
const STEPS: [u64; 14] =
    [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 3_600_000];
/// The most letters of a title.
const TITLE_MAX: usize = 130;
/// About as many marks as the axis has.
const MARKS: f64 = 10.0;

/// Draws timelines one below the other on one scale.
pub fn svg(lanes: &[(String, &Timeline)], longest: Duration) -> String {
    let scale = Scale { whole: longest.as_secs_f64().max(0.001) };
    let mut body = String::new();
    let mut y = 10.0;
    for (title, timeline) in lanes {
        y = lane(&mut body, y, title, timeline, scale);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

#[derive(Clone, Copy)]
struct Scale {
    whole: f64,
}

impl Scale {
    fn x(self, at: Duration) -> f64 {
        LEFT + (WIDTH - LEFT - 70.0) * at.as_secs_f64() / self.whole
    }
}

fn lane(body: &mut String, top: f64, title: &str, timeline: &Timeline, scale: Scale) -> f64 {
    let mut y = top + 14.0;
    text(body, 10.0, y, "start", "#111111", &shortened(title), true);
    y += GAP;
    let phases = &timeline.success.phases;
    let end = phases.last().map_or(Duration::ZERO, |phase| phase.end);
    let bottom = y + ROW * phases.len() as f64 + GAP / 2.0 + 2.0 * (CHART + GAP);
    axis(body, y, bottom, end, scale);
    let whole = end.as_secs_f64().max(0.001);
    for phase in phases {
        let (from, to) = (scale.x(phase.begin), scale.x(phase.end));
        text(body, LEFT - 8.0, y + 14.0, "end", "#333333", words(phase.wait), false);
        let _ = writeln!(
            body,
            "<rect x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"2\" fill=\"{}\"/>",
            y + 3.0,
            (to - from).max(1.0),
            ROW - 6.0,
            colour(phase.wait)
        );
        let share = 100.0 * phase.took().as_secs_f64() / whole;
        let label = format!("{} · {share:.0} %", length(phase.took()));
        text(body, to + 5.0, y + 14.0, "start", "#555555", &label, false);
        y += ROW;
    }
    y += GAP / 2.0;
    let points = &timeline.success.points;
    let share = |point: &Point| point.share;
    steps(body, y, points, end, scale, 1.0, (&share, "#8250df"));
    text(body, LEFT - 8.0, y + 14.0, "end", "#8250df", "traffic on the new version, 0–100 %", false);
    y += CHART + GAP;
    let most = f64::from(timeline.success.most_tasks.max(timeline.desired).max(1));
    let all = |point: &Point| f64::from(point.tasks);
    let healthy = |point: &Point| f64::from(point.healthy);
    steps(body, y, points, end, scale, most, (&all, "#9a9a9a"));
    steps(body, y, points, end, scale, most, (&healthy, "#1a7f37"));
    text(
        body,
        LEFT - 8.0,
        y + 14.0,
        "end",
        "#9a9a9a",
        &format!("all tasks, at most {}", timeline.success.most_tasks),
        false,
    );
    let fewest = format!("healthy tasks, at least {}", timeline.success.fewest_healthy);
    text(body, LEFT - 8.0, y + 30.0, "end", "#1a7f37", &fewest, false);
    y + CHART + 2.0 * GAP
}

/// A title that fits.
fn shortened(title: &str) -> String {
    if title.chars().count() <= TITLE_MAX {
        return title.to_owned();
    }
    title.chars().take(TITLE_MAX - 1).chain(['…']).collect()
}

fn axis(body: &mut String, top: f64, bottom: f64, end: Duration, scale: Scale) {
    let wanted = scale.whole * 1000.0 / MARKS;
    let step = STEPS.into_iter().find(|step| *step as f64 >= wanted).unwrap_or(STEPS[STEPS.len() - 1]);
    let mut at = Duration::ZERO;
    while at <= end {
        let x = scale.x(at);
        let _ =
            writeln!(body, "<line x1=\"{x:.1}\" y1=\"{top:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\" stroke=\"#e4e4e4\"/>");
        text(body, x, bottom + 11.0, "middle", "#777777", &clock(at), false);
        at += Duration::from_millis(step);
    }
}

/// `1:30`, or `0.5` below a minute with parts of a second.
fn clock(at: Duration) -> String {
    if at.subsec_millis() > 0 {
        format!("{:.1}", at.as_secs_f64())
    } else {
        format!("{}:{:02}", at.as_secs() / 60, at.as_secs() % 60)
    }
}

/// A value that stays the same until it changes.
fn steps(
    body: &mut String,
    top: f64,
    points: &[Point],
    end: Duration,
    scale: Scale,
    most: f64,
    (value, colour): (&dyn Fn(&Point) -> f64, &str),
) {
    let y = |point: &Point| top + CHART * (1.0 - value(point) / most);
    let mut path = String::new();
    let mut before: Option<f64> = None;
    for point in points.iter().filter(|point| point.at <= end) {
        let (x, y) = (scale.x(point.at), y(point));
        match before {
            None => drop(write!(path, "M{x:.1} {y:.1}")),
            Some(before) => drop(write!(path, " L{x:.1} {before:.1} L{x:.1} {y:.1}")),
        }
        before = Some(y);
    }
    if let Some(last) = before {
        let _ = write!(path, " L{:.1} {last:.1}", scale.x(end));
    }
    let base = top + CHART;
    let _ = writeln!(
        body,
        "<line x1=\"{LEFT}\" y1=\"{base:.1}\" x2=\"{:.1}\" y2=\"{base:.1}\" stroke=\"#cccccc\"/>\n\
         <path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
        scale.x(end)
    );
}

fn text(body: &mut String, x: f64, y: f64, anchor: &str, colour: &str, what: &str, bold: bool) {
    let weight = if bold { " font-weight=\"bold\"" } else { "" };
    let what = what.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(
        body,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\"{weight}>{what}</text>"
    );
}

fn colour(wait: Wait) -> &'static str {
    match wait {
        Wait::Provisioning | Wait::Pull | Wait::Start | Wait::Boot => "#0969da",
        Wait::HealthCheck | Wait::Notice | Wait::CountsAsHealthy | Wait::GracePeriod => "#1a7f37",
        Wait::Draining | Wait::Stop | Wait::Deprovisioning => "#bc4c00",
        Wait::Bake | Wait::Alarm => "#8250df",
        Wait::Scheduler | Wait::StartThrottle | Wait::Crash | Wait::Other => "#6e7781",
    }
}
