//! The way to the image registry: paths that no AWS service has, for clients that do not sign.
//!
//! The guard against foreign host names holds here too. Limits of bodies are the registry's own: a layer is larger than any request to
//! AWS, and is never held in memory.

use http::request::Parts;
use seatrial_registry::Registry;

use super::Front;

impl Front {
    /// Returns the registry if the request is for it. A request under a foreign host name is not: it is refused like any other.
    pub(super) fn registry_for(&self, head: &Parts) -> Option<Registry> {
        let is_below =
            matches!(head.uri.path().strip_prefix("/v2"), Some(rest) if rest.is_empty() || rest.starts_with('/'));
        let registry = self.registry.as_ref().filter(|_| is_below && self.hosts.admit(head));
        registry.cloned()
    }
}
