//! A client of image registries: the OCI distribution protocol 1.1, as the coordinator needs it to push what it built and to pull what it
//! builds on.
//!
//! [`Client`] speaks for one repository of one registry. Its operations are those of the protocol; [`Client::push_image`] and
//! [`Client::pull_image`] move whole images. Layers stream between file and connection, a connection that breaks is taken up where it
//! broke, and every digest is checked here, whatever the registry says. [`ImageName`] and [`CredentialSource`] say whom to ask and as whom.
//!
//! It is written here and not taken from `oci-client` because that one begins a broken upload from the start, tries nothing again,
//! reports no progress and brings a second HTTP client.
//!
//! It does not make images, does not decide where they go, and asks AWS nothing: ECR's password is the caller's to get.

mod client;
pub mod credentials;
mod error;
mod image;
mod options;
mod progress;
pub mod reference;
mod transport;

pub use client::Client;
pub use client::blobs::Mounted;
pub use client::listings::Referrer;
pub use client::manifests::{FetchedManifest, ManifestHead};
pub use client::push_blob::{Blob, Pushed};
pub use credentials::{Credential, CredentialError, CredentialFiles, CredentialSource};
pub use error::DistributionError;
pub use image::layout::Layout;
pub use image::platform::{Platform, PlatformChoice};
pub use image::pull::PullReport;
pub use image::push::{ImagePush, PushReport};
pub use image::source::ImageSource;
pub use options::{Options, Patience, SchemeChoice};
pub use progress::{Advance, Progress, Silent};
pub use reference::{ImageName, InvalidImageName, RegistryHost, RepositoryPath};
pub use transport::call::OpenFile;
