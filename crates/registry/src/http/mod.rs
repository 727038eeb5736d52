//! The distribution protocol: a request in, an answer out, with both bodies streamed.
//!
//! `route` reads paths, `range` the two kinds of ranges, `page` the parameters of listings, `authorize` who asks; `refusal` is every
//! error a client can get. `pull`, `push`, `manifests`, `listings` answer.

mod answer;
mod authorize;
mod body;
mod listings;
mod manifests;
mod page;
mod pull;
mod push;
mod query;
mod range;
mod refusal;
mod route;

use std::fmt::Display;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use seatrial_model::image::RepositoryName;
use serde_json::json;

use crate::catalog::Catalog;
use crate::storage::Storage;
use query::Query;
use refusal::{Code, Refusal};
use route::Route;

pub use answer::AnswerBody;

/// A registry that answers requests. Cloning it gives another handle to the same one.
#[derive(Clone)]
pub struct Registry {
    storage: Storage,
    catalog: Arc<dyn Catalog>,
}

/// The head of a request, read as far as every answer needs it.
struct Asked {
    method: Method,
    head: Parts,
    query: Query,
}

impl Registry {
    pub fn new(storage: Storage, catalog: Arc<dyn Catalog>) -> Self {
        Registry { storage, catalog }
    }

    /// Answers a request for `/v2/` and what is below it. Always gives an answer; its body may be read from a file as it is sent.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Display,
    {
        let (head, body) = request.into_parts();
        let has_body = !body.is_end_stream();
        let mut response = self.serve(head, body).await.unwrap_or_else(|refusal| {
            tracing::debug!(status = refusal.status().as_u16(), error = %refusal, "registry request refused");
            refusal.into_response(has_body)
        });
        // Some clients know a registry by it, also where they are not let in.
        response.headers_mut().insert(answer::API_VERSION, HeaderValue::from_static("registry/2.0"));
        response
    }

    async fn serve<B>(&self, head: Parts, body: B) -> Result<Response<AnswerBody>, Refusal>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Display,
    {
        let credential = authorize::credential(&head.headers)?;
        if !self.catalog(move |catalog| Ok(catalog.admits(&credential))).await? {
            return Err(authorize::refused());
        }
        let route = Route::parse(head.uri.path())?;
        let asked = Asked { method: head.method.clone(), query: Query::parse(head.uri.query())?, head };
        if let Some(repository) = route.repository() {
            self.require(repository).await?;
        }
        match (route, asked.method.as_str()) {
            (Route::Base, "GET" | "HEAD") => Ok(answer::json(StatusCode::OK, &json!({}))),
            (Route::Catalog, "GET") => self.list_repositories(&asked).await,
            (Route::Tags(repository), "GET") => self.list_tags(&asked, repository).await,
            (Route::Referrers(repository, subject), "GET") => self.list_referrers(&asked, repository, subject).await,
            (Route::Blob(repository, digest), "GET" | "HEAD") => self.send_blob(&asked, repository, digest).await,
            (Route::Blob(repository, digest), "DELETE") => self.delete_blob(repository, digest).await,
            (Route::Uploads(repository), "POST") => self.begin_upload(&asked, repository, body).await,
            (Route::Upload(repository, id), "GET") => self.tell_upload(repository, id).await,
            (Route::Upload(repository, id), "PATCH") => self.continue_upload(&asked, repository, id, body).await,
            (Route::Upload(repository, id), "PUT") => self.finish_upload(&asked, repository, id, body).await,
            (Route::Upload(repository, id), "DELETE") => self.cancel_upload(repository, id).await,
            (Route::Manifest(repository, name), "GET" | "HEAD") => self.send_manifest(&asked, repository, name).await,
            (Route::Manifest(repository, name), "PUT") => self.put_manifest(&asked, repository, name, body).await,
            (Route::Manifest(repository, name), "DELETE") => self.delete_manifest(repository, name).await,
            (_, method) => Err(Refusal::new(Code::MethodNotAllowed, format!("{method} is not for this address."))),
        }
    }

    async fn require(&self, repository: &RepositoryName) -> Result<(), Refusal> {
        let name = repository.clone();
        if self.catalog(move |catalog| Ok(catalog.has_repository(&name))).await? {
            return Ok(());
        }
        Err(Refusal::repository_unknown(repository))
    }

    /// Asks the catalogue, which may wait for the disk.
    async fn catalog<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn Catalog) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let catalog = Arc::clone(&self.catalog);
        blocking(move || ask(&*catalog)).await
    }

    /// Does something with the storage.
    async fn storage<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Storage) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let storage = self.storage.clone();
        blocking(move || work(&storage)).await
    }
}

/// Runs what may wait for the disk off the threads that serve connections.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refusal> + Send + 'static) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| {
        tracing::error!(%panic, "a request failed inside the registry");
        Err(Refusal::internal())
    })
}
