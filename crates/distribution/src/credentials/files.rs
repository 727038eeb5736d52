//! Where Docker and Podman keep credentials, and which of their files counts.

use std::ffi::OsString;
use std::path::PathBuf;

use super::file::{AuthFile, FileError, Kept};
use super::{CredentialError, Login, helper};
use crate::reference::ImageName;

/// Files to look in, in order. The first that knows the registry counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialFiles {
    places: Vec<PathBuf>,
    /// Somebody named the file: it has to be there.
    is_required: bool,
}

impl CredentialFiles {
    /// Takes the files that this process's environment names.
    pub fn from_environment() -> Self {
        CredentialFiles::from_variables(|name| std::env::var_os(name))
    }

    /// Takes one file, which has to be there.
    pub fn only(path: PathBuf) -> Self {
        CredentialFiles { places: vec![path], is_required: true }
    }

    /// Takes the files that variables name: `REGISTRY_AUTH_FILE` alone where it is set; otherwise Docker's file, below `DOCKER_CONFIG`
    /// or the home directory, and then Podman's.
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let path = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(file) = path("REGISTRY_AUTH_FILE") {
            return CredentialFiles::only(file);
        }
        let home = path("HOME");
        let docker = path("DOCKER_CONFIG").or_else(|| home.as_ref().map(|home| home.join(".docker")));
        let configuration = path("XDG_CONFIG_HOME").or_else(|| home.as_ref().map(|home| home.join(".config")));
        let podman = "containers/auth.json";
        let places = [
            docker.map(|directory| directory.join("config.json")),
            path("XDG_RUNTIME_DIR").map(|directory| directory.join(podman)),
            configuration.map(|directory| directory.join(podman)),
        ];
        CredentialFiles { places: places.into_iter().flatten().collect(), is_required: false }
    }

    pub(super) async fn find(&self, image: &ImageName) -> Result<Login, CredentialError> {
        for path in &self.places {
            let Some(file) = AuthFile::read(path)? else {
                if self.is_required {
                    return Err(FileError::Missing(path.clone()).into());
                }
                continue;
            };
            let shown = path.display();
            for kept in file.find(image)? {
                let (credential, origin) = match kept {
                    Kept::Written(credential) => (Some(credential), format!("from {shown}")),
                    Kept::Helper(name) => {
                        let origin = format!("from {}, which {shown} names", name.program());
                        (helper::get(&name, image.registry.login_server(), path).await?, origin)
                    }
                };
                if credential.is_some() {
                    return Ok(Login { credential, origin });
                }
            }
        }
        let places: Vec<String> = self.places.iter().map(|path| path.display().to_string()).collect();
        let origin = match places.is_empty() {
            true => "there is no place to look for them: HOME is not set".to_owned(),
            false => format!("looked for in {}", places.join(", ")),
        };
        Ok(Login { credential: None, origin })
    }
}
