//! CreateListener, DescribeListeners, ModifyListener, DeleteListener, DescribeListenerCertificates.

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::load_balancing::listeners::{self, ListenerChange, NewListener};
use seatrial_engine::load_balancing::load_balancers;
use seatrial_engine::state::Listener;
use seatrial_engine::{Engine, Refusal};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{PageRequest, check_named, cut, page, validation, within};
use super::read::{ActionMember, action};
use super::{show, tags};
use crate::operations::OperationError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateListener {
    load_balancer_arn: String,
    protocol: Option<String>,
    port: Option<i64>,
    ssl_policy: Option<String>,
    #[serde(default)]
    certificates: Vec<Certificate>,
    default_actions: Vec<ActionMember>,
    #[serde(default)]
    tags: tags::TagList,
}

#[derive(Deserialize)]
struct Certificate {}

pub(super) fn create(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: CreateListener = input.read()?;
    check_protocol(request.protocol.as_deref().ok_or_else(|| validation("A listener protocol must be specified"))?)?;
    check_plain(&request.certificates, request.ssl_policy.as_deref())?;
    let port = request.port.ok_or_else(|| validation("A listener port must be specified"))?;
    let new = NewListener {
        load_balancer: request.load_balancer_arn,
        port: parse_port(port)?,
        default_action: action(request.default_actions)?,
    };
    let tags = tags::parse(request.tags)?;
    let listener = engine.transact(|tx| listeners::create(tx, new, tags))?;
    Ok(json!({ "Listeners": [show::listener(&listener)] }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ModifyListener {
    listener_arn: String,
    protocol: Option<String>,
    port: Option<i64>,
    ssl_policy: Option<String>,
    #[serde(default)]
    certificates: Vec<Certificate>,
    default_actions: Option<Vec<ActionMember>>,
}

pub(super) fn modify(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: ModifyListener = input.read()?;
    request.protocol.as_deref().map_or(Ok(()), check_protocol)?;
    check_plain(&request.certificates, request.ssl_policy.as_deref())?;
    let change = ListenerChange {
        port: request.port.map(parse_port).transpose()?,
        default_action: request.default_actions.map(action).transpose()?,
    };
    let listener = engine.transact(|tx| listeners::modify(tx, &request.listener_arn, change))?;
    Ok(json!({ "Listeners": [show::listener(&listener)] }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeListeners {
    load_balancer_arn: Option<String>,
    #[serde(default)]
    listener_arns: Vec<String>,
    marker: Option<String>,
    page_size: Option<i64>,
}

pub(super) fn describe(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DescribeListeners = input.read()?;
    check_named(&request.listener_arns)?;
    engine.read(|state| {
        let found: Vec<&Listener> = match (&request.load_balancer_arn, request.listener_arns.as_slice()) {
            (Some(balancer), []) => listeners::of(state, &load_balancers::find(state, balancer)?.arn).collect(),
            (None, arns @ [_, ..]) => {
                arns.iter().map(|arn| listeners::find(state, arn)).collect::<Result<_, Refusal>>()?
            }
            (Some(_), [_, ..]) => {
                return Err(
                    validation("Listener ARNs and a load balancer ARN cannot be specified at the same time").into()
                );
            }
            (None, []) => return Err(validation("You must specify either listener ARNs or a load balancer ARN").into()),
        };
        let mut found = found;
        found.sort_by_key(|listener| listener.port);
        found.dedup_by_key(|listener| listener.port);
        let filters = request.load_balancer_arn.iter().chain(&request.listener_arns).map(String::as_str);
        page(
            &Listing::new("DescribeListeners", filters),
            "Listeners",
            found,
            |listener| listener.port,
            show::listener,
            PageRequest { marker: request.marker.as_deref(), size: request.page_size },
        )
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NamedListener {
    listener_arn: String,
}

pub(super) fn delete(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: NamedListener = input.read()?;
    engine.transact(|tx| listeners::delete(tx, &request.listener_arn))?;
    Ok(json!({}))
}

/// A listener without TLS has no certificates.
pub(super) fn describe_certificates(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: NamedListener = input.read()?;
    engine.read(|state| listeners::find(state, &request.listener_arn).map(|_| ()))?;
    Ok(json!({ "Certificates": [] }))
}

fn parse_port(port: i64) -> Result<u16, Refusal> {
    within("Port", port, 1..=u16::MAX)
}

fn check_protocol(protocol: &str) -> Result<(), Refusal> {
    match protocol {
        listeners::PROTOCOL => Ok(()),
        "HTTPS" | "TCP" | "TLS" | "UDP" | "TCP_UDP" | "GENEVE" | "QUIC" | "TCP_QUIC" => {
            let message = format!("A listener with protocol '{protocol}' is not implemented by this engine; use HTTP");
            Err(Refusal::new("UnsupportedProtocol", message))
        }
        other => Err(validation(format!("Listener protocol '{}' is not valid", cut(other)))),
    }
}

fn check_plain(certificates: &[Certificate], ssl_policy: Option<&str>) -> Result<(), Refusal> {
    if !certificates.is_empty() || ssl_policy.is_some_and(|policy| !policy.is_empty()) {
        return Err(validation("Certificates and a security policy cannot be specified for HTTP listeners"));
    }
    Ok(())
}
