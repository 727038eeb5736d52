//! Puts what a template refers to where CloudFormation finds it: into a bucket, under a name that is made of its content.

use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use aws_sdk_s3::primitives::ByteStream;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::Workshop;
use super::scratch::Scratch;
use crate::aws::{CallErrorKind, DoingExt};
use crate::error::ReleaseError;
use crate::report::Event;

/// How many files and directories of an archive are looked at: more than any function has.
const ENTRIES_MAX: usize = 100_000;

/// What an archive may hold unpacked; Lambda takes a quarter of it.
const UNPACKED_MAX: u64 = 1 << 30;

/// How deep directories may lie in each other; a link that leads back would go on for ever.
const DEPTH_MAX: usize = 64;

/// Something that is expected in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    pub source: PathBuf,
    pub packaging: Packaging,
    pub place: ObjectPlace,
}

/// A place in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectPlace {
    pub bucket: String,
    pub key: String,
}

/// What becomes of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packaging {
    /// It is a file, and goes as it is.
    File,
    /// It is a directory (or a file), and goes as a zip archive.
    Zip,
}

impl ObjectPlace {
    /// Its address, as CloudFormation takes it.
    pub(super) fn url(&self, region: &str) -> String {
        let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        format!("https://s3.{region}.{suffix}/{}/{}", self.bucket, self.key)
    }
}

/// Uploads what is not there yet.
pub(super) async fn upload(workshop: &Workshop<'_>, upload: &Upload) -> Result<(), ReleaseError> {
    let Upload { source, packaging, place } = upload;
    if is_there(workshop, place).await? {
        return Ok(());
    }
    let unreadable = |error: &dyn std::fmt::Display| {
        let what = format!("{} cannot be read for its upload: {error}", source.display());
        ReleaseError::not_possible(what, "synthesise the application anew: cdk synth")
    };
    // It is removed when this is over.
    let scratch = Scratch::new()?;
    let path = match packaging {
        Packaging::File => source.clone(),
        Packaging::Zip => {
            let (from, to) = (source.clone(), scratch.file("archive.zip"));
            let archive = to.clone();
            let packed = tokio::task::spawn_blocking(move || pack(&from, &archive)).await;
            packed.map_err(io::Error::other).flatten().map_err(|error| unreadable(&error))?;
            to
        }
    };
    let body = ByteStream::from_path(&path).await.map_err(|error| unreadable(&error))?;
    put(workshop, place, body).await?;
    let name = source.file_name().unwrap_or(source.as_os_str()).to_string_lossy().into_owned();
    workshop.report.send(Event::Note(format!("{name} is uploaded to s3://{}/{}", place.bucket, place.key)));
    Ok(())
}

/// Uploads a text, unless it is there.
pub(super) async fn upload_text(workshop: &Workshop<'_>, place: &ObjectPlace, text: &str) -> Result<(), ReleaseError> {
    if is_there(workshop, place).await? {
        return Ok(());
    }
    put(workshop, place, ByteStream::from(text.as_bytes().to_vec())).await
}

async fn put(workshop: &Workshop<'_>, place: &ObjectPlace, body: ByteStream) -> Result<(), ReleaseError> {
    let ObjectPlace { bucket, key } = place;
    let request = workshop.connection.s3.put_object().bucket(bucket).key(key).body(body);
    // A bucket of this name may be somebody else's, who would like to have what is uploaded.
    let request = request.set_expected_bucket_owner(owner(workshop).await);
    match request.send().await.doing(|| format!("uploading to s3://{bucket}/{key}")) {
        Ok(_) => Ok(()),
        Err(error) if error.has_code("NoSuchBucket") => {
            let what = format!("there is no bucket {bucket} to upload to");
            let instead = "make it; that of a CDK application is made by `cdk bootstrap`";
            Err(ReleaseError::not_possible(what, instead))
        }
        Err(error) => Err(error.into()),
    }
}

/// The account, where it may be asked for.
async fn owner(workshop: &Workshop<'_>) -> Option<String> {
    workshop.connection.account().await.ok().filter(|account| !account.is_empty())
}

