//! The images of a task are unpacked on a thread of their own, so that the task can be stopped meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

use seatrial_ports::TaskLaunch;
use seatrial_ports::runtime::LaunchImage;

use super::image::{ContainerImage, unpack};
use super::machine::{ContainerIndex, Refusal};
use crate::directory::ImageDirectories;

/// Where a container's program comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// It is a program of this machine.
    Machine,
    Image(Arc<ContainerImage>),
}

type Outcome = Result<Arc<ContainerImage>, Refusal>;

/// The images of a task's containers.
pub(super) struct Images {
    /// Those that are there, or cannot be.
    known: BTreeMap<ContainerIndex, Outcome>,
    awaited: BTreeSet<ContainerIndex>,
    /// Containers whose start waits for their image.
    wanted: BTreeSet<ContainerIndex>,
    outcomes: Receiver<(ContainerIndex, Outcome)>,
    /// Has a byte for every outcome.
    bell: PipeReader,
}

impl Images {
    /// Begins to unpack what a task needs, one image after the other.
    pub fn begin(launch: &TaskLaunch, directories: ImageDirectories) -> io::Result<Self> {
        let (bell, ringer) = io::pipe()?;
        let (sender, outcomes) = channel();
        let mut images =
            Images { known: BTreeMap::new(), awaited: BTreeSet::new(), wanted: BTreeSet::new(), outcomes, bell };
        let mut stored = Vec::new();
        for (index, container) in launch.definition.containers.iter().enumerate() {
            let index = ContainerIndex(index);
            match launch.images.get(&container.name) {
                None => {}
                Some(LaunchImage::Missing(why)) => {
                    images.known.insert(index, Err(Refusal::image_missing(why)));
                }
                Some(LaunchImage::Stored(digest)) => {
                    images.awaited.insert(index);
                    stored.push((index, digest.clone()));
                }
            }
        }
        if !stored.is_empty() {
            let unpack_all = move || {
                for (index, digest) in stored {
                    tell(&sender, &ringer, index, unpack(&directories, &digest).map(Arc::new));
                }
            };
            std::thread::Builder::new().name("unpacking".to_owned()).spawn(unpack_all)?;
        }
        Ok(images)
    }

    /// Unpacks nothing: the task's containers get theirs elsewhere.
    pub fn none() -> io::Result<Self> {
        let (bell, _) = io::pipe()?;
        let (_, outcomes) = channel();
        Ok(Images { known: BTreeMap::new(), awaited: BTreeSet::new(), wanted: BTreeSet::new(), outcomes, bell })
    }

    /// Asks for a container's program; none while its image is being unpacked. [`Images::settled`] tells when it is there.
    pub fn want(&mut self, container: ContainerIndex) -> Option<Result<Source, Refusal>> {
        if self.awaited.contains(&container) {
            self.wanted.insert(container);
            return None;
        }
        Some(match self.known.get(&container) {
            None => Ok(Source::Machine),
            Some(outcome) => outcome.clone().map(Source::Image),
        })
    }

    /// Takes note of what has been unpacked, and returns the containers that wait for it.
    pub fn settled(&mut self) -> Vec<ContainerIndex> {
        let mut settled = Vec::new();
        loop {
            match self.outcomes.try_recv() {
                Ok((container, outcome)) => {
                    // As many bytes as there are outcomes: this does not wait.
                    let _ = self.bell.read_exact(&mut [0]);
                    self.awaited.remove(&container);
                    self.known.insert(container, outcome);
                    settled.extend(self.wanted.take(&container));
                }
                Err(TryRecvError::Empty) => return settled,
                Err(TryRecvError::Disconnected) => break,
            }
        }
        // Whoever unpacks is done, or has failed in a way nobody thought of.
        for container in std::mem::take(&mut self.awaited) {
            self.known.insert(container, Err(Refusal::image_passing("unpacking the image has ended before its time")));
            settled.extend(self.wanted.take(&container));
        }
        settled
    }

    /// Gives up waiting, and returns the containers that did.
    pub fn give_up(&mut self) -> BTreeSet<ContainerIndex> {
        std::mem::take(&mut self.wanted)
    }

    /// Returns what to wait on for news.
    pub fn bell(&self) -> Option<BorrowedFd<'_>> {
        (!self.awaited.is_empty()).then(|| self.bell.as_fd())
    }
}

fn tell(sender: &Sender<(ContainerIndex, Outcome)>, ringer: &PipeWriter, index: ContainerIndex, outcome: Outcome) {
    use std::io::Write;
    // The supervisor is ending when nobody listens any more.
    if sender.send((index, outcome)).is_ok() {
        let mut ringer = ringer;
        let _ = ringer.write_all(&[0]);
    }
}
