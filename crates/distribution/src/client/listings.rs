//! Listings: the tags of a repository, and what refers to an image.

use std::collections::BTreeMap;

use http::header::LINK;
use http::{Method, StatusCode, Uri};
use seatrial_model::image::{Digest, ImageReference, ImageTag};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Client;
use super::referrers_tag::tag_of_referrers;
use crate::error::DistributionError;
use crate::transport::address::{is_same_origin, resolve};
use crate::transport::protocol;

/// How many entries a page is asked for.
const PAGE: usize = 1000;

/// The longest page. A thousand referrers with their annotations may have this much.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most pages of a listing: a million entries. A registry whose pages never end is given up here.
const PAGES_MAX: usize = 1000;

/// A manifest that refers to another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Referrer {
    pub media_type: String,
    pub digest: Digest,
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct TagPage {
    /// Some registries write null for none.
    tags: Option<Vec<ImageTag>>,
}

/// The index that a registry answers with, or that is kept under a tag in its stead.
#[derive(Deserialize)]
pub(super) struct ReferrerPage {
    pub manifests: Option<Vec<Referrer>>,
}

impl Client {
    /// Lists the tags of the repository, in order, which not every registry keeps.
    pub async fn tags(&self) -> Result<Vec<ImageTag>, DistributionError> {
        let doing = format!("list the tags of {}", self.repository);
        let first = self.transport.address(&format!("tags/list?n={PAGE}"));
        let pages: Option<Vec<TagPage>> = self.pages(first, &doing, &[StatusCode::OK]).await?;
        let mut tags: Vec<ImageTag> =
            pages.into_iter().flatten().flat_map(|page| page.tags.unwrap_or_default()).collect();
        tags.sort_unstable();
        tags.dedup();
        Ok(tags)
    }

    /// Lists what refers to a manifest, of one type if one is named. Registries of the protocol 1.0 are asked for the tag that stands
    /// in for the list.
    pub async fn referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Referrer>, DistributionError> {
        let doing = format!("list what refers to {subject} in {}", self.repository);
        let query = artifact_type.map(|kind| form_urlencoded::byte_serialize(kind.as_bytes()).collect::<String>());
        let query = query.map_or_else(String::new, |kind| format!("?artifactType={kind}"));
        let first = self.transport.address(&format!("referrers/{subject}{query}"));
        let pages: Option<Vec<ReferrerPage>> =
            self.pages(first, &doing, &[StatusCode::OK, StatusCode::NOT_FOUND]).await?;
        let all = match pages {
            Some(pages) => pages.into_iter().flat_map(|page| page.manifests.unwrap_or_default()).collect(),
            None => self.referrers_in_tag(subject).await?.unwrap_or_default(),
        };
        let is_wanted =
            |referrer: &Referrer| artifact_type.is_none_or(|kind| referrer.artifact_type.as_deref() == Some(kind));
        Ok(all.into_iter().filter(is_wanted).collect())
    }

    /// Tells whether the registry lists by itself what refers to a manifest.
    pub(super) async fn lists_referrers(&self, subject: &Digest) -> Result<bool, DistributionError> {
        let doing = format!("look whether what refers to {subject} is listed");
        let call = self.reading(Method::GET, self.transport.address(&format!("referrers/{subject}")), doing);
        let answered = self.transport.ask(&call, &[StatusCode::OK, StatusCode::NOT_FOUND]).await?;
        let is_listed = answered.status == StatusCode::OK;
        self.transport.drain(answered).await;
        Ok(is_listed)
    }

    /// Returns the list that is kept under a tag; `None` when there is none.
    pub(super) async fn referrers_in_tag(&self, subject: &Digest) -> Result<Option<Vec<Referrer>>, DistributionError> {
        let reference = ImageReference::Tag(tag_of_referrers(subject));
        let Some(index) = self.manifest(&reference).await? else { return Ok(None) };
        let page: ReferrerPage = serde_json::from_slice(&index.bytes).map_err(|error| {
            let doing = format!("list what refers to {subject} in {}", self.repository);
            protocol(self.transport.registry(), &doing, format!("no list under its tag: {error}"))
        })?;
        Ok(Some(page.manifests.unwrap_or_default()))
    }

    /// Follows a listing page by page; `None` when its first page is not found and that is expected.
    async fn pages<T: DeserializeOwned>(
        &self,
        first: Uri,
        doing: &str,
        expected: &[StatusCode],
    ) -> Result<Option<Vec<T>>, DistributionError> {
        let mut pages = Vec::new();
        let mut target = first;
        for _ in 0..PAGES_MAX {
            let answered = self.transport.ask(&self.reading(Method::GET, target, doing), expected).await?;
            if answered.status == StatusCode::NOT_FOUND {
                self.transport.drain(answered).await;
                return Ok(None);
            }
            let from = answered.from.clone();
            let next = answered.header(&LINK).and_then(next_link).map(|link| resolve(&from, link));
            let bytes = self.transport.read(answered, "a page of the list", PAGE_BYTES_MAX).await?;
            pages.push(
                serde_json::from_slice(&bytes).map_err(|error| protocol(&from, doing, format!("no list: {error}")))?,
            );
            target = match next {
                None => return Ok(Some(pages)),
                Some(Some(next)) if is_same_origin(&next, &from) => next,
                Some(_) => return Err(protocol(&from, doing, "a list that goes on elsewhere")),
            };
        }
        Err(protocol(self.transport.registry(), doing, format!("a list of more than {PAGES_MAX} pages")))
    }
}

/// Reads where a listing goes on: `<ADDRESS>; rel="next"`.
fn next_link(header: &str) -> Option<&str> {
    header.split(',').find_map(|link| {
        let (address, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters.split(';').any(|parameter| {
            let parameter = parameter.trim().to_ascii_lowercase();
            matches!(parameter.as_str(), "rel=next" | "rel=\"next\"")
        });
        is_next.then_some(address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_tells_where_a_list_goes_on() {
        for (header, expected) in [
            ("</v2/a/tags/list?n=1&last=b>; rel=\"next\"", Some("/v2/a/tags/list?n=1&last=b")),
            ("<x>; rel=prev, <y>;REL=next", Some("y")),
            ("<x>; rel=\"last\"", None),
            ("x; rel=\"next\"", None),
            ("<x", None),
            ("", None),
        ] {
            assert_eq!(next_link(header), expected, "{header}");
        }
    }
}
