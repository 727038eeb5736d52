//! The deployments that messages name, by the task definitions they deploy: `ecs-svc/5261716358303840995` says nothing to a reader,
//! `hello-dev-web:2` does.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{Service, ServiceRevision};

use super::words::readable;
use crate::aws::Connection;
use crate::ensure::task_definition::short;

/// How messages begin the id of a deployment.
const ID_PREFIX: &str = "ecs-svc/";

/// Most service revisions ECS describes in one call.
const REVISIONS_PER_CALL: usize = 20;

/// Task definitions (`family:revision`) by deployment id (`ecs-svc/…`).
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(BTreeMap<String, String>);

impl Names {
    /// The deployments that a service lists itself: those with tasks.
    pub fn of_service(service: &Service) -> Self {
        let name = |deployment: &aws_sdk_ecs::types::Deployment| {
            Some((deployment.id()?.to_owned(), short(deployment.task_definition()?).to_owned()))
        };
        Self(service.deployments().iter().filter_map(name).collect())
    }

    /// Also the earlier deployments that these messages name: the digits of their ids are those of their service revisions.
    /// What cannot be found out stays an id.
    pub async fn of_messages(connection: &Connection, service: &Service, messages: &[String]) -> Self {
        let mut names = Self::of_service(service);
        let Some(revisions) = revision_prefix(service) else { return names };
        let unknown: BTreeSet<&str> =
            messages.iter().flat_map(|message| ids(message)).filter(|id| !names.0.contains_key(*id)).collect();
        let arns: Vec<String> = unknown.iter().map(|id| format!("{revisions}{}", &id[ID_PREFIX.len()..])).collect();
        for arns in arns.chunks(REVISIONS_PER_CALL) {
            let described =
                connection.ecs.describe_service_revisions().set_service_revision_arns(Some(arns.to_vec())).send().await;
            let found = described.map(|output| output.service_revisions.unwrap_or_default()).unwrap_or_default();
            names.0.extend(found.iter().filter_map(named));
        }
        names
    }

    /// Also these deployments, with the ARNs of their task definitions.
    pub fn and(mut self, known: impl IntoIterator<Item = (String, String)>) -> Self {
        self.0.extend(known.into_iter().map(|(id, arn)| (id, short(&arn).to_owned())));
        self
    }

    /// A message of ECS made readable, its deployments named by their task definitions.
    pub fn readable(&self, message: &str) -> String {
        let text = readable(message);
        let (mut named, mut rest) = (String::new(), text.as_str());
        while let Some(id) = ids(rest).next() {
            let (before, after) = rest.split_once(id).expect("the id was found in this text");
            match self.0.get(id) {
                Some(name) => named.extend([before.strip_suffix("deployment ").unwrap_or(before), name.as_str()]),
                None => named.extend([before, id]),
            }
            rest = after;
        }
        named + rest
    }
}

/// The deployment ids in a text.
pub(crate) fn ids(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices(ID_PREFIX).map(|(start, _)| {
        let digits = text[start + ID_PREFIX.len()..].bytes().take_while(u8::is_ascii_digit).count();
        &text[start..start + ID_PREFIX.len() + digits]
    })
}

/// What the ARNs of a service's revisions begin with.
fn revision_prefix(service: &Service) -> Option<String> {
    let (account, _) = service.service_arn()?.split_once(":service/")?;
    let cluster = service.cluster_arn()?.rsplit('/').next()?;
    Some(format!("{account}:service-revision/{cluster}/{}/", service.service_name()?))
}

fn named(revision: &ServiceRevision) -> Option<(String, String)> {
    let digits = revision.service_revision_arn()?.rsplit('/').next()?;
    Some((format!("{ID_PREFIX}{digits}"), short(revision.task_definition()?).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deployments_are_named_by_what_they_deploy() {
        let names = Names([("ecs-svc/12".to_owned(), "hello-dev-web:2".to_owned())].into());
        for (message, expected) in [
            ("(service web) (deployment ecs-svc/12) deployment completed.", "(hello-dev-web:2) deployment completed."),
            ("(service web) rolling back to deployment ecs-svc/12.", "rolling back to hello-dev-web:2."),
            (
                "Scaling activity initiated by (deployment ecs-svc/12)",
                "Scaling activity initiated by (hello-dev-web:2)",
            ),
            ("from ecs-svc/123 back to deployment ecs-svc/12", "from ecs-svc/123 back to hello-dev-web:2"),
        ] {
            assert_eq!(names.readable(message), expected);
        }
    }

    #[test]
    fn the_revisions_of_a_service_have_its_cluster_and_name_in_their_arns() {
        let service = Service::builder()
            .service_arn("arn:aws:ecs:us-east-1:0:service/c/web")
            .cluster_arn("arn:aws:ecs:us-east-1:0:cluster/c")
            .service_name("web")
            .build();
        assert_eq!(revision_prefix(&service).as_deref(), Some("arn:aws:ecs:us-east-1:0:service-revision/c/web/"));
    }
}
