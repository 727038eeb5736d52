//! Owns turning the head of a request into a plan: what the target will be sent, and what has to be remembered once the head is gone.

use std::net::IpAddr;

use tokio::time::Instant;

use crate::answer::Answer;
use crate::decide::{Decision, Forwarding, decide};
use crate::http1::bridge::Bridged;
use crate::http1::fields::{Field, Framing};
use crate::http1::forward_head::{Hop, write_request_head};
use crate::http1::request::{HeadSpace, Refusal, RequestHead};
use crate::http1::response::Asked;
use crate::plane::listener::Listener;
use crate::random::random_bits;
use crate::stickiness::cookie_of;
use crate::trace::TraceId;
use crate::worker::shared::Worker;
use seatrial_model::load_balancing::ProtocolVersion;

/// What to do with a request.
pub(crate) enum Plan {
    /// The head is wrong; answer and close.
    Refuse(Refusal),
    Answer(Answer, Request),
    /// To a target that speaks HTTP/1; its head has been written.
    Forward(Forwarding, Request),
    /// To a target that speaks HTTP/2.
    Bridge(Forwarding, Request, Box<Bridged>),
}

impl Plan {
    /// Makes the answer the last one on its connection.
    pub fn closing(mut self) -> Self {
        match &mut self {
            Plan::Refuse(_) => {}
            Plan::Answer(_, request) | Plan::Forward(_, request) | Plan::Bridge(_, request, _) => {
                request.keep_alive = false;
            }
        }
        self
    }
}

/// What is remembered of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub framing: Framing,
    pub asked: Asked,
    pub keep_alive: bool,
    pub is_http10: bool,
    pub is_idempotent: bool,
    pub upgrade: bool,
    pub expects_continue: bool,
}

/// The connection a request came on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    pub listener: &'a Listener,
    pub worker: &'a Worker,
    pub address: IpAddr,
    pub address_text: &'a str,
}

/// Reads a head, decides, and writes what the target will be sent into `outgoing`.
pub(crate) fn plan(head: &[u8], origin: Origin<'_>, began: Instant, outgoing: &mut Vec<u8>) -> Plan {
    let mut space = HeadSpace::new();
    let head = match RequestHead::parse(head, &mut space, origin.address) {
        Ok(head) => head,
        Err(refusal) => return Plan::Refuse(refusal),
    };
    let request = Request::of(&head);
    let now = origin.worker.clock.timestamp(began);
    let cookies = |name: &str| {
        let fields = head.headers.iter().zip(head.fields).filter(|(_, field)| **field == Field::Cookie);
        cookie_of(fields.map(|(header, _)| header.value), name)
    };
    let forwarding = match decide(origin.listener, &head, &cookies, now) {
        Decision::Answer(answer) => return Plan::Answer(answer, request),
        Decision::Forward(forwarding) => forwarding,
    };
    let (bits, low) = (random_bits(), random_bits());
    let hop = Hop {
        client_address: origin.address_text,
        listener_lines: &origin.listener.forwarded_lines,
        listener_host: &origin.listener.host,
        trace: TraceId { seconds: (now.as_millis() / 1000) as u32, high: bits as u32, low },
    };
    outgoing.clear();
    write_request_head(&head, &hop, outgoing);
    match forwarding.group.protocol {
        ProtocolVersion::Http1 => Plan::Forward(forwarding, request),
        ProtocolVersion::Http2 | ProtocolVersion::Grpc => match Bridged::read(outgoing, &head) {
            Some(bridged) => Plan::Bridge(forwarding, request, Box::new(bridged)),
            None => Plan::Refuse(Refusal::BadRequest),
        },
    }
}

impl Request {
    fn of(head: &RequestHead<'_, '_>) -> Self {
        Request {
            framing: head.framing,
            asked: if head.method == "HEAD" { Asked::Head } else { Asked::Other },
            keep_alive: head.keep_alive(),
            is_http10: head.is_http10,
            is_idempotent: head.is_idempotent(),
            upgrade: head.upgrade,
            expects_continue: head.expects_continue,
        }
    }
}
