//! A YAML document as a tree that remembers where everything stood and how scalars were written.
//!
//! Configuration needs what a plain value tree forgets: the position of a misspelt key after environments were merged, and
//! that `VERSION: 1.10` is the text `1.10` and not the number 1.1. This file owns reading text into [`Node`]s, with anchors,
//! aliases and merge keys (`<<`); it knows nothing of Seatrial's keys.

use std::collections::BTreeMap;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::error::{Fault, Position};

/// Most nodes one document may have after aliases are expanded: a real file has hundreds, an alias bomb has billions.
const NODE_LIMIT: usize = 100_000;

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub at: Position,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Text exactly as written; `quoted` text is never taken for a number, a boolean or null.
    Scalar {
        text: String,
        quoted: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub at: Position,
    pub text: String,
}

impl Node {
    /// Reads one YAML (or JSON) document.
    pub fn parse(text: &str) -> Result<Node, Fault> {
        Composer { events: Parser::new_from_str(text), anchors: BTreeMap::new(), nodes: 0 }.document()
    }

    pub fn get(&self, name: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(key, _)| key.text == name).map(|(_, node)| node),
            Value::Scalar { .. } | Value::List(_) => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, quoted: false } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// Calls `visit` with every scalar below this node, keys excluded.
    pub fn each_scalar<E>(&self, visit: &mut impl FnMut(Position, &str) -> Result<(), E>) -> Result<(), E> {
        match &self.value {
            Value::Scalar { text, .. } => visit(self.at, text),
            Value::List(items) => items.iter().try_for_each(|item| item.each_scalar(visit)),
            Value::Map(entries) => entries.iter().try_for_each(|(_, node)| node.each_scalar(visit)),
        }
    }

    fn size(&self) -> usize {
        match &self.value {
            Value::Scalar { .. } => 1,
            Value::List(items) => 1 + items.iter().map(Node::size).sum::<usize>(),
            Value::Map(entries) => 1 + entries.iter().map(|(_, node)| node.size()).sum::<usize>(),
        }
    }
}

struct Composer<I> {
    events: I,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
}

type Item<'a> = Result<(Event<'a>, Span), serde_saphyr::granit_parser::ScanError>;

impl<'a, I: Iterator<Item = Item<'a>>> Composer<I> {
    fn document(mut self) -> Result<Node, Fault> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (Event::StreamEnd | Event::DocumentEnd, _) => {
                    return Err(Fault::new("the file is empty").at(Position::START));
                }
                (event, span) => {
                    let root = self.node(event, span)?;
                    self.end_of_document()?;
                    return Ok(root);
                }
            }
        }
    }

    fn end_of_document(&mut self) -> Result<(), Fault> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentEnd, _) => {}
                (_, span) => {
                    return Err(Fault::new("a second YAML document begins here")
                        .at(position(span))
                        .instead("keep one document per file"));
                }
            }
        }
    }

    /// The next event that is data; comments and anchor notices are not.
    fn next(&mut self) -> Result<(Event<'a>, Span), Fault> {
        loop {
            match self.events.next() {
                Some(Ok((Event::Comment(..) | Event::Anchor(..), _))) => {}
                Some(Ok(item)) => return Ok(item),
                Some(Err(error)) => {
                    let marker = error.marker();
                    let at = Position { line: marker.line(), column: marker.col() + 1 };
                    return Err(Fault::new(format!("this is not valid YAML: {}", error.info())).at(at));
                }
                None => return Ok((Event::StreamEnd, Span::default())),
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node, Fault> {
        let at = position(span);
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = style != ScalarStyle::Plain || is_text_tag(tag.as_deref(), at)?;
                (anchor, Value::Scalar { text: text.into_owned(), quoted })
            }
            Event::SequenceStart(_, anchor, tag) => {
                is_text_tag(tag.as_deref(), at)?;
                (anchor, self.list()?)
            }
            Event::MappingStart(_, anchor, tag) => {
                is_text_tag(tag.as_deref(), at)?;
                (anchor, self.map()?)
            }
            Event::Alias(anchor) => {
                let mut node = self
                    .anchors
                    .get(&anchor)
                    .cloned()
                    .ok_or_else(|| Fault::new("this alias refers to itself").at(at))?;
                node.at = at;
                self.count(node.size(), at)?;
                return Ok(node);
            }
            _ => return Err(Fault::new("the file ends in the middle of a value").at(at)),
        };
        self.count(1, at)?;
        let node = Node { at, value };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn count(&mut self, more: usize, at: Position) -> Result<(), Fault> {
        self.nodes += more;
        if self.nodes > NODE_LIMIT {
            return Err(Fault::new(format!(
                "the file has more than {NODE_LIMIT} values once its aliases are expanded"
            ))
            .at(at));
        }
        Ok(())
    }

    fn list(&mut self) -> Result<Value, Fault> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, span) => items.push(self.node(event, span)?),
            }
        }
    }

    fn map(&mut self) -> Result<Value, Fault> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut merged: Vec<Node> = Vec::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Value::Map(with_merged(entries, merged)?)),
                (event, span) => self.node(event, span)?,
            };
            let (event, span) = self.next()?;
            let node = self.node(event, span)?;
            match key.value {
                Value::Scalar { text, quoted: false } if text == "<<" => merged.push(node),
                Value::Scalar { text, .. } => {
                    if let Some((first, _)) = entries.iter().find(|(other, _)| other.text == text) {
                        let what = format!("`{text}` is written twice, first on line {}", first.at.line);
                        return Err(Fault::new(what).at(key.at).instead("keep one of them"));
                    }
                    entries.push((Key { at: key.at, text }, node));
                }
                Value::List(_) | Value::Map(_) => return Err(Fault::new("a key must be plain text").at(key.at)),
            }
        }
    }
}

/// Adds the entries of `<<` maps; keys written out win, then earlier merges.
fn with_merged(mut entries: Vec<(Key, Node)>, merged: Vec<Node>) -> Result<Vec<(Key, Node)>, Fault> {
    for node in merged {
        let sources = match node.value {
            Value::List(items) => items,
            Value::Scalar { .. } | Value::Map(_) => vec![node],
        };
        for source in sources {
            let Value::Map(more) = source.value else {
                return Err(Fault::new("`<<` merges maps only").at(source.at));
            };
            for (key, value) in more {
                if entries.iter().all(|(other, _)| other.text != key.text) {
                    entries.push((key, value));
                }
            }
        }
    }
    Ok(entries)
}

/// Tells whether a tag makes a scalar text (`!!str`); tags outside YAML's core schema are refused.
fn is_text_tag(tag: Option<&Tag>, at: Position) -> Result<bool, Fault> {
    match tag.map(|tag| (tag.core_suffix(), tag)) {
        None => Ok(false),
        Some((Some(suffix), _)) => Ok(suffix == "str"),
        Some((None, tag)) => {
            Err(Fault::new(format!("the tag {}{} has no meaning here", tag.original_handle(), tag.suffix()))
                .at(at)
                .instead("remove it"))
        }
    }
}

fn position(span: Span) -> Position {
    Position { line: span.start.line().max(1), column: span.start.col() + 1 }
}
