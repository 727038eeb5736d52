//! The files that infrastructure is written in: whoever approves it approves these.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::kind::{CdkApp, InfraPlan};
use crate::error::ReleaseError;

/// What ends the name of a file with infrastructure code; others (state, plans, caches) change by themselves.
const CODE: [&str; 11] = ["tf", "tofu", "json", "tfvars", "hcl", "tftest", "tftpl", "tpl", "yaml", "yml", "sh"];

/// How many directories of modules beside it a configuration may take in.
const MODULES_MAX: usize = 1000;

/// How many files are looked at; more are no infrastructure.
const FILES_MAX: usize = 10_000;

/// The largest file that is looked at whole.
const FILE_MAX: u64 = 16 * 1024 * 1024;

/// A file with code.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    /// As seen from the directory of the infrastructure, so that two checkouts have the same.
    name: PathBuf,
    path: PathBuf,
}

impl InfraPlan {
    /// Gives every file to `look`, name and content, each behind its length, in the order of their names. One that cannot be read is told
    /// when it is used, and one that is too large is refused then ([`InfraPlan::refuse_unseen_sources`]).
    pub(crate) fn each_source(&self, look: &mut dyn FnMut(&[u8])) {
        for Source { name, path } in self.sources() {
            let Ok(content) = readable(&path) else { continue };
            for part in [name.as_os_str().as_encoded_bytes(), &content] {
                look(&(part.len() as u64).to_le_bytes());
                look(part);
            }
        }
    }

    /// Refuses code of which nobody could say whether it is what was approved.
    pub(super) fn refuse_unseen_sources(&self) -> Result<(), ReleaseError> {
        let sources = self.sources();
        let refused = |what: String| {
            let advice =
                "keep what is no code of the infrastructure elsewhere, or in a directory whose name begins with a dot";
            Err(ReleaseError::not_possible(what, advice))
        };
        if sources.len() > FILES_MAX {
            return refused(format!("the infrastructure has more than {FILES_MAX} files"));
        }
        let is_large = |source: &&Source| source.path.metadata().is_ok_and(|metadata| metadata.len() > FILE_MAX);
        match sources.iter().find(is_large) {
            Some(large) => refused(format!("{} has more than {FILE_MAX} bytes", large.path.display())),
            None => Ok(()),
        }
    }

    /// Its files; beyond [`FILES_MAX`] not all of them.
    fn sources(&self) -> Vec<Source> {
        match self {
            InfraPlan::None => Vec::new(),
            InfraPlan::Terraform(plan) => {
                let given = plan.var_files.iter();
                // Their order has a meaning: a later one goes before an earlier one.
                let given = given.map(|path| Source { name: seen_from(&plan.directory, path), path: path.clone() });
                with_modules(&plan.directory).into_iter().chain(given).collect()
            }
            InfraPlan::CloudFormation(stack) => {
                let name = stack.template.file_name().map(PathBuf::from).unwrap_or_default();
                vec![Source { name, path: stack.template.clone() }]
            }
            InfraPlan::Cdk(plan) => match &plan.app {
                CdkApp::Assembly(directory) => below(directory),
                // It is what it will be synthesised from; that is under version control.
                CdkApp::Command(_) => Vec::new(),
            },
        }
    }
}

