//! One request, from its head to its answer: host, claim, body, signature, route, operation.
//!
//! Each step refuses as early as it can: a foreign host or an unknown key never gets its body read.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue};
use http::request::Parts;
use http::{HeaderName, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use seatrial_aws_wire::sigv4::{AuthError, Claim, RequestHead};
use seatrial_aws_wire::{CommonError, Input, Protocol, Reply, Route, Service, ServiceError, failure, route};
use seatrial_model::TimeScale;
use seatrial_model::arn::Scope;
use serde_json::Value;
use tokio::time::timeout;

use super::body;
use super::request_id::RequestId;
use super::{AnswerBody, Front, TIME_SCALE_HEADER};
use crate::identity::Identity;
use crate::operations::{OperationError, RequestContext};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// Why a request gets an error answer: the error and what is known about the form it must have.
struct Refusal {
    protocol: Protocol,
    service: Option<Service>,
    error: ServiceError,
    connection: AfterAnswer,
}

/// What becomes of the connection after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AfterAnswer {
    Keep,
    /// The rest of the request was not read, or its sender is not to be trusted.
    Close,
}

/// Answers one request. Always gives an answer.
pub(super) async fn answer(front: Arc<Front>, request: Request<Incoming>) -> Response<AnswerBody> {
    let request_id = front.request_ids.next();
    let protocol = Protocol::for_errors(request.headers());
    let (head, body) = request.into_parts();
    if let Some(registry) = front.registry_for(&head) {
        return registry.answer(Request::from_parts(head, body)).await;
    }
    let answered = match admit(&front, &head, body, protocol).await {
        Ok((admitted, body)) => perform(&front, &head, &body, admitted, request_id).await,
        Err(refusal) => Err(refusal),
    };
    let mut response = match answered {
        Ok(reply) => respond(reply, request_id, AfterAnswer::Keep),
        Err(refusal) => {
            let reply = failure(refusal.protocol, refusal.service, &refusal.error, &request_id.to_string());
            tracing::debug!(%request_id, status = reply.status.as_u16(), error = %refusal.error, "request refused");
            respond(reply, request_id, refusal.connection)
        }
    };
    if front.scale != TimeScale::REAL {
        response.headers_mut().insert(TIME_SCALE_HEADER, HeaderValue::from(front.scale.factor()));
    }
    response
}

/// Lets the request in, with its body as it is meant to be read: for this host, signed by a known key at the right time over all it says.
async fn admit<'f>(
    front: &'f Front,
    head: &Parts,
    body: Incoming,
    protocol: Protocol,
) -> Result<(Admitted<'f>, Vec<u8>), Refusal> {
    let refuse = |error: CommonError| Refusal {
        protocol,
        service: None,
        error: error.for_protocol(protocol),
        connection: AfterAnswer::Close,
    };
    if !front.hosts.admit(head) {
        return Err(refuse(CommonError::AccessDenied(
            "This engine does not answer to the host name of this request.".to_owned(),
        )));
    }
    let (claim, identity) = authenticate(front, head).map_err(|error| refuse(explain(error)))?;
    let body = body::read(&head.headers, body, &front.limits).await.map_err(refuse)?;
    claim
        .verify(&RequestHead::from(head), &identity.credential, body.digest)
        .map_err(|error| refuse(explain(error)))?;
    // Only who is let in may have the front unfold something.
    let body = body.decode(&front.limits).map_err(refuse)?;
    Ok((Admitted { claim, identity }, body))
}

/// A proven claim and whose it is.
struct Admitted<'f> {
    claim: Claim,
    identity: &'f Identity,
}

fn authenticate<'f>(front: &'f Front, head: &Parts) -> Result<(Claim, &'f Identity), AuthError> {
    let claim = Claim::parse(&RequestHead::from(head))?;
    let identity = front.identities.find(claim.access_key_id()).ok_or(AuthError::UnknownKey)?;
    claim.scope().require_region(front.region.as_str())?;
    claim.check_time((front.clock)())?;
    Ok((claim, identity))
}

