//! The timelines that the source documents of this project state and that public reports observed, foreseen.

use std::time::Duration;

use seatrial_controller::{FailFast, Settings};
use seatrial_model::{CircuitBreaker, DeploymentConfiguration, Percent};
use seatrial_routing::CheckSettings;
use seatrial_routing::health::Thresholds;
use seatrial_sim::forecast::{Application, Balancing, Ending, Fate, Forecast, Prior, Profile, Subject, foresee};

const LIVES: u32 = 201;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A service behind a load balancer whose image has 125 MB, as the document about stages has it.
fn service(desired_count: u32, (minimum, maximum): (u32, u32), interval: u64, delay: u64, grace: u64) -> Subject {
    Subject {
        settings: Settings {
            desired_count,
            deployment: DeploymentConfiguration {
                minimum_healthy_percent: Percent::new(minimum),
                maximum_percent: Percent::new(maximum),
                circuit_breaker: CircuitBreaker { enable: true, rollback: true, ..CircuitBreaker::default() },
                ..DeploymentConfiguration::default()
            },
            health_check_grace_period: seconds(grace),
            fail_fast: FailFast::Off,
            shift_back: None,
        },
        balancing: Some(Balancing {
            check: CheckSettings {
                interval: seconds(interval),
                thresholds: Thresholds { healthy: 2, unhealthy: 3 },
                settle_time: Duration::ZERO,
            },
            deregistration_delay: seconds(delay),
            has_pair: false,
        }),
        container_check: None,
        application: Application {
            boot: seconds(1),
            stops_in: seconds(1),
            slowest_request: Duration::ZERO,
            image_megabytes: 125.0,
        },
        alarm: None,
        prior: Prior::Steady,
    }
}

fn production() -> Subject {
    service(2, (50, 200), 30, 30, 60)
}

fn development() -> Subject {
    service(1, (0, 100), 15, 10, 30)
}

fn observed() -> Subject {
    service(2, (100, 200), 10, 30, 60)
}

fn print(name: &str, forecast: &Forecast) {
    println!(
        "{name}: {:?} {:?} healthy>={} tasks<={} given_up {:?} back {:?}",
        forecast.ending,
        forecast.total,
        forecast.fewest_healthy,
        forecast.most_tasks,
        forecast.given_up,
        forecast.traffic_back
    );
    for phase in &forecast.phases {
        println!("   {:>7.1} {:>6.1} {:?}", phase.begin.as_secs_f64(), phase.took().as_secs_f64(), phase.wait);
    }
}

#[test]
fn look() {
    for (name, subject) in [("production", production()), ("development", development()), ("observed", observed())] {
        for fate in [Fate::Good, Fate::CannotBePulled, Fate::EndsAtStart, Fate::FailsChecks, Fate::Crashes(seconds(20))]
        {
            let begun = std::time::Instant::now();
            let forecast = foresee(&subject, &Profile::fargate(), fate, LIVES);
            print(&format!("{name} {fate:?} {:?}", begun.elapsed()), &forecast);
        }
    }
    let _ = Ending::Never;
}
