//! Whether somebody has agreed to lose what cannot be made again.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::change::{Preview, ResourceChange};
use crate::error::ReleaseError;

/// Asks somebody about what would be lost; true for a yes. May block.
pub type Question = Arc<dyn Fn(&[ResourceChange]) -> bool + Send + Sync>;

/// What may be replaced or destroyed although it holds data.
#[derive(Clone, Default)]
pub struct Sacrifice {
    /// Addresses somebody has named.
    pub allowed: BTreeSet<String>,
    /// Who is asked about the others; none where nobody can be.
    pub ask: Option<Question>,
}

impl fmt::Debug for Sacrifice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sacrifice").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

impl Sacrifice {
    /// Refuses a preview by which something would be lost that nobody has agreed to lose.
    pub(super) async fn check(&self, preview: &Preview) -> Result<(), ReleaseError> {
        let is_open = |change: &&ResourceChange| {
            preview.guarded.contains(&change.address) && !self.allowed.contains(&change.address)
        };
        let open: Vec<ResourceChange> = preview.resources.iter().filter(is_open).cloned().collect();
        if open.is_empty() {
            return Ok(());
        }
        let agreed = match self.ask.clone() {
            None => false,
            Some(ask) => {
                let asked = open.clone();
                tokio::task::spawn_blocking(move || ask(&asked)).await.unwrap_or(false)
            }
        };
        if agreed { Ok(()) } else { Err(ReleaseError::WouldLose { resources: open }) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::change::{Action, Fate};
    use super::*;

    fn preview() -> Preview {
        let change = |address: &str| ResourceChange {
            address: address.into(),
            kind: "aws_s3_bucket".into(),
            action: Action::Delete,
            fate: Fate::Lost,
        };
        Preview {
            resources: vec![change("aws_s3_bucket.a"), change("aws_s3_bucket.b")],
            outputs: vec![],
            guarded: vec!["aws_s3_bucket.a".into(), "aws_s3_bucket.b".into()],
        }
    }

    #[tokio::test]
    async fn every_loss_needs_a_word_of_its_own() {
        let allowed =
            |names: &[&str]| Sacrifice { allowed: names.iter().map(|&name| name.into()).collect(), ask: None };
        let refused = allowed(&["aws_s3_bucket.a"]).check(&preview()).await.expect_err("one is left");
        let ReleaseError::WouldLose { resources } = refused else { panic!("{refused:?}") };
        assert_eq!(resources.iter().map(|one| one.address.as_str()).collect::<Vec<_>>(), ["aws_s3_bucket.b"]);
        assert!(allowed(&["aws_s3_bucket.a", "aws_s3_bucket.b"]).check(&preview()).await.is_ok());
        assert!(Sacrifice::default().check(&Preview::default()).await.is_ok());
    }

    #[tokio::test]
    async fn somebody_who_is_asked_decides() {
        for answer in [true, false] {
            let ask: Question = Arc::new(move |open| {
                assert_eq!(open.len(), 2);
                answer
            });
            let asked = Sacrifice { allowed: BTreeSet::new(), ask: Some(ask) };
            assert_eq!(asked.check(&preview()).await.is_ok(), answer);
        }
    }
}
