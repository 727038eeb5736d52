//! Starting: the state as it was, the tasks that are still running, the orders that were made durable but perhaps never given.

use std::convert::Infallible;
use std::sync::Arc;

use seatrial_ports::JournalError;
use seatrial_ports::balancer::TargetIntent;

use crate::effects;
use crate::engine::{Engine, EngineError, EngineSettings, Machine};
use crate::mirroring::mirrors;
use crate::reports::Inbox;
use crate::sealing;
use crate::state::{DesiredStatus, LastStatus, State};
use crate::tasks;
use crate::transaction::Order;

impl Engine {
    /// Takes up where the last engine stopped. The runtime and the balancer of `machine` must report to `inbox`.
    ///
    /// Orders are level-triggered: whatever the tables say should run is ordered again, and ordering twice is harmless.
    pub fn start(machine: Machine, settings: EngineSettings, inbox: Arc<Inbox>) -> Result<Engine, EngineError> {
        let mut state = State::new(settings.scope.clone());
        for record in machine.journal.load()? {
            state.load(&record)?;
        }
        sealing::try_key(&state, machine.vault.as_ref());
        let adopted = machine.runtime.adopt().map_err(EngineError::Adopt)?;
        tracing::info!(records = state.tasks.len(), adopted = adopted.len(), "taking over tasks");
        let engine = Engine::new(machine, settings, state, inbox);
        engine.read(|state| {
            let unknown = adopted.into_iter().filter(|task| !state.tasks.contains(task.as_str()));
            engine.carry_out(unknown.map(Order::Stop).collect(), state);
        });
        engine.renew()?;
        Ok(engine)
    }

    fn renew(&self) -> Result<(), JournalError> {
        let outcome = self.transact_at::<(), Infallible>(self.now(), |tx| {
            let unfinished: Vec<_> =
                tx.state.tasks.values().filter(|task| task.stopped_at.is_none()).cloned().collect();
            for task in unfinished {
                let signalled = task.service.is_none() || task.last_status >= LastStatus::Stopping;
                let launch = tasks::launch(&task, tx.state, tx.scale);
                // A report numbered by a supervisor that this engine has not heard yet must count as news.
                if let Some(record) = tx.state.tasks.get_mut(task.id.as_str()) {
                    record.report_sequence = 0;
                }
                tx.order(Order::Start(Box::new(launch)));
                if task.desired_status == DesiredStatus::Stopped && signalled {
                    tx.order(Order::Stop(task.id));
                }
            }
            let groups: Vec<String> = tx.state.target_groups.keys().cloned().collect();
            for arn in groups {
                let generation = tx.next_generation;
                // Touching every group also makes the commit apply the configuration.
                if let Some(group) = tx.state.target_groups.get_mut(&arn) {
                    let draining = group.targets.iter_mut().filter(|target| target.intent == TargetIntent::Draining);
                    draining.for_each(|target| target.draining_from = generation);
                }
            }
            let unanswered: Vec<_> = tx
                .state
                .services
                .iter()
                .flat_map(|(key, service)| {
                    service.controller.open_invocations().into_iter().map(|effect| (key.clone(), effect))
                })
                .collect();
            for (key, effect) in unanswered {
                effects::apply(tx, &key, effect);
            }
            effects::tell_restarted(tx);
            effects::tick_due(tx);
            Ok(())
        })?;
        outcome.map_or_else(|never| match never {}, Ok)?;
        self.apply_balancing();
        Ok(())
    }

    /// Applies the balancing configuration once more, so that a data plane that outlived the last engine hears from this one.
    fn apply_balancing(&self) {
        let mut guarded = self.lock();
        guarded.volatile.generation += 1;
        let generation = guarded.volatile.generation;
        let config = crate::balancer_config::build(&guarded.state, generation, &self.inner.settings);
        let mirrored = mirrors(&guarded.state);
        guarded.volatile.note_config(&config, mirrored);
        self.inner.machine.balancer.apply(config);
    }
}
