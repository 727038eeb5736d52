//! In which order queries that refer to each other are computed.

use std::collections::{BTreeMap, BTreeSet};

use super::data::in_expression;
use super::{Query, Source};
use crate::invalid::{Invalid, quoted};
use crate::math::MathError;

/// Orders the queries so that each comes after those it refers to.
pub(super) fn of(queries: &[Query]) -> Result<Vec<usize>, Invalid> {
    let mut positions: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, query) in queries.iter().enumerate() {
        if positions.insert(&query.id, index).is_some() {
            return Err(Invalid::value(format!("The Id {:?} is used more than once.", quoted(&query.id))));
        }
    }
    let mut waiting: Vec<BTreeSet<usize>> = Vec::with_capacity(queries.len());
    for query in queries {
        let ids = match &query.source {
            Source::Metric(_) => BTreeSet::new(),
            Source::Expression { expression, .. } => expression.ids(),
        };
        let found = ids.into_iter().map(|id| {
            positions.get(id).copied().ok_or_else(|| in_expression(&query.id, &MathError::UnknownId(id.to_owned())))
        });
        waiting.push(found.collect::<Result<_, _>>()?);
    }
    let mut order = Vec::with_capacity(queries.len());
    let mut done = vec![false; queries.len()];
    // Each round finds at least one query, or there is a cycle.
    while order.len() < queries.len() {
        let ready = |index: &usize| !done[*index] && waiting[*index].iter().all(|needed| done[*needed]);
        let found: Vec<usize> = (0..queries.len()).filter(ready).collect();
        if found.is_empty() {
            return Err(Invalid::value("The expressions refer to each other in a circle."));
        }
        found.iter().for_each(|index| done[*index] = true);
        order.extend(found);
    }
    Ok(order)
}
