//! The ECR repositories that the services' images come from.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::Draft;
use super::template::{Resource, attribute, list_text, logical, substituted};

/// How many images a repository keeps. Rolling back by more versions than that is not a thing to hope for.
const IMAGES_KEPT: i32 = 50;

/// How long an image without a tag stays: what is left of a push that was never finished.
const UNTAGGED_DAYS: i32 = 7;

/// The name of an image in ECR: `<account>.dkr.ecr.<region>.amazonaws.com[.cn]/<repository>[:tag][@digest]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Repository {
    pub account: String,
    pub region: String,
    pub name: String,
}

impl Repository {
    /// Reads an image's name; `None` for one that lives elsewhere.
    pub fn of(image: &str) -> Option<Self> {
        let (host, path) = image.split_once('/')?;
        let (account, rest) = host.split_once(".dkr.ecr.")?;
        let (region, domain) = rest.split_once('.')?;
        let is_account = account.len() == 12 && account.chars().all(|digit| digit.is_ascii_digit());
        let is_ecr = is_account && matches!(domain, "amazonaws.com" | "amazonaws.com.cn");
        let name = path.split(['@', ':']).next().unwrap_or_default();
        (is_ecr && !name.is_empty()).then(|| Self {
            account: account.to_owned(),
            region: region.to_owned(),
            name: name.to_owned(),
        })
    }
}

/// The repositories of all images and their ARNs.
pub(super) type Images = BTreeMap<Repository, Json>;

/// Adds the repositories that belong to this region; each is made only in the account that its name tells.
pub(super) fn add(draft: &mut Draft<'_>) -> Images {
    let services = draft.plan.services.iter();
    let containers =
        services.filter_map(|service| service.task_definition["containerDefinitions"].as_array()).flatten();
    let repositories = containers.filter_map(|container| Repository::of(container["image"].as_str()?));
    let mut images = Images::new();
    for repository in repositories {
        if images.contains_key(&repository) {
            continue;
        }
        let Repository { account, region, name } = &repository;
        let arn = substituted(format!("arn:${{AWS::Partition}}:ecr:{region}:{account}:repository/{name}"));
        if region == draft.region {
            add_repository(draft, &repository);
        }
        images.insert(repository, arn);
    }
    images
}

fn add_repository(draft: &mut Draft<'_>, repository: &Repository) {
    let Repository { account, name, .. } = repository;
    let condition = format!("InAccount{account}");
    draft.template.condition(&condition, json!({ "Fn::Equals": [{ "Ref": "AWS::AccountId" }, account] }));
    let id = (1..)
        .map(|number| match number {
            1 => format!("{}Repository", logical(name)),
            number => format!("{}Repository{number}", logical(name)),
        })
        .find(|id| !draft.template.has(id))
        .expect("there is always another number");
    let properties = json!({
        "RepositoryName": name,
        "ImageTagMutability": "IMMUTABLE",
        "ImageScanningConfiguration": { "ScanOnPush": true },
        "EncryptionConfiguration": { "EncryptionType": "AES256" },
        "LifecyclePolicy": { "LifecyclePolicyText": lifecycle_policy() },
        "Tags": draft.tags(None),
    });
    let resource = Resource::new("AWS::ECR::Repository", properties).retained().only_if(&condition);
    draft.template.resource(&id, resource);
    draft.template.conditional_output(
        &format!("{id}Uri"),
        "Where images are pushed to",
        attribute(&id, "RepositoryUri"),
        &condition,
    );
}

/// ECR takes the policy as text only.
fn lifecycle_policy() -> String {
    let rule = |priority: i32, what: &str, status: &str, count: Json| {
        let mut selection = count;
        selection["tagStatus"] = json!(status);
        json!({ "rulePriority": priority, "description": what, "selection": selection, "action": { "type": "expire" } })
    };
    let untagged = json!({ "countType": "sinceImagePushed", "countUnit": "days", "countNumber": UNTAGGED_DAYS });
    let kept = json!({ "countType": "imageCountMoreThan", "countNumber": IMAGES_KEPT });
    let rules = vec![rule(1, "Leftovers of pushes", "untagged", untagged), rule(2, "All but the newest", "any", kept)];
    list_text("rules", rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_of_ecr_tells_its_repository() {
        let of = |image: &str| Repository::of(image).map(|found| (found.account, found.region, found.name));
        let found = |name: &str| Some(("123456789012".to_owned(), "eu-west-1".to_owned(), name.to_owned()));
        let host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        assert_eq!(of(&format!("{host}/web:v1")), found("web"));
        assert_eq!(of(&format!("{host}/team/web@sha256:0")), found("team/web"));
        assert_eq!(of(&format!("{host}/web:v1@sha256:0")), found("web"));
        for elsewhere in
            ["nginx", "docker.io/library/nginx:1", "1.dkr.ecr.eu-west-1.amazonaws.com/web", "localhost:5000/web"]
        {
            assert_eq!(of(elsewhere), None, "{elsewhere}");
        }
    }
}
