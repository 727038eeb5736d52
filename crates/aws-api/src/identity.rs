//! Who may call the engine: access keys and the principals behind them.

use std::collections::BTreeMap;

use seatrial_aws_wire::sigv4::{AccessKeyId, Credential};
use seatrial_model::{AccountId, Arn};

/// The caller behind an access key, as `sts get-caller-identity` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub account: AccountId,
    pub arn: Arn,
    /// The unique id of the user, such as `AIDAEXAMPLE`.
    pub user_id: String,
}

/// An access key with its secret and its owner.
#[derive(Clone, Debug)]
pub struct Identity {
    pub access_key_id: AccessKeyId,
    pub credential: Credential,
    pub principal: Principal,
}

/// The access keys the engine accepts.
#[derive(Clone, Debug, Default)]
pub struct Identities(BTreeMap<AccessKeyId, Identity>);

impl Identities {
    /// Takes the accepted keys; of several with the same id the last one counts.
    pub fn new(identities: impl IntoIterator<Item = Identity>) -> Self {
        Identities(identities.into_iter().map(|identity| (identity.access_key_id.clone(), identity)).collect())
    }

    pub fn find(&self, access_key_id: &AccessKeyId) -> Option<&Identity> {
        self.0.get(access_key_id)
    }
}
