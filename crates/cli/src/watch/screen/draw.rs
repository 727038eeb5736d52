//! The whole picture: a bar above, a service, a bar below. Draws what it is given and decides nothing else.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use time::OffsetDateTime;

use super::super::actions::Done;
use super::super::keys::Action;
use super::super::words;
use super::body;
use super::state::State;
use super::theme::Theme;

/// Smallest screen on which anything can be told.
const WIDTH_MIN: u16 = 40;
const HEIGHT_MIN: u16 = 10;

/// Draws the screen.
pub fn draw(frame: &mut Frame, state: &State, theme: Theme, now: OffsetDateTime) {
    let area = frame.area();
    if area.width < WIDTH_MIN || area.height < HEIGHT_MIN {
        let text = format!("this terminal is too small: {WIDTH_MIN}x{HEIGHT_MIN} at least");
        frame.render_widget(Paragraph::new(text), area);
        return;
    }
    let message = message(state, theme, now);
    let rows = [
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(u16::from(message.is_some())),
        Constraint::Length(1),
    ];
    let [top, middle, above_bottom, bottom] = Layout::vertical(rows).areas(area);
    header(frame, top, state, theme, now);
    match (state.view(), state.service()) {
        (Some(view), Some(service)) => body::draw(frame, middle, service, view, state.scrolled(), theme, now),
        (Some(_), None) => frame.render_widget(Line::raw(" there is no service in this environment"), middle),
        (None, _) => frame.render_widget(Line::raw(" looking …"), middle),
    }
    if let Some(message) = message {
        frame.render_widget(message, above_bottom);
    }
    footer(frame, bottom, state, theme);
}

/// Where one is, the services, and the time.
fn header(frame: &mut Frame, area: Rect, state: &State, theme: Theme, now: OffsetDateTime) {
    frame.render_widget(Line::raw(" ".repeat(usize::from(area.width))).style(theme.bar()), area);
    let mut time = format!("{} ", words::clock(now, now));
    let mut left = vec![Span::styled(" seatrial", theme.strong())];
    if let Some(view) = state.view() {
        if view.time_scale > 1 {
            time = format!("{} times faster  {time}", view.time_scale);
        }
        left.push(Span::raw(format!("  {} · {} ", view.app, view.environment)));
        for (index, service) in view.services.iter().enumerate() {
            let name = &service.service;
            let sign = words::sign(service);
            let tab = if index == state.selected() { format!(" [{name}{sign}]") } else { format!("  {name}{sign} ") };
            left.push(if index == state.selected() { Span::styled(tab, theme.strong()) } else { Span::raw(tab) });
        }
    }
    let room = u16::try_from(time.chars().count()).unwrap_or(area.width).min(area.width);
    let [left_area, right_area] = Layout::horizontal([Constraint::Fill(1), Constraint::Length(room)]).areas(area);
    frame.render_widget(Line::from(left).style(theme.bar()), left_area);
    frame.render_widget(Line::raw(time).style(theme.bar()), right_area);
}

/// A lost endpoint, else what became of the last action.
fn message(state: &State, theme: Theme, now: OffsetDateTime) -> Option<Line<'static>> {
    if let Some(lost) = state.lost() {
        let since = words::clock(lost.since, now);
        return Some(Line::styled(format!(" no answer since {since}, retrying ({})", lost.problem), theme.bad()));
    }
    Some(match state.message(now)? {
        Done::Well(text) => Line::styled(format!(" ✔ {text}"), theme.good()),
        Done::Badly(text) => Line::styled(format!(" ✘ {text}"), theme.bad()),
    })
}

/// A question, or the keys that do something now.
fn footer(frame: &mut Frame, area: Rect, state: &State, theme: Theme) {
    let line = match state.question() {
        Some(question) => Line::from(vec![Span::styled(format!(" {question} "), theme.strong()), Span::raw("y/n")]),
        None => keys(state, theme),
    };
    frame.render_widget(Line::raw(" ".repeat(usize::from(area.width))).style(theme.bar()), area);
    frame.render_widget(line.style(theme.bar()), area);
}

