//! Short names for long identities, so that a snapshot can be read: tasks are `t1`, `t2`, …, deployments `v1`, `v2`, `r1`, ….

use std::collections::BTreeMap;

use seatrial_model::RevisionId;

/// Gives names in the order of first sight.
#[derive(Clone, Debug, Default)]
pub struct Names {
    known: BTreeMap<String, String>,
    tasks: usize,
    rollbacks: usize,
}

impl Names {
    /// Replaces every identity in a text.
    pub fn shorten(&mut self, text: &str) -> String {
        let mut out = String::new();
        let mut word = String::new();
        for character in text.chars().chain(['\0']) {
            if character.is_ascii_alphanumeric() {
                word.push(character);
                continue;
            }
            out.push_str(&self.name(&word));
            word.clear();
            if character != '\0' {
                out.push(character);
            }
        }
        out
    }

    fn name(&mut self, word: &str) -> String {
        let is_task = word.len() == 32 && word.bytes().all(|b| b.is_ascii_hexdigit());
        let is_number = word.len() == 19 && word.bytes().all(|b| b.is_ascii_digit());
        if !is_task && !is_number {
            return word.to_owned();
        }
        if let Some(name) = self.known.get(word) {
            return name.clone();
        }
        let name = if is_task {
            self.tasks += 1;
            format!("t{}", self.tasks)
        } else {
            self.name_number(word)
        };
        self.known.insert(word.to_owned(), name.clone());
        name
    }

    /// Revisions of the tests are numbered from 1; any other number was drawn for a rollback.
    fn name_number(&mut self, word: &str) -> String {
        let revision = (0..100).find(|number| RevisionId::from_bits(*number).to_string() == word);
        revision.map_or_else(
            || {
                self.rollbacks += 1;
                format!("r{}", self.rollbacks)
            },
            |number| format!("v{number}"),
        )
    }
}
