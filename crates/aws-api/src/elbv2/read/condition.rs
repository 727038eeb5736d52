//! `Conditions[]` of a rule: every field's own limits, and those of all conditions together.

use ipnet::IpNet;
use seatrial_engine::Refusal;
use seatrial_engine::load_balancing::quotas::{CONDITION_VALUES_PER_RULE_MAX, CONDITION_WILDCARDS_PER_RULE_MAX};
use seatrial_model::load_balancing::{Condition, QueryPattern};
use serde::Deserialize;

use crate::elbv2::answer::{cut, not_implemented, validation};

/// The longest value of any condition.
const VALUE_LENGTH_MAX: usize = 128;
/// The longest name of a header, and of a method.
const NAME_LENGTH_MAX: usize = 40;

/// One condition on the wire.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::elbv2) struct ConditionMember {
    field: String,
    values: Vec<String>,
    regex_values: Vec<String>,
    host_header_config: Option<ValuesMember>,
    path_pattern_config: Option<ValuesMember>,
    http_header_config: Option<HttpHeaderMember>,
    query_string_config: Option<QueryStringMember>,
    http_request_method_config: Option<ValuesMember>,
    source_ip_config: Option<ValuesMember>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ValuesMember {
    values: Vec<String>,
    regex_values: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HttpHeaderMember {
    http_header_name: String,
    values: Vec<String>,
    regex_values: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct QueryStringMember {
    values: Vec<QueryMember>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct QueryMember {
    key: Option<String>,
    value: String,
}

/// Reads the conditions of a rule.
pub(in crate::elbv2) fn conditions(members: Vec<ConditionMember>) -> Result<Vec<Condition>, Refusal> {
    if members.is_empty() {
        return Err(validation("At least one condition must be specified"));
    }
    let mut fields = Vec::new();
    let mut parsed = Vec::new();
    for member in members {
        let field = member.field.clone();
        let is_repeatable = matches!(field.as_str(), "http-header" | "query-string");
        if fields.contains(&field) && !is_repeatable {
            return Err(validation(format!("A rule can have only one '{}' condition", cut(&field))));
        }
        fields.push(field);
        parsed.push(condition(member)?);
    }
    check_together(&parsed)?;
    Ok(parsed)
}

fn condition(member: ConditionMember) -> Result<Condition, Refusal> {
    let ConditionMember { field, values, .. } = member;
    if !member.regex_values.is_empty() {
        return Err(not_implemented("A condition with RegexValues"));
    }
    let is_plain = matches!(field.as_str(), "host-header" | "path-pattern");
    if !is_plain && !values.is_empty() {
        return Err(validation(format!("The values of a '{}' condition go into its configuration", cut(&field))));
    }
    match field.as_str() {
        "host-header" => {
            let values = plain_values(&field, values, member.host_header_config)?;
            values.iter().try_for_each(|value| check_characters(&field, value, is_host_character))?;
            Ok(Condition::HostHeader(values))
        }
        "path-pattern" => {
            let values = plain_values(&field, values, member.path_pattern_config)?;
            values.iter().try_for_each(|value| check_characters(&field, value, is_path_character))?;
            Ok(Condition::PathPattern(values))
        }
        "http-header" => http_header(&field, member.http_header_config.unwrap_or_default()),
        "query-string" => query_string(&field, member.query_string_config.unwrap_or_default()),
        "http-request-method" => {
            let values = plain_values(&field, Vec::new(), member.http_request_method_config)?;
            values.iter().try_for_each(|value| check_method(value))?;
            Ok(Condition::HttpRequestMethod(values))
        }
        "source-ip" => {
            let values = plain_values(&field, Vec::new(), member.source_ip_config)?;
            Ok(Condition::SourceIp(values.iter().map(|value| network(value)).collect::<Result<_, _>>()?))
        }
        other => Err(validation(format!("Condition field '{}' is not valid", cut(other)))),
    }
}

/// Takes the values of a condition from the one place where they are.
fn plain_values(field: &str, values: Vec<String>, config: Option<ValuesMember>) -> Result<Vec<String>, Refusal> {
    let config = config.unwrap_or_default();
    if !config.regex_values.is_empty() {
        return Err(not_implemented("A condition with RegexValues"));
    }
    match (values.is_empty(), config.values.is_empty()) {
        (true, true) => Err(no_values(field)),
        (false, true) => Ok(values),
        (true, false) => Ok(config.values),
        (false, false) if values == config.values => Ok(values),
        (false, false) => Err(validation(format!("The values of a '{field}' condition are given twice and differ"))),
    }
}

fn http_header(field: &str, config: HttpHeaderMember) -> Result<Condition, Refusal> {
    let HttpHeaderMember { http_header_name: name, values, regex_values } = config;
    if !regex_values.is_empty() {
        return Err(not_implemented("A condition with RegexValues"));
    }
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !(1..=NAME_LENGTH_MAX).contains(&name.len()) || !name.bytes().all(is_token) {
        let message =
            format!("HttpHeaderName '{}' must be a header's name of at most {NAME_LENGTH_MAX} characters", cut(&name));
        return Err(validation(message));
    }
    if name.eq_ignore_ascii_case("host") {
        return Err(validation("The Host header is matched by a 'host-header' condition"));
    }
    if values.is_empty() {
        return Err(no_values(field));
    }
    values.iter().try_for_each(|value| check_characters(field, value, is_printable))?;
    Ok(Condition::HttpHeader { name, values })
}

fn query_string(field: &str, config: QueryStringMember) -> Result<Condition, Refusal> {
    if config.values.is_empty() {
        return Err(no_values(field));
    }
    let mut patterns = Vec::new();
    for QueryMember { key, value } in config.values {
        let key = key.filter(|key| !key.is_empty());
        key.iter().chain([&value]).try_for_each(|text| check_characters(field, text, is_printable))?;
        patterns.push(QueryPattern { key, value });
    }
    Ok(Condition::QueryString(patterns))
}

fn check_method(method: &str) -> Result<(), Refusal> {
    let fits = (1..=NAME_LENGTH_MAX).contains(&method.len())
        && method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-' || b == b'_');
    if fits {
        return Ok(());
    }
    let rule = format!("must have 1 to {NAME_LENGTH_MAX} upper-case letters, hyphens and underscores");
    Err(validation(format!("Request method '{}' {rule}", cut(method))))
}

fn network(text: &str) -> Result<IpNet, Refusal> {
    text.parse()
        .map_err(|_| validation(format!("Source IP '{}' must be in CIDR format, such as 10.0.0.0/8", cut(text))))
}

fn check_characters(field: &str, value: &str, is_allowed: fn(u8) -> bool) -> Result<(), Refusal> {
    if !(1..=VALUE_LENGTH_MAX).contains(&value.len()) {
        return Err(validation(format!("A '{field}' value must have 1 to {VALUE_LENGTH_MAX} characters")));
    }
    if value.bytes().all(is_allowed) {
        return Ok(());
    }
    Err(validation(format!("'{}' has characters that a '{field}' value cannot have", cut(value))))
}

/// Wider than ELB in one thing: a host needs no dot, so that `localhost` can be matched.
fn is_host_character(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-.*?".contains(&b)
}

fn is_path_character(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"_-.$/~\"'@:+&*?".contains(&b)
}

fn is_printable(b: u8) -> bool {
    (b' '..=b'~').contains(&b)
}

fn no_values(field: &str) -> Refusal {
    validation(format!("A '{field}' condition must have at least one value"))
}

/// Checks what ELB limits over all conditions of a rule.
fn check_together(conditions: &[Condition]) -> Result<(), Refusal> {
    let texts: Vec<Vec<&str>> = conditions.iter().flat_map(patterns).collect();
    if texts.len() > CONDITION_VALUES_PER_RULE_MAX {
        return Err(validation(format!("A rule can only have '{CONDITION_VALUES_PER_RULE_MAX}' condition values")));
    }
    let wildcards = |text: &&str| text.bytes().filter(|b| matches!(b, b'*' | b'?')).count();
    if texts.iter().flatten().map(wildcards).sum::<usize>() > CONDITION_WILDCARDS_PER_RULE_MAX {
        let message = format!("A rule can only have '{CONDITION_WILDCARDS_PER_RULE_MAX}' condition wildcards");
        return Err(validation(message));
    }
    Ok(())
}

/// Returns one entry for each value, with the texts in it that may hold wildcards.
fn patterns(condition: &Condition) -> Vec<Vec<&str>> {
    match condition {
        Condition::HostHeader(values) | Condition::PathPattern(values) | Condition::HttpHeader { values, .. } => {
            values.iter().map(|value| vec![value.as_str()]).collect()
        }
        Condition::QueryString(pairs) => {
            pairs.iter().map(|pair| pair.key.iter().chain([&pair.value]).map(String::as_str).collect()).collect()
        }
        Condition::HttpRequestMethod(values) => vec![Vec::new(); values.len()],
        Condition::SourceIp(values) => vec![Vec::new(); values.len()],
    }
}

#[cfg(test)]
mod tests;
