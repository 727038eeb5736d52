//! The files that infrastructure is written in: whoever approves it approves these.

use std::path::{Path, PathBuf};

use super::kind::{CdkApp, InfraPlan};

/// What ends the name of a file with infrastructure code; others (state, plans, caches) change by themselves.
const CODE: [&str; 6] = ["tf", "tofu", "json", "tfvars", "hcl", "tftest"];

/// How many files are looked at; more are no infrastructure.
const FILES_MAX: usize = 10_000;

/// The largest file that is looked at whole.
const FILE_MAX: u64 = 16 * 1024 * 1024;

impl InfraPlan {
    /// Gives every file to `look`, name and content, in the order of their names. One that cannot be read is told when it is used.
    pub(crate) fn each_source(&self, look: &mut dyn FnMut(&[u8])) {
        let files = match self {
            InfraPlan::None => return,
            InfraPlan::Terraform(plan) => below(&plan.directory).into_iter().chain(plan.var_files.clone()).collect(),
            InfraPlan::CloudFormation(stack) => vec![stack.template.clone()],
            InfraPlan::Cdk(plan) => match &plan.app {
                CdkApp::Assembly(directory) => below(directory),
                // It is what it will be synthesised from; that is under version control.
                CdkApp::Command(_) => return,
            },
        };
        for file in files {
            let is_readable = file.metadata().is_ok_and(|metadata| metadata.len() <= FILE_MAX);
            if let Ok(content) = std::fs::read(&file)
                && is_readable
            {
                look(file.as_os_str().as_encoded_bytes());
                look(&content);
            }
        }
    }
}

/// The files with code in a directory and those below it, without hidden ones.
fn below(directory: &Path) -> Vec<PathBuf> {
    let (mut files, mut open) = (Vec::new(), vec![directory.to_path_buf()]);
    while let Some(directory) = open.pop() {
        let entries = std::fs::read_dir(&directory).into_iter().flatten().flatten();
        for entry in entries {
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            match entry.file_type() {
                Ok(kind) if is_hidden || kind.is_symlink() => {}
                Ok(kind) if kind.is_dir() => open.push(entry.path()),
                Ok(_) if is_code(&entry.path()) => files.push(entry.path()),
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

fn is_code(path: &Path) -> bool {
    path.extension().and_then(|extension| extension.to_str()).is_some_and(|extension| CODE.contains(&extension))
}

#[cfg(test)]
mod tests {
    use super::super::kind::TerraformPlan;
    use super::*;

    #[test]
    fn code_counts_and_state_does_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().expect("it is in a directory")).expect("made");
            std::fs::write(path, text).expect("written");
        };
        let seen = || {
            let plan = InfraPlan::Terraform(TerraformPlan {
                directory: directory.path().to_owned(),
                variables: Default::default(),
                var_files: vec![],
                workspace: None,
                binary: None,
                policy: None,
                protect: Default::default(),
            });
            let mut all = Vec::new();
            plan.each_source(&mut |content| all.push(content.to_vec()));
            all
        };
        write("main.tf", "a");
        write("module/x.tf", "b");
        let before = seen();
        assert_eq!(before.len(), 4, "two files, name and content");
        write("terraform.tfstate", "{}");
        write(".terraform/modules/modules.json", "{}");
        write(".terraform.lock.hcl", "x");
        assert_eq!(seen(), before);
        write("module/x.tf", "c");
        assert_ne!(seen(), before);
    }
}
