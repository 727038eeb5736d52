//! Who the client is to a registry: nobody, a user with a password, or whom Docker's and Podman's files say.
//!
//! `files` knows where the files are, `file` reads one, `helper` runs the programs they name. Nothing here is ever logged, and
//! debugging shows no secret.

mod file;
mod files;
mod helper;

use seatrial_model::SecretText;

pub use file::FileError;
pub use files::CredentialFiles;
pub use helper::HelperError;

use crate::reference::ImageName;

/// The user of ECR's passwords.
const ECR_USER: &str = "AWS";

/// What a client shows to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    Password {
        user: String,
        password: SecretText,
    },
    /// What a server of tokens gave for further ones (`identitytoken` in Docker's file): an OAuth 2 refresh token.
    IdentityToken(SecretText),
}

impl Credential {
    pub fn password(user: impl Into<String>, password: SecretText) -> Self {
        Credential::Password { user: user.into(), password }
    }

    /// Makes a credential of the password that ECR's GetAuthorizationToken gave out.
    pub fn ecr(password: SecretText) -> Self {
        Credential::password(ECR_USER, password)
    }
}

/// Where a client has its credential from.
#[derive(Clone, Debug)]
pub enum CredentialSource {
    /// The client is nobody.
    Anonymous,
    Given(Credential),
    /// The files of Docker and Podman.
    Files(CredentialFiles),
}

/// What was found for a registry.
#[derive(Clone, Debug)]
pub struct Login {
    pub credential: Option<Credential>,
    /// Where it was found, as words behind "the credentials", or else where it was looked for.
    pub origin: String,
}

/// Why credentials cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Helper(#[from] HelperError),
}

impl CredentialSource {
    /// Finds the credential for an image's registry. A file or helper that cannot be used is an error, for without it a push would
    /// fail for a reason that says nothing.
    pub async fn find(&self, image: &ImageName) -> Result<Login, CredentialError> {
        match self {
            CredentialSource::Anonymous => Ok(Login { credential: None, origin: "none were to be used".to_owned() }),
            CredentialSource::Given(credential) => {
                Ok(Login { credential: Some(credential.clone()), origin: "that were given".to_owned() })
            }
            CredentialSource::Files(files) => files.find(image).await,
        }
    }
}
