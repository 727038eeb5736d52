//! What the front lets in, how it answers, and that it stands up to clients that do not behave.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Method;
use seatrial_aws_api::sts::Sts;
use seatrial_aws_api::{Limits, OperationError, OperationFuture, Operations, RequestContext, TIME_SCALE_HEADER};
use seatrial_aws_wire::{Input, OperationName, Service, ServiceError};
use seatrial_model::TimeScale;
use serde::Deserialize;
use serde_json::json;
use support::{Endpoint, Request, read_answer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

/// Stands for ECS and ELBv2: operations that answer, fail, panic and wait.
#[derive(Default)]
struct Probe {
    entered: Notify,
    release: Notify,
    finished: AtomicBool,
    done: Notify,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sized {
    page_size: u32,
}

impl Operations for Probe {
    fn call<'a>(
        &'a self,
        context: &'a RequestContext,
        name: &'a OperationName,
        input: &'a Input,
    ) -> OperationFuture<'a> {
        Box::pin(async move {
            match name.as_str() {
                "Echo" => Ok(json!({"input": input.value(), "account": context.scope.account})),
                "Sized" => Ok(json!({"Size": input.read::<Sized>()?.page_size})),
                "Fail" => Err(ServiceError::sender("ClusterNotFoundException", "Cluster not found.").into()),
                "Panic" => panic!("a mistake in a handler"),
                "Unwritable" => Ok(json!({"not a name": 1})),
                "Wait" => {
                    self.entered.notify_one();
                    self.release.notified().await;
                    self.finished.store(true, Ordering::SeqCst);
                    self.done.notify_one();
                    Ok(json!({}))
                }
                _ => Err(OperationError::NotImplemented),
            }
        })
    }
}

async fn start() -> Endpoint {
    start_with(Limits::default()).await.0
}

async fn start_with(limits: Limits) -> (Endpoint, Arc<Probe>) {
    let probe = Arc::new(Probe::default());
    let services: Vec<(Service, Arc<dyn Operations>)> =
        vec![(Service::Ecs, probe.clone()), (Service::Elbv2, probe.clone()), (Service::Sts, Arc::new(Sts))];
    (support::start(limits, services).await, probe)
}

#[tokio::test]
async fn a_json_operation_is_called_and_its_output_sent() {
    let front = start().await;
    let answer = front.send(&Request::json("Echo", r#"{"cluster":"hello"}"#)).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/x-amz-json-1.1")));
    assert_eq!(answer.json(), json!({"input": {"cluster": "hello"}, "account": "123456789012"}));
    assert_eq!(answer.header("x-amzn-requestid").map(str::len), Some(36));
    front.stop().await;
}

#[tokio::test]
async fn the_caller_learns_its_identity() {
    let front = start().await;
    let answer = front.send(&Request::form("sts", "Action=GetCallerIdentity&Version=2011-06-15")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/xml")));
    let id = answer.header("x-amzn-requestid").expect("a request id");
    assert_eq!(
        answer.body,
        format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
             <Account>123456789012</Account><Arn>arn:aws:iam::123456789012:user/seatrial</Arn>\
             <UserId>AIDASEATRIAL</UserId></GetCallerIdentityResult><ResponseMetadata><RequestId>{id}</RequestId>\
             </ResponseMetadata></GetCallerIdentityResponse>"
        )
    );
    front.stop().await;
}

#[tokio::test]
async fn a_faster_engine_says_so_in_every_answer() {
    let scale = TimeScale::try_from(60).expect("a scale");
    let front = support::start_scaled(scale, Limits::default(), vec![(Service::Sts, Arc::new(Sts))]).await;
    let identity = Request::form("sts", "Action=GetCallerIdentity&Version=2011-06-15");
    for request in [identity, Request::form("sts", "Action=Unknown&Version=2011-06-15")] {
        assert_eq!(front.send(&request).await.header(TIME_SCALE_HEADER), Some("60"));
    }
    front.stop().await;
    let front = start().await;
    assert_eq!(front.send(&Request::json("Echo", "{}")).await.header(TIME_SCALE_HEADER), None);
    front.stop().await;
}

#[tokio::test]
async fn errors_come_in_the_form_of_the_protocol() {
    let front = start().await;
    let answer = front.send(&Request::json("Fail", "{}")).await;
    assert_eq!((answer.status, answer.header("x-amzn-errortype")), (400, Some("ClusterNotFoundException")));
    assert_eq!(answer.json(), json!({"__type": "ClusterNotFoundException", "message": "Cluster not found."}));

    let answer = front.send(&Request::json("Echo", "{")).await;
    assert_eq!((answer.status, answer.json()["__type"].as_str()), (400, Some("SerializationException")));

    let answer = front.send(&Request::form("elasticloadbalancing", "Action=Sized&PageSize=many")).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("<Type>Sender</Type><Code>ValidationError</Code>"), "{}", answer.body);
    assert!(answer.body.contains("PageSize"), "{}", answer.body);
    front.stop().await;
}

/// A request without headers of its own.
fn plain() -> Request {
    Request { headers: Vec::new(), ..Request::json("", "") }
}

#[tokio::test]
async fn what_is_not_implemented_is_named() {
    let front = start().await;
    let answer = front.send(&Request::json("CreateTaskSet", "{}")).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json(),
        json!({
            "__type": "UnknownOperationException",
            "message": "The operation CreateTaskSet of ECS is not implemented by this engine.",
        })
    );
    let answer = front.send(&Request::form("elasticloadbalancing", "Action=CreateTrustStore&Version=2015-12-01")).await;
    assert_eq!(answer.status, 400);
    let expected = "<Code>InvalidAction</Code><Message>The operation CreateTrustStore of Elastic Load Balancing v2 is not \
                    implemented by this engine.</Message>";
    assert!(answer.body.contains(expected), "{}", answer.body);

    let answer = front.send(&Request::form("cloudformation", "Action=CreateStack&Version=2010-05-15")).await;
    assert!(answer.body.contains("The operation CreateStack of CloudFormation is not implemented"), "{}", answer.body);
    let rest = Request { service: "appconfig", method: Method::GET, target: "/applications".to_owned(), ..plain() };
    let answer = front.send(&rest).await;
    assert_eq!(answer.header("x-amzn-errortype"), Some("UnknownOperationException"));
    let expected = "GET /applications of the service appconfig is not implemented by this engine.";
    assert_eq!(answer.json()["message"], expected);
    let rest = Request { service: "s3", method: Method::GET, target: "/bucket/key".to_owned(), ..plain() };
    let answer = front.send(&rest).await;
    assert!(answer.body.contains("<Message>GET /bucket/key of the service s3 is not implemented"), "{}", answer.body);
    let answer = front.send(&Request::form("ec2", "Action=DescribeVpcs&Version=2016-11-15")).await;
    assert!(
        answer.body.contains("The operation DescribeVpcs of the service ec2 is not implemented"),
        "{}",
        answer.body
    );
    front.stop().await;
}

