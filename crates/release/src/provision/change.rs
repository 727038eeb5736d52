//! What would become of the resources of an infrastructure.

use std::fmt;

use serde::Serialize;

/// What would become of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Create,
    /// It exists already and is taken in.
    Import,
    /// It is managed under another address, and stays what it is.
    Move,
    Update,
    /// CloudFormation knows only when it does it.
    PerhapsReplace,
    Replace,
    Delete,
    /// It is managed no longer, and stays.
    Forget,
}

/// Whether the resource that is there now outlasts a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    Stays,
    Lost,
}

/// A resource that would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResourceChange {
    /// Terraform's address, or the logical id in a stack (`Stack/LogicalId` where there are several).
    pub address: String,
    /// Such as `aws_db_instance` or `AWS::RDS::DBInstance`.
    pub kind: String,
    pub action: Action,
    /// Whether what is there now would be gone.
    pub fate: Fate,
}

/// Everything that an infrastructure would change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// In the order of their addresses.
    pub resources: Vec<ResourceChange>,
    /// Names of the outputs that would change by what is known now.
    pub outputs: Vec<String>,
    /// Addresses of what would be replaced or destroyed although it holds data.
    pub guarded: Vec<String>,
}

impl Action {
    fn sign(self) -> &'static str {
        match self {
            Action::Create | Action::Import => "+",
            Action::Move | Action::Update => "~",
            Action::PerhapsReplace | Action::Replace => "±",
            Action::Delete | Action::Forget => "-",
        }
    }

    /// What is done, such as `create`.
    pub fn word(self) -> &'static str {
        match self {
            Action::Create => "create",
            Action::Import => "import",
            Action::Move => "move",
            Action::Update => "change",
            Action::PerhapsReplace => "change, perhaps replace",
            Action::Replace => "replace",
            Action::Delete => "destroy",
            Action::Forget => "forget",
        }
    }
}

impl fmt::Display for ResourceChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, kind, action, fate } = self;
        let stays = matches!((action, fate), (Action::Replace | Action::Delete, Fate::Stays));
        let stays = if stays { "; what is there stays" } else { "" };
        write!(f, "{} {address} ({kind}): {}{stays}", action.sign(), action.word())
    }
}

impl Preview {
    /// Whether anything would change.
    pub fn changes_anything(&self) -> bool {
        !self.resources.is_empty() || !self.outputs.is_empty()
    }

    /// How many of each, such as `2 to create, 1 to destroy`.
    pub fn in_words(&self) -> String {
        let actions = [
            Action::Create,
            Action::Import,
            Action::Move,
            Action::Update,
            Action::PerhapsReplace,
            Action::Replace,
            Action::Delete,
            Action::Forget,
        ];
        let count = |action| self.resources.iter().filter(|change| change.action == action).count();
        let parts = actions.into_iter().map(|action| (count(action), action)).filter(|(count, _)| *count > 0);
        let mut parts: Vec<String> = parts.map(|(count, action)| format!("{count} to {}", action.word())).collect();
        if !self.outputs.is_empty() {
            parts.push(format!("outputs: {}", self.outputs.join(", ")));
        }
        if parts.is_empty() { "nothing to change".to_owned() } else { parts.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_told_in_words() {
        let change = |address: &str, action, fate| ResourceChange {
            address: address.to_owned(),
            kind: "aws_s3_bucket".to_owned(),
            action,
            fate,
        };
        let preview = Preview {
            resources: vec![
                change("a", Action::Create, Fate::Stays),
                change("b", Action::Create, Fate::Stays),
                change("c", Action::Replace, Fate::Lost),
            ],
            outputs: vec!["url".into()],
            guarded: vec![],
        };
        assert_eq!(preview.in_words(), "2 to create, 1 to replace, outputs: url");
        assert_eq!(preview.resources[2].to_string(), "± c (aws_s3_bucket): replace");
        let kept = change("d", Action::Delete, Fate::Stays);
        assert_eq!(kept.to_string(), "- d (aws_s3_bucket): destroy; what is there stays");
        assert_eq!(Preview::default().in_words(), "nothing to change");
    }
}
