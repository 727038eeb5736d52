//! What this machine has released, kept in its data directory: readable when the environment cannot be reached, or is gone.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use seatrial_release::Realm;
use seatrial_release::aws::Connection;
use seatrial_release::plan::Plan;
use seatrial_release::releases::{Release, ReleaseId, release};

use crate::arguments::Common;
use crate::engine::{Home, files};

/// The most releases kept of an environment.
const KEPT_MAX: usize = 200;
/// The largest file that is read: far more than a release has.
const FILE_MAX: u64 = 4 << 20;

/// Keeps a release as the environment has it now; the newest where none is named. What cannot be kept is told in the log: the release itself
/// is what matters.
pub async fn keep(common: &Common, connection: &Connection, plan: &Plan, id: Option<&ReleaseId>) {
    let realm = Realm::of(plan);
    let kept = async {
        let found = release(connection, &realm, id).await?;
        LocalHistory::of(common, &realm)?.keep(&found)
    };
    if let Err(error) = kept.await {
        tracing::warn!(error = format!("{error:#}"), "the release could not be kept on this machine");
    }
}

/// The releases of an environment that this machine knows of, a file each.
#[derive(Debug)]
pub struct LocalHistory(PathBuf);

impl LocalHistory {
    pub fn of(common: &Common, realm: &Realm) -> Result<Self> {
        let home = Home::locate(common.home.clone())?;
        let directory = home.path().join("releases");
        Ok(LocalHistory(directory.join(realm.app.as_str()).join(realm.environment.as_str())))
    }

    /// Returns what is known, newest first; files that are no releases are passed over.
    pub fn releases(&self) -> Vec<Release> {
        let mut releases: Vec<Release> = self.files().iter().filter_map(|file| read(file)).collect();
        releases.sort_by_key(|release| std::cmp::Reverse(release.head.began_at));
        releases
    }

    fn keep(&self, release: &Release) -> Result<()> {
        fs::create_dir_all(&self.0).with_context(|| format!("could not make {}", self.0.display()))?;
        files::replace(&self.0.join(format!("{}.json", release.id)), &serde_json::to_vec_pretty(release)?)?;
        // Their names begin with when they began.
        let mut names = self.files();
        names.sort();
        let surplus = names.len().saturating_sub(KEPT_MAX);
        for old in &names[..surplus] {
            fs::remove_file(old).with_context(|| format!("could not remove {}", old.display()))?;
        }
        Ok(())
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect()
    }
}

fn read(file: &Path) -> Option<Release> {
    let length = fs::metadata(file).ok()?.len();
    if length > FILE_MAX {
        return None;
    }
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}
