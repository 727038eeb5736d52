//! Alarms on the requests of a service, as PutMetricAlarm documents.
//!
//! What a target group of the load balancer has counted is what its tasks have done. A deployment that shifts traffic has its new tasks in
//! the target group of the pair that does not serve, so each alarm exists once for each of the two, and a deployment watches one of them.

use serde_json::{Value as Json, json};

/// The namespace of what an Application Load Balancer publishes.
pub(crate) const NAMESPACE: &str = "AWS/ApplicationELB";

/// Stands before the instant in an expression of ours, and after it.
const SINCE: (&str, &str) = (") > ", ",");

/// One of the two target groups of a service whose deployments shift traffic; a service without a pair has its own only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PairSide {
    Own,
    Alternate,
}

impl PairSide {
    /// The other one.
    pub fn other(self) -> Self {
        match self {
            PairSide::Own => PairSide::Alternate,
            PairSide::Alternate => PairSide::Own,
        }
    }
}

/// An alarm that is made for a service.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmPlan {
    /// Its name on the service's own target group.
    pub name: String,
    /// Its name on the other one of the pair.
    pub alternate_name: String,
    /// What it is, for people.
    pub description: String,
    pub measure: Measure,
    pub threshold: f64,
    /// In seconds.
    pub period: i32,
    pub periods: i32,
    /// CloudWatch's word for what a period without data counts as.
    pub missing_data: &'static str,
}

/// What an alarm measures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The share of requests that were answered with 5xx or found no connection, in percent.
    Errors,
    /// A statistic of the time until the answer begins, in seconds.
    ResponseTime(String),
}

/// The values of the dimensions `LoadBalancer` and `TargetGroup`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmSubject {
    pub load_balancer: String,
    pub target_group: String,
}

impl AlarmSubject {
    /// Reads the dimensions' values out of ARNs.
    pub fn of_arns(load_balancer: &str, target_group: &str) -> Self {
        let balancer = load_balancer.split_once(":loadbalancer/").map_or(load_balancer, |(_, name)| name);
        let group = target_group.rsplit_once(':').map_or(target_group, |(_, name)| name);
        Self { load_balancer: balancer.to_owned(), target_group: group.to_owned() }
    }
}

impl AlarmPlan {
    /// The alarm's name on a target group.
    pub fn name_on(&self, side: PairSide) -> &str {
        match side {
            PairSide::Own => &self.name,
            PairSide::Alternate => &self.alternate_name,
        }
    }

    /// The PutMetricAlarm request, without tags. Periods that began at `since` (seconds since 1970) or before count as good, whatever
    /// happened in them: they are another version's.
    pub fn document(&self, side: PairSide, subject: &AlarmSubject, since: i64) -> Json {
        json!({
            "AlarmName": self.name_on(side),
            "AlarmDescription": self.description,
            "Metrics": self.metrics(subject, since),
            "EvaluationPeriods": self.periods,
            "Threshold": self.threshold,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": self.missing_data,
        })
    }

    fn metrics(&self, subject: &AlarmSubject, since: i64) -> Json {
        let metric = |id: &str, name: &str, statistic: &str| {
            json!({
                "Id": id,
                "MetricStat": {
                    "Metric": {
                        "Namespace": NAMESPACE,
                        "MetricName": name,
                        "Dimensions": [
                            { "Name": "LoadBalancer", "Value": subject.load_balancer },
                            { "Name": "TargetGroup", "Value": subject.target_group },
                        ],
                    },
                    "Period": self.period,
                    "Stat": statistic,
                },
                "ReturnData": false,
            })
        };
        let (before, after) = SINCE;
        let expression = |id: &str, label: &str, base: &str, value: &str| {
            let expression = format!("IF(EPOCH({base}{before}{since}{after} {value}, 0)");
            json!({ "Id": id, "Expression": expression, "Label": label, "ReturnData": true })
        };
        match &self.measure {
            Measure::Errors => json!([
                metric("requests", "RequestCount", "Sum"),
                metric("failed", "HTTPCode_Target_5XX_Count", "Sum"),
                metric("refused", "TargetConnectionErrorCount", "Sum"),
                expression("errors", "errors (%)", "requests", "100 * (FILL(failed, 0) + FILL(refused, 0)) / requests"),
            ]),
            Measure::ResponseTime(statistic) => json!([
                metric("time", "TargetResponseTime", statistic),
                expression("watched", &format!("{statistic} (s)"), "time", "time"),
            ]),
        }
    }
}

/// The instant in the expression of an alarm's document; 0 when there is none.
pub(crate) fn since(document: &Json) -> i64 {
    let expressions = document["Metrics"].as_array().into_iter().flatten();
    let mut expressions = expressions.filter_map(|query| query["Expression"].as_str());
    let instant = expressions.find_map(|text| text.split_once(SINCE.0)?.1.split_once(SINCE.1)?.0.parse().ok());
    instant.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(measure: Measure) -> AlarmPlan {
        AlarmPlan {
            name: "hello-dev-web-errors".into(),
            alternate_name: "hello-dev-web-errors-alt".into(),
            description: "x".into(),
            measure,
            threshold: 5.0,
            period: 60,
            periods: 2,
            missing_data: "notBreaching",
        }
    }

    #[test]
    fn the_dimensions_are_those_of_the_arns() {
        let subject = AlarmSubject::of_arns(
            "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/hello-dev/0123",
            "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/hello-dev-web-alt/4567",
        );
        assert_eq!(subject.load_balancer, "app/hello-dev/0123");
        assert_eq!(subject.target_group, "targetgroup/hello-dev-web-alt/4567");
        let document = plan(Measure::Errors).document(PairSide::Alternate, &subject, 0);
        assert_eq!(document["AlarmName"], "hello-dev-web-errors-alt");
        let dimensions = &document["Metrics"][1]["MetricStat"]["Metric"]["Dimensions"];
        assert_eq!(dimensions[1]["Value"], "targetgroup/hello-dev-web-alt/4567");
    }

    #[test]
    fn the_instant_from_which_data_count_is_found_again() {
        let subject = AlarmSubject { load_balancer: "b".into(), target_group: "t".into() };
        for measure in [Measure::Errors, Measure::ResponseTime("p99.9".into())] {
            let document = plan(measure).document(PairSide::Own, &subject, 1_764_226_800);
            assert_eq!(since(&document), 1_764_226_800);
        }
        assert_eq!(since(&json!({ "Metrics": [{ "Expression": "m1 > 3" }] })), 0);
        assert_eq!(since(&json!({})), 0);
    }
}
