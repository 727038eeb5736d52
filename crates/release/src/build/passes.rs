//! Which tests have passed, so that they are not run again with the same content. What tests read nobody knows, so the content is everything
//! that version control has, beside the directory as well, and only where nothing differs from it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::plan::BuildPlan;

/// The most passes remembered of a service.
const KEPT_MAX: usize = 20;

/// Returns what the tests of a build depend on, as a digest; none where git does not know it.
pub(super) fn inputs(plan: &BuildPlan, directory: &Path) -> Option<String> {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(directory).args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
        let output = command.output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok()
    };
    let is_clean = git(&["status", "--porcelain", "--untracked-files=normal"])?.is_empty();
    let tree = git(&["rev-parse", "--verify", "HEAD^{tree}"]).filter(|_| is_clean)?;
    let place = git(&["rev-parse", "--show-prefix"])?;
    let mut hash = Sha256::new();
    hash.update(format!("{} {} {:?} {:?}", tree.trim(), place.trim(), plan.before, plan.test));
    Some(hex::encode(&hash.finalize()[..16]))
}

/// The passes of a service: a file with a line for each, the newest last.
#[derive(Debug)]
pub(super) struct Passes(PathBuf);

impl Passes {
    pub fn at(path: PathBuf) -> Self {
        Passes(path)
    }

    /// When the tests passed with these inputs, if they did.
    pub fn passed_at(&self, inputs: &str) -> Option<String> {
        let found = self.lines().into_iter().rev().find_map(|line| {
            let (known, at) = line.split_once(' ')?;
            (known == inputs).then(|| at.to_owned())
        });
        found.filter(|at| OffsetDateTime::parse(at, &Rfc3339).is_ok())
    }

    /// Remembers a pass. One that cannot be written costs another run.
    pub fn note(&self, inputs: &str) {
        let now = OffsetDateTime::now_utc().replace_nanosecond(0).ok().and_then(|now| now.format(&Rfc3339).ok());
        let mut lines = self.lines();
        lines.extend(now.map(|now| format!("{inputs} {now}")));
        let kept = lines.len().saturating_sub(KEPT_MAX);
        if let Err(error) = self.write(&lines[kept..]) {
            tracing::warn!(%error, "it could not be noted that tests passed");
        }
    }

    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.0).unwrap_or_default();
        text.lines().map(ToOwned::to_owned).collect()
    }

    fn write(&self, lines: &[String]) -> std::io::Result<()> {
        let directory = self.0.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(directory)?;
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all((lines.join("\n") + "\n").as_bytes())?;
        file.persist(&self.0)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{BUILD_TIMEOUT_DEFAULT, BuildKind, FilesBuild};

    fn plan() -> BuildPlan {
        BuildPlan {
            repository: "shop/web".into(),
            is_named: false,
            before: Vec::new(),
            test: vec![vec!["true".into()]],
            timeout: BUILD_TIMEOUT_DEFAULT,
            kind: BuildKind::Files(FilesBuild::default()),
        }
    }

    #[test]
    fn content_is_what_is_committed_and_nothing_else() {
        let directory = tempfile::tempdir().expect("a directory");
        let git = |arguments: &[&str]| {
            let identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
            let status = Command::new("git").arg("-C").arg(directory.path()).args(identity).args(arguments).output();
            assert!(status.expect("git is there").status.success(), "{arguments:?}");
        };
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).expect("writable");
        assert_eq!(inputs(&plan(), directory.path()), None, "git does not know it");
        git(&["init", "--quiet"]);
        write(".gitignore", "out\n");
        git(&["add", "."]);
        git(&["commit", "--quiet", "-m", "one"]);
        let first = inputs(&plan(), directory.path());
        assert!(first.is_some());
        write("out", "what is ignored does not count");
        assert_eq!(inputs(&plan(), directory.path()), first);
        write("new", "what is not committed does");
        assert_eq!(inputs(&plan(), directory.path()), None);
        git(&["add", "."]);
        git(&["commit", "--quiet", "-m", "two"]);
        assert_ne!(inputs(&plan(), directory.path()), first);
        fs::create_dir(directory.path().join("part")).expect("writable");
        write("part/file", "a part");
        git(&["add", "."]);
        git(&["commit", "--quiet", "-m", "three"]);
        let of_part = || inputs(&plan(), &directory.path().join("part"));
        let before = of_part();
        assert!(before.is_some() && before != inputs(&plan(), directory.path()));
        write("new", "tests of a part may read what is beside it");
        assert_eq!(of_part(), None);
        git(&["commit", "--quiet", "-a", "-m", "four"]);
        assert_ne!(of_part(), before);
        let other = BuildPlan { test: vec![vec!["false".into()]], ..plan() };
        assert_ne!(inputs(&other, directory.path()), inputs(&plan(), directory.path()));
    }

    #[test]
    fn few_passes_are_remembered_and_what_is_no_pass_is_none() {
        let directory = tempfile::tempdir().expect("a directory");
        let passes = Passes::at(directory.path().join("shop/web/passed"));
        assert_eq!(passes.passed_at("a"), None);
        for number in 0..=KEPT_MAX {
            passes.note(&format!("inputs-{number}"));
        }
        assert_eq!(passes.passed_at("inputs-0"), None);
        assert!(passes.passed_at("inputs-1").is_some() && passes.passed_at("inputs-20").is_some());
        fs::write(directory.path().join("shop/web/passed"), "inputs-1 yesterday\n\u{0}").expect("writable");
        assert_eq!(passes.passed_at("inputs-1"), None);
    }
}