#[tokio::test]
async fn unsigned_wrongly_signed_and_outdated_requests_are_refused() {
    let front = start().await;
    let refusal = async |request: Request| {
        let answer = front.send(&request).await;
        assert_eq!(answer.header("connection"), Some("close"));
        answer.json()["__type"].as_str().map(str::to_owned).expect("an error type")
    };
    let good = || Request::json("Echo", "{}");
    assert_eq!(refusal(Request { secret: "guessed", ..good() }).await, "InvalidSignatureException");
    let old = support::now() - Duration::from_secs(301);
    assert_eq!(refusal(Request { signed_at: old, ..good() }).await, "InvalidSignatureException");
    assert_eq!(refusal(Request { region: "eu-west-1", ..good() }).await, "InvalidSignatureException");

    let unsigned = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-amz-json-1.1\r\n\r\n";
    let answer = front.exchange(unsigned.as_bytes()).await;
    assert_eq!((answer.status, answer.json()["__type"].as_str()), (403, Some("MissingAuthenticationTokenException")));

    let text = String::from_utf8(good().bytes(front.address)).expect("UTF-8");
    let answer = front.exchange(text.replace(support::ACCESS_KEY_ID, "AKIDSTRANGER").as_bytes()).await;
    assert_eq!(answer.json()["__type"], "UnrecognizedClientException");
    assert!(answer.body.contains("seatrial engine env"), "{}", answer.body);
    front.stop().await;
}

#[tokio::test]
async fn a_signature_for_one_service_does_not_open_another() {
    let front = start().await;
    let answer = front.send(&Request { service: "sts", ..Request::json("Echo", "{}") }).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["__type"], "InvalidSignatureException");
    assert_eq!(answer.json()["message"], "Credential should be scoped to correct service: 'ecs'.");
    front.stop().await;
}

#[tokio::test]
async fn a_foreign_host_name_is_refused_even_with_a_signature() {
    let front = start().await;
    let request = Request::json("Echo", "{}");
    let signed = String::from_utf8(request.bytes(front.address)).expect("UTF-8");
    let foreign = signed.replace(&format!("host: {}", front.address), "host: rebound.example");
    assert_ne!(signed, foreign);
    let answer = front.exchange(foreign.as_bytes()).await;
    assert_eq!((answer.status, answer.json()["__type"].as_str()), (403, Some("AccessDeniedException")));
    let nameless = "GET / HTTP/1.0\r\n\r\n";
    assert_eq!(front.exchange(nameless.as_bytes()).await.status, 403);
    front.stop().await;
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let front = start().await;
    let mut stream = front.connect().await;
    for _ in 0..3 {
        for request in [Request::json("Echo", "{}"), Request::json("Fail", "{}"), Request::json("Echo", "[")] {
            stream.write_all(&request.bytes(front.address)).await.expect("an open connection");
            assert!(read_answer(&mut stream).await.status <= 400);
        }
    }
    front.stop().await;
}

