//! ECS requests and answers as JSON documents, through the SDK.
//!
//! The SDK's types know the members of the day it was built. A user's ECS document may have newer ones, and none may be
//! lost: so such a document replaces the body that the SDK wrote, before it is signed, and an answer that must be compared
//! with a document is read as JSON, after the SDK has read it. Transport, signature, retries and errors stay the SDK's.

use std::sync::{Arc, Mutex};

use aws_sdk_ecs::config::http::HttpRequest;
use aws_sdk_ecs::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_ecs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecs::error::BoxError;
use aws_smithy_types::body::SdkBody;
use serde_json::Value as Json;

/// Makes a request's body this document; for `customize().mutate_request(…)` of a JSON operation.
pub(crate) fn body(document: &Json) -> impl Fn(&mut HttpRequest) + Send + Sync + 'static {
    let text = document.to_string();
    move |request: &mut HttpRequest| {
        request.headers_mut().insert("content-length", text.len().to_string());
        *request.body_mut() = SdkBody::from(text.as_str());
    }
}

/// Keeps the body of the last answer; for `customize().interceptor(…)`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer(Arc<Mutex<Vec<u8>>>);

impl Answer {
    /// The answer as JSON; null when there was none or it is not JSON.
    pub fn json(&self) -> Json {
        let bytes = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        serde_json::from_slice(&bytes).unwrap_or(Json::Null)
    }
}

impl Intercept for Answer {
    fn name(&self) -> &'static str {
        "KeepAnswer"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let bytes = context.response().body().bytes().unwrap_or_default().to_vec();
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = bytes;
        Ok(())
    }
}
