//! What a build is made of, as a fingerprint: by names, sizes and times of files, as `make` does it, since reading everything would take as
//! long as building. A build that is made again from the same bytes has the same digest anyway.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::config::app_type::own_dockerfile;
use crate::error::ReleaseError;
use crate::plan::{BuildKind, BuildPlan};

/// What changes when builds come to be made differently.
const FORMAT: &str = "1";

/// Returns the fingerprint of a build's inputs; `extra` is what else it depends on.
pub(super) fn fingerprint(plan: &BuildPlan, directory: &Path, extra: &str) -> Result<String, ReleaseError> {
    let mut hash = Sha256::new();
    hash.update(format!("{FORMAT} {plan:?} {extra}"));
    for variable in [super::files::EPOCH_VARIABLE, super::dockerfile::BUILDER_VARIABLE] {
        hash.update(format!("{:?}", std::env::var_os(variable)));
    }
    match &plan.kind {
        BuildKind::Files(files) => {
            for platform in super::files::wanted(files)? {
                for source in files.files.values() {
                    add(&mut hash, &directory.join(super::files::source_for(source, &platform)))?;
                }
            }
        }
        BuildKind::Dockerfile(build) => {
            match own_dockerfile(&build.dockerfile, directory) {
                Some(own) => hash.update(own),
                None => add(&mut hash, &directory.join(&build.dockerfile))?,
            }
            let context = directory.join(&build.context);
            add(&mut hash, &context)?;
            // The past is not walked; where it stands may be asked for by the Dockerfile.
            for file in [".git/HEAD", ".git/logs/HEAD"] {
                hash.update(fs::read(context.join(file)).unwrap_or_default());
            }
        }
        // Nobody knows what a command reads: it is run every time.
        BuildKind::Command(_) => hash.update(unique()),
    }
    Ok(hex::encode(&hash.finalize()[..16]))
}

fn unique() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{} {}", std::process::id(), now.as_nanos())
}

fn add(hash: &mut Sha256, path: &Path) -> Result<(), ReleaseError> {
    walk(hash, path).map_err(|error| {
        let what = format!("{} cannot be read: {error}", path.display());
        ReleaseError::not_possible(what, "name files of the build that are there, relative to the configuration file")
    })
}

fn walk(hash: &mut Sha256, path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
    hash.update(path.as_os_str().as_encoded_bytes());
    hash.update(format!("\0{:o} {} {seconds}.{nanoseconds} {}\0", metadata.mode(), metadata.len(), metadata.ino()));
    if metadata.is_symlink() {
        hash.update(fs::read_link(path)?.as_os_str().as_encoded_bytes());
    }
    if metadata.is_dir() {
        let listed = match fs::read_dir(path) {
            // Perhaps it is ignored; the packer says so if it is not.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
            listed => listed?,
        };
        let mut entries = listed.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
        entries.sort();
        // What version control keeps of the past is in no image.
        let entries = entries.iter().filter(|path| path.file_name().is_none_or(|name| name != ".git"));
        for entry in entries {
            match walk(hash, entry) {
                // It has gone in between, as files of other programs do.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                walked => walked?,
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{BUILD_TIMEOUT_DEFAULT, FilesBuild};

    #[test]
    fn another_file_another_name_or_another_setting_is_another_build() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::create_dir(directory.path().join("public")).expect("writable");
        fs::write(directory.path().join("public/a"), "one").expect("writable");
        let files = FilesBuild { files: [("/public".into(), "public".into())].into(), ..FilesBuild::default() };
        let mut plan = BuildPlan {
            repository: "shop/web".into(),
            is_named: false,
            before: Vec::new(),
            test: Vec::new(),
            timeout: BUILD_TIMEOUT_DEFAULT,
            kind: BuildKind::Files(files),
        };
        let print = |plan: &BuildPlan| fingerprint(plan, directory.path(), "").expect("readable");
        let first = print(&plan);
        assert_eq!(print(&plan), first);
        fs::write(directory.path().join("public/a"), "two!").expect("writable");
        let second = print(&plan);
        assert_ne!(second, first);
        fs::rename(directory.path().join("public/a"), directory.path().join("public/b")).expect("ours");
        let third = print(&plan);
        assert_ne!(third, second);
        plan.repository = "shop/api".into();
        assert_ne!(print(&plan), third);
        if let BuildKind::Files(files) = &mut plan.kind {
            files.files.insert("/other".into(), "missing".into());
        }
        assert!(fingerprint(&plan, directory.path(), "").expect_err("no such file").to_string().contains("missing"));
    }
}
