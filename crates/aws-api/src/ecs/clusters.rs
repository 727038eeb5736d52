//! CreateCluster, DescribeClusters, ListClusters, DeleteCluster, and the updates that clients make.

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::state::Document;
use seatrial_engine::{Engine, clusters, tags};
use seatrial_model::ClusterName;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{PageSize, found_and_missing, page};
use super::show;
use super::tags::{TagList, parse_tags};
use crate::operations::OperationError;

const PAGE: PageSize = PageSize { default: 100, highest: 100 };

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateCluster {
    cluster_name: Option<String>,
    #[serde(default)]
    tags: TagList,
    #[serde(flatten)]
    document: Document,
}

pub(super) fn create(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: CreateCluster = input.read()?;
    let name = clusters::parse(request.cluster_name.as_deref())?;
    let given = parse_tags(request.tags)?;
    let cluster = engine.transact(|tx| {
        let cluster = clusters::create(tx, name.clone(), request.document)?;
        if !given.is_empty() {
            let arn = tx.state.scope.cluster(&name);
            tags::set(tx, arn.as_str(), given)?;
        }
        Ok(cluster)
    })?;
    Ok(json!({ "cluster": engine.read(|state| show::cluster(state, &cluster)) }))
}

#[derive(Deserialize)]
struct UpdateCluster {
    cluster: Option<String>,
    #[serde(flatten)]
    document: Document,
}

pub(super) fn update(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: UpdateCluster = input.read()?;
    let cluster = engine.transact(|tx| {
        let name = clusters::resolve(tx.state, request.cluster.as_deref())?;
        clusters::update(tx, &name, request.document)
    })?;
    Ok(json!({ "cluster": engine.read(|state| show::cluster(state, &cluster)) }))
}

#[derive(Deserialize)]
struct NamedCluster {
    cluster: Option<String>,
}

pub(super) fn delete(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: NamedCluster = input.read()?;
    let cluster = engine.transact(|tx| {
        let name = clusters::resolve(tx.state, request.cluster.as_deref())?;
        clusters::delete(tx, &name)
    })?;
    Ok(json!({ "cluster": engine.read(|state| show::cluster(state, &cluster)) }))
}

#[derive(Deserialize)]
struct DescribeClusters {
    #[serde(default)]
    clusters: Vec<String>,
}

pub(super) fn describe(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DescribeClusters = input.read()?;
    let names = if request.clusters.is_empty() { vec![clusters::DEFAULT_CLUSTER.to_owned()] } else { request.clusters };
    super::answer::check_count("Clusters", names.len(), 100)?;
    Ok(engine.read(|state| {
        let (found, failures) = found_and_missing(&names, |reference| {
            let missing = |name: &ClusterName| state.scope.cluster(name).to_string();
            let name = clusters::parse(Some(reference)).map_err(|_| reference.to_owned())?;
            state.clusters.get(name.as_str()).map(|cluster| show::cluster(state, cluster)).ok_or_else(|| missing(&name))
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
    let size = PAGE.of(request.max_results)?;
    engine.read(|state| {
        let active = state.clusters.values().filter(|cluster| cluster.status == "ACTIVE");
        page(
            &Listing::new("ListClusters", []),
            "clusterArns",
            active,
            |cluster| cluster.name.to_string(),
            |cluster| json!(state.scope.cluster(&cluster.name)),
            request.next_token.as_deref(),
            size,
        )
    })
}
