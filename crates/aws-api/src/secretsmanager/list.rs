//! ListSecrets.

use std::cmp::Reverse;

use seatrial_aws_wire::Input;
use seatrial_engine::Engine;
use seatrial_parameters::Refused;
use seatrial_parameters::secret::{Filter, Secret};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{invalid_token, listing, size};
use super::show;
use crate::operations::OperationError;

/// The most filters of a request.
const FILTERS_MAX: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListSecrets {
    #[serde(default)]
    include_planned_deletion: bool,
    max_results: Option<i64>,
    next_token: Option<String>,
    #[serde(default)]
    filters: Vec<FilterMember>,
    sort_order: Option<String>,
    sort_by: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FilterMember {
    key: String,
    values: Vec<String>,
}

pub(super) fn list(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: ListSecrets = input.read()?;
    let size = size(request.max_results)?;
    if request.filters.len() > FILTERS_MAX {
        return Err(Refused::invalid_parameter(format!("There may be {FILTERS_MAX} filters.")).into());
    }
    let filters = request.filters.into_iter().map(|filter| Filter::parse(&filter.key, filter.values));
    let filters = filters.collect::<Result<Vec<_>, _>>()?;
    let rank = rank(request.sort_by.as_deref())?;
    let is_ascending = is_ascending(request.sort_order.as_deref())?;
    let listing = listing("ListSecrets", input);
    let token = request.next_token.as_deref();
    let page = engine.read(|state| {
        let is_wanted = |secret: &&Secret| {
            (request.include_planned_deletion || secret.deletion().is_none())
                && filters.iter().all(|filter| filter.admits(secret))
        };
        let mut found: Vec<&Secret> = state.secrets.values().filter(is_wanted).collect();
        found.sort_by_key(|secret| rank(secret));
        let page = if is_ascending {
            listing.page(found, |secret| rank(secret), token, size)
        } else {
            found.reverse();
            listing.page(found, |secret| Reverse(rank(secret)), token, size)
        };
        page.map(|page| (page.items.into_iter().map(entry).collect::<Vec<_>>(), page.next_token))
    });
    let (shown, next_token) = page.map_err(|_| invalid_token())?;
    let mut answer = json!({ "SecretList": shown });
    if let Some(token) = next_token {
        answer["NextToken"] = token.into();
    }
    Ok(answer)
}

/// What secrets are ordered by; their names decide between equals.
type Rank = fn(&Secret) -> (i64, String);

fn rank(by: Option<&str>) -> Result<Rank, Refused> {
    match by {
        None | Some("created-date") => {
            Ok(|secret| (secret.created_at().as_millis(), secret.name().as_str().to_owned()))
        }
        Some("last-changed-date") => Ok(|secret| (secret.changed_at().as_millis(), secret.name().as_str().to_owned())),
        Some("name") => Ok(|secret| (0, secret.name().as_str().to_owned())),
        Some(_) => Err(Refused::invalid_parameter(
            "SortBy must be created-date, last-changed-date or name; when a secret was last accessed is not kept here.",
        )),
    }
}

fn is_ascending(order: Option<&str>) -> Result<bool, Refused> {
    match order {
        None | Some("desc") => Ok(false),
        Some("asc") => Ok(true),
        Some(_) => Err(Refused::invalid_parameter("SortOrder must be asc or desc.")),
    }
}

fn entry(secret: &Secret) -> Value {
    let mut shown = show::secret(secret);
    shown["SecretVersionsToStages"] = show::stages(secret);
    if let Some(deletion) = secret.deletion() {
        shown["DeletedDate"] = deletion.requested_at.as_epoch_seconds().into();
    }
    shown
}