#[tokio::test]
async fn a_body_over_the_limit_gets_413_whether_announced_or_not() {
    let (front, _) = start_with(Limits { body_bytes: 1000, ..Limits::default() }).await;
    let fits = Request::json("Echo", &format!("{}{{}}", " ".repeat(998)));
    assert_eq!(front.send(&fits).await.status, 200);

    let gigabyte = fits.head(front.address, 1 << 30);
    let answer = front.exchange(gigabyte.as_bytes()).await;
    assert_eq!((answer.status, answer.json()["__type"].as_str()), (413, Some("RequestEntityTooLargeException")));

    let mut chunked =
        fits.head(front.address, 0).replace("content-length: 0", "transfer-encoding: chunked").into_bytes();
    for _ in 0..2 {
        chunked.extend_from_slice(format!("320\r\n{}\r\n", " ".repeat(800)).as_bytes());
    }
    assert_eq!(front.exchange(&chunked).await.status, 413);
    front.stop().await;
}

#[tokio::test]
async fn a_client_that_keeps_sending_still_reads_why_it_is_refused() {
    let (front, _) = start_with(Limits { body_bytes: 1000, ..Limits::default() }).await;
    let mut bytes = Request::json("Echo", "").head(front.address, 8_000_000).into_bytes();
    bytes.resize(bytes.len() + 8_000_000, b' ');
    assert_eq!(front.exchange(&bytes).await.status, 413);
    front.stop().await;
}

#[tokio::test]
async fn a_body_that_never_comes_is_given_up() {
    let (front, _) = start_with(Limits { body_timeout: Duration::from_millis(50), ..Limits::default() }).await;
    let head = Request::json("Echo", "{}").head(front.address, 2);
    let answer = front.exchange(head.as_bytes()).await;
    assert_eq!((answer.status, answer.json()["__type"].as_str()), (408, Some("RequestTimeoutException")));
    front.stop().await;
}

#[tokio::test]
async fn a_head_that_never_ends_is_given_up() {
    let (front, _) = start_with(Limits { head_timeout: Duration::from_millis(50), ..Limits::default() }).await;
    let mut stream = front.connect().await;
    stream.write_all(b"POST / HTTP/1.1\r\nhost: localhost\r\nx-slow: ").await.expect("an open connection");
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest));
    ended.await.expect("the front closes the connection").expect("it closes it properly");
    front.stop().await;
}

