//! What a service's answers are where a JSON value alone does not tell: which numbers are instants, which structures are maps.
//!
//! A service with one protocol writes its answers as that protocol has them. One with several writes instants as epoch seconds (see
//! [`crate::AnyTimestamp`]) and maps as structures; by its forms each writer gives them the shape its protocol has for them.

/// What a member of an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberForm {
    /// A number, or a list of numbers: seconds since the epoch.
    Timestamp,
    /// A structure whose keys are of the caller's choice. Its values are of no special form.
    Map,
}

/// The members of a service's answers that have a form, by name. No name has two in any of the services here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerForms(pub &'static [(&'static str, MemberForm)]);

impl AnswerForms {
    /// No member is special.
    pub const NONE: AnswerForms = AnswerForms(&[]);

    /// Returns the form of a member of a structure that itself has the form `outer`.
    pub(crate) fn inside(self, outer: Option<MemberForm>, name: &str) -> Option<MemberForm> {
        match outer {
            Some(MemberForm::Map) => None,
            Some(MemberForm::Timestamp) | None => {
                self.0.iter().find(|(known, _)| *known == name).map(|(_, form)| *form)
            }
        }
    }
}
