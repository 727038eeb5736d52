//! Requests on clusters.

use seatrial_aws_wire::{Input, ServiceError};
use seatrial_model::ClusterName;
use serde::Deserialize;

use super::listing::{PageRequest, WirePage};
use super::tags::{Tags, WireTag, check_tags};
use super::{Document, IncludeTags, Request, bounded, invalid, other_members, required};

/// The most clusters in one DescribeClusters call.
pub const DESCRIBE_CLUSTERS_MAX: usize = 100;

/// CreateCluster.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateCluster {
    /// The cluster named `default` when the request names none.
    pub name: ClusterName,
    pub tags: Tags,
    pub document: Document,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireCreateCluster {
    cluster_name: Option<String>,
    tags: Vec<WireTag>,
}

impl Request for CreateCluster {
    type Wire = WireCreateCluster;

    fn check(wire: Self::Wire, input: &Input) -> Result<Self, ServiceError> {
        let name = wire.cluster_name.as_deref().filter(|name| !name.is_empty()).unwrap_or("default");
        Ok(CreateCluster {
            name: ClusterName::parse(name).map_err(|error| invalid(error.to_string()))?,
            tags: check_tags(wire.tags)?,
            document: other_members(input, &["clusterName", "tags"]),
        })
    }
}

/// UpdateCluster, UpdateClusterSettings and PutClusterCapacityProviders: members that replace a cluster's own.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeCluster {
    pub cluster: String,
    pub document: Document,
}

/// DeleteCluster, and the other operations that name one cluster and nothing else the engine reads.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireCluster {
    cluster: Option<String>,
}

impl Request for ChangeCluster {
    type Wire = WireCluster;

    fn check(wire: Self::Wire, input: &Input) -> Result<Self, ServiceError> {
        let cluster = required(wire.cluster, "Cluster can not be blank.")?;
        Ok(ChangeCluster { cluster, document: other_members(input, &["cluster"]) })
    }
}

/// DeleteCluster.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteCluster {
    pub cluster: String,
}

impl Request for DeleteCluster {
    type Wire = WireCluster;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        Ok(DeleteCluster { cluster: required(wire.cluster, "Cluster can not be blank.")? })
    }
}

/// DescribeClusters.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeClusters {
    /// Never empty: the default cluster is meant when the request names none.
    pub clusters: Vec<String>,
    pub include_tags: IncludeTags,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireDescribeClusters {
    clusters: Vec<String>,
    include: Vec<String>,
}

impl Request for DescribeClusters {
    type Wire = WireDescribeClusters;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        let clusters = if wire.clusters.is_empty() { vec!["default".to_owned()] } else { wire.clusters };
        Ok(DescribeClusters {
            clusters: bounded(clusters, "Clusters", DESCRIBE_CLUSTERS_MAX)?,
            include_tags: IncludeTags::parse(&wire.include),
        })
    }
}

/// ListClusters.
#[derive(Clone, Debug, PartialEq)]
pub struct ListClusters {
    pub page: PageRequest,
}

impl Request for ListClusters {
    type Wire = WirePage;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        Ok(ListClusters { page: wire.check(100)? })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::test_support::{read, refusal};
    use super::*;

    #[test]
    fn a_cluster_without_a_name_is_the_default_one() {
        let request: CreateCluster = read(json!({"capacityProviders": ["FARGATE"]})).expect("a request");
        assert_eq!(request.name.as_str(), "default");
        assert_eq!(request.document.get("capacityProviders"), Some(&json!(["FARGATE"])));
        let request: DescribeClusters = read(json!({"include": ["TAGS"]})).expect("a request");
        assert_eq!((request.clusters, request.include_tags), (vec!["default".to_owned()], IncludeTags::Yes));
    }

    #[test]
    fn impossible_names_pages_and_types_are_refused() {
        assert_eq!(refusal::<CreateCluster>(json!({"clusterName": "a b"})).0, "InvalidParameterException");
        let too_large = refusal::<ListClusters>(json!({"maxResults": 101}));
        assert_eq!(too_large.1, "maxResults must be between 1 and 100.");
        let wrong_type = refusal::<ListClusters>(json!({"maxResults": "ten"}));
        assert_eq!(wrong_type.0, "SerializationException");
        assert!(wrong_type.1.starts_with("Invalid value at 'maxResults'"), "{}", wrong_type.1);
        assert_eq!(refusal::<DeleteCluster>(json!({})).1, "Cluster can not be blank.");
    }
}