#[tokio::test]
async fn an_endless_or_broken_head_is_refused() {
    let front = start().await;
    let long = format!("POST / HTTP/1.1\r\nhost: localhost\r\nx-long: {}\r\n\r\n", "x".repeat(40_000));
    assert_eq!(front.exchange(long.as_bytes()).await.status, 431);
    let many = format!("POST / HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "x: y\r\n".repeat(65));
    assert_eq!(front.exchange(many.as_bytes()).await.status, 431);
    assert_eq!(front.exchange(b"\x16\x03\x01\x02\x00 hello\r\n\r\n").await.status, 400);
    let doubled = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n";
    assert_eq!(front.exchange(doubled.as_bytes()).await.status, 400);
    front.stop().await;
}

#[tokio::test]
async fn a_connection_beyond_those_that_are_busy_is_told_to_come_back() {
    let (front, probe) = start_with(Limits { connections: 1, ..Limits::default() }).await;
    let mut busy = front.connect().await;
    busy.write_all(&Request::json("Wait", "{}").bytes(front.address)).await.expect("an open connection");
    probe.entered.notified().await;
    let answer = front.send(&Request::json("Echo", "{}")).await;
    assert_eq!((answer.status, answer.json()["__type"].as_str()), (503, Some("ServiceUnavailableException")));
    assert_eq!((answer.header("retry-after"), answer.header("connection")), (Some("1"), Some("close")));

    probe.release.notify_one();
    assert_eq!(read_answer(&mut busy).await.status, 200);
    assert_eq!(front.send(&Request::json("Echo", "{}")).await.status, 200, "the idle connection makes room");
    let mut rest = Vec::new();
    busy.read_to_end(&mut rest).await.expect("the idle connection ends properly");
    front.stop().await;
}

#[tokio::test]
async fn a_flood_of_idle_connections_locks_nobody_out() {
    let (front, _) = start_with(Limits { connections: 4, ..Limits::default() }).await;
    let mut flood = Vec::new();
    for number in 0..200 {
        let mut stream = front.connect().await;
        if number % 2 == 0 {
            // Half a head, whose rest never comes.
            stream.write_all(b"POST / HTTP/1.1\r\nx-slow: ").await.expect("an open connection");
        }
        flood.push(stream);
        if number % 20 == 0 {
            assert_eq!(front.send(&Request::json("Echo", "{}")).await.status, 200);
        }
    }
    front.stop().await;
}

#[tokio::test]
async fn a_body_in_an_unknown_encoding_is_refused_and_said_why() {
    let front = start().await;
    let mut request = Request::json("Echo", "{}");
    request.headers.push(("content-encoding", "br".to_owned()));
    let answer = front.send(&request).await;
    assert_eq!((answer.status, answer.json()["__type"].as_str()), (400, Some("SerializationException")));
    assert!(answer.body.contains("Content-Encoding"), "{}", answer.body);
    front.stop().await;
}

#[tokio::test]
async fn a_client_that_has_nothing_more_to_send_gets_its_answer() {
    let front = start().await;
    let mut stream = front.connect().await;
    stream.write_all(&Request::json("Echo", "{}").bytes(front.address)).await.expect("an open connection");
    stream.shutdown().await.expect("an open connection");
    assert_eq!(read_answer(&mut stream).await.status, 200);
    front.stop().await;
}

#[tokio::test]
async fn a_body_that_ends_too_early_is_refused() {
    let front = start().await;
    let mut stream = front.connect().await;
    let head = Request::json("Echo", "{}").head(front.address, 100);
    stream.write_all(format!("{head}{{").as_bytes()).await.expect("an open connection");
    stream.shutdown().await.expect("an open connection");
    let answer = read_answer(&mut stream).await;
    assert_eq!((answer.status, answer.json()["__type"].as_str()), (400, Some("SerializationException")));
    assert!(answer.body.contains("broke off"), "{}", answer.body);
    front.stop().await;
}

#[tokio::test]
async fn a_handler_that_panics_or_cannot_be_written_costs_one_answer() {
    let front = start().await;
    let mut stream = front.connect().await;
    stream.write_all(&Request::json("Panic", "{}").bytes(front.address)).await.expect("an open connection");
    let answer = read_answer(&mut stream).await;
    assert_eq!((answer.status, answer.json()["__type"].as_str()), (500, Some("InternalFailure")));
    assert!(!answer.body.contains("a mistake"), "the panic's text stays inside: {}", answer.body);
    stream.write_all(&Request::json("Echo", "{}").bytes(front.address)).await.expect("the same connection goes on");
    assert_eq!(read_answer(&mut stream).await.status, 200);

    let answer = front.send(&Request::form("elasticloadbalancing", "Action=Unwritable&Version=2015-12-01")).await;
    assert_eq!(answer.status, 500);
    assert!(answer.body.contains("<Type>Receiver</Type><Code>InternalFailure</Code>"), "{}", answer.body);
    front.stop().await;
}

#[tokio::test]
async fn an_operation_ends_even_when_its_client_goes_away() {
    let (front, probe) = start_with(Limits::default()).await;
    let mut stream = front.connect().await;
    stream.write_all(&Request::json("Wait", "{}").bytes(front.address)).await.expect("an open connection");
    probe.entered.notified().await;
    drop(stream);
    assert_eq!(front.send(&Request::json("Echo", "{}")).await.status, 200, "the front has seen the client leave");
    probe.release.notify_one();
    probe.done.notified().await;
    front.stop().await;
}

#[tokio::test]
async fn an_operation_that_takes_too_long_is_answered_for() {
    let (front, probe) = start_with(Limits { operation_timeout: Duration::from_millis(50), ..Limits::default() }).await;
    let answer = front.send(&Request::json("Wait", "{}")).await;
    assert_eq!((answer.status, answer.json()["__type"].as_str()), (503, Some("ServiceUnavailableException")));
    probe.release.notify_one();
    probe.done.notified().await;
    front.stop().await;
}

#[tokio::test]
async fn stopping_lets_a_running_request_end() {
    let (mut front, probe) = start_with(Limits::default()).await;
    let mut stream = front.connect().await;
    stream.write_all(&Request::json("Wait", "{}").bytes(front.address)).await.expect("an open connection");
    probe.entered.notified().await;
    front.ask_to_stop();
    probe.release.notify_one();
    assert_eq!(read_answer(&mut stream).await.status, 200);
    drop(stream);
    front.stopped().await;
    assert!(probe.finished.load(Ordering::SeqCst));
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever() {
    let (mut front, probe) = start_with(Limits { stop_timeout: Duration::from_millis(50), ..Limits::default() }).await;
    let mut stream = front.connect().await;
    stream.write_all(&Request::json("Wait", "{}").bytes(front.address)).await.expect("an open connection");
    probe.entered.notified().await;
    front.ask_to_stop();
    front.stopped().await;
}