fn keys(state: &State, theme: Theme) -> Line<'static> {
    let mut offered: Vec<(String, &'static str)> = Vec::new();
    if let Some(service) = state.service() {
        let actions = Action::ALL.into_iter().filter(|action| action.applies(service));
        offered.extend(actions.map(|action| (action.keys()[0].to_string(), action.label())));
    }
    if state.view().is_some_and(|view| view.services.len() > 1) {
        offered.push(("Tab".into(), "service"));
    }
    offered.push(("↑↓".into(), "events"));
    let quit = if state.service().is_some_and(|service| service.running().is_some()) {
        "quit (the deployment goes on)"
    } else {
        "quit"
    };
    offered.push(("q".into(), quit));
    let spans = offered
        .into_iter()
        .flat_map(|(key, label)| [Span::styled(format!(" {key}"), theme.strong()), Span::raw(format!(" {label} "))]);
    Line::from(spans.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
    use seatrial_release::view::WatchView;

    use super::super::super::feed::{Lost, News};
    use super::super::super::fixtures;
    use super::super::state::tests::showing;
    use super::*;
    use crate::printer::Color;

    fn picture(state: &State, width: u16, height: u16, now: OffsetDateTime) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal in memory");
        terminal.draw(|frame| draw(frame, state, Theme::new(Color::Off), now)).expect("it can be drawn");
        let buffer = terminal.backend().buffer().clone();
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(row).collect::<Vec<_>>().join("\n")
    }

    fn both_sizes(view: WatchView) -> String {
        let now = view.at;
        let state = showing(view);
        [(120, 40), (80, 24)]
            .map(|(width, height)| format!("--- {width}x{height}\n{}", picture(&state, width, height, now)))
            .join("\n")
    }

    #[test]
    fn a_canary_in_its_first_step_with_an_alarm() {
        insta::assert_snapshot!(both_sizes(fixtures::canary()));
    }

    #[test]
    fn a_canary_that_is_paused() {
        insta::assert_snapshot!(both_sizes(fixtures::paused()));
    }

    #[test]
    fn a_deployment_that_is_rolled_back() {
        insta::assert_snapshot!(both_sizes(fixtures::rolling_back()));
    }

    #[test]
    fn a_steady_service() {
        insta::assert_snapshot!(both_sizes(fixtures::steady()));
    }

    #[test]
    fn a_first_deployment() {
        insta::assert_snapshot!(both_sizes(fixtures::first()));
    }

    #[test]
    fn a_rolling_update() {
        insta::assert_snapshot!(both_sizes(fixtures::rolling()));
    }

    #[test]
    fn a_question_takes_the_place_of_the_keys_and_a_lost_endpoint_is_told() {
        let view = fixtures::paused();
        let now = view.at;
        let mut state = showing(view.clone());
        state.hear(&Event::Key(KeyEvent::new(KeyCode::Char('a'), KeyModifiers::NONE)));
        let lines = |state: &State| picture(state, 80, 24, now).lines().map(ToOwned::to_owned).collect::<Vec<_>>();
        assert_eq!(lines(&state)[23], " Abort the deployment of web and roll it back? y/n");
        let lost = Lost { since: now, problem: "looking at service web: no connection".into(), is_transient: true };
        state.take(News { view: Some(std::sync::Arc::new(view)), lost: Some(lost), looks: 2 });
        assert_eq!(lines(&state)[22], " no answer since 10:13:28Z, retrying (looking at service web: no connection)");
    }

    #[test]
    fn every_size_can_be_drawn() {
        for (width, height) in [(1, 1), (39, 24), (40, 10), (60, 15), (200, 70), (300, 12)] {
            for view in [fixtures::canary(), fixtures::rolling(), fixtures::steady()] {
                let now = view.at;
                picture(&showing(view), width, height, now);
            }
            picture(&State::default(), width, height, fixtures::steady().at);
        }
    }
}
