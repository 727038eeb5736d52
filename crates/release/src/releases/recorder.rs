//! Writes the record of a release while it goes on. What cannot be written is told and stops nothing: a release is not worse for being
//! remembered badly.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use time::OffsetDateTime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::{Head, IMAGES, PATH, ReleaseId, STEPS, StepRecord};
use crate::aws::Connection;
use crate::config::ServiceName;
use crate::error::ReleaseError;
use crate::parameters::{Parameters, Realm, VALUE_MAX};
use crate::report::{Change, Event, InfraEvent, Reporter, StepEvent};

/// Room that the rest of a step's record takes beside its details.
const BESIDE_DETAILS: usize = 512;

/// The record of a running release.
#[derive(Debug)]
pub(super) struct Recorder {
    connection: Connection,
    realm: Realm,
    id: ReleaseId,
    sender: UnboundedSender<Event>,
    writer: JoinHandle<()>,
    /// How many steps are written that were not told as they went.
    steps_before: Arc<AtomicUsize>,
    /// Whether anything was made or changed.
    changed: Arc<AtomicBool>,
}

impl Recorder {
    /// Begins to write; steps that an earlier attempt has recorded are counted on from.
    pub fn new(connection: &Connection, realm: &Realm, id: &ReleaseId, steps_before: usize) -> Self {
        let (sender, events) = unbounded_channel();
        let steps_before = Arc::new(AtomicUsize::new(steps_before));
        let writer = Writer {
            connection: connection.clone(),
            realm: realm.clone(),
            id: id.clone(),
            steps_before: Arc::clone(&steps_before),
            count: 0,
            open: Vec::new(),
        };
        let writer = tokio::spawn(writer.write(events));
        let (connection, realm, id) = (connection.clone(), realm.clone(), id.clone());
        Recorder { connection, realm, id, sender, writer, steps_before, changed: Arc::default() }
    }

    /// A reporter that tells `further` everything and remembers what belongs to the record.
    pub fn reporter(&self, further: &Reporter) -> Reporter {
        let (sender, further, changed) = (self.sender.clone(), further.clone(), self.changed.clone());
        Reporter::new(move |event| {
            let is_change = match &event {
                Event::Ensured { change, .. } => *change != Change::Unchanged,
                Event::Infra(InfraEvent::Done { .. }) => true,
                _ => false,
            };
            if is_change {
                changed.store(true, Ordering::Relaxed);
            }
            let is_recorded = matches!(event, Event::Step(_) | Event::Ensured { .. } | Event::Infra(_));
            if is_recorded {
                // Without a writer there is nothing to be done about it.
                let _ = sender.send(event.clone());
            }
            further.send(event);
        })
    }

    /// Whether anything has been made or changed.
    pub fn has_changes(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    /// Writes the head; what has no room in a parameter is left out, the longest lists first.
    pub async fn head(&self, head: &Head) -> Result<(), ReleaseError> {
        let mut head = head.clone();
        let is_too_long = |head: &Head| serde_json::to_string(head).is_ok_and(|text| text.len() > VALUE_MAX);
        for shorten in [
            (|head| head.config.clear()) as fn(&mut Head),
            |head| head.asked.set.clear(),
            |head| head.config_before.clear(),
            |head| head.asked.services.clear(),
            |head| head.services.clear(),
        ] {
            if is_too_long(&head) {
                shorten(&mut head);
            }
        }
        let parameters = Parameters { connection: &self.connection, realm: &self.realm };
        parameters.put(&format!("{PATH}/{}", self.id), &head).await?;
        Ok(())
    }

    /// Writes which images were chosen, a parameter for each service.
    pub async fn images(&self, images: &BTreeMap<ServiceName, String>) -> Result<(), ReleaseError> {
        let parameters = Parameters { connection: &self.connection, realm: &self.realm };
        for (service, image) in images {
            parameters.put(&format!("{PATH}/{}/{IMAGES}/{service}", self.id), image).await?;
        }
        Ok(())
    }

    /// Writes steps that are over, before any that is to come.
    pub async fn steps(&mut self, steps: &[StepRecord]) -> Result<(), ReleaseError> {
        let parameters = Parameters { connection: &self.connection, realm: &self.realm };
        for step in steps {
            let before = self.steps_before.fetch_add(1, Ordering::Relaxed);
            let mut step = step.clone();
            shorten(&mut step.details);
            put_step(&parameters, &self.id, before + 1, &step).await?;
        }
        Ok(())
    }

    /// Waits until everything is written. The reporters that were made must be gone.
    pub async fn finish(self) {
        drop(self.sender);
        if let Err(error) = self.writer.await {
            tracing::warn!(%error, "the steps of the release could not be written");
        }
    }
}

struct Writer {
    connection: Connection,
    realm: Realm,
    id: ReleaseId,
    steps_before: Arc<AtomicUsize>,
    /// Those begun since.
    count: usize,
    open: Vec<(usize, StepRecord)>,
}

impl Writer {
    async fn write(mut self, mut events: UnboundedReceiver<Event>) {
        while let Some(event) = events.recv().await {
            match event {
                Event::Step(StepEvent::Began { name, inputs }) => self.begin(name, inputs).await,
                Event::Step(StepEvent::Ended { name, outcome, details }) => self.end(&name, outcome, details).await,
                Event::Ensured { resource, name, change, .. } => {
                    let done = match change {
                        Change::Created(_) => "created",
                        Change::Updated(_) => "changed",
                        Change::Deleted => "deleted",
                        Change::Unchanged => continue,
                    };
                    self.did(format!("{done} {resource} {name}"));
                }
                Event::Infra(InfraEvent::Done { address, deed }) => self.did(format!("{} {address}", deed.done())),
                Event::Infra(InfraEvent::Failed { address, why }) => self.did(format!("{address} failed: {why}")),
                _ => {}
            }
        }
    }

