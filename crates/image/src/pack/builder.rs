//! Puts layers onto a base and says what runs in the image.

use std::collections::BTreeMap;

use seatrial_model::image::{Digest, MediaType};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::error::PackError;
use super::layer::{PackOptions, Packed, pack_layer};
use super::plan::{Directories, Entry};
use crate::configuration::document::Document;
use crate::configuration::{ExposedPort, Healthcheck, HistoryEntry, ImageConfiguration, RunConfiguration};
use crate::layout::{IndexEntry, LayoutImage, LayoutWriter};
use crate::platform::Platform;

const CONFIGURATION_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// What the history of an image says of the layers that are made here.
const CREATED_BY: &str = "seatrial";

/// An image to be built.
#[derive(Clone, Debug)]
pub struct ImageBuilder {
    base: Option<LayoutImage>,
    platform: Platform,
    run: RunConfiguration,
    layers: Vec<(Vec<Entry>, PackOptions)>,
    created: u64,
    annotations: BTreeMap<String, String>,
    has_own_command: bool,
}

/// An image that was built, as its layout has it.
#[derive(Clone, Debug)]
pub struct BuiltImage {
    /// The manifest, with the image's platform.
    pub entry: IndexEntry,
    /// Of the configuration.
    pub configuration: Digest,
    /// The layers on top of the base.
    pub layers: Vec<Packed>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ManifestDocument<'m> {
    schema_version: u64,
    media_type: &'static str,
    config: Part,
    layers: Vec<Part>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'m BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    media_type: String,
    digest: Digest,
    size: u64,
}

impl ImageBuilder {
    /// Begins an image that has nothing but what is put into it.
    pub fn from_scratch(platform: Platform) -> Self {
        let run = RunConfiguration::default();
        ImageBuilder {
            base: None,
            platform,
            run,
            layers: Vec::new(),
            created: 0,
            annotations: BTreeMap::new(),
            has_own_command: false,
        }
    }

    /// Begins an image on top of another one, whose settings hold unless others are made.
    pub fn on(base: LayoutImage) -> Self {
        let configuration = &base.configuration;
        let (platform, run) = (configuration.platform.clone(), configuration.run.clone());
        ImageBuilder { run, base: Some(base), ..ImageBuilder::from_scratch(platform) }
    }

    /// Adds a layer. On a base, or on an earlier layer, the directories that lead to its files are not written into it.
    #[must_use]
    pub fn layer(mut self, entries: Vec<Entry>, options: PackOptions) -> Self {
        let is_lowest = self.base.is_none() && self.layers.is_empty();
        let directories = if is_lowest { options.directories } else { Directories::Implied };
        self.layers.push((entries, PackOptions { directories, ..options }));
        self
    }

    /// Sets the entry point. The base's command goes with the base's entry point, and is dropped.
    #[must_use]
    pub fn entry_point(mut self, words: Vec<String>) -> Self {
        if !self.has_own_command {
            self.run.command = Vec::new();
        }
        self.run.entry_point = words;
        self
    }

    #[must_use]
    pub fn command(mut self, words: Vec<String>) -> Self {
        self.run.command = words;
        self.has_own_command = true;
        self
    }

    /// Sets an environment variable, in the place of one that has the name.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        match self.run.environment.iter_mut().find(|(there, _)| there == name) {
            Some(variable) => value.clone_into(&mut variable.1),
            None => self.run.environment.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    #[must_use]
    pub fn working_directory(mut self, path: &str) -> Self {
        self.run.working_directory = Some(path.to_owned());
        self
    }

    #[must_use]
    pub fn user(mut self, user: &str) -> Self {
        self.run.user = Some(user.to_owned());
        self
    }

