//! The schema and what is in Parameter Store beside the file's values: asked before anything is touched.

use std::collections::BTreeMap;

use super::{About, Breach, ConfigSchema, Given, given};
use crate::aws::Connection;
use crate::configuration::{self, Secrecy, Value};
use crate::difference::is_secret_name;
use crate::error::ReleaseError;
use crate::parameters::Realm;
use crate::plan::Plan;

/// Refuses a plan with whose configuration the environment would not be as the schema wants it. Of secrets it counts only that they are
/// there.
pub async fn refuse_stored(connection: &Connection, plan: &Plan) -> Result<(), ReleaseError> {
    match broken(connection, plan).await?.into_iter().next() {
        None => Ok(()),
        Some(Broken { what, instead }) => Err(ReleaseError::not_possible(what, instead)),
    }
}

/// Something of an environment's configuration that the schema does not want.
pub(crate) struct Broken {
    pub what: String,
    pub instead: String,
}

/// Lists everything of the environment's configuration, as it would be with the plan's, that the schema does not want.
pub(crate) async fn broken(connection: &Connection, plan: &Plan) -> Result<Vec<Broken>, ReleaseError> {
    let Some(schema) = &plan.config_schema else { return Ok(Vec::new()) };
    let stored = configuration::list(connection, &Realm::of(plan)).await?;
    let breaches = schema.breaches(&together(plan, &stored)).into_iter();
    Ok(breaches.map(|breach| told(schema, plan, breach)).collect())
}

/// Refuses a value that is to be put and that the schema does not want.
pub async fn refuse_new(
    connection: &Connection,
    plan: &Plan,
    name: &str,
    text: &str,
    secrecy: Secrecy,
) -> Result<(), ReleaseError> {
    let Some(schema) = &plan.config_schema else { return Ok(()) };
    let stored = configuration::list(connection, &Realm::of(plan)).await?;
    let mut values = together(plan, &stored);
    let is_hidden = secrecy == Secrecy::Secret || is_secret_name(name);
    values.insert(name.to_owned(), if is_hidden { Given::Hidden(text) } else { Given::Plain(text) });
    let is_about_it = |breach: &Breach| breach.about == About::Value(name.to_owned());
    match schema.breaches(&values).into_iter().find(is_about_it) {
        None => Ok(()),
        Some(breach) => {
            let instead = format!("put another value, or change {}", schema.name);
            Err(ReleaseError::not_possible(breach.what, instead))
        }
    }
}

/// What the environment will have: the file's values, and those put beside them.
fn together<'a>(plan: &'a Plan, stored: &'a [Value]) -> BTreeMap<String, Given<'a>> {
    let mut values = given(stored.iter().map(|one| {
        let is_seen = one.secrecy == Secrecy::Plain;
        (&one.name, one.value.as_deref().filter(|_| is_seen))
    }));
    let is_known = |text: &str| !plan.pending_outputs.iter().any(|output| text.contains(&format!("<infra.{output}>")));
    let of_file = plan.config.iter().map(|(name, text)| (name, Some(text.as_str()).filter(|text| is_known(text))));
    values.extend(given(of_file));
    values
}

fn told(schema: &ConfigSchema, plan: &Plan, breach: Breach) -> Broken {
    let environment = &plan.environment.name;
    let instead = match &breach.about {
        About::Lacking(name) => format!(
            "write `{name}` below `config`, or put it: seatrial config set {name} --env {environment} (with --secret if it is one)"
        ),
        About::Value(name) if !plan.config.contains_key(name) => format!(
            "put another value (seatrial config set {name} --env {environment}), take it away (config unset), or change {}",
            schema.name
        ),
        About::Value(_) | About::Whole => format!("change the values, or {}", schema.name),
    };
    Broken { what: breach.what, instead }
}
