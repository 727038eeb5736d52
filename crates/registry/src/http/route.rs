//! What the paths below `/v2/` name.

use percent_encoding::percent_decode_str;
use seatrial_model::image::{Digest, RepositoryName};

use super::refusal::{Code, Refusal};
use crate::storage::UploadId;

/// The longest path: a repository's name, a digest, and room for percent signs.
const PATH_LENGTH_MAX: usize = 2048;

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Base,
    Catalog,
    Tags(RepositoryName),
    Referrers(RepositoryName, Digest),
    Blob(RepositoryName, Digest),
    Uploads(RepositoryName),
    Upload(RepositoryName, UploadId),
    /// With the tag or digest as it was written: what a wrong one means depends on the method.
    Manifest(RepositoryName, String),
}

impl Route {
    pub fn parse(path: &str) -> Result<Self, Refusal> {
        if path.len() > PATH_LENGTH_MAX {
            return Err(not_found());
        }
        let path = path.strip_prefix("/v2").ok_or_else(not_found)?;
        if matches!(path, "" | "/") {
            return Ok(Route::Base);
        }
        let parts: Vec<String> = path.split('/').skip(1).map(decode).collect::<Result<_, _>>()?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match &parts[..] {
            ["_catalog"] => Ok(Route::Catalog),
            [name @ .., "tags", "list"] => Ok(Route::Tags(repository(name)?)),
            [name @ .., "referrers", subject] => Ok(Route::Referrers(repository(name)?, digest(subject)?)),
            [name @ .., "blobs", "uploads"] | [name @ .., "blobs", "uploads", ""] => {
                Ok(Route::Uploads(repository(name)?))
            }
            [name @ .., "blobs", "uploads", id] => {
                let id = UploadId::parse(id).ok_or_else(Refusal::upload_unknown)?;
                Ok(Route::Upload(repository(name)?, id))
            }
            [name @ .., "blobs", wanted] => Ok(Route::Blob(repository(name)?, digest(wanted)?)),
            [name @ .., "manifests", reference] => Ok(Route::Manifest(repository(name)?, (*reference).to_owned())),
            _ => Err(not_found()),
        }
    }

    /// Returns the repository the request is about.
    pub fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Route::Base | Route::Catalog => None,
            Route::Tags(repository)
            | Route::Referrers(repository, _)
            | Route::Blob(repository, _)
            | Route::Uploads(repository)
            | Route::Upload(repository, _)
            | Route::Manifest(repository, _) => Some(repository),
        }
    }
}

fn decode(part: &str) -> Result<String, Refusal> {
    percent_decode_str(part).decode_utf8().map(|text| text.into_owned()).map_err(|_| not_found())
}

fn repository(parts: &[&str]) -> Result<RepositoryName, Refusal> {
    RepositoryName::parse(&parts.join("/")).map_err(|error| Refusal::new(Code::NameInvalid, error.to_string()))
}

fn digest(text: &str) -> Result<Digest, Refusal> {
    Digest::parse(text).map_err(|error| Refusal::new(Code::DigestInvalid, error.to_string()))
}

fn not_found() -> Refusal {
    Refusal::new(Code::NotFound, "There is nothing at this address.")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(path: &str) -> Result<Route, u16> {
        Route::parse(path).map_err(|refusal| refusal.status().as_u16())
    }

    #[test]
    fn every_path_of_the_protocol_is_known() {
        let name = || RepositoryName::parse("shop/web").expect("a name");
        let hex = "ab".repeat(32);
        let digest = || Digest::parse(&format!("sha256:{hex}")).expect("a digest");
        let id = "0".repeat(32);
        for (path, route) in [
            ("/v2/".to_owned(), Route::Base),
            ("/v2".to_owned(), Route::Base),
            ("/v2/_catalog".to_owned(), Route::Catalog),
            ("/v2/shop/web/tags/list".to_owned(), Route::Tags(name())),
            (format!("/v2/shop/web/blobs/sha256:{hex}"), Route::Blob(name(), digest())),
            (format!("/v2/shop%2Fweb/blobs/sha256%3A{hex}"), Route::Blob(name(), digest())),
            (format!("/v2/shop/web/referrers/sha256:{hex}"), Route::Referrers(name(), digest())),
            ("/v2/shop/web/blobs/uploads/".to_owned(), Route::Uploads(name())),
            ("/v2/shop/web/blobs/uploads".to_owned(), Route::Uploads(name())),
            (format!("/v2/shop/web/blobs/uploads/{id}"), Route::Upload(name(), UploadId::parse(&id).expect("an id"))),
            ("/v2/shop/web/manifests/latest".to_owned(), Route::Manifest(name(), "latest".to_owned())),
            ("/v2/shop/web/manifests/.wrong".to_owned(), Route::Manifest(name(), ".wrong".to_owned())),
        ] {
            assert_eq!(parse(&path), Ok(route), "{path}");
        }
    }

    #[test]
    fn other_paths_are_refused_for_what_is_wrong_with_them() {
        for (path, status) in [
            ("/v1/", 404),
            ("/v2/shop", 404),
            ("/v2/shop/web/blobs/sha256:12", 400),
            ("/v2/shop/web/blobs/uploads/../../x", 404),
            ("/v2/shop/web/blobs/uploads/short", 404),
            ("/v2/Shop/tags/list", 400),
            ("/v2//tags/list", 400),
            ("/v2/../../etc/manifests/latest", 400),
            ("/v2/shop/%ff/tags/list", 404),
        ] {
            assert_eq!(parse(path), Err(status), "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_path_panics(path in "/v2/[a-zA-Z0-9%:./_-]{0,100}", any in ".{0,50}") {
            let _ = Route::parse(&path);
            let _ = Route::parse(&any);
        }
    }
}
