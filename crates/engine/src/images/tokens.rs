//! Passwords for the registry: given out for half a day, and only a hash of each is kept.

use std::time::Duration;

use seatrial_model::Timestamp;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use super::records::RegistryToken;
use crate::state::State;
use crate::transaction::Transaction;

/// How long a password is good for, as in ECR. By the real clock: clients go by the instant they are told.
pub const LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// The most passwords that are good at once; the oldest goes first. A pipeline asks for one per run.
const TOKENS_MAX: usize = 1000;
/// The user of every password.
pub const USER: &str = "AWS";

/// A password and when it ends.
#[derive(Clone)]
pub struct Password {
    pub text: String,
    pub expires_at: Timestamp,
}

/// Gives out a password.
pub fn issue(tx: &mut Transaction<'_>) -> Password {
    let expires_at = tx.now + LIFETIME;
    let id = tx.draw_hex16();
    // 256 random bits, of which the rows keep a hash that leads nowhere.
    let text = format!("{id}.{:032x}{:032x}", tx.draw_bits(), tx.draw_bits());
    let expired: Vec<String> = expired(tx.state, tx.now);
    for key in &expired {
        tx.state.registry_tokens.remove(key);
    }
    if tx.state.registry_tokens.len() >= TOKENS_MAX {
        let oldest = tx.state.registry_tokens.iter().min_by_key(|(_, token)| token.expires_at);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            tx.state.registry_tokens.remove(&key);
        }
    }
    tx.state.registry_tokens.insert(id, RegistryToken { hash: hash(&text), expires_at });
    Password { text, expires_at }
}

/// Tells whether a user and password are good now.
pub fn admits(state: &State, user: &str, password: &str, now: Timestamp) -> bool {
    let Some((id, _)) = password.split_once('.') else { return false };
    let Some(token) = state.registry_tokens.get(id) else { return false };
    let is_right: bool = token.hash.as_bytes().ct_eq(hash(password).as_bytes()).into();
    is_right && user == USER && now < token.expires_at
}

fn expired(state: &State, now: Timestamp) -> Vec<String> {
    let tokens = state.registry_tokens.iter();
    tokens.filter(|(_, token)| token.expires_at <= now).map(|(key, _)| key.clone()).collect()
}

fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
