//! Capacity providers. The engine runs every task on its one machine; Fargate's two names are taken, as every account has them.

use std::collections::BTreeSet;

use seatrial_engine::Refusal;
use serde_json::Value;

/// The capacity providers of every account.
const KNOWN: [&str; 2] = ["FARGATE", "FARGATE_SPOT"];
/// The most providers of a cluster and of a strategy.
const PROVIDERS_MAX: usize = 20;

/// Refuses providers that do not exist, and a default strategy of others than the cluster has.
pub(super) fn check(cluster: &Value) -> Result<(), Refusal> {
    let providers: Vec<&str> = items(&cluster["capacityProviders"]).filter_map(Value::as_str).collect();
    if providers.len() > PROVIDERS_MAX {
        return Err(Refusal::invalid(format!("A cluster can have at most {PROVIDERS_MAX} capacity providers.")));
    }
    providers.iter().try_for_each(|provider| check_known(provider))?;
    let strategy = &cluster["defaultCapacityProviderStrategy"];
    check_strategy(strategy)?;
    let foreign = items(strategy).filter_map(|item| item["capacityProvider"].as_str());
    match foreign.into_iter().find(|provider| !providers.contains(provider)) {
        Some(provider) => Err(Refusal::invalid(format!(
            "The capacity provider '{provider}' of the default strategy is not associated with the cluster. Add it to \
             capacityProviders."
        ))),
        None => Ok(()),
    }
}

/// Refuses a strategy with providers that do not exist or appear twice, or with numbers out of range.
pub(super) fn check_strategy(strategy: &Value) -> Result<(), Refusal> {
    let mut used = BTreeSet::new();
    for item in items(strategy) {
        let provider = item["capacityProvider"].as_str().unwrap_or_default();
        check_known(provider)?;
        if !used.insert(provider) {
            return Err(Refusal::invalid(format!("The capacity provider '{provider}' appears twice in the strategy.")));
        }
        for (member, highest) in [("weight", 1000), ("base", 100_000)] {
            if item[member].as_i64().is_some_and(|value| !(0..=highest).contains(&value)) {
                return Err(Refusal::invalid(format!("{member} must be between 0 and {highest}.")));
            }
        }
    }
    if used.len() > PROVIDERS_MAX {
        return Err(Refusal::invalid(format!("A strategy can have at most {PROVIDERS_MAX} capacity providers.")));
    }
    Ok(())
}

/// Returns the provider that a strategy gives its first task to: the one with a base, then the one with the largest weight, then the first.
pub(super) fn first_choice(strategy: &Value) -> Option<&str> {
    let rank = |item: &&Value| (item["base"].as_i64().unwrap_or(0) > 0, item["weight"].as_i64().unwrap_or(0));
    items(strategy).rev().max_by_key(rank)?["capacityProvider"].as_str()
}

fn check_known(provider: &str) -> Result<(), Refusal> {
    match KNOWN.contains(&provider) {
        true => Ok(()),
        false => Err(Refusal::invalid(format!(
            "The specified capacity provider '{provider}' was not found. Specify a valid capacity provider and try again: this \
             engine has [{}].",
            KNOWN.join(",")
        ))),
    }
}

fn items(list: &Value) -> impl DoubleEndedIterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(cluster: Value) -> Option<String> {
        check(&cluster).err().map(|refusal| refusal.message)
    }

    #[test]
    fn only_what_exists_and_is_associated_is_taken() {
        let strategy = |provider: &str| json!([{ "capacityProvider": provider, "weight": 1, "base": 2 }]);
        let both = json!(["FARGATE", "FARGATE_SPOT"]);
        assert_eq!(refusal(json!({})), None);
        assert_eq!(refusal(json!({ "capacityProviders": [], "defaultCapacityProviderStrategy": [] })), None);
        let mixed = json!({ "capacityProviders": both, "defaultCapacityProviderStrategy": strategy("FARGATE_SPOT") });
        assert_eq!(refusal(mixed), None);
        for (cluster, message) in [
            (json!({ "capacityProviders": ["asg"] }), "The specified capacity provider 'asg' was not found."),
            (
                json!({ "capacityProviders": both, "defaultCapacityProviderStrategy": strategy("asg") }),
                "The specified capacity provider 'asg' was not found.",
            ),
            (
                json!({ "capacityProviders": ["FARGATE"], "defaultCapacityProviderStrategy": strategy("FARGATE_SPOT") }),
                "'FARGATE_SPOT' of the default strategy is not associated with the cluster",
            ),
            (
                json!({ "capacityProviders": both, "defaultCapacityProviderStrategy": [
                    { "capacityProvider": "FARGATE" }, { "capacityProvider": "FARGATE" }] }),
                "appears twice",
            ),
            (
                json!({ "capacityProviders": both, "defaultCapacityProviderStrategy": [
                    { "capacityProvider": "FARGATE", "weight": 1001 }] }),
                "weight must be between 0 and 1000.",
            ),
        ] {
            let refused = refusal(cluster.clone()).unwrap_or_default();
            assert!(refused.contains(message), "{cluster}: {refused}");
        }
    }
}
