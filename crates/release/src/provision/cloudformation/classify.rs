//! What a change of a change set means for the resource that is there now.

use aws_sdk_cloudformation::types::{ChangeAction, PolicyAction, Replacement, ResourceChange as Raw};

use super::super::change::{Action, Fate, ResourceChange};

/// Classifies a change; `prefix` stands before the logical id.
pub(super) fn classified(raw: &Raw, prefix: &str) -> Option<ResourceChange> {
    let action = match raw.action.as_ref()? {
        ChangeAction::Add => Action::Create,
        ChangeAction::Import => Action::Import,
        ChangeAction::Remove => Action::Delete,
        ChangeAction::Modify => match &raw.replacement {
            Some(Replacement::True) => Action::Replace,
            Some(Replacement::Conditional) => Action::PerhapsReplace,
            Some(Replacement::False) | None => Action::Update,
            Some(_) => Action::PerhapsReplace,
        },
        // It depends on something that is not known yet, or on a word of tomorrow.
        _ => Action::PerhapsReplace,
    };
    let is_kept = matches!(raw.policy_action, Some(PolicyAction::Retain | PolicyAction::ReplaceAndRetain));
    let fate = match action {
        Action::Delete | Action::Replace | Action::PerhapsReplace if !is_kept => Fate::Lost,
        Action::Create
        | Action::Import
        | Action::Update
        | Action::PerhapsReplace
        | Action::Replace
        | Action::Delete
        | Action::Move
        | Action::Forget => Fate::Stays,
    };
    let kind = raw.resource_type().unwrap_or_default().to_owned();
    let address = format!("{prefix}{}", raw.logical_resource_id().unwrap_or_default());
    Some(ResourceChange { address, kind, action, fate })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_classified_by_action_replacement_and_policy() {
        use ChangeAction::{Add, Dynamic, Import, Modify, Remove};
        use Fate::{Lost, Stays};
        let cases = [
            (Add, None, None, Action::Create, Stays),
            (Import, None, None, Action::Import, Stays),
            (Modify, None, None, Action::Update, Stays),
            (Modify, Some(Replacement::False), None, Action::Update, Stays),
            (Modify, Some(Replacement::True), None, Action::Replace, Lost),
            (Modify, Some(Replacement::True), Some(PolicyAction::ReplaceAndDelete), Action::Replace, Lost),
            (Modify, Some(Replacement::True), Some(PolicyAction::ReplaceAndSnapshot), Action::Replace, Lost),
            (Modify, Some(Replacement::True), Some(PolicyAction::ReplaceAndRetain), Action::Replace, Stays),
            (Modify, Some(Replacement::Conditional), None, Action::PerhapsReplace, Lost),
            (Modify, Some("Tomorrow".into()), None, Action::PerhapsReplace, Lost),
            (Remove, None, None, Action::Delete, Lost),
            (Remove, None, Some(PolicyAction::Delete), Action::Delete, Lost),
            (Remove, None, Some(PolicyAction::Snapshot), Action::Delete, Lost),
            (Remove, None, Some(PolicyAction::Retain), Action::Delete, Stays),
            (Dynamic, None, None, Action::PerhapsReplace, Lost),
            ("Tomorrow".into(), None, None, Action::PerhapsReplace, Lost),
        ];
        for (action, replacement, policy, expected, fate) in cases {
            let raw = Raw::builder()
                .action(action.clone())
                .set_replacement(replacement.clone())
                .set_policy_action(policy.clone())
                .logical_resource_id("Db")
                .resource_type("AWS::RDS::DBInstance")
                .build();
            let found = classified(&raw, "Shop/").expect("it has an action");
            assert_eq!((found.action, found.fate), (expected, fate), "{action:?} {replacement:?} {policy:?}");
            assert_eq!(found.address, "Shop/Db");
        }
        assert_eq!(classified(&Raw::builder().build(), ""), None, "a change without an action is none");
    }
}
