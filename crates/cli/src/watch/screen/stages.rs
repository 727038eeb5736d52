//! The strip of lifecycle stages and the bars of traffic.

use ratatui::text::{Line, Span};
use seatrial_model::LifecycleStage;
use seatrial_release::view::{DeploymentView, StageState, StageView, WatchView};
use time::OffsetDateTime;

use super::super::words;
use super::theme::Theme;

/// Narrowest screen with the names of all stages; below it signs stand for them.
const NAMED_FROM: usize = 108;

/// Signs of hooks, behind the stage that has them.
const PAUSE: &str = "‖";
const FUNCTION: &str = "ƒ";

/// Longest bar.
const BAR_MAX: usize = 60;

/// Columns for what is said behind a bar.
const SHARES: usize = 26;

/// One line: each stage with a sign, and its name where there is room.
pub fn strip(stages: &[StageView], width: usize, theme: Theme) -> Option<Line<'static>> {
    if stages.is_empty() {
        return None;
    }
    let is_named = width >= NAMED_FROM;
    let mut spans = Vec::new();
    for stage in stages {
        let (sign, style) = match stage.state {
            StageState::Done => ("✔", theme.good()),
            StageState::Now => ("▶", theme.strong()),
            StageState::Ahead => ("·", theme.faint()),
            StageState::LeftForRollback => ("◀", theme.bad()),
        };
        let name = if is_named { short(stage.stage) } else { "" };
        let is_pause = |hook: &String| hook == "pause";
        let pause = if stage.hooks.iter().any(is_pause) { PAUSE } else { "" };
        let function = if stage.hooks.iter().any(|hook| !is_pause(hook)) { FUNCTION } else { "" };
        spans.push(Span::styled(format!("{sign}{name}{pause}{function}"), style));
        spans.push(Span::raw(" "));
    }
    if !is_named {
        spans.push(Span::styled(place(stages), theme.faint()));
    }
    Some(Line::from(spans))
}

/// `stage 8 of 11`.
fn place(stages: &[StageView]) -> String {
    let is_at = |stage: &StageView| matches!(stage.state, StageState::Now | StageState::LeftForRollback);
    match stages.iter().position(is_at) {
        Some(at) => format!(" stage {} of {}", at + 1, stages.len()),
        None => String::new(),
    }
}

/// A stage in a word.
fn short(stage: LifecycleStage) -> &'static str {
    match stage {
        LifecycleStage::ReconcileService => "reconcile",
        LifecycleStage::PreScaleUp => "pre-scale",
        LifecycleStage::ScaleUp => "scale",
        LifecycleStage::PostScaleUp => "post-scale",
        LifecycleStage::TestTrafficShift => "test",
        LifecycleStage::PostTestTrafficShift => "post-test",
        LifecycleStage::PreProductionTrafficShift => "pre-prod",
        LifecycleStage::ProductionTrafficShift => "prod",
        LifecycleStage::PostProductionTrafficShift => "post-prod",
        LifecycleStage::BakeTime => "bake",
        LifecycleStage::CleanUp => "clean-up",
    }
}

/// The present stage in full, with its times; on the way back where it was left.
pub fn present(deployment: &DeploymentView, view: &WatchView, now: OffsetDateTime) -> Option<String> {
    if let Some(present) = &deployment.present {
        return Some(words::stage(present, view.time_scale, now));
    }
    let left = deployment.stages.iter().find(|stage| stage.state == StageState::LeftForRollback)?;
    Some(format!("left at {}", left.stage.as_str()))
}

/// A bar per kind of traffic: the new version's share is filled.
pub fn traffic(deployment: &DeploymentView, width: usize, theme: Theme) -> Vec<(&'static str, Line<'static>)> {
    let Some(weights) = deployment.weights else { return Vec::new() };
    let steps = if deployment.shares.len() > 1 {
        let steps: Vec<String> = deployment.shares.iter().map(ToString::to_string).collect();
        format!("  steps {} %", steps.join(" → "))
    } else {
        String::new()
    };
    let room = width.saturating_sub(SHARES + steps.chars().count()).clamp(10, BAR_MAX);
    vec![("traffic", bar(weights.production, &steps, room, theme)), ("test", bar(weights.test, "", room, theme))]
}

fn bar(percent: f64, behind: &str, width: usize, theme: Theme) -> Line<'static> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a share of the width
    let filled = ((percent / 100.0 * width as f64).round() as usize).min(width);
    // A share that is there can be seen.
    let filled = if percent > 0.0 { filled.max(1) } else { filled };
    Line::from(vec![
        Span::styled("█".repeat(filled), theme.new_version()),
        Span::styled("░".repeat(width - filled), theme.faint()),
        Span::styled(format!("  new {:>5}", words::share(percent)), theme.new_version()),
        Span::raw(format!("  old {:>5}", words::share(100.0 - percent))),
        Span::styled(behind.to_owned(), theme.faint()),
    ])
}
