//! One file of credentials, as Docker and Podman write them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use seatrial_model::SecretText;
use serde::Deserialize;

use super::Credential;
use super::helper::HelperName;
use crate::reference::ImageName;

/// The largest file that is read. A registry takes some hundred bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// What people paste may lack its padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("the file of registry credentials {} is not there; REGISTRY_AUTH_FILE or an option names it", .0.display())]
    Missing(PathBuf),
    #[error("could not read the file of registry credentials {}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the file of registry credentials {} is larger than {FILE_BYTES_MAX} bytes", .0.display())]
    TooLarge(PathBuf),
    /// Where in the file it is, but not what stands there: that may be a password.
    #[error("the file of registry credentials {} is not what Docker writes: line {line}, column {column}", path.display())]
    Malformed { path: PathBuf, line: usize, column: usize },
    #[error("the credentials for {key} in {} cannot be used: {fault}; log in again", path.display())]
    Entry { path: PathBuf, key: String, fault: &'static str },
}

/// Where a credential is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Written(Credential),
    Helper(HelperName),
}

/// A file that was read.
pub(super) struct AuthFile {
    path: PathBuf,
    document: Document,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Document {
    auths: Option<BTreeMap<String, Option<Entry>>>,
    creds_store: Option<String>,
    cred_helpers: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

impl AuthFile {
    /// Reads a file; `None` when there is none.
    pub fn read(path: &Path) -> Result<Option<Self>, FileError> {
        let unreadable = |source| FileError::Unreadable { path: path.to_owned(), source };
        let file = match File::open(path) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            opened => opened.map_err(unreadable)?,
        };
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(FileError::TooLarge(path.to_owned()));
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Some(AuthFile { path: path.to_owned(), document: Document::default() }));
        }
        let document = serde_json::from_slice(&bytes).map_err(|error| FileError::Malformed {
            path: path.to_owned(),
            line: error.line(),
            column: error.column(),
        })?;
        Ok(Some(AuthFile { path: path.to_owned(), document }))
    }

    /// Finds where the credential of an image's registry may be, the likeliest first: a helper for this registry, the helper for all,
    /// what is written for the most specific part of the image's name.
    pub fn find(&self, image: &ImageName) -> Result<Vec<Kept>, FileError> {
        let mut found = Vec::new();
        let helpers = self.document.cred_helpers.iter().flatten();
        let aliases = image.registry.aliases();
        let of_registry =
            helpers.filter(|(key, _)| aliases.contains(&host_of_key(key))).map(|(key, name)| (&**key, name));
        let of_all = self.document.creds_store.iter().filter(|name| !name.is_empty()).map(|name| ("credsStore", name));
        for (key, name) in of_registry.take(1).chain(of_all) {
            let name = HelperName::parse(name).ok_or_else(|| self.fault(key, "no program can have such a name"))?;
            found.push(Kept::Helper(name));
        }
        for candidate in candidates(image) {
            let entries = self.document.auths.iter().flatten();
            let mut fitting = entries.filter(|(key, _)| scope_of_key(key) == candidate);
            let written = fitting.find_map(|(key, entry)| self.credential(key, entry.as_ref()?).transpose());
            if let Some(credential) = written.transpose()? {
                found.push(Kept::Written(credential));
                break;
            }
        }
        Ok(found)
    }

    /// Reads an entry; `None` when there is nothing in it, as where a helper keeps the secret.
    fn credential(&self, key: &str, entry: &Entry) -> Result<Option<Credential>, FileError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = given(&entry.identitytoken) {
            return Ok(Some(Credential::IdentityToken(SecretText::new(token))));
        }
        if let Some(encoded) = given(&entry.auth) {
            let bytes = LENIENT.decode(encoded.trim()).map_err(|_| self.fault(key, "auth is not in base64"))?;
            let text = String::from_utf8(bytes).map_err(|_| self.fault(key, "auth is not a text"))?;
            let (user, password) = text.split_once(':').ok_or_else(|| self.fault(key, "auth has no colon"))?;
            // Docker once padded passwords with zero bytes.
            return Ok(Some(Credential::password(user, SecretText::new(password.trim_end_matches('\0')))));
        }
        let pair = given(&entry.username).zip(given(&entry.password));
        Ok(pair.map(|(user, password)| Credential::password(user, SecretText::new(password))))
    }

    fn fault(&self, key: &str, fault: &'static str) -> FileError {
        FileError::Entry { path: self.path.clone(), key: key.to_owned(), fault }
    }
}

/// Returns what may stand for an image, from its repository up to its host.
fn candidates(image: &ImageName) -> Vec<String> {
    let mut paths = vec![];
    let mut path = Some(image.repository.as_str());
    while let Some(text) = path {
        paths.push(format!("/{text}"));
        path = text.rsplit_once('/').map(|(parent, _)| parent);
    }
    paths.push(String::new());
    let aliases = image.registry.aliases();
    paths.iter().flat_map(|path| aliases.iter().map(move |host| format!("{host}{path}"))).collect()
}

/// Returns what a key stands for. One with a scheme is Docker's and means the whole host.
fn scope_of_key(key: &str) -> &str {
    if key.starts_with("http://") || key.starts_with("https://") {
        return host_of_key(key);
    }
    let key = key.trim_end_matches('/');
    key.strip_suffix("/v1").or_else(|| key.strip_suffix("/v2")).unwrap_or(key)
}

fn host_of_key(key: &str) -> &str {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    key.split('/').next().unwrap_or(key)
}

#[cfg(test)]
mod tests;