    fn did(&mut self, what: String) {
        if let Some((_, step)) = self.open.first_mut() {
            step.details.push(what);
        }
    }

    async fn begin(&mut self, name: String, inputs: Option<String>) {
        self.count += 1;
        let began_at = self.connection.clock().now;
        let step = StepRecord { name, began_at, ended_at: None, outcome: None, inputs, details: Vec::new() };
        let number = self.steps_before.load(Ordering::Relaxed) + self.count;
        self.put(number, &step).await;
        self.open.push((number, step));
    }

    async fn end(&mut self, name: &str, outcome: String, details: Vec<String>) {
        let Some(place) = self.open.iter().position(|(_, step)| step.name == name) else { return };
        let (number, mut step) = self.open.remove(place);
        step.ended_at = Some(self.connection.clock().now);
        step.outcome = Some(outcome);
        step.details.extend(details);
        shorten(&mut step.details);
        self.put(number, &step).await;
    }

    async fn put(&self, number: usize, step: &StepRecord) {
        let parameters = Parameters { connection: &self.connection, realm: &self.realm };
        if let Err(error) = put_step(&parameters, &self.id, number, step).await {
            tracing::warn!(%error, "a step of the release could not be written");
        }
    }
}

async fn put_step(
    parameters: &Parameters<'_>,
    id: &ReleaseId,
    number: usize,
    step: &StepRecord,
) -> Result<(), ReleaseError> {
    let slug: String = step.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    parameters.put(&format!("{PATH}/{id}/{STEPS}/{number:03}-{slug}"), step).await?;
    Ok(())
}

/// Leaves out the last details where they are too much for a parameter.
fn shorten(details: &mut Vec<String>) {
    let mut room = VALUE_MAX - BESIDE_DETAILS;
    let fits = |line: &&String| {
        // Quotes, a comma, and what JSON escapes.
        let length = serde_json::to_string(line).map_or(0, |text| text.len()) + 1;
        let has_room = length <= room;
        room = room.saturating_sub(length);
        has_room
    };
    let kept = details.iter().take_while(fits).count();
    let left_out = details.len() - kept;
    details.truncate(kept);
    if left_out > 0 {
        details.push(format!("and {left_out} more"));
    }
}

/// The instant of an answer's date.
pub(super) fn now(connection: &Connection) -> OffsetDateTime {
    connection.clock().now
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_never_outgrow_a_parameter() {
        let mut few = vec!["created service web".to_owned(); 3];
        shorten(&mut few);
        assert_eq!(few.len(), 3);
        let mut many = vec!["created \"quoted\" \n".repeat(20); 100];
        shorten(&mut many);
        assert!(many.last().is_some_and(|last| last.starts_with("and ")), "{many:?}");
        let step = StepRecord {
            name: "service a-name-of-forty-characters-that-is-long-enough".into(),
            began_at: OffsetDateTime::UNIX_EPOCH,
            ended_at: Some(OffsetDateTime::UNIX_EPOCH),
            outcome: Some("rolled_back".into()),
            inputs: None,
            details: many,
        };
        assert!(serde_json::to_string(&step).expect("JSON").len() < VALUE_MAX);
    }
}
