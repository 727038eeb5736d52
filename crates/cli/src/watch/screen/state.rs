//! What the screen shows beside the environment itself: which service, how far down its events, a question, an answer. Pure.

use std::sync::Arc;
use std::time::Duration;

use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use seatrial_release::config::ServiceName;
use seatrial_release::view::{ServiceView, WatchView};
use time::OffsetDateTime;

use super::super::actions::Done;
use super::super::feed::{Lost, News};
use super::super::keys::Action;

/// Events a page key moves by.
const PAGE: usize = 10;

/// How long it is shown that an action went well.
const MESSAGE_SHOWN: Duration = Duration::from_secs(8);

/// What the screen is showing.
#[derive(Clone, Debug, Default)]
pub struct State {
    news: News,
    /// The service shown, by its place.
    selected: usize,
    /// How many of the newest events are scrolled past.
    scrolled: usize,
    question: Option<Question>,
    /// What became of an action, and since when it is shown.
    message: Option<(Done, OffsetDateTime)>,
}

/// A question that waits for `y`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Question {
    action: Action,
    service: ServiceName,
    text: String,
}

/// What somebody wants from outside the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    Quit,
    Act(Action, ServiceName),
}

impl State {
    /// Takes what the feed saw.
    pub fn take(&mut self, news: News) {
        self.news = news;
        let last = self.view().map_or(0, |view| view.services.len().saturating_sub(1));
        self.selected = self.selected.min(last);
        self.scrolled = self.scrolled.min(self.scrollable());
        // Whatever was asked may have been answered by somebody else.
        let still_applies = self.question.as_ref().is_none_or(|question| {
            let service =
                self.view().and_then(|view| view.services.iter().find(|each| each.service == question.service));
            service.is_some_and(|service| question.action.applies(service))
        });
        if !still_applies {
            self.question = None;
        }
    }

    /// Shows what became of an action.
    pub fn tell(&mut self, done: Done, now: OffsetDateTime) {
        self.message = Some((done, now));
    }

    pub fn view(&self) -> Option<&Arc<WatchView>> {
        self.news.view.as_ref()
    }

    pub fn lost(&self) -> Option<&Lost> {
        self.news.lost.as_ref()
    }

    pub fn selected(&self) -> usize {
        self.selected
    }

    pub fn service(&self) -> Option<&ServiceView> {
        self.view()?.services.get(self.selected)
    }

    pub fn scrolled(&self) -> usize {
        self.scrolled
    }

    pub fn question(&self) -> Option<&str> {
        self.question.as_ref().map(|question| question.text.as_str())
    }

    /// What became of the last action; a failure stays until another key is pressed.
    pub fn message(&self, now: OffsetDateTime) -> Option<&Done> {
        let (done, since) = self.message.as_ref()?;
        match done {
            Done::Well(_) => (now - *since < MESSAGE_SHOWN).then_some(done),
            Done::Badly(_) => Some(done),
        }
    }

    /// Hears a key.
    pub fn hear(&mut self, event: &Event) -> Option<Wish> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.press(*key),
            // A resize needs a new picture, which comes anyway.
            _ => None,
        }
    }

    fn press(&mut self, key: KeyEvent) -> Option<Wish> {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return Some(Wish::Quit);
        }
        if let Some(question) = self.question.take() {
            return (key.code == KeyCode::Char('y')).then_some(Wish::Act(question.action, question.service));
        }
        self.message = None;
        match key.code {
            KeyCode::Char('q') => return Some(Wish::Quit),
            KeyCode::Char(letter) => return self.letter(letter),
            KeyCode::Tab | KeyCode::Right => self.select(1),
            KeyCode::BackTab | KeyCode::Left => self.select(-1),
            KeyCode::Down => self.scroll(1),
            KeyCode::Up => self.scroll(-1),
            KeyCode::PageDown => self.scroll(PAGE as isize),
            KeyCode::PageUp => self.scroll(-(PAGE as isize)),
            KeyCode::Home => self.scrolled = 0,
            KeyCode::End => self.scrolled = self.scrollable(),
            _ => {}
        }
        None
    }

    fn letter(&mut self, letter: char) -> Option<Wish> {
        let service = self.service()?;
        let action = Action::of_key(letter, service)?;
        let (name, question) = (service.service.clone(), action.question(service));
        match question {
            Some(text) => {
                self.question = Some(Question { action, service: name, text });
                None
            }
            None => Some(Wish::Act(action, name)),
        }
    }

    fn select(&mut self, by: isize) {
        let count = self.view().map_or(0, |view| view.services.len());
        if count > 0 {
            let count = isize::try_from(count).unwrap_or(isize::MAX);
            let at = isize::try_from(self.selected).unwrap_or(0);
            self.selected = usize::try_from((at + by).rem_euclid(count)).unwrap_or(0);
            self.scrolled = 0;
        }
    }

    fn scroll(&mut self, by: isize) {
        self.scrolled = self.scrolled.saturating_add_signed(by).min(self.scrollable());
    }

    /// The oldest event stays in sight.
    fn scrollable(&self) -> usize {
        self.service().map_or(0, |service| service.events.len().saturating_sub(1))
    }
}

#[cfg(test)]
pub mod tests {
    use super::super::super::fixtures;
    use super::*;

    /// A screen that shows this.
    pub fn showing(view: WatchView) -> State {
        let mut state = State::default();
        state.take(News { view: Some(Arc::new(view)), lost: None, looks: 1 });
        state
    }

    fn key(code: KeyCode) -> Event {
        Event::Key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    fn letter(letter: char) -> Event {
        key(KeyCode::Char(letter))
    }

    #[test]
    fn an_abort_is_asked_about_and_anything_but_yes_means_no() {
        let web: ServiceName = "web".parse().expect("a name");
        let mut state = showing(fixtures::paused());
        assert_eq!(state.hear(&letter('a')), None);
        assert_eq!(state.question(), Some("Abort the deployment of web and roll it back?"));
        assert_eq!(state.hear(&letter('n')), None);
        assert_eq!(state.question(), None);
        state.hear(&letter('a'));
        assert_eq!(state.hear(&letter('y')), Some(Wish::Act(Action::Abort, web.clone())));
        assert_eq!(state.hear(&letter('p')), Some(Wish::Act(Action::Promote, web)));
    }

    #[test]
    fn a_question_that_somebody_else_has_answered_is_gone() {
        let mut state = showing(fixtures::paused());
        state.hear(&letter('a'));
        state.take(News { view: Some(Arc::new(fixtures::rolling_back())), lost: None, looks: 2 });
        assert_eq!(state.question(), None);
        assert_eq!(state.hear(&letter('y')), None);
    }

    #[test]
    fn services_are_gone_through_in_a_circle_and_events_to_the_oldest() {
        let mut state = showing(fixtures::canary());
        let mut after = |code| {
            state.hear(&key(code));
            (state.selected(), state.scrolled())
        };
        assert_eq!(after(KeyCode::Down), (0, 1));
        assert_eq!(after(KeyCode::End), (0, 11));
        assert_eq!(after(KeyCode::PageDown), (0, 11));
        assert_eq!(after(KeyCode::Tab), (1, 0));
        assert_eq!(after(KeyCode::Tab), (0, 0));
        assert_eq!(after(KeyCode::BackTab), (1, 0));
    }

    #[test]
    fn control_c_quits_even_from_a_question() {
        let mut state = showing(fixtures::paused());
        state.hear(&letter('a'));
        let control_c = Event::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
        assert_eq!(state.hear(&control_c), Some(Wish::Quit));
    }
}
