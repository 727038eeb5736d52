//! The rule of a composite alarm: `ALARM("a") AND (NOT OK(b) OR TRUE)`.
//!
//! NOT binds closer than AND, AND closer than OR.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AlarmName, StateValue};

/// The longest rule, in characters (shape `AlarmRule`).
pub const RULE_LENGTH_MAX: usize = 10_240;
/// The most elements of a rule (documented): alarms, TRUE and FALSE, pairs of parentheses.
pub const RULE_ELEMENTS_MAX: usize = 500;
/// The most alarms a rule may watch (documented).
pub const RULE_CHILDREN_MAX: usize = 100;
/// How deep parentheses and NOTs may be nested: deeper than any rule that can be read, shallow enough for any stack.
pub const RULE_DEPTH_MAX: usize = 64;

/// A rule that was parsed; it is written as it was read.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AlarmRule {
    text: String,
    root: Node,
    children: BTreeSet<AlarmName>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Constant(bool),
    Is(AlarmName, StateValue),
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
}

/// A text that is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("AlarmRule is not valid at character {position}: {problem}")]
pub struct InvalidRule {
    /// Counted from 1.
    pub position: usize,
    pub problem: String,
}

impl AlarmRule {
    pub fn parse(text: &str) -> Result<Self, InvalidRule> {
        let length = text.chars().count();
        if length > RULE_LENGTH_MAX {
            let problem = format!("it must not have more than {RULE_LENGTH_MAX} characters");
            return Err(InvalidRule { position: RULE_LENGTH_MAX, problem });
        }
        let mut parser = Parser { text, at: 0, elements: 0, depth: 0, children: BTreeSet::new() };
        let root = parser.or()?;
        match parser.peek() {
            None => Ok(AlarmRule { text: text.to_owned(), root, children: parser.children }),
            Some(_) => Err(parser.error("AND, OR or the end is expected")),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the alarms the rule watches.
    pub fn children(&self) -> &BTreeSet<AlarmName> {
        &self.children
    }

    /// Computes the rule. An alarm of unknown state is in none.
    pub fn holds(&self, state_of: &impl Fn(&AlarmName) -> Option<StateValue>) -> bool {
        self.root.holds(state_of)
    }

    /// Returns the watched alarms that are in a state the rule names for them.
    pub fn matching(&self, state_of: &impl Fn(&AlarmName) -> Option<StateValue>) -> BTreeSet<AlarmName> {
        let mut found = BTreeSet::new();
        self.root.matching(state_of, &mut found);
        found
    }
}

impl Node {
    fn holds(&self, state_of: &impl Fn(&AlarmName) -> Option<StateValue>) -> bool {
        match self {
            Node::Constant(value) => *value,
            Node::Is(name, value) => state_of(name) == Some(*value),
            Node::Not(node) => !node.holds(state_of),
            Node::And(nodes) => nodes.iter().all(|node| node.holds(state_of)),
            Node::Or(nodes) => nodes.iter().any(|node| node.holds(state_of)),
        }
    }

    fn matching(&self, state_of: &impl Fn(&AlarmName) -> Option<StateValue>, found: &mut BTreeSet<AlarmName>) {
        match self {
            Node::Constant(_) => {}
            Node::Is(name, value) => {
                if state_of(name) == Some(*value) {
                    found.insert(name.clone());
                }
            }
            Node::Not(node) => node.matching(state_of, found),
            Node::And(nodes) | Node::Or(nodes) => nodes.iter().for_each(|node| node.matching(state_of, found)),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    /// Bytes read.
    at: usize,
    elements: usize,
    depth: usize,
    children: BTreeSet<AlarmName>,
}

impl Parser<'_> {
    fn or(&mut self) -> Result<Node, InvalidRule> {
        let mut nodes = vec![self.and()?];
        while self.take_word("OR") {
            nodes.push(self.and()?);
        }
        Ok(one_or(nodes, Node::Or))
    }

    fn and(&mut self) -> Result<Node, InvalidRule> {
        let mut nodes = vec![self.not()?];
        while self.take_word("AND") {
            nodes.push(self.not()?);
        }
        Ok(one_or(nodes, Node::And))
    }

    fn not(&mut self) -> Result<Node, InvalidRule> {
        if !self.take_word("NOT") {
            return self.element();
        }
        self.nested(|parser| Ok(Node::Not(Box::new(parser.not()?))))
    }

    fn element(&mut self) -> Result<Node, InvalidRule> {
        self.elements += 1;
        if self.elements > RULE_ELEMENTS_MAX {
            return Err(self.error(&format!("a rule must not have more than {RULE_ELEMENTS_MAX} elements")));
        }
        if self.take('(') {
            return self.nested(|parser| {
                let node = parser.or()?;
                if parser.take(')') { Ok(node) } else { Err(parser.error("a closing parenthesis is expected")) }
            });
        }
        if self.take_word("TRUE") {
            return Ok(Node::Constant(true));
        }
        if self.take_word("FALSE") {
            return Ok(Node::Constant(false));
        }
        let states = [StateValue::Alarm, StateValue::Ok, StateValue::InsufficientData];
        match states.into_iter().find(|state| self.take_word(state.as_str())) {
            Some(state) => self.child(state),
            None => Err(self.error("ALARM, OK, INSUFFICIENT_DATA, TRUE, FALSE, NOT or a parenthesis is expected")),
        }
    }

    fn child(&mut self, state: StateValue) -> Result<Node, InvalidRule> {
        if !self.take('(') {
            return Err(self.error("an opening parenthesis and the name of an alarm are expected"));
        }
        let rest = self.rest();
        let (name, length) = match rest.strip_prefix('"') {
            Some(quoted) => match quoted.find('"') {
                Some(end) => (&quoted[..end], end + 2),
                None => return Err(self.error("the closing quote is missing")),
            },
            None => {
                let end = rest.find([')', '(', '"']).unwrap_or(rest.len());
                (rest[..end].trim_end(), end)
            }
        };
        let name = match AlarmName::parse_name_or_arn(name) {
            Ok(name) => name,
            Err(_) => return Err(self.error("the name or ARN of an alarm is expected")),
        };
        self.at += length;
        if !self.take(')') {
            return Err(self.error("a closing parenthesis is expected"));
        }
        self.children.insert(name.clone());
        if self.children.len() > RULE_CHILDREN_MAX {
            return Err(self.error(&format!("a rule must not watch more than {RULE_CHILDREN_MAX} alarms")));
        }
        Ok(Node::Is(name, state))
    }

    fn nested(&mut self, parse: impl FnOnce(&mut Self) -> Result<Node, InvalidRule>) -> Result<Node, InvalidRule> {
        self.depth += 1;
        if self.depth > RULE_DEPTH_MAX {
            return Err(self.error(&format!("nested more than {RULE_DEPTH_MAX} deep")));
        }
        let node = parse(self);
        self.depth -= 1;
        node
    }

    /// Returns what follows, without white space before it.
    fn rest(&mut self) -> &str {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
        &self.text[self.at..]
    }

    fn peek(&mut self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    /// Takes a word in any case, if it is what follows as a whole.
    fn take_word(&mut self, wanted: &str) -> bool {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let found = rest[..end].eq_ignore_ascii_case(wanted);
        self.at += if found { end } else { 0 };
        found
    }

    fn error(&self, problem: &str) -> InvalidRule {
        let position = self.text[..self.at].chars().count() + 1;
        InvalidRule { position, problem: problem.to_owned() }
    }
}

fn one_or(mut nodes: Vec<Node>, several: fn(Vec<Node>) -> Node) -> Node {
    match nodes.len() {
        1 => nodes.remove(0),
        _ => several(nodes),
    }
}

/// Finds a cycle among composite alarms that can be reached from `start`: `children_of` gives the alarms a composite alarm watches, and
/// `None` for any other. Returns the alarms of the cycle, each watching the next and the last the first.
pub fn find_cycle<'a>(
    start: &'a AlarmName,
    children_of: impl Fn(&AlarmName) -> Option<&'a BTreeSet<AlarmName>>,
) -> Option<Vec<AlarmName>> {
    let mut path: Vec<(&AlarmName, std::collections::btree_set::Iter<'a, AlarmName>)> = Vec::new();
    // True while the alarm is on the path.
    let mut seen: BTreeMap<&AlarmName, bool> = BTreeMap::from([(start, true)]);
    path.push((start, children_of(start)?.iter()));
    while let Some((_, children)) = path.last_mut() {
        let Some(child) = children.next() else {
            let (done, _) = path.pop().expect("the path has a last element");
            seen.insert(done, false);
            continue;
        };
        match (seen.get(child), children_of(child)) {
            (Some(true), _) => {
                let names = path.iter().map(|(name, _)| (*name).clone());
                return Some(names.skip_while(|name| name != child).collect());
            }
            (None, Some(grandchildren)) => {
                seen.insert(child, true);
                path.push((child, grandchildren.iter()));
            }
            (Some(false), _) | (None, None) => {}
        }
    }
    None
}

impl TryFrom<String> for AlarmRule {
    type Error = InvalidRule;

    fn try_from(text: String) -> Result<Self, InvalidRule> {
        AlarmRule::parse(&text)
    }
}

impl From<AlarmRule> for String {
    fn from(rule: AlarmRule) -> String {
        rule.text
    }
}

impl fmt::Debug for AlarmRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
