//! What outlasts this process: tags of the service that say what the coordinator has done, or shall not do, in one deployment.
//!
//! Each names its deployment, so that one that was left behind means nothing to the next.

use aws_sdk_ecs::types::{Service, Tag};

use crate::aws::{CallError, Connection, DoingExt};

/// The deployment that `seatrial pause` holds.
const HELD: &str = "seatrial:held";

/// The deployment whose new version has passed its checks.
const VERIFIED: &str = "seatrial:verified";

/// A mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Held,
    Verified,
}

impl Mark {
    const fn key(self) -> &'static str {
        match self {
            Mark::Held => HELD,
            Mark::Verified => VERIFIED,
        }
    }

    /// Whether a service bears it for this deployment (`ecs-svc/…`).
    pub fn is_on(self, service: &Service, deployment_id: &str) -> bool {
        service.tags().iter().any(|tag| tag.key() == Some(self.key()) && tag.value() == Some(deployment_id))
    }

    /// Puts it on a service.
    pub async fn put(self, connection: &Connection, service_arn: &str, deployment_id: &str) -> Result<(), CallError> {
        let tag = Tag::builder().key(self.key()).value(deployment_id).build();
        let tagged = connection.ecs.tag_resource().resource_arn(service_arn).tags(tag).send().await;
        tagged.doing(|| format!("marking the service with `{}`", self.key())).map(|_| ())
    }

    /// Takes it away; one that is not there is no error.
    pub async fn remove(self, connection: &Connection, service_arn: &str) -> Result<(), CallError> {
        let untagged = connection.ecs.untag_resource().resource_arn(service_arn).tag_keys(self.key()).send().await;
        untagged.doing(|| format!("taking the mark `{}` off the service", self.key())).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_of_another_deployment_means_nothing() {
        let tag = Tag::builder().key(HELD).value("ecs-svc/1").build();
        let service = Service::builder().tags(tag).build();
        assert!(Mark::Held.is_on(&service, "ecs-svc/1"));
        assert!(!Mark::Held.is_on(&service, "ecs-svc/2"));
        assert!(!Mark::Verified.is_on(&service, "ecs-svc/1"));
    }
}
