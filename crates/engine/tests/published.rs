//! The metrics that AWS's own services would publish, from the reports of a fake machine.

mod common;
mod fixtures;

use std::collections::BTreeMap;
use std::time::Duration;

use common::{World, wait};
use fixtures::{cluster_and_service, object, service};
use seatrial_cloudwatch::metric::{DimensionSpec, MetricSpec};
use seatrial_cloudwatch::{Grid, Metric, Period, Statistic};
use seatrial_engine::services::{self, ServiceChange};
use seatrial_engine::task_definitions;
use seatrial_model::TargetGroupArn;
use seatrial_model::load_balancing::TargetHealth;
use seatrial_model::task_definition::HealthStatus;
use seatrial_ports::BalancerReport;
use seatrial_ports::balancer::{BalancerMetrics, ListenerMetrics, MirrorMetrics, TargetMetrics};
use seatrial_ports::runtime::{TaskPhase, TaskReport, Usage};
use serde_json::json;

const MEBIBYTE: u64 = 1 << 20;

/// A service with one healthy target.
struct Site {
    world: World,
    group: String,
    listener: String,
    balancer: String,
}

fn site(world: World) -> Site {
    let group = service(&world);
    let listener = world.engine.read(|state| state.listeners.keys().next().expect("a listener").clone());
    let balancer = world.engine.read(|state| state.load_balancers.keys().next().expect("a balancer").clone());
    Site { world, group, listener, balancer }
}

impl Site {
    fn bring_up(&self) {
        let world = &self.world;
        wait("a task to be started", || !world.runtime.started().is_empty());
        world.runtime.report_running(&world.runtime.started()[0], world.engine.now());
        wait("a target", || self.target().is_some());
        let target = self.target().expect("just seen").id;
        world.balancer.report_health(&self.group, target, TargetHealth::healthy());
        let is_healthy = |state: &seatrial_engine::State| {
            let group = state.target_groups.get(&self.group).expect("the group");
            group.targets.iter().any(|target| target.health == TargetHealth::healthy())
        };
        world.until("the target", is_healthy);
    }

    fn target(&self) -> Option<seatrial_ports::balancer::TargetConfig> {
        self.world.balancer.group(&self.group)?.targets.first().cloned()
    }

    /// Reports that the data plane has so far counted answers of the target and 502s of its own, each 200 taking 20 ms and each 500 2 s.
    fn report(&self, ok: u64, failed: u64, bad_gateways: u64) {
        self.world.clock.advance(Duration::from_secs(1));
        let target = self.target().expect("a target");
        let targets = vec![TargetMetrics {
            target_group: TargetGroupArn::new(self.group.clone()),
            target: target.id,
            registration: target.registration,
            requests: ok + failed,
            answers: [0, 0, ok, 0, 0, failed],
            connection_errors: bad_gateways,
            in_flight: 0,
            latency: vec![(20_000, ok), (2_000_000, failed)],
        }];
        let listener = ListenerMetrics {
            requests: ok + failed + bad_gateways,
            connections: 1,
            open_connections: 1,
            balancer_answers: [0, 0, 0, 0, 0, bad_gateways],
            balancer_502: bad_gateways,
            ..ListenerMetrics::default()
        };
        let listeners = BTreeMap::from([(self.listener.clone(), listener)]);
        let at = self.world.engine.now();
        self.world.balancer.report(BalancerReport::Metrics(BalancerMetrics {
            at,
            listeners,
            targets,
            mirrors: Vec::new(),
        }));
        wait("the report", || self.world.engine.read_all(|_, volatile| volatile.metrics.at == at));
    }

    fn both(&self) -> Vec<(&'static str, &str)> {
        vec![self.load_balancer(), ("TargetGroup", self.group.rsplit(':').next().expect("an ARN"))]
    }

    fn load_balancer(&self) -> (&'static str, &str) {
        ("LoadBalancer", self.balancer.split_once(":loadbalancer/").expect("an ARN").1)
    }

