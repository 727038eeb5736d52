//! Owns one compiled condition: values are alternatives (OR); the conditions of a rule all have to hold (AND).

use ipnet::IpNet;
use seatrial_model::load_balancing::{Condition, QueryPattern};

use crate::request::RequestFacts;
use crate::wildcard::{Case, Escape, Pattern};

/// A condition ready to be matched.
#[derive(Clone, Debug)]
pub struct CompiledCondition(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Host(Vec<Pattern>),
    Path(Vec<Pattern>),
    Header { name: String, values: Vec<Pattern> },
    Query(Vec<KeyValue>),
    Method(Vec<String>),
    Source(Vec<IpNet>),
}

#[derive(Clone, Debug)]
struct KeyValue {
    key: Option<Pattern>,
    value: Pattern,
}

impl CompiledCondition {
    pub fn new(condition: &Condition) -> Self {
        CompiledCondition(match condition {
            Condition::HostHeader(values) => Kind::Host(patterns(values, Case::Insensitive)),
            Condition::PathPattern(values) => Kind::Path(patterns(values, Case::Sensitive)),
            Condition::HttpHeader { name, values } => {
                Kind::Header { name: name.clone(), values: patterns(values, Case::Insensitive) }
            }
            Condition::QueryString(pairs) => Kind::Query(pairs.iter().map(KeyValue::new).collect()),
            Condition::HttpRequestMethod(methods) => Kind::Method(methods.clone()),
            Condition::SourceIp(networks) => Kind::Source(networks.clone()),
        })
    }

    /// Tells whether any of the condition's values fits the request.
    pub fn matches(&self, request: &dyn RequestFacts) -> bool {
        match &self.0 {
            Kind::Host(hosts) => any(hosts, request.host()),
            Kind::Path(paths) => any(paths, request.path()),
            Kind::Header { name, values } => request.any_header(name, &mut |value| any(values, value)),
            Kind::Query(pairs) => request.query().is_some_and(|query| any_pair(pairs, query)),
            Kind::Method(methods) => methods.iter().any(|method| method.as_bytes() == request.method()),
            Kind::Source(networks) => {
                let source = request.source().to_canonical();
                networks.iter().any(|network| network.contains(&source))
            }
        }
    }
}

impl KeyValue {
    fn new(pattern: &QueryPattern) -> Self {
        let compile = |text: &str| Pattern::new(text, Case::Insensitive, Escape::Backslash);
        KeyValue { key: pattern.key.as_deref().map(compile), value: compile(&pattern.value) }
    }
}

fn patterns(texts: &[String], case: Case) -> Vec<Pattern> {
    texts.iter().map(|text| Pattern::new(text, case, Escape::None)).collect()
}

fn any(patterns: &[Pattern], text: &[u8]) -> bool {
    patterns.iter().any(|pattern| pattern.matches(text))
}

fn any_pair(pairs: &[KeyValue], query: &[u8]) -> bool {
    query.split(|byte| *byte == b'&').any(|part| {
        let equals = part.iter().position(|byte| *byte == b'=');
        let (key, value) = equals.map_or((part, &b""[..]), |at| (&part[..at], &part[at + 1..]));
        pairs
            .iter()
            .any(|pair| pair.key.as_ref().is_none_or(|pattern| pattern.matches(key)) && pair.value.matches(value))
    })
}
