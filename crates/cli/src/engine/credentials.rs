//! The engine's own identity: access key, account and Region, made once and kept for its owner alone.

use anyhow::{Context, Result, bail};
use seatrial_model::arn::Scope;
use seatrial_model::{AccountId, Region};
use seatrial_release::aws::Endpoint;
use serde::{Deserialize, Serialize};

use super::Home;
use super::files;

/// The account of every engine: a number AWS reserves for documentation.
const ACCOUNT: &str = "123456789012";
/// The Region of an engine that was told none.
pub const REGION_DEFAULT: &str = "us-east-1";
/// The letters of access key ids.
const KEY_LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// The letters of secret access keys.
const SECRET_LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// An access key and the scope it is for.
#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub region: Region,
    pub account: AccountId,
}

/// Where credentials come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An earlier start of the engine.
    Kept,
    /// This start; they are not written down yet.
    Drawn,
}

impl Credentials {
    /// How a client of the engine at this address signs.
    pub fn endpoint(&self, url: String) -> Endpoint {
        Endpoint {
            url,
            region: self.region.to_string(),
            access_key_id: self.access_key_id.clone(),
            secret_access_key: self.secret_access_key.clone(),
        }
    }

    pub fn scope(&self) -> Scope {
        Scope { region: self.region.clone(), account: self.account.clone() }
    }

    /// Reads the credentials, or draws them at the first start, to be saved once it has come up.
    pub fn load_or_draw(home: &Home, region: Option<&str>) -> Result<(Self, Origin)> {
        match (Self::load(home)?, region) {
            (Some(credentials), Some(region)) if credentials.region.as_str() != region => bail!(
                "the engine of {} is in {}, which every ARN it gave out says; for {region} use another --home",
                home.path().display(),
                credentials.region,
            ),
            (Some(credentials), _) => Ok((credentials, Origin::Kept)),
            (None, region) => Ok((Self::draw(region)?, Origin::Drawn)),
        }
    }

    pub fn load(home: &Home) -> Result<Option<Self>> {
        let path = home.credentials_file();
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).with_context(|| {
                format!("{} is damaged; remove it to have new credentials made at the next start", path.display())
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("could not read {}", path.display())),
        }
    }

    /// Writes the credentials down for their owner alone.
    pub fn save(&self, home: &Home) -> Result<()> {
        files::replace(&home.credentials_file(), &serde_json::to_vec_pretty(self)?)
    }

    fn draw(region: Option<&str>) -> Result<Self> {
        Ok(Credentials {
            access_key_id: format!("AKIA{}", draw(KEY_LETTERS, 16)?),
            secret_access_key: draw(SECRET_LETTERS, 40)?,
            region: Region::parse(region.unwrap_or(REGION_DEFAULT))?,
            account: AccountId::parse(ACCOUNT).expect("the constant is an account id"),
        })
    }
}

fn draw(letters: &[u8], length: usize) -> Result<String> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).context("the operating system gave no random numbers")?;
    Ok(bytes.into_iter().map(|byte| letters[usize::from(byte) % letters.len()] as char).collect())
}
