//! Room for so many connections. When it is full, a new connection takes the place of the one that has been idle for longest: a
//! flood of idle ones locks nobody out. Only when all are busy is a new one refused.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// How many refused connections are kept until their clients have read the refusal; of a flood, the others are just closed.
const REFUSED_AT_ONCE_MAX: usize = 64;

/// The room a front has.
#[derive(Clone)]
pub(super) struct Room {
    slots: Arc<Semaphore>,
    at_the_door: Arc<Semaphore>,
    idle: Arc<Mutex<Idle>>,
}

/// Where a new connection goes.
pub(super) enum Place {
    Inside(OwnedSemaphorePermit),
    /// Inside, in the slot that [`Room::slot_of`] frees for it.
    InsideSoon(Leaving),
    /// Refused, and kept until its client has read so.
    AtTheDoor(OwnedSemaphorePermit),
    /// Refused and closed.
    None,
}

/// An idle connection that is to go.
pub(super) struct Leaving(Arc<Notify>);

/// Connections that have no request to answer, in the order in which they became so.
#[derive(Default)]
struct Idle {
    next: u64,
    seats: BTreeMap<u64, Arc<Notify>>,
}

impl Idle {
    fn add(&mut self, leave: Arc<Notify>) -> u64 {
        let place = self.next;
        self.next += 1;
        self.seats.insert(place, leave);
        place
    }
}

impl Room {
    pub(super) fn new(connections: usize) -> Self {
        Room {
            slots: Arc::new(Semaphore::new(connections)),
            at_the_door: Arc::new(Semaphore::new(REFUSED_AT_ONCE_MAX)),
            idle: Arc::default(),
        }
    }

    /// Finds a place for a new connection.
    pub(super) fn place(&self) -> Place {
        if let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
            return Place::Inside(slot);
        }
        if let Some((_, longest_idle)) = self.idle().seats.pop_first() {
            return Place::InsideSoon(Leaving(longest_idle));
        }
        Arc::clone(&self.at_the_door).try_acquire_owned().map_or(Place::None, Place::AtTheDoor)
    }

    /// Asks an idle connection to go and waits for its slot.
    pub(super) async fn slot_of(&self, leaving: Leaving) -> Option<OwnedSemaphorePermit> {
        let mut slot = pin!(Arc::clone(&self.slots).acquire_owned());
        // Queues up before the slot is free, so that nobody who comes later takes it.
        let at_once = poll_immediate(slot.as_mut()).await;
        leaving.0.notify_one();
        match at_once {
            Some(slot) => slot.ok(),
            None => slot.await.ok(),
        }
    }

    /// Gives a connection its seat.
    pub(super) fn seat(&self) -> Seat {
        let seat = Seat { room: self.clone(), leave: Arc::default(), place: Mutex::default() };
        seat.set_idle();
        seat
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Polls a future once.
async fn poll_immediate<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// The seat of one connection; given back when dropped.
pub(super) struct Seat {
    room: Room,
    leave: Arc<Notify>,
    /// Where it stands among the idle ones.
    place: Mutex<Option<u64>>,
}

impl Seat {
    /// Marks that the connection has no request to answer.
    pub(super) fn set_idle(&self) {
        self.set_busy();
        let place = self.room.idle().add(Arc::clone(&self.leave));
        *self.place() = Some(place);
    }

    /// Marks that the connection has a request to answer, so that it stays.
    pub(super) fn set_busy(&self) {
        let place = self.place().take();
        if let Some(place) = place {
            self.room.idle().seats.remove(&place);
        }
    }

    pub(super) fn has_request(&self) -> bool {
        self.place().is_none()
    }

    /// Waits until the connection is asked to go.
    pub(super) async fn asked_to_leave(&self) {
        self.leave.notified().await;
    }

    fn place(&self) -> MutexGuard<'_, Option<u64>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.set_busy();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(room: &Room) -> (Seat, OwnedSemaphorePermit) {
        match room.place() {
            Place::Inside(slot) => (room.seat(), slot),
            Place::InsideSoon(_) | Place::AtTheDoor(_) | Place::None => panic!("there is a free slot"),
        }
    }

    #[tokio::test]
    async fn a_newcomer_takes_the_place_of_the_one_idle_for_longest() {
        let room = Room::new(2);
        let (first, _first_slot) = enter(&room);
        let (second, second_slot) = enter(&room);
        first.set_busy();
        first.set_idle();
        let Place::InsideSoon(leaving) = room.place() else { panic!("somebody is idle") };
        let guest = async {
            second.asked_to_leave().await;
            drop((second, second_slot));
            assert!(!matches!(room.place(), Place::Inside(_)), "the slot is promised");
        };
        let (slot, ()) = tokio::join!(room.slot_of(leaving), guest);
        assert!(slot.is_some());
    }

    #[tokio::test]
    async fn busy_connections_stay_and_the_newcomer_is_refused() {
        let room = Room::new(1);
        let (seat, _slot) = enter(&room);
        seat.set_busy();
        let doors: Vec<_> = (0..REFUSED_AT_ONCE_MAX).map(|_| room.place()).collect();
        assert!(doors.iter().all(|place| matches!(place, Place::AtTheDoor(_))));
        assert!(matches!(room.place(), Place::None));
        drop(doors);
        assert!(matches!(room.place(), Place::AtTheDoor(_)));
    }
}
