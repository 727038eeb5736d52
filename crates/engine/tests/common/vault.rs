//! A vault that hides values well enough to be seen when they are not hidden, and whose key can be taken away.

use std::sync::atomic::{AtomicBool, Ordering};

use seatrial_model::SecretText;
use seatrial_ports::{Sealed, SealingKeyId, Vault, VaultError};

#[derive(Default)]
pub struct FakeVault {
    key_is_away: AtomicBool,
}

impl FakeVault {
    /// Takes the key away, as if its file were gone.
    pub fn take_key_away(&self) {
        self.key_is_away.store(true, Ordering::SeqCst);
    }

    fn check(&self) -> Result<(), VaultError> {
        if self.key_is_away.load(Ordering::SeqCst) {
            return Err(VaultError::KeyMissing { path: "memory".to_owned() });
        }
        Ok(())
    }
}

impl Vault for FakeVault {
    fn seal(&self, key: Option<&SealingKeyId>, context: &str, value: &SecretText) -> Result<Sealed, VaultError> {
        if key.is_some() {
            self.check()?;
        }
        let text = format!("{context}|{}", value.expose()).bytes().map(|byte| format!("{byte:02x}")).collect();
        Ok(Sealed { key: SealingKeyId::new("0123456789abcdef"), text })
    }

    fn open(&self, context: &str, sealed: &str) -> Result<SecretText, VaultError> {
        self.check()?;
        let digits: Vec<char> = sealed.chars().collect();
        let bytes = digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16));
        let bytes: Vec<u8> = bytes.collect::<Result<_, _>>().map_err(|_| VaultError::ValueDamaged)?;
        let text = String::from_utf8(bytes).map_err(|_| VaultError::ValueDamaged)?;
        let value = text.strip_prefix(&format!("{context}|")).ok_or(VaultError::ValueDamaged)?;
        Ok(SecretText::new(value))
    }
}
