//! `SecretString` and `SecretBinary` of a request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatrial_parameters::Refused;
use seatrial_parameters::secret::NewValue;
use seatrial_parameters::secret::value::BinaryMember;
use serde::Deserialize;

use crate::secret_member::SecretMember;

/// The members of requests that have a value.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ValueMembers {
    secret_string: Option<SecretMember>,
    secret_binary: Option<SecretMember>,
}

impl ValueMembers {
    /// Returns the value, if the request has one.
    pub fn value(self) -> Result<Option<NewValue>, Refused> {
        let binary = self.secret_binary.map(|SecretMember(base64)| {
            let decoded = STANDARD.decode(base64.expose());
            let decoded = decoded.map_err(|_| Refused::invalid_parameter("SecretBinary must be base64."));
            decoded.map(|bytes| BinaryMember { base64, bytes: bytes.len() })
        });
        NewValue::parse(self.secret_string.map(|SecretMember(text)| text), binary.transpose()?)
    }
}