    #[must_use]
    pub fn expose(mut self, port: ExposedPort) -> Self {
        self.run.exposed_ports.insert(port);
        self
    }

    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.run.labels.insert(name.to_owned(), value.to_owned());
        self
    }

    #[must_use]
    pub fn stop_signal(mut self, signal: &str) -> Self {
        self.run.stop_signal = Some(signal.to_owned());
        self
    }

    #[must_use]
    pub fn healthcheck(mut self, healthcheck: Healthcheck) -> Self {
        self.run.healthcheck = Some(healthcheck);
        self
    }

    /// Sets an annotation of the manifest, such as `org.opencontainers.image.revision`.
    #[must_use]
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        self.annotations.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Sets when the image was made, in seconds since 1970 (what `SOURCE_DATE_EPOCH` says, or 0).
    #[must_use]
    pub fn created(mut self, seconds: u64) -> Self {
        self.created = seconds;
        self
    }

    /// Writes the image's blobs and names the image in the layout. Without a name it is an image among others there, and can be found by
    /// its digest, or by being the only one.
    pub fn build(&self, layout: &LayoutWriter, name: Option<&str>) -> Result<BuiltImage, PackError> {
        let built = self.build_unlisted(layout)?;
        layout.add(&built.entry, name)?;
        Ok(built)
    }

    /// Writes the image's blobs for an index that will name it.
    pub fn build_unlisted(&self, layout: &LayoutWriter) -> Result<BuiltImage, PackError> {
        let created = rfc3339(self.created)?;
        if let Some((name, _)) = self.run.environment.iter().find(|(name, _)| name.is_empty() || name.contains('=')) {
            return Err(PackError::Variable(name.clone()));
        }
        let mut parts = self.copy_base(layout)?;
        let mut configuration = self.beginning(&created);
        let mut layers = Vec::new();
        for (entries, options) in &self.layers {
            let mut blob = layout.blob()?;
            let packed = pack_layer(entries, options, &mut blob)?;
            blob.finish()?;
            parts.push(Part { media_type: LAYER_TYPE.to_owned(), digest: packed.digest.clone(), size: packed.size });
            configuration.diff_ids.push(packed.diff_id.clone());
            let (created, created_by) = (Some(created.clone()), Some(CREATED_BY.to_owned()));
            configuration.history.push(HistoryEntry { created, created_by, ..HistoryEntry::default() });
            layers.push(packed);
        }
        let config = put_json(layout, CONFIGURATION_TYPE, &Document::from(&configuration))?;
        let digest = config.digest.clone();
        let media_type = MediaType::OciManifest.as_str();
        let document =
            ManifestDocument { schema_version: 2, media_type, config, layers: parts, annotations: &self.annotations };
        let manifest = put_json(layout, media_type, &document)?;
        let entry = IndexEntry {
            media_type: manifest.media_type,
            digest: manifest.digest,
            size: manifest.size,
            platform: Some(self.platform.clone()),
            artifact_type: None,
            annotations: None,
        };
        Ok(BuiltImage { entry, configuration: digest, layers })
    }

    fn copy_base(&self, layout: &LayoutWriter) -> Result<Vec<Part>, PackError> {
        let Some(base) = &self.base else { return Ok(Vec::new()) };
        let mut parts = Vec::new();
        for layer in &base.manifest.layers {
            layout.copy(&layer.digest, &base.layout)?;
            let media_type = oci_type(&layer.media_type).to_owned();
            parts.push(Part { media_type, digest: layer.digest.clone(), size: layer.size });
        }
        Ok(parts)
    }

    /// Returns the configuration that the layers of the base begin.
    fn beginning(&self, created: &str) -> ImageConfiguration {
        let (diff_ids, history) = match &self.base {
            Some(base) => (base.configuration.diff_ids.clone(), base.configuration.history.clone()),
            None => (Vec::new(), Vec::new()),
        };
        // Tools count: a history that does not have every layer is no history.
        let is_whole = history.iter().filter(|entry| !entry.is_empty_layer).count() == diff_ids.len();
        let unknown = || vec![HistoryEntry::default(); diff_ids.len()];
        ImageConfiguration {
            platform: self.platform.clone(),
            created: Some(created.to_owned()),
            run: self.run.clone(),
            history: if is_whole { history } else { unknown() },
            diff_ids,
        }
    }
}

/// Returns OCI's name for Docker's type of a layer: the bytes are the same, and a manifest should not mix the two.
fn oci_type(media_type: &str) -> &str {
    match media_type {
        "application/vnd.docker.image.rootfs.diff.tar" => "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip" => LAYER_TYPE,
        "application/vnd.docker.image.rootfs.diff.tar.zstd" => "application/vnd.oci.image.layer.v1.tar+zstd",
        other => other,
    }
}

fn put_json(layout: &LayoutWriter, media_type: &str, value: &impl Serialize) -> Result<Part, PackError> {
    let bytes = serde_json::to_vec(value).expect("texts and numbers are JSON");
    let digest = layout.put(&bytes)?;
    Ok(Part { media_type: media_type.to_owned(), digest, size: bytes.len() as u64 })
}

/// Writes a time as images have it.
pub(super) fn rfc3339(seconds: u64) -> Result<String, PackError> {
    let time = i64::try_from(seconds).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    time.and_then(|time| time.format(&Rfc3339).ok()).ok_or(PackError::Time(seconds))
}
