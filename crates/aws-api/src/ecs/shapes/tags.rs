//! Tags, and the requests on them.

use std::collections::BTreeMap;

use seatrial_aws_wire::{Input, ServiceError};
use serde::Deserialize;

use super::{Request, invalid, required};

/// The most tags on one resource.
pub const TAGS_MAX: usize = 50;
/// The longest key of a tag, in characters.
const KEY_LENGTH_MAX: usize = 128;
/// The longest value of a tag, in characters.
const VALUE_LENGTH_MAX: usize = 256;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// A tag as on the wire.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireTag {
    key: Option<String>,
    value: Option<String>,
}

/// Checks the tags of a request that may have none.
pub(super) fn check_tags(wire: Vec<WireTag>) -> Result<Tags, ServiceError> {
    if wire.len() > TAGS_MAX {
        return Err(invalid(format!("Tags can not have more than {TAGS_MAX} elements.")));
    }
    let mut tags = Tags::new();
    for tag in wire {
        let key = required(tag.key, "Tag key can not be blank.")?;
        let value = tag.value.unwrap_or_default();
        if key.chars().count() > KEY_LENGTH_MAX || value.chars().count() > VALUE_LENGTH_MAX {
            return Err(invalid(format!(
                "A tag key can have at most {KEY_LENGTH_MAX} characters, a tag value {VALUE_LENGTH_MAX}."
            )));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid("Tag keys starting with 'aws:' are reserved."));
        }
        if tags.insert(key, value).is_some() {
            return Err(invalid("Duplicate tag keys found."));
        }
    }
    Ok(tags)
}

/// TagResource.
#[derive(Clone, Debug, PartialEq)]
pub struct TagResource {
    pub resource_arn: String,
    /// Never empty.
    pub tags: Tags,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireTagResource {
    resource_arn: Option<String>,
    tags: Vec<WireTag>,
}

impl Request for TagResource {
    type Wire = WireTagResource;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        let resource_arn = required(wire.resource_arn, ARN_BLANK)?;
        if wire.tags.is_empty() {
            return Err(invalid("Tags can not be empty."));
        }
        Ok(TagResource { resource_arn, tags: check_tags(wire.tags)? })
    }
}

/// UntagResource.
#[derive(Clone, Debug, PartialEq)]
pub struct UntagResource {
    pub resource_arn: String,
    pub tag_keys: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireUntagResource {
    resource_arn: Option<String>,
    tag_keys: Vec<String>,
}

impl Request for UntagResource {
    type Wire = WireUntagResource;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        let resource_arn = required(wire.resource_arn, ARN_BLANK)?;
        if wire.tag_keys.is_empty() {
            return Err(invalid("Tag keys can not be empty."));
        }
        Ok(UntagResource { resource_arn, tag_keys: wire.tag_keys })
    }
}

/// ListTagsForResource.
#[derive(Clone, Debug, PartialEq)]
pub struct ListTagsForResource {
    pub resource_arn: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireListTags {
    resource_arn: Option<String>,
}

impl Request for ListTagsForResource {
    type Wire = WireListTags;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        Ok(ListTagsForResource { resource_arn: required(wire.resource_arn, ARN_BLANK)? })
    }
}

const ARN_BLANK: &str = "Resource ARN can not be blank.";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::test_support::{read, refusal};
    use super::*;

    #[test]
    fn tags_are_read_by_key_and_a_missing_value_is_empty() {
        let request: TagResource =
            read(json!({"resourceArn": "arn", "tags": [{"key": "a", "value": "1"}, {"key": "b"}]})).expect("a request");
        assert_eq!(request.tags, Tags::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())]));
    }

    #[test]
    fn impossible_tags_are_refused() {
        let message = |tags: serde_json::Value| refusal::<TagResource>(json!({"resourceArn": "arn", "tags": tags})).1;
        assert_eq!(message(json!([])), "Tags can not be empty.");
        assert_eq!(message(json!([{"value": "1"}])), "Tag key can not be blank.");
        assert_eq!(message(json!([{"key": "a"}, {"key": "a"}])), "Duplicate tag keys found.");
        assert!(message(json!([{"key": "AWS:x"}])).contains("reserved"));
        assert!(message(json!([{"key": "k".repeat(129)}])).contains("128"));
        let many: Vec<_> = (0..51).map(|n| json!({"key": n.to_string()})).collect();
        assert!(message(json!(many)).contains("50"));
    }
}
