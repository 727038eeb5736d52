//! The parameters behind a path.

use super::refusal::{Code, Refusal};

/// The longest query: a digest, two repositories, and room.
const LENGTH_MAX: usize = 4096;

/// The parameters of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub fn parse(query: Option<&str>) -> Result<Self, Refusal> {
        let query = query.unwrap_or_default();
        if query.len() > LENGTH_MAX {
            let message = format!("The parameters are longer than {LENGTH_MAX} bytes.");
            return Err(Refusal::new(Code::Unsupported, message));
        }
        let pairs = form_urlencoded::parse(query.as_bytes());
        Ok(Query(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()))
    }

    /// Returns the first value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}