/// Says what to do beside what AWS says.
fn explain(error: AuthError) -> CommonError {
    match error.to_common_error() {
        CommonError::UnrecognizedClient(text) => CommonError::UnrecognizedClient(format!(
            "{text} This engine accepts only its own credentials: `seatrial engine env` prints them."
        )),
        other => other,
    }
}

async fn perform(
    front: &Arc<Front>,
    head: &Parts,
    body: &[u8],
    admitted: Admitted<'_>,
    request_id: RequestId,
) -> Result<Reply, Refusal> {
    let scope = admitted.claim.scope();
    let protocol = Protocol::for_refusals(&RequestHead::from(head), scope.service());
    let signed_service = Service::by_signing_name(scope.service());
    let refuse = |service: Option<Service>, error: ServiceError| Refusal {
        protocol,
        service,
        error,
        connection: AfterAnswer::Keep,
    };
    let (route, input) = route(&RequestHead::from(head), body, scope.service())
        .map_err(|error| refuse(signed_service, error.for_protocol(protocol)))?;
    let refuse = |error: ServiceError| Refusal { protocol: route.protocol, ..refuse(Some(route.service), error) };
    scope
        .require_service(route.service.signing_name())
        .map_err(|error| refuse(error.to_common_error().for_protocol(route.protocol)))?;
    let context = RequestContext {
        request_id,
        access_key_id: admitted.identity.access_key_id.clone(),
        principal: admitted.identity.principal.clone(),
        scope: Scope { region: front.region.clone(), account: admitted.identity.principal.account.clone() },
        received_at: (front.clock)(),
    };
    let output = run(front, &route, context, input).await.map_err(&refuse)?;
    Reply::success(&route, &output, &request_id.to_string()).map_err(|error| {
        tracing::error!(%request_id, operation = %route.operation, %error, "the output cannot be written");
        refuse(internal(&route))
    })
}

/// Runs an operation as a task of its own: it neither ends with its client nor takes the connection along when it panics.
async fn run(front: &Front, route: &Route, context: RequestContext, input: Input) -> Result<Value, ServiceError> {
    let Some(operations) = front.services.get(&route.service).cloned() else {
        return Err(route.not_implemented().for_protocol(route.protocol));
    };
    let running = Arc::clone(&front.running);
    let request_id = context.request_id;
    let name = route.operation.clone();
    let task = tokio::spawn(async move {
        let _permit = running.acquire_owned().await;
        operations.call(&context, &name, &input).await
    });
    match timeout(front.limits.operation_timeout, task).await {
        Ok(Ok(Ok(output))) => Ok(output),
        Ok(Ok(Err(OperationError::NotImplemented))) => Err(route.not_implemented().for_protocol(route.protocol)),
        Ok(Ok(Err(OperationError::Failed(error)))) => {
            if error.status().is_server_error() {
                tracing::warn!(%request_id, operation = %route.operation, %error, "operation failed");
            }
            Err(error)
        }
        Ok(Err(error)) => {
            tracing::error!(%request_id, operation = %route.operation, %error, "operation panicked");
            Err(internal(route))
        }
        Err(_) => {
            tracing::error!(%request_id, operation = %route.operation, "operation is still running, its client gets an error");
            let text = format!("{} takes longer than expected and goes on; ask for its result later.", route.operation);
            Err(CommonError::ServiceUnavailable(text).for_protocol(route.protocol))
        }
    }
}

fn internal(route: &Route) -> ServiceError {
    let text = format!("{} failed inside the engine; `seatrial engine logs` says why.", route.operation);
    CommonError::InternalFailure(text).for_protocol(route.protocol)
}

fn respond(reply: Reply, request_id: RequestId, connection: AfterAnswer) -> Response<AnswerBody> {
    let body = Full::new(Bytes::from(reply.body)).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&request_id.to_string()) {
        headers.insert(REQUEST_ID, value);
    }
    if connection == AfterAnswer::Close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
