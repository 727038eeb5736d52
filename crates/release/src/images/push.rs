//! Pushes what was built into the repository of its service, and tags it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use seatrial_distribution::{
    Advance, Client, Credential, CredentialSource, DistributionError, ImageName, ImagePush, ImageSource, Options,
    Progress,
};
use seatrial_model::image::{Digest, ImageReference, ImageTag};

use super::login::{Login, login};
use super::provide::Provided;
use super::repository::make_repository;
use super::stored::{FALLBACK, LATEST};
use crate::aws::Connection;
use crate::build::{Built, Purpose};
use crate::config::{AppName, ServiceName};
use crate::deploy::{step_began_with, step_ended};
use crate::error::ReleaseError;
use crate::report::{Change, Event, Reporter, Resource};

/// How often the way of a long push is told.
const TOLD_EVERY: Duration = Duration::from_secs(5);
/// How many digits of a digest or commit a made-up tag has.
const TAG_DIGITS: usize = 12;

/// What became of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// `REGISTRY/REPOSITORY@DIGEST`.
    pub image: String,
    pub tag: String,
    pub uploaded_blobs: usize,
    pub skipped_blobs: usize,
    pub bytes: u64,
}

/// Makes the repository of an image and pushes it, a step each; what is there already is left.
pub(crate) async fn push(
    connection: &Connection,
    app: &AppName,
    built: &Built,
    commit: Option<&str>,
    report: &Reporter,
) -> Result<Pushed, ReleaseError> {
    make_repository(connection, app, &built.service, &built.plan, report).await?;
    let step = format!("push {}", built.service);
    report.send(step_began_with(&step, &built.digest.to_string()));
    let pushed = push_into(connection, built, commit, report).await;
    report.send(step_ended(&step, &pushed, |pushed| {
        let outcome = if pushed.uploaded_blobs == 0 { "unchanged" } else { "done" };
        (outcome.to_owned(), pushed.details())
    }));
    pushed
}

/// Pushes what was built, and nothing more; returns what it is called.
pub async fn push_all(
    connection: &Connection,
    app: &AppName,
    provided: &Provided,
    commit: Option<&str>,
    report: &Reporter,
) -> Result<BTreeMap<ServiceName, String>, ReleaseError> {
    let mut images = BTreeMap::new();
    for built in &provided.built {
        let pushed = push(connection, app, built, commit, report).await?;
        images.insert(built.service.clone(), pushed.image);
    }
    Ok(images)
}

async fn push_into(
    connection: &Connection,
    built: &Built,
    commit: Option<&str>,
    report: &Reporter,
) -> Result<Pushed, ReleaseError> {
    let repository = &built.plan.repository;
    let login = login(connection).await?;
    let own = match built.purpose {
        Purpose::Release => tag(commit, &built.digest),
        Purpose::StandIn => FALLBACK.to_owned(),
    };
    let pushed = push_as(&login, repository, built, &own, report).await;
    let (push, tag) = match pushed {
        // The commit was built before, to other bytes: its tag stays what it is.
        Err(Failure::Tagged) => {
            let other = match built.purpose {
                Purpose::Release => tag_of_both(&own, &built.digest),
                // What stands in is known by the beginning of its tag.
                Purpose::StandIn => format!("{FALLBACK}-{}", &built.digest.hex()[..TAG_DIGITS]),
            };
            let pushed = push_as(&login, repository, built, &other, report).await;
            (pushed.map_err(|failure| failure.into_error(&built.plan.repository))?, other)
        }
        pushed => (pushed.map_err(|failure| failure.into_error(&built.plan.repository))?, own),
    };
    let image = format!("{}/{repository}@{}", login.registry, built.digest);
    let change = if push.manifests_pushed == 0 { Change::Unchanged } else { Change::Created(Vec::new()) };
    report.ensured(Resource::Image, &format!("{repository}:{tag}"), Some(&built.service), change);
    Ok(Pushed {
        image,
        tag,
        uploaded_blobs: push.blobs_uploaded,
        skipped_blobs: push.blobs_skipped + push.blobs_mounted,
        bytes: push.bytes,
    })
}

impl Pushed {
    /// What is written down of it.
    pub fn details(&self) -> Vec<String> {
        let Pushed { image, tag, uploaded_blobs, skipped_blobs, bytes } = self;
        vec![
            format!("{image} as {tag}"),
            format!("{uploaded_blobs} blobs of {:.1} MB sent, {skipped_blobs} were there", *bytes as f64 / 1e6),
        ]
    }
}

enum Failure {
    /// The tag is another image's and does not move.
    Tagged,
    Other(Box<DistributionError>),
}

impl Failure {
    fn into_error(self, repository: &str) -> ReleaseError {
        let (what, instead) = match self {
            Failure::Tagged => (
                format!("every tag for the image is taken in {repository}, and tags do not move there"),
                "look at them with `aws ecr describe-images`, and delete what is wrong".to_owned(),
            ),
            Failure::Other(error) => {
                let again = "run the command again: what was pushed is not pushed twice";
                (error.tell(), again.to_owned())
            }
        };
        ReleaseError::not_possible(what, instead)
    }
}

