//! An OCI registry: contents on disk by digest, uploads that can be resumed, and the distribution protocol (OCI distribution
//! specification 1.1) that clients such as Docker and skopeo speak.
//!
//! [`storage`] keeps bytes: a [`Storage`] holds blobs and the uploads that become blobs. It does not know which repository a blob
//! belongs to, or whether anybody still wants it: that is in a [`Catalog`], which is the engine's tables. [`Registry`] answers HTTP
//! requests with the two. The order that keeps them consistent is always the same: bytes first, durable under their digest, then the
//! row that names them (decision 14).

mod catalog;
mod http;
pub mod limits;
pub mod storage;

pub use catalog::{Catalog, CatalogError, Credential, NewImage, Referrer, StoredImage};
pub use http::{AnswerBody, Registry};
pub use storage::Storage;
