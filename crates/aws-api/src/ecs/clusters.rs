//! CreateCluster, DescribeClusters, ListClusters, DeleteCluster, and the updates that clients make.

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::{Engine, Refusal, clusters, tags};
use seatrial_model::ClusterName;
use serde::Deserialize;
use serde_json::{Value, json};

use super::account_settings::{CONTAINER_INSIGHTS, wrong_value};
use super::answer::{PageRequest, found_and_missing, page};
use super::request::{check_count, one_of, others, required};
use super::show::{self, ClusterFields};
use super::tags::{TagList, parse_tags};
use super::{capacity_providers, documents};
use crate::operations::OperationError;

const DESCRIBED_AT_ONCE_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateCluster {
    cluster_name: Option<String>,
    #[serde(default)]
    tags: TagList,
}

pub(super) fn create(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: CreateCluster = input.read()?;
    check(input)?;
    let name = clusters::parse(request.cluster_name.as_deref())?;
    let given = parse_tags(request.tags)?;
    let document = others(input, &["clusterName", "tags"]);
    let cluster = engine.transact(|tx| {
        let cluster = clusters::create(tx, name.clone(), document)?;
        if !given.is_empty() {
            let arn = tx.state.scope.cluster(&name);
            tags::set(tx, arn.as_str(), given)?;
        }
        Ok(cluster)
    })?;
    Ok(json!({ "cluster": engine.read(|state| show::cluster(state, &cluster, ClusterFields::ALL)) }))
}

#[derive(Deserialize)]
struct NamedCluster {
    cluster: Option<String>,
}

/// Refuses members of a wrong type, and settings and capacity providers that do not exist.
fn check(input: &Input) -> Result<(), OperationError> {
    input.check(&documents::CLUSTER)?;
    capacity_providers::check(input.value())?;
    for setting in input.value()["settings"].as_array().into_iter().flatten() {
        let (name, value) = (setting["name"].as_str(), setting["value"].as_str().unwrap_or_default());
        one_of(name, "Cluster setting name", &["containerInsights"])?;
        if !CONTAINER_INSIGHTS.contains(&value) {
            return Err(wrong_value("containerInsights", value, CONTAINER_INSIGHTS).into());
        }
    }
    Ok(())
}

/// PutClusterCapacityProviders, which takes both members or none.
pub(super) fn put_capacity_providers(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    for member in ["capacityProviders", "defaultCapacityProviderStrategy"] {
        if !input.value()[member].is_array() {
            input.check(&documents::CLUSTER)?;
            return Err(Refusal::invalid(format!("{member} can not be blank; it may be an empty list.")).into());
        }
    }
    update(engine, input)
}

/// UpdateCluster, UpdateClusterSettings and PutClusterCapacityProviders: members that take the place of the cluster's own.
pub(super) fn update(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: NamedCluster = input.read()?;
    check(input)?;
    let reference = required(request.cluster, "Cluster")?;
    let document = others(input, &["cluster"]);
    let cluster = engine.transact(|tx| {
        let name = clusters::resolve(tx.state, Some(&reference))?;
        clusters::update(tx, &name, document)
    })?;
    Ok(json!({ "cluster": engine.read(|state| show::cluster(state, &cluster, ClusterFields::ALL)) }))
}

pub(super) fn delete(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: NamedCluster = input.read()?;
    let reference = required(request.cluster, "Cluster")?;
    let cluster = engine.transact(|tx| {
        let name = clusters::resolve(tx.state, Some(&reference))?;
        clusters::delete(tx, &name)
    })?;
    Ok(json!({ "cluster": engine.read(|state| show::cluster(state, &cluster, ClusterFields::ALL)) }))
}

#[derive(Deserialize)]
struct DescribeClusters {
    #[serde(default)]
    clusters: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
}

pub(super) fn describe(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DescribeClusters = input.read()?;
    let names = if request.clusters.is_empty() { vec![clusters::DEFAULT_CLUSTER.to_owned()] } else { request.clusters };
    check_count("Clusters", names.len(), DESCRIBED_AT_ONCE_MAX)?;
    let fields = ClusterFields::asked(&request.include);
    Ok(engine.read(|state| {
        let (found, failures) = found_and_missing(&names, |reference| {
            let missing = |name: &ClusterName| state.scope.cluster(name).to_string();
            let name = clusters::parse(Some(reference)).map_err(|_| reference.clone())?;
            let cluster = state.clusters.get(name.as_str()).ok_or_else(|| missing(&name))?;
            Ok(show::cluster(state, cluster, fields))
        });
        json!({ "clusters": found, "failures": failures })
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListClusters {
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn list(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: ListClusters = input.read()?;
    engine.read(|state| {
        let active = state.clusters.values().filter(|cluster| cluster.status == "ACTIVE");
        page(
            &Listing::new("ListClusters", []),
            "clusterArns",
            active,
            |cluster| cluster.name.to_string(),
            |cluster| json!(state.scope.cluster(&cluster.name)),
            PageRequest { token: request.next_token.as_deref(), size: request.max_results, default_size: 100 },
        )
    })
}