async fn push_as(
    login: &Login,
    repository: &str,
    built: &Built,
    tag: &str,
    report: &Reporter,
) -> Result<seatrial_distribution::PushReport, Failure> {
    let other = |error: DistributionError| Failure::Other(Box::new(error));
    let name = ImageName::parse(&format!("{}/{repository}", login.registry)).map_err(|error| {
        other(DistributionError::Protocol {
            host: login.registry.clone(),
            doing: format!("push {repository}"),
            what: error.to_string(),
        })
    })?;
    let credential = Credential::password(login.user.clone(), login.password.clone());
    let client = Client::open(&name, &CredentialSource::Given(credential), &Options::default()).await.map_err(other)?;
    let own = ImageReference::parse(tag).expect("a tag of letters and digits");
    if built.purpose == Purpose::Release {
        let there = client.head_manifest(&own).await.map_err(other)?;
        if there.as_ref().is_some_and(|head| head.digest != built.digest) {
            return Err(Failure::Tagged);
        }
    }
    let tags = |tag: &str| vec![ImageTag::parse(tag).expect("a tag of letters and digits")];
    let push = ImagePush {
        digest: built.digest.clone(),
        referrers: built.referrers.clone(),
        tags: tags(tag),
        mount_from: None,
    };
    let source: Arc<dyn ImageSource> = Arc::new(LayoutSource(built.layout.clone()));
    let progress: Arc<dyn Progress> = Arc::new(Teller::new(format!("push {}", built.service), report.clone()));
    let pushed = match client.push_image(Arc::clone(&source), &push, &progress).await {
        Err(DistributionError::TagImmutable { .. }) => return Err(Failure::Tagged),
        pushed => pushed.map_err(other)?,
    };
    if built.purpose == Purpose::Release {
        let latest = ImagePush { tags: tags(LATEST), referrers: Vec::new(), ..push };
        match client.push_image(source, &latest, &progress).await {
            // A repository somebody made so that no tag ever moves.
            Ok(_) | Err(DistributionError::TagImmutable { .. }) => {}
            Err(error) => return Err(other(error)),
        }
    }
    Ok(pushed)
}

/// The tag of an image: its commit, if all of it is committed; else a part of its digest.
fn tag(commit: Option<&str>, digest: &Digest) -> String {
    match commit.filter(|commit| commit.len() >= TAG_DIGITS && commit.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        Some(commit) => commit.to_owned(),
        None => format!("sha-{}", &digest.hex()[..TAG_DIGITS]),
    }
}

fn tag_of_both(commit: &str, digest: &Digest) -> String {
    let commit: String = commit.chars().take(TAG_DIGITS).collect();
    format!("{commit}-{}", &digest.hex()[..TAG_DIGITS])
}

/// The blobs of an OCI image layout.
struct LayoutSource(PathBuf);

impl LayoutSource {
    fn blob(&self, digest: &Digest) -> PathBuf {
        self.0.join("blobs").join(digest.algorithm().as_str()).join(digest.hex())
    }
}

impl ImageSource for LayoutSource {
    fn manifest(&self, digest: &Digest) -> io::Result<Vec<u8>> {
        std::fs::read(self.blob(digest))
    }

    fn open_blob(&self, digest: &Digest) -> io::Result<(File, u64)> {
        let file = File::open(self.blob(digest))?;
        let size = file.metadata()?.len();
        Ok((file, size))
    }
}

/// Tells now and then how far a push is.
struct Teller {
    step: String,
    report: Reporter,
    state: Mutex<Told>,
}

struct Told {
    last: Instant,
    blobs: std::collections::BTreeMap<Digest, (u64, u64)>,
}

impl Teller {
    fn new(step: String, report: Reporter) -> Self {
        Teller { step, report, state: Mutex::new(Told { last: Instant::now(), blobs: Default::default() }) }
    }
}

impl Progress for Teller {
    fn advance(&self, advance: Advance<'_>) {
        let mut told = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        told.blobs.insert(advance.blob.clone(), (advance.done, advance.total));
        if told.last.elapsed() >= TOLD_EVERY {
            told.last = Instant::now();
            let (done, total) = told.blobs.values().fold((0, 0), |(done, total), blob| (done + blob.0, total + blob.1));
            let line = format!("{:.1} of {:.1} MB sent", done as f64 / 1e6, total as f64 / 1e6);
            self.report.send(Event::Output { source: self.step.clone(), line });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_the_commit_when_all_of_it_is_committed() {
        let digest = Digest::parse(&format!("sha256:{}", "ab".repeat(32))).expect("a digest");
        let commit = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(tag(Some(commit), &digest), commit);
        assert_eq!(tag(Some(&format!("{commit} with changes")), &digest), "sha-abababababab");
        assert_eq!(tag(None, &digest), "sha-abababababab");
        assert_eq!(tag_of_both(commit, &digest), "0123456789ab-abababababab");
    }
}
