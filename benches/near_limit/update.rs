//! One rolling update through the ECS API, and when each of its steps happened.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_sdk_ecs::Client;
use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::{DesiredStatus, ServiceDeploymentStatus, Task};

/// Longest wait for an update; one takes a second or two.
const LIMIT: Duration = Duration::from_secs(60);
/// Time between two looks. It does not matter for the figures, which are the engine's; a look costs the engine a little.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// The service under update.
pub struct Service {
    client: Client,
    cluster: String,
    name: String,
    family: String,
}

/// What became of one update.
pub struct Update {
    /// When the call was made, in seconds since the Unix epoch.
    pub called: f64,
    pub phases: Phases,
}

/// When the steps of an update were done, in seconds after the call.
pub struct Phases {
    pub answered: f64,
    /// The last new task's process was started.
    pub started: f64,
    /// The first old task was taken out of rotation.
    pub first_leaves: f64,
    pub last_leaves: f64,
    /// The last old task had stopped.
    pub stopped: f64,
    /// The deployment was successful and every old task stopped.
    pub completed: f64,
}

impl Service {
    pub fn new(client: Client, cluster: &str, name: &str, family: &str) -> Self {
        Service { client, cluster: cluster.to_owned(), name: name.to_owned(), family: family.to_owned() }
    }

    /// Updates the service to a revision of its task definition and waits until that is done.
    pub async fn update(&self, revision: usize) -> Update {
        let old = self.running().await;
        let called = now();
        let call = self.client.update_service().cluster(&self.cluster).service(&self.name);
        call.task_definition(format!("{}:{revision}", self.family)).send().await.expect("the engine takes the update");
        let answered = now();
        let finished = self.finished(called).await;
        let new = self.describe(self.running().await).await;
        let old = self.stopped(old).await;
        let stopped = last(&old, Task::stopped_at);
        let phases = Phases {
            answered: answered - called,
            started: last(&new, Task::started_at) - called,
            first_leaves: first(&old, Task::stopping_at) - called,
            last_leaves: last(&old, Task::stopping_at) - called,
            stopped: stopped - called,
            completed: finished.max(stopped) - called,
        };
        Update { called, phases }
    }

    /// Waits until the deployment that began after a moment is successful; returns when that was.
    async fn finished(&self, after: f64) -> f64 {
        let deadline = Instant::now() + LIMIT;
        loop {
            let call = self.client.list_service_deployments().cluster(&self.cluster).service(&self.name);
            let listed = call.send().await.expect("the engine lists deployments");
            let ours = listed.service_deployments().iter().find(|deployment| {
                deployment.created_at().is_some_and(|created| created.as_secs_f64() >= after - 0.001)
                    && deployment.status() == Some(&ServiceDeploymentStatus::Successful)
            });
            if let Some(finished) = ours.and_then(|deployment| deployment.finished_at()) {
                return finished.as_secs_f64();
            }
            assert!(Instant::now() < deadline, "the update did not succeed within {LIMIT:?}: {listed:?}");
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    async fn running(&self) -> Vec<String> {
        let call = self.client.list_tasks().cluster(&self.cluster).service_name(&self.name);
        let listed = call.desired_status(DesiredStatus::Running).send().await.expect("the engine lists tasks");
        listed.task_arns().to_vec()
    }

    async fn describe(&self, tasks: Vec<String>) -> Vec<Task> {
        let call = self.client.describe_tasks().cluster(&self.cluster).set_tasks(Some(tasks));
        call.send().await.expect("the engine describes tasks").tasks().to_vec()
    }

    /// Waits until tasks have stopped.
    async fn stopped(&self, tasks: Vec<String>) -> Vec<Task> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let described = self.describe(tasks.clone()).await;
            if described.iter().all(|task| task.last_status() == Some("STOPPED")) {
                assert_eq!(described.len(), tasks.len(), "every old task is still known");
                return described;
            }
            assert!(Instant::now() < deadline, "old tasks did not stop within {LIMIT:?}");
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }
}

fn moments(tasks: &[Task], moment: fn(&Task) -> Option<&DateTime>) -> impl Iterator<Item = f64> {
    tasks.iter().filter_map(move |task| moment(task).map(DateTime::as_secs_f64))
}

fn first(tasks: &[Task], moment: fn(&Task) -> Option<&DateTime>) -> f64 {
    moments(tasks, moment).fold(f64::NAN, f64::min)
}

fn last(tasks: &[Task], moment: fn(&Task) -> Option<&DateTime>) -> f64 {
    moments(tasks, moment).fold(f64::NAN, f64::max)
}

/// The moment, in seconds since the Unix epoch.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs_f64()
}