fn readable(path: &Path) -> std::io::Result<Vec<u8>> {
    if path.metadata()?.len() > FILE_MAX {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    std::fs::read(path)
}

/// The files with code of a Terraform configuration: those below its directory, and those of modules beside it that they name.
fn with_modules(top: &Path) -> Vec<Source> {
    let mut files = below(top);
    let mut seen = BTreeSet::from([absolute(top)]);
    let mut looked_at = 0;
    while looked_at < files.len() && files.len() <= FILES_MAX && seen.len() <= MODULES_MAX {
        let path = files[looked_at].path.clone();
        looked_at += 1;
        let Ok(content) = readable(&path) else { continue };
        let here = path.parent().unwrap_or(top);
        for module in local_modules(&String::from_utf8_lossy(&content)) {
            let module = absolute(&here.join(module));
            if !seen.iter().any(|known| module.starts_with(known)) && seen.insert(module.clone()) {
                let named = |source: Source| Source { name: seen_from(&absolute(top), &source.path), ..source };
                files.extend(below(&module).into_iter().map(named));
            }
        }
    }
    // One module may lie in another.
    let mut once = BTreeSet::new();
    files.retain(|source| once.insert(source.path.clone()));
    files
}

/// The directories that a file names as the sources of modules: those that begin with a dot, as Terraform wants it of local ones.
fn local_modules(text: &str) -> Vec<&str> {
    let sources = text.split("source").skip(1).filter_map(|rest| {
        let rest = rest.trim_start_matches('"').trim_start().strip_prefix(['=', ':'])?;
        rest.trim_start().strip_prefix('"')?.split('"').next()
    });
    sources.filter(|source| source.starts_with("./") || source.starts_with("../")).collect()
}

/// A path without links and dots, as far as it is there.
fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// The files with code in a directory and those below it, without hidden ones.
fn below(top: &Path) -> Vec<Source> {
    let (mut files, mut open) = (Vec::new(), vec![top.to_path_buf()]);
    while let Some(directory) = open.pop() {
        let entries = std::fs::read_dir(&directory).into_iter().flatten().flatten();
        for entry in entries {
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            match entry.file_type() {
                Ok(_) if is_hidden => {}
                // A link to a file is read as a file; one to a directory may lead back.
                Ok(kind) if kind.is_symlink() && !entry.path().is_file() => {}
                Ok(kind) if kind.is_dir() => open.push(entry.path()),
                Ok(_) if is_code(&entry.path()) => {
                    files.push(Source { name: seen_from(top, &entry.path()), path: entry.path() });
                }
                Ok(_) | Err(_) => {}
            }
        }
        if files.len() > FILES_MAX {
            break;
        }
    }
    files.sort();
    files
}

/// A path as it is seen from a directory.
fn seen_from(directory: &Path, path: &Path) -> PathBuf {
    let shared = directory.components().zip(path.components()).take_while(|(one, other)| one == other).count();
    let up = directory.components().skip(shared).map(|_| "..");
    up.map(PathBuf::from).chain(path.components().skip(shared).map(|part| part.as_os_str().into())).collect()
}

fn is_code(path: &Path) -> bool {
    path.extension().and_then(|extension| extension.to_str()).is_some_and(|extension| CODE.contains(&extension))
}

#[cfg(test)]
mod tests {
    use super::super::kind::TerraformPlan;
    use super::*;

    fn plan(directory: &Path, var_files: &[&str]) -> InfraPlan {
        InfraPlan::Terraform(TerraformPlan {
            directory: directory.join("infra"),
            variables: Default::default(),
            var_files: var_files.iter().map(|name| directory.join(name)).collect(),
            workspace: None,
            binary: None,
            policy: None,
            protect: Default::default(),
        })
    }

    fn write(directory: &Path, name: &str, text: &str) {
        let path = directory.join(name);
        std::fs::create_dir_all(path.parent().expect("it is in a directory")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    fn seen(directory: &Path) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        plan(directory, &["z.tfvars", "a.tfvars"]).each_source(&mut |content| all.push(content.to_vec()));
        all
    }

    #[test]
    fn code_counts_and_state_does_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let directory = directory.path();
        write(directory, "infra/main.tf", "a");
        write(directory, "infra/module/x.tf", "b");
        let before = seen(directory);
        assert_eq!(before.len(), 8, "two files, name and content behind their lengths");
        write(directory, "infra/terraform.tfstate", "{}");
        write(directory, "infra/.terraform/modules/modules.json", "{}");
        write(directory, "infra/.terraform.lock.hcl", "x");
        assert_eq!(seen(directory), before);
        write(directory, "infra/module/x.tf", "c");
        assert_ne!(seen(directory), before);
    }

    #[test]
    fn modules_beside_a_configuration_and_links_count() {
        let directory = tempfile::tempdir().expect("a directory");
        let directory = directory.path();
        write(directory, "infra/main.tf", "module \"db\" {\n  source = \"../modules/db\"\n}\n");
        write(directory, "modules/db/main.tf", "module \"disk\" { source = \"../disk\" }");
        write(directory, "modules/disk/main.tf", "one");
        write(directory, "modules/other/main.tf", "nobody names it");
        write(directory, "shared.tf", "one");
        std::os::unix::fs::symlink("../shared.tf", directory.join("infra/shared.tf")).expect("writable");
        let before = seen(directory);
        for name in ["modules/disk/main.tf", "modules/db/templates/a.tftpl", "shared.tf"] {
            let before = seen(directory);
            write(directory, name, "two");
            assert_ne!(seen(directory), before, "{name}");
        }
        let now = seen(directory);
        write(directory, "modules/other/main.tf", "still nobody");
        assert_eq!(seen(directory), now);
        assert_ne!(now, before);
        let elsewhere = tempfile::tempdir().expect("a directory");
        for name in
            ["infra/main.tf", "modules/db/main.tf", "modules/disk/main.tf", "modules/db/templates/a.tftpl", "shared.tf"]
        {
            write(elsewhere.path(), name, &std::fs::read_to_string(directory.join(name)).expect("it is there"));
        }
        std::os::unix::fs::symlink("../shared.tf", elsewhere.path().join("infra/shared.tf")).expect("writable");
        assert_eq!(seen(elsewhere.path()), now, "the same in another checkout");
    }

    #[test]
    fn what_a_file_names_as_a_local_module_is_found() {
        let text = "module \"a\" { source = \"./a\" }\nmodule \"b\" {\n source= \"../b/c\"\n}\nsource = \"hashicorp/x\"\n{\"source\": \"../j\"}";
        assert_eq!(local_modules(text), ["./a", "../b/c", "../j"]);
        assert!(local_modules("resource \"a\" {} # sources").is_empty());
    }

    #[test]
    fn the_same_files_elsewhere_are_the_same() {
        let (one, other) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        let names = ["infra/b.tf", "infra/a.tf", "infra/b/a.tf", "z.tfvars", "a.tfvars"];
        names.iter().for_each(|name| write(one.path(), name, name));
        names.iter().rev().for_each(|name| write(other.path(), name, name));
        let all = seen(one.path());
        assert_eq!(all, seen(other.path()));
        let names: Vec<_> = all.iter().skip(1).step_by(4).map(|name| String::from_utf8_lossy(name)).collect();
        assert_eq!(names, ["a.tf", "b/a.tf", "b.tf", "../z.tfvars", "../a.tfvars"]);
    }

    #[test]
    fn what_is_too_large_to_be_looked_at_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        write(directory.path(), "infra/a.tf", "");
        let plan = plan(directory.path(), &[]);
        assert!(plan.refuse_unseen_sources().is_ok());
        let file = std::fs::File::create(directory.path().join("infra/large.json")).expect("made");
        file.set_len(FILE_MAX + 1).expect("a hole");
        let refused = plan.refuse_unseen_sources().expect_err("it is too large").to_string();
        assert!(refused.contains("large.json has more than"), "{refused}");
        std::fs::remove_file(directory.path().join("infra/large.json")).expect("it was there");
        (0..=FILES_MAX).for_each(|number| write(directory.path(), &format!("infra/{number}.tf"), ""));
        assert!(plan.refuse_unseen_sources().expect_err("they are too many").to_string().contains("files"));
    }
}