async fn is_there(workshop: &Workshop<'_>, place: &ObjectPlace) -> Result<bool, ReleaseError> {
    let ObjectPlace { bucket, key } = place;
    let request = workshop.connection.s3.head_object().bucket(bucket).key(key);
    let answer = request.set_expected_bucket_owner(owner(workshop).await).send().await;
    match answer.doing(|| format!("looking for s3://{bucket}/{key}")) {
        Ok(_) => Ok(true),
        // Who may not list a bucket is refused for what is missing in it; the upload then has the last word.
        Err(error) if error.kind() == CallErrorKind::Refused => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Packs a directory, or a file alone: the same content gives the same archive.
fn pack(source: &Path, archive: &Path) -> io::Result<()> {
    let mut writer = ZipWriter::new(File::create_new(archive)?);
    let mut room = Room { entries: ENTRIES_MAX, bytes: UNPACKED_MAX };
    if source.is_dir() {
        add_directory(&mut writer, source, Path::new(""), &mut room)?;
    } else {
        let name = source.file_name().map(PathBuf::from).unwrap_or_default();
        add_file(&mut writer, source, &name, &mut room)?;
    }
    writer.finish()?;
    Ok(())
}

/// What may still be added.
struct Room {
    entries: usize,
    bytes: u64,
}

impl Room {
    fn take(&mut self, bytes: u64) -> io::Result<()> {
        let is_full = || io::Error::other(format!("it has more than {ENTRIES_MAX} files or {UNPACKED_MAX} bytes"));
        self.entries = self.entries.checked_sub(1).ok_or_else(is_full)?;
        self.bytes = self.bytes.checked_sub(bytes).ok_or_else(is_full)?;
        Ok(())
    }
}

/// Adds a directory in the order of its names; links are followed, as the CDK's own tool does.
fn add_directory(writer: &mut ZipWriter<File>, directory: &Path, name: &Path, room: &mut Room) -> io::Result<()> {
    if name.components().count() > DEPTH_MAX {
        return Err(io::Error::other(format!("{} lies too deep", directory.display())));
    }
    let entries = std::fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.file_name()));
    let mut names = entries.collect::<io::Result<Vec<_>>>()?;
    names.sort();
    for entry in names {
        let (path, name) = (directory.join(&entry), name.join(&entry));
        let metadata = path.metadata()?;
        if metadata.is_dir() {
            room.take(0)?;
            add_directory(writer, &path, &name, room)?;
        } else if metadata.is_file() {
            add_file(writer, &path, &name, room)?;
        }
    }
    Ok(())
}

fn add_file(writer: &mut ZipWriter<File>, path: &Path, name: &Path, room: &mut Room) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    room.take(metadata.len())?;
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(metadata.permissions().mode() & 0o777)
        .large_file(metadata.len() >= u64::from(u32::MAX));
    let parts = name.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_string_lossy()),
        _ => None,
    });
    writer.start_file(parts.collect::<Vec<_>>().join("/"), options)?;
    io::copy(&mut file, writer)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn the_same_files_are_the_same_archive_whenever_they_were_written() {
        let directory = tempfile::tempdir().expect("a directory");
        let source = directory.path().join("function");
        std::fs::create_dir_all(source.join("lib")).expect("writable");
        std::fs::write(source.join("lib/b.js"), "b").expect("writable");
        std::fs::write(source.join("a.sh"), "a").expect("writable");
        std::fs::set_permissions(source.join("a.sh"), std::fs::Permissions::from_mode(0o755)).expect("ours");
        symlink("a.sh", source.join("c.sh")).expect("writable");
        let packed = |name: &str| {
            let archive = directory.path().join(name);
            pack(&source, &archive).expect("it can be packed");
            std::fs::read(archive).expect("it is there")
        };
        let first = packed("one.zip");
        std::fs::write(source.join("lib/b.js"), "b").expect("written again");
        assert!(first == packed("two.zip"), "the same content");
        let mut archive = zip::ZipArchive::new(io::Cursor::new(first)).expect("an archive");
        let names: Vec<String> = archive.file_names().map(|name| name.expect("UTF-8").into_owned()).collect();
        assert_eq!(names, ["a.sh", "c.sh", "lib/b.js"]);
        assert_eq!(archive.by_name("c.sh").expect("it is there").unix_mode().map(|mode| mode & 0o777), Some(0o755));
    }

    #[test]
    fn links_that_lead_back_end() {
        let directory = tempfile::tempdir().expect("a directory");
        let source = directory.path().join("function");
        std::fs::create_dir(&source).expect("writable");
        symlink(".", source.join("again")).expect("writable");
        let error = pack(&source, &directory.path().join("archive.zip")).expect_err("it never ends");
        assert!(error.to_string().contains("lies too deep") || error.raw_os_error().is_some(), "{error}");
    }

    #[test]
    fn a_place_has_the_address_that_cloudformation_takes() {
        let place = ObjectPlace { bucket: "b".into(), key: "k.json".into() };
        assert_eq!(place.url("eu-west-1"), "https://s3.eu-west-1.amazonaws.com/b/k.json");
        assert_eq!(place.url("cn-north-1"), "https://s3.cn-north-1.amazonaws.com.cn/b/k.json");
    }
}
