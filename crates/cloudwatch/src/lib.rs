//! CloudWatch's metrics and alarms, pure: no clock, no I/O, no randomness; `now` is an argument (D2).
//!
//! [`MetricStore`] keeps data in memory within named limits and answers statistics of it; [`alarm`] says what an alarm is and when it
//! fires; [`Alarms`] holds alarms by name and evaluates what is due; [`math`] computes expressions over series; [`query`] joins store and
//! expressions as GetMetricData does.
//!
//! **Nominal and real time.** Everything a definition or request says in seconds (`Period`, retention, evaluation intervals) is nominal
//! and shortened by the caller's [`TimeScale`](seatrial_model::TimeScale); every [`Timestamp`](seatrial_model::Timestamp) is real. See
//! [`clock`].
//!
//! Where CloudWatch is silent or has been observed only, the choice stands in one place: [`alarm::policy`].

pub mod aggregate;
pub mod alarm;
pub mod alarms;
mod calendar;
pub mod clock;
mod decimal;
pub mod distribution;
pub mod invalid;
pub mod math;
pub mod metric;
pub mod query;
pub mod statistic;
pub mod store;

pub use alarm::{Alarm, AlarmName, AlarmState, CompositeAlarm, Definition, MetricAlarm, StateValue};
pub use alarms::{Alarms, Transition};
pub use clock::{Grid, Period};
pub use invalid::{Invalid, InvalidKind};
pub use metric::{Datum, Dimension, Metric, MetricName, Namespace, Unit};
pub use query::{MetricDataQueries, MetricStat};
pub use statistic::Statistic;
pub use store::{MetricStore, Point};
