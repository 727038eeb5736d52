//! Listings: repositories, tags, and the images that refer to another one.

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LINK};
use http::{Response, StatusCode};
use seatrial_model::image::{Digest, MediaType, RepositoryName};
use serde_json::{Value, json};

use super::answer::{self, AnswerBody};
use super::page::Page;
use super::refusal::Refusal;
use super::{Asked, Registry};
use crate::catalog::Referrer;

/// Tells a client which filters the listing of referrers was made with.
const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

impl Registry {
    pub(super) async fn list_repositories(&self, asked: &Asked) -> Result<Response<AnswerBody>, Refusal> {
        let page = Page::parse(&asked.query)?;
        let (after, limit) = (page.after.clone(), page.limit());
        let found = self.catalog(move |catalog| Ok(catalog.repositories(after.as_deref(), limit))).await?;
        let mut names: Vec<String> = found.into_iter().map(String::from).collect();
        let link = page.cut(&mut names, "/v2/_catalog", &[]);
        Ok(with_link(answer::json(StatusCode::OK, &json!({"repositories": names})), link))
    }

    pub(super) async fn list_tags(
        &self,
        asked: &Asked,
        repository: RepositoryName,
    ) -> Result<Response<AnswerBody>, Refusal> {
        let page = Page::parse(&asked.query)?;
        let (name, after, limit) = (repository.clone(), page.after.clone(), page.limit());
        let found = self.catalog(move |catalog| Ok(catalog.tags(&name, after.as_deref(), limit)?)).await?;
        let mut tags: Vec<String> = found.into_iter().map(String::from).collect();
        let link = page.cut(&mut tags, &format!("/v2/{repository}/tags/list"), &[]);
        Ok(with_link(answer::json(StatusCode::OK, &json!({"name": repository, "tags": tags})), link))
    }

    pub(super) async fn list_referrers(
        &self,
        asked: &Asked,
        repository: RepositoryName,
        subject: Digest,
    ) -> Result<Response<AnswerBody>, Refusal> {
        let page = Page::parse(&asked.query)?;
        let filter = asked.query.get("artifactType").map(str::to_owned);
        let (name, wanted) = (repository.clone(), subject.clone());
        let found = self.catalog(move |catalog| Ok(catalog.referrers(&name, &wanted)?)).await?;
        let is_asked = |referrer: &Referrer| filter.is_none() || referrer.artifact_type.as_deref() == filter.as_deref();
        let is_after = |referrer: &Referrer| page.after.as_deref().is_none_or(|after| referrer.digest.as_str() > after);
        let mut found: Vec<Listed> = found
            .into_iter()
            .filter(|referrer| is_asked(referrer) && is_after(referrer))
            .map(Listed)
            .take(page.limit())
            .collect();
        let filters: Vec<(&str, &str)> = filter.iter().map(|filter| ("artifactType", filter.as_str())).collect();
        let link = page.cut(&mut found, &format!("/v2/{repository}/referrers/{subject}"), &filters);
        let manifests: Vec<Value> = found.iter().map(|Listed(referrer)| show(referrer)).collect();
        let index = json!({"schemaVersion": 2, "mediaType": MediaType::OciIndex, "manifests": manifests});
        let mut response = with_link(answer::json(StatusCode::OK, &index), link);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MediaType::OciIndex.as_str()));
        if filter.is_some() {
            headers.insert(FILTERS_APPLIED, HeaderValue::from_static("artifactType"));
        }
        Ok(response)
    }
}

/// A referrer as an item of a listing that is ordered by digests.
struct Listed(Referrer);

impl AsRef<str> for Listed {
    fn as_ref(&self) -> &str {
        self.0.digest.as_str()
    }
}

fn show(referrer: &Referrer) -> Value {
    let mut shown = json!({
        "mediaType": referrer.media_type,
        "digest": referrer.digest,
        "size": referrer.size,
    });
    if let Some(artifact_type) = &referrer.artifact_type {
        shown["artifactType"] = json!(artifact_type);
    }
    if !referrer.annotations.is_empty() {
        shown["annotations"] = json!(referrer.annotations);
    }
    shown
}

fn with_link(mut response: Response<AnswerBody>, link: Option<HeaderValue>) -> Response<AnswerBody> {
    response.headers_mut().extend(link.map(|link| (LINK, link)));
    response
}