    /// Returns a statistic of the last hour.
    fn statistic(&self, namespace: &str, name: &str, dimensions: &[(&'static str, &str)], text: &str) -> Option<f64> {
        let dimension = |(name, value): &(&'static str, &str)| DimensionSpec {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        let spec = MetricSpec {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            dimensions: dimensions.iter().map(dimension).collect(),
        };
        let (metric, statistic) =
            (Metric::parse(&spec).expect("a metric"), Statistic::parse(text).expect("a statistic"));
        let now = self.world.engine.now();
        let (start, end) = (now - Duration::from_secs(3600), now + Duration::from_secs(60));
        let period = Period::parse(7200).expect("a period");
        let grid = Grid::of_request(start, end, period, now, self.world.engine.settings().scale).expect("one point");
        self.world.engine.read_monitoring(|monitoring| {
            monitoring.metrics().points(&metric, None, &statistic, &grid).first().map(|point| point.value)
        })
    }

    fn elb(&self, name: &str, dimensions: &[(&'static str, &str)], statistic: &str) -> Option<f64> {
        self.statistic("AWS/ApplicationELB", name, dimensions, statistic)
    }
}

#[test]
fn what_the_data_plane_counts_is_published_once_also_when_it_starts_over() {
    let site = site(World::new());
    let _driver = site.world.drive();
    site.bring_up();
    site.report(1000, 0, 0);
    let balancer = [site.load_balancer()];
    assert_eq!(
        site.elb("RequestCount", &balancer, "Sum"),
        None,
        "it may have counted that before this engine was there"
    );
    site.report(1080, 20, 3);
    site.report(1080, 20, 3);
    // Another data plane.
    site.report(95, 5, 1);
    for dimensions in [&balancer[..], &site.both()] {
        assert_eq!(site.elb("RequestCount", dimensions, "Sum"), Some(200.0));
        assert_eq!(site.elb("HTTPCode_Target_2XX_Count", dimensions, "Sum"), Some(175.0));
        assert_eq!(site.elb("HTTPCode_Target_5XX_Count", dimensions, "Sum"), Some(25.0));
        assert_eq!(site.elb("HTTPCode_Target_4XX_Count", dimensions, "Sum"), None, "nothing is published of nothing");
        assert_eq!(site.elb("TargetConnectionErrorCount", dimensions, "Sum"), Some(4.0));
        assert_eq!(site.elb("TargetResponseTime", dimensions, "SampleCount"), Some(200.0));
        let p50 = site.elb("TargetResponseTime", dimensions, "p50").expect("samples");
        let p99 = site.elb("TargetResponseTime", dimensions, "p99").expect("samples");
        assert!((p50 - 0.02).abs() < 0.001 && (p99 - 2.0).abs() < 0.05, "{p50} {p99}");
    }
    assert_eq!(site.elb("RequestCount", &balancer, "SampleCount"), Some(2.0), "zeroes are not published");
    assert_eq!(site.elb("RequestCountPerTarget", &site.both()[1..], "Sum"), Some(200.0));
    assert_eq!(site.elb("HTTPCode_ELB_5XX_Count", &balancer, "Sum"), Some(4.0));
    assert_eq!(site.elb("HTTPCode_ELB_502_Count", &balancer, "Sum"), Some(4.0));
    assert_eq!(site.elb("HealthyHostCount", &site.both(), "Minimum"), Some(1.0));
    assert_eq!(site.elb("UnHealthyHostCount", &site.both(), "Maximum"), Some(0.0));
    assert_eq!(site.elb("ActiveConnectionCount", &balancer, "Average"), Some(1.0));
}

#[test]
fn a_service_has_its_tasks_utilization() {
    let site = site(World::new());
    let _driver = site.world.drive();
    let (cluster, name) = cluster_and_service();
    site.world.run(|tx| {
        let container = json!({"name": "app", "image": "app", "portMappings": [{"containerPort": 8080}]});
        let definition = json!({"family": "web", "cpu": "512", "memory": "1024", "containerDefinitions": [container]});
        task_definitions::register(tx, object(definition))?;
        let change = ServiceChange { task_definition: Some("web:2".to_owned()), ..ServiceChange::default() };
        services::update(tx, &cluster, &name, change)
    });
    wait("its task", || site.world.runtime.started().len() == 2);
    let task = site.world.runtime.started().remove(1);
    let dimensions = [("ClusterName", "c"), ("ServiceName", "web")];
    let memory = || site.statistic("AWS/ECS", "MemoryUtilization", &dimensions, "SampleCount");
    // The fourth report repeats the third reading.
    for (second, samples) in [(1, 1.0), (2, 2.0), (3, 3.0), (3, 3.0), (5_u64, 4.0)] {
        site.world.clock.advance(Duration::from_secs(1));
        site.world.runtime.report(TaskReport {
            task: task.clone(),
            sequence: 1000 + second,
            phase: TaskPhase::Running,
            health: HealthStatus::Unknown,
            containers: Vec::new(),
            started_at: Some(site.world.engine.now()),
            stopping_at: None,
            execution_stopped_at: None,
            end: None,
            usage: Some(Usage {
                reading: second,
                cpu_time: Duration::from_millis(250 * second),
                memory: 256 * MEBIBYTE,
            }),
        });
        wait("the reading", || memory() == Some(samples));
    }
    assert_eq!(site.statistic("AWS/ECS", "MemoryUtilization", &dimensions, "Average"), Some(25.0));
    assert_eq!(
        site.statistic("AWS/ECS", "CPUUtilization", &dimensions, "Average"),
        Some(50.0),
        "a quarter of a processor is half of what it has"
    );
}

#[test]
fn what_is_counted_of_copies_is_published_apart_from_requests() {
    let site = site(World::new());
    let _driver = site.world.drive();
    site.bring_up();
    let report = |factor: u64| {
        site.world.clock.advance(Duration::from_secs(1));
        let mirror = MirrorMetrics {
            target_group: TargetGroupArn::new(site.group.clone()),
            requests: 100 * factor,
            dropped: 3 * factor,
            answers: [0, 0, 90 * factor, 0, 0, 8 * factor],
            unanswered: 2 * factor,
            mismatches: 10 * factor,
            latency: vec![(50_000, 98 * factor)],
            original_latency: vec![(20_000, 98 * factor)],
        };
        let at = site.world.engine.now();
        let metrics = BalancerMetrics { at, mirrors: vec![mirror], ..BalancerMetrics::default() };
        site.world.balancer.report(BalancerReport::Metrics(metrics));
        wait("the report", || site.world.engine.read_all(|_, volatile| volatile.metrics.at == at));
    };
    report(1);
    report(2);
    // Another data plane.
    report(1);
    let both = site.both();
    let mirror = |name: &str, statistic: &str| site.statistic("Seatrial/Mirror", name, &both, statistic);
    let table = [
        ("MirroredRequestCount", 200.0),
        ("DroppedCount", 6.0),
        ("StatusMismatchCount", 20.0),
        ("Mirror5XXCount", 16.0),
        ("UnansweredCount", 4.0),
    ];
    for (name, sum) in table {
        assert_eq!(mirror(name, "Sum"), Some(sum), "{name}");
    }
    for (name, seconds) in [("MirrorResponseTime", 0.05), ("OriginalResponseTime", 0.02)] {
        assert_eq!(mirror(name, "SampleCount"), Some(196.0));
        let p95 = mirror(name, "p95").expect("samples");
        assert!((p95 - seconds).abs() < 0.02 * seconds, "{name}: {p95}");
    }
    assert_eq!(site.elb("RequestCount", &both, "Sum"), None);
    assert_eq!(site.elb("HTTPCode_Target_5XX_Count", &both, "Sum"), None);
}
