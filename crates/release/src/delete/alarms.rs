//! The alarms that were made for a service, also those that the configuration no longer has.

use aws_sdk_cloudwatch::types::MetricAlarm;

use super::Deleting;
use crate::aws::{CallError, DoingExt};
use crate::ensure::tags::is_of_service;
use crate::error::ReleaseError;
use crate::naming;
use crate::plan::ServicePlan;
use crate::report::{Event, Resource};

impl Deleting<'_> {
    /// Takes the alarms of a service away. Credentials that may not look at alarms have made none.
    pub(super) async fn alarms(&mut self, service: &ServicePlan) -> Result<(), ReleaseError> {
        let alarms = match self.alarms_of(service).await {
            Ok(alarms) => alarms,
            Err(error) if error.is_transient() || !service.alarms.is_empty() => return Err(error.into()),
            Err(error) => {
                self.report.send(Event::Note(format!("alarms are left alone: {error}")));
                return Ok(());
            }
        };
        for name in alarms {
            let deleted = self.connection.cloudwatch.delete_alarms().alarm_names(&name).send().await;
            match deleted.doing(|| format!("deleting alarm {name}")) {
                Ok(_) => self.deleted(Resource::Alarm, &name, Some(&service.name)),
                Err(error) if error.is_transient() => return Err(error.into()),
                // A composite alarm that somebody made depends on it.
                Err(error) => self.report.send(Event::Note(format!("alarm {name} stays: {error}"))),
            }
        }
        Ok(())
    }

    /// The names of the service's own alarms. Others may have names that begin in the same way.
    async fn alarms_of(&self, service: &ServicePlan) -> Result<Vec<String>, CallError> {
        let cloudwatch = &self.connection.cloudwatch;
        let prefix = naming::alarm_prefix(&service.family);
        let mut names = Vec::new();
        let mut token = None;
        loop {
            let page = cloudwatch.describe_alarms().alarm_name_prefix(&prefix).set_next_token(token).send().await;
            let page = page.doing(|| format!("looking for alarms of service {}", service.name))?;
            for alarm in page.metric_alarms() {
                if let (Some(name), true) = (alarm.alarm_name(), self.is_own_alarm(service, alarm).await?) {
                    names.push(name.to_owned());
                }
            }
            token = page.next_token().map(ToOwned::to_owned);
            if token.is_none() {
                return Ok(names);
            }
        }
    }

    async fn is_own_alarm(&self, service: &ServicePlan, alarm: &MetricAlarm) -> Result<bool, CallError> {
        let tags = self.connection.cloudwatch.list_tags_for_resource().set_resource_arn(alarm.alarm_arn.clone());
        let tags = tags.send().await.doing(|| "reading the tags of an alarm".into())?;
        Ok(is_of_service(self.plan, &service.name, tags.tags()))
    }
}
