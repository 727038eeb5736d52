//! What a token has to allow: scopes of a registry's server of tokens.

use std::collections::{BTreeMap, BTreeSet};

use crate::reference::RepositoryPath;

/// Repositories, and what is to be done with them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scopes(BTreeMap<String, BTreeSet<String>>);

impl Scopes {
    pub fn pull(repository: &RepositoryPath) -> Self {
        Scopes::default().and(repository, &["pull"])
    }

    pub fn push(repository: &RepositoryPath) -> Self {
        Scopes::default().and(repository, &["pull", "push"])
    }

    /// Adds reading another repository, from which something is to be mounted.
    pub fn and_pull(self, repository: &RepositoryPath) -> Self {
        self.and(repository, &["pull"])
    }

    fn and(mut self, repository: &RepositoryPath, actions: &[&str]) -> Self {
        let known = self.0.entry(format!("repository:{repository}")).or_default();
        known.extend(actions.iter().map(|action| (*action).to_owned()));
        self
    }

    /// Adds what a registry asks for: scopes with spaces in between, each `TYPE:NAME:ACTION,…`. A name may have colons.
    pub fn and_text(mut self, text: &str) -> Self {
        for scope in text.split_ascii_whitespace() {
            if let Some((resource, actions)) = scope.rsplit_once(':') {
                let actions = actions.split(',').filter(|action| !action.is_empty()).map(str::to_owned);
                self.0.entry(resource.to_owned()).or_default().extend(actions);
            }
        }
        self
    }

    /// Returns the scopes as a server of tokens is asked for them.
    pub fn texts(&self) -> Vec<String> {
        let joined = |actions: &BTreeSet<String>| actions.iter().cloned().collect::<Vec<_>>().join(",");
        self.0.iter().map(|(resource, actions)| format!("{resource}:{}", joined(actions))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_of_one_repository_are_one() {
        let (web, base) = ("shop/web", "shop/base");
        let path = |text: &str| RepositoryPath::parse(text).expect("a repository");
        let scopes = Scopes::push(&path(web)).and_pull(&path(base)).and_text("repository:shop/web:pull,delete x:y:*");
        assert_eq!(scopes.texts(), ["repository:shop/base:pull", "repository:shop/web:delete,pull,push", "x:y:*"]);
        assert_eq!(Scopes::pull(&path(web)).and_text("nonsense :").texts()[1..], ["repository:shop/web:pull"]);
    }
}
