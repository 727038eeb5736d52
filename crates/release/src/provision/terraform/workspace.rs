//! The workspace of an environment: made when it is missing, and never left selected in a directory that environments share.

use std::fs;
use std::path::{Path, PathBuf};

use super::{SHOW, Terraform};
use crate::error::ReleaseError;

/// The workspace that every configuration has.
pub(super) const DEFAULT: &str = "default";

impl Terraform<'_> {
    /// Makes the workspace if it is not there.
    pub(super) async fn ensure_workspace(&self) -> Result<(), ReleaseError> {
        let Some(workspace) = self.plan.workspace.as_deref().filter(|name| *name != DEFAULT) else { return Ok(()) };
        let listed = self.quietly(&["workspace", "list", "-no-color"], SHOW).await?;
        if listed.code != Some(0) {
            let advice = "see `terraform workspace list`; a backend without workspaces needs no `workspace`";
            return Err(self.failed("workspace list", &listed.complaint(), advice));
        }
        if names(&String::from_utf8_lossy(&listed.document()?)).any(|name| name == workspace) {
            return Ok(());
        }
        let selection = Selection::of(&self.plan.directory);
        let made = self.quietly(&["workspace", "new", "-no-color", workspace], SHOW).await;
        selection.put_back();
        let made = made?;
        // Somebody else may have made it meanwhile.
        if made.code != Some(0) && !made.complaint().contains("already exists") {
            return Err(self.failed("workspace new", &made.complaint(), "see `terraform workspace list`"));
        }
        Ok(())
    }
}

/// The names in a list of workspaces, of which a star marks one.
fn names(list: &str) -> impl Iterator<Item = &str> {
    list.lines().map(|line| line.trim_start_matches('*').trim()).filter(|name| !name.is_empty())
}

/// What somebody has selected in a directory.
struct Selection {
    path: PathBuf,
    before: Option<Vec<u8>>,
}

impl Selection {
    fn of(directory: &Path) -> Self {
        let data = std::env::var_os("TF_DATA_DIR").filter(|name| !name.is_empty()).unwrap_or(".terraform".into());
        let path = directory.join(data).join("environment");
        Self { before: fs::read(&path).ok(), path }
    }

    /// What cannot be put back misleads nobody here, where every command names its workspace.
    fn put_back(self) {
        let _ = match self.before {
            Some(before) => fs::write(&self.path, before),
            None => fs::remove_file(&self.path),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{InfraPlan, Sacrifice, TerraformPlan, Workshop};
    use super::*;
    use crate::aws::{Connection, Endpoint};
    use crate::interrupt::Interrupt;
    use crate::report::Reporter;

    const OUTPUT: &str = "\noutput \"in\" { value = terraform.workspace }";

    #[test]
    fn the_marked_name_is_a_name_like_the_others() {
        assert_eq!(names("  default\n* dev\n  prod\n\n").collect::<Vec<_>>(), ["default", "dev", "prod"]);
        assert_eq!(names("").count(), 0);
    }

    fn connection() -> Connection {
        Connection::to_endpoint(&Endpoint {
            url: "http://127.0.0.1:1".into(),
            region: "eu-central-1".into(),
            access_key_id: "AKIA".into(),
            secret_access_key: "hush".into(),
        })
    }

    fn plan(directory: &Path, workspace: Option<&str>) -> TerraformPlan {
        TerraformPlan {
            directory: directory.to_owned(),
            variables: Default::default(),
            var_files: vec![],
            workspace: workspace.map(ToOwned::to_owned),
            binary: None,
            policy: None,
            protect: Default::default(),
        }
    }

    /// With the real program, where it is installed; its own provider needs no network.
    #[tokio::test]
    async fn what_is_selected_in_the_directory_neither_counts_nor_changes() {
        if super::super::find("terraform").is_none() {
            return;
        }
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        let write = |text: &str| fs::write(path("main.tf"), text.to_owned() + OUTPUT).expect("written");
        write("resource terraform_data a {}");
        fs::create_dir(path(".terraform")).expect("made");
        fs::write(path(".terraform/environment"), "prod").expect("written");
        let (connection, report) = (connection(), Reporter::silent());
        for (workspace, state) in
            [(None, "terraform.tfstate"), (Some("dev"), "terraform.tfstate.d/dev/terraform.tfstate")]
        {
            let infra = InfraPlan::Terraform(plan(directory.path(), workspace));
            let workshop = Workshop::new(&connection, &infra, &report, Interrupt::never());
            let applied = workshop.apply(&Sacrifice::default()).await.expect("it can be made");
            assert_eq!(applied.outputs.plain()["in"], workspace.unwrap_or(DEFAULT));
            assert_eq!(workshop.outputs().await.expect("they are there"), applied.outputs);
            assert!(path(state).exists());
            assert_eq!(fs::read(path(".terraform/environment")).expect("there"), b"prod");
        }
        assert!(!path("terraform.tfstate.d/prod").exists());
        write("resource terraform_data b {}\nmoved {\n  from = terraform_data.a\n  to = terraform_data.b\n}");
        let infra = InfraPlan::Terraform(plan(directory.path(), None));
        let workshop = Workshop::new(&connection, &infra, &report, Interrupt::never());
        let moved = workshop.apply(&Sacrifice::default()).await.expect("it can be moved").preview;
        assert_eq!(moved.in_words(), "1 to move");
        assert!(!workshop.preview().await.expect("it can be looked at").changes_anything());
    }

    #[test]
    fn a_selection_is_put_back_as_it_was() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join(".terraform/environment");
        fs::create_dir(directory.path().join(".terraform")).expect("made");
        let none = Selection::of(directory.path());
        fs::write(&path, "dev").expect("written");
        let dev = Selection::of(directory.path());
        fs::write(&path, "prod").expect("written");
        dev.put_back();
        assert_eq!(fs::read(&path).expect("there"), b"dev");
        none.put_back();
        assert!(!path.exists());
    }
}
