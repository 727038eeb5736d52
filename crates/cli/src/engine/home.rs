//! The engine's data directory: one folder holds everything an engine owns.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// A data directory.
#[derive(Clone, Debug)]
pub struct Home(PathBuf);

impl Home {
    /// Finds the data directory: the given one, `$SEATRIAL_HOME`, or `seatrial` in the user's state directory (XDG).
    pub fn locate(given: Option<PathBuf>) -> Result<Self> {
        let from_environment = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let root = given
            .or_else(|| from_environment("SEATRIAL_HOME"))
            .or_else(|| from_environment("XDG_STATE_HOME").map(|path| path.join("seatrial")))
            .or_else(|| from_environment("HOME").map(|path| path.join(".local/state/seatrial")));
        let Some(root) = root else {
            bail!(
                "no place for the engine's data: neither SEATRIAL_HOME nor HOME is set; set SEATRIAL_HOME to a directory"
            );
        };
        Ok(Home(std::path::absolute(&root).with_context(|| format!("could not resolve {}", root.display()))?))
    }

    /// Creates the directory for its owner alone, if it is not there.
    pub fn create(&self) -> Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)
            .with_context(|| format!("could not create the engine's data directory {}", self.0.display()))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The journal and tables.
    pub fn store(&self) -> PathBuf {
        self.0.join("store")
    }

    /// The key that seals secret values; without it, those in the store cannot be read.
    pub fn sealing_key_file(&self) -> PathBuf {
        self.0.join("sealing.key")
    }

    /// The layers and manifests of images.
    pub fn registry(&self) -> PathBuf {
        self.0.join("registry")
    }

    /// What the running engine says of itself.
    pub fn process_file(&self) -> PathBuf {
        self.0.join("engine.json")
    }

    pub fn credentials_file(&self) -> PathBuf {
        self.0.join("credentials.json")
    }

    /// What the engine was last started with.
    pub fn settings_file(&self) -> PathBuf {
        self.0.join("settings.json")
    }

    /// The data plane's control socket, lock and log.
    pub fn proxy(&self) -> PathBuf {
        self.0.join("proxy")
    }

    /// Which command or address stands for which Lambda function; written by the user.
    pub fn functions_file(&self) -> PathBuf {
        self.0.join("functions.yml")
    }

    pub fn log_file(&self) -> PathBuf {
        self.0.join("engine.log")
    }
}

#[cfg(test)]
mod tests {
    use seatrial_model::Timestamp;
    use seatrial_model::image::Digest;
    use seatrial_registry::Storage;
    use seatrial_runtime::ImageDirectories;

    use super::*;

    #[test]
    fn tasks_look_for_images_where_the_registry_keeps_them() {
        let directory = tempfile::tempdir().expect("a directory");
        let home = Home(directory.path().to_path_buf());
        let storage = Storage::open(&home.registry(), Timestamp::EPOCH).expect("writable");
        let digest = Digest::parse(&format!("sha256:{}", "ab".repeat(32))).expect("a digest");
        storage.blobs.put(&digest, b"content", Timestamp::EPOCH).expect("writable");
        let found = std::fs::read(digest.file_in(&ImageDirectories::of(home.path()).contents)).expect("it is there");
        assert_eq!(found, b"content");
    }
}
