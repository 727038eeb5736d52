//! Gathers remarks while a file is read.

use super::Remark;

#[derive(Debug, Default)]
pub(super) struct Notes(Vec<Remark>);

impl Notes {
    /// Adds a remark, once.
    pub fn add(&mut self, key: impl Into<String>, advice: impl Into<String>) {
        let remark = Remark { key: key.into(), advice: advice.into() };
        if !self.0.contains(&remark) {
            self.0.push(remark);
        }
    }

    /// Tells of a key whose value has a form that is not known here.
    pub fn odd(&mut self, key: impl Into<String>) {
        self.add(key, "has a form that is not understood, so nothing was written; write it yourself");
    }

    pub fn into_remarks(self) -> Vec<Remark> {
        self.0
    }
}
