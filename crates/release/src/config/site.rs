//! Where in the file a service is described, for faults that show only when its settings are put together.

use super::error::Fault;
use super::node::Node;

/// A node and its path, such as `services.web`.
#[derive(Clone, Debug)]
pub(crate) struct Site<'n> {
    pub node: &'n Node,
    pub path: String,
}

impl<'n> Site<'n> {
    pub fn new(node: &'n Node, path: impl Into<String>) -> Self {
        Self { node, path: path.into() }
    }

    /// The site of a key below this one; this one when the key is not written.
    pub fn below(&self, key: &str) -> Site<'n> {
        Site { node: self.node.get(key).unwrap_or(self.node), path: format!("{}.{key}", self.path) }
    }

    /// A fault here: ``` `services.web` <what> ```.
    pub fn fault(&self, what: impl std::fmt::Display) -> Fault {
        Fault::new(format!("`{}` {what}", self.path)).at(self.node.at)
    }
}
