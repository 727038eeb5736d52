//! Commands on listeners. A listener binds the loopback address, so that one port serves one listener of the whole engine.

use std::collections::BTreeMap;

use seatrial_model::load_balancing::Action;

use super::arn::{self, Kind};
use super::attributes::LISTENER;
use super::quotas::LISTENERS_PER_LOAD_BALANCER_MAX;
use super::refusals::{invalid_configuration, listener_not_found};
use super::{forwarding, load_balancers};
use crate::refusal::Refusal;
use crate::state::{Listener, State, Tags};
use crate::transaction::Transaction;

/// The only protocol of listeners here.
pub const PROTOCOL: &str = "HTTP";

/// A listener to be.
#[derive(Clone, Debug)]
pub struct NewListener {
    pub load_balancer: String,
    pub port: u16,
    pub default_action: Action,
}

/// What changes of a listener; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct ListenerChange {
    pub port: Option<u16>,
    pub default_action: Option<Action>,
}

/// Finds a listener by ARN.
pub fn find<'a>(state: &'a State, arn: &str) -> Result<&'a Listener, Refusal> {
    Kind::Listener.check(arn)?;
    state.listeners.get(arn).ok_or_else(|| listener_not_found(arn))
}

/// Returns the listeners of a load balancer.
pub fn of<'a>(state: &'a State, load_balancer: &str) -> impl Iterator<Item = &'a Listener> {
    state.listeners.values().filter(move |listener| listener.load_balancer == load_balancer)
}

/// Creates a listener; one of the same load balancer, port and action is returned as it is.
pub fn create(tx: &mut Transaction<'_>, new: NewListener, tags: Tags) -> Result<Listener, Refusal> {
    let balancer = load_balancers::find(tx.state, &new.load_balancer)?.arn.clone();
    if let Some(existing) = on_port(tx.state, new.port)
        && existing.load_balancer == balancer
        && existing.default_action == new.default_action
    {
        return Ok(existing.clone());
    }
    check_port(tx, &balancer, new.port)?;
    forwarding::check(tx.state, &balancer, &new.default_action)?;
    if of(tx.state, &balancer).count() >= LISTENERS_PER_LOAD_BALANCER_MAX {
        let message = format!("A load balancer can have at most {LISTENERS_PER_LOAD_BALANCER_MAX} listeners");
        return Err(Refusal::new("TooManyListeners", message));
    }
    let listener = Listener {
        arn: arn::listener(&balancer, &tx.draw_hex16()),
        load_balancer: balancer,
        port: new.port,
        protocol: PROTOCOL.to_owned(),
        default_action: new.default_action,
        attributes: BTreeMap::new(),
    };
    super::tagging::put_new(tx, &listener.arn, tags);
    tx.state.listeners.insert(listener.arn.clone(), listener.clone());
    Ok(listener)
}

/// Changes a listener's port or default action.
pub fn modify(tx: &mut Transaction<'_>, arn: &str, change: ListenerChange) -> Result<Listener, Refusal> {
    let listener = find(tx.state, arn)?.clone();
    if let Some(port) = change.port.filter(|port| *port != listener.port) {
        check_port(tx, &listener.load_balancer, port)?;
    }
    if let Some(action) = &change.default_action {
        forwarding::check(tx.state, &listener.load_balancer, action)?;
    }
    let listener = tx.state.listeners.get_mut(arn).ok_or_else(|| listener_not_found(arn))?;
    listener.port = change.port.unwrap_or(listener.port);
    if let Some(action) = change.default_action {
        listener.default_action = action;
    }
    Ok(listener.clone())
}

/// Deletes a listener with its rules.
pub fn delete(tx: &mut Transaction<'_>, arn: &str) -> Result<(), Refusal> {
    find(tx.state, arn)?;
    remove(tx, arn);
    Ok(())
}

/// Changes attributes and returns all of them, defaults included.
pub fn set_attributes(
    tx: &mut Transaction<'_>,
    arn: &str,
    changes: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Refusal> {
    find(tx.state, arn)?;
    LISTENER.check(&changes)?;
    let listener = tx.state.listeners.get_mut(arn).ok_or_else(|| listener_not_found(arn))?;
    listener.attributes.extend(changes);
    Ok(LISTENER.shown(&listener.attributes))
}

pub(super) fn remove(tx: &mut Transaction<'_>, arn: &str) {
    let rules: Vec<String> =
        tx.state.rules.values().filter(|rule| rule.listener == arn).map(|rule| rule.arn.clone()).collect();
    for rule in rules {
        tx.state.rules.remove(&rule);
        tx.state.tags.remove(&rule);
    }
    tx.state.tags.remove(&arn::default_rule(arn));
    tx.state.listeners.remove(arn);
    tx.state.tags.remove(arn);
}

fn on_port(state: &State, port: u16) -> Option<&Listener> {
    state.listeners.values().find(|listener| listener.port == port)
}

fn check_port(tx: &Transaction<'_>, balancer: &str, port: u16) -> Result<(), Refusal> {
    if let Some(taken) = on_port(tx.state, port) {
        let message = if taken.load_balancer == balancer {
            format!("A listener already exists on this port for this load balancer '{balancer}'")
        } else {
            format!(
                "A listener already exists on port {port}: '{}'. All load balancers of this engine listen on the \
                 loopback address, so choose another port",
                taken.arn
            )
        };
        return Err(Refusal::new("DuplicateListener", message));
    }
    tx.check_listen(port).map_err(|why| {
        invalid_configuration(format!(
            "The engine cannot listen on port {port} of the loopback address: {why}. End the program that uses the \
             port, or choose another one"
        ))
    })
}
