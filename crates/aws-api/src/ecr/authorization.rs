//! GetAuthorizationToken.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatrial_engine::images::tokens;
use serde_json::{Value, json};

use super::Ecr;
use crate::operations::OperationError;

pub(super) fn get_token(ecr: &Ecr) -> Result<Value, OperationError> {
    let password = ecr.engine.transact(|tx| Ok(tokens::issue(tx)))?;
    Ok(json!({
        "authorizationData": [{
            "authorizationToken": STANDARD.encode(format!("{}:{}", tokens::USER, password.text)),
            "expiresAt": password.expires_at.as_epoch_seconds(),
            "proxyEndpoint": format!("http://{}", ecr.address),
        }],
    }))
}
