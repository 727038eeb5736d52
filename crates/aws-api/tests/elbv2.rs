//! ELBv2 over the wire: the AWS SDK for Rust makes and reads everything, plain forms ask for what no SDK would send.

#[path = "../../engine/tests/common/mod.rs"]
mod common;
mod support;

use std::sync::Arc;

use aws_sdk_elasticloadbalancingv2::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_elasticloadbalancingv2::error::ProvideErrorMetadata;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, ForwardActionConfig, LoadBalancer, LoadBalancerStateEnum, Matcher, ProtocolEnum,
    QueryStringConditionConfig, QueryStringKeyValuePair, RedirectActionConfig, RedirectActionStatusCodeEnum, Rule,
    RuleCondition, RulePriorityPair, Tag, TargetDescription, TargetGroup, TargetGroupAttribute,
    TargetGroupStickinessConfig, TargetGroupTuple, TargetHealthReasonEnum, TargetHealthStateEnum, TargetTypeEnum,
};
use aws_sdk_elasticloadbalancingv2::{Client, Config};
use common::World;
use seatrial_aws_api::Limits;
use seatrial_aws_api::elbv2::Elbv2;
use seatrial_aws_wire::Service;
use seatrial_model::load_balancing::TargetHealth;
use seatrial_model::{TargetGroupArn, TargetId};
use seatrial_ports::balancer::BalancerReport;
use support::{ACCESS_KEY_ID, Endpoint, REGION, Request, SECRET};

struct Balancing {
    world: World,
    front: Endpoint,
    elb: Client,
}

async fn start() -> Balancing {
    let world = World::new();
    let operations = Arc::new(Elbv2::new(world.engine.clone()));
    let front = support::start(Limits::default(), vec![(Service::Elbv2, operations)]).await;
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(format!("http://{}", front.address))
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(ACCESS_KEY_ID, SECRET, None, None, "test"))
        .build();
    Balancing { world, front, elb: Client::from_conf(config) }
}

impl Balancing {
    async fn balancer(&self, name: &str) -> LoadBalancer {
        let created = self.elb.create_load_balancer().name(name).subnets("subnet-a").subnets("subnet-b").send().await;
        created.expect("a load balancer").load_balancers()[0].clone()
    }

    async fn group(&self, name: &str) -> TargetGroup {
        let create = self.elb.create_target_group().name(name).protocol(ProtocolEnum::Http).port(8080);
        let created = create.target_type(TargetTypeEnum::Ip).vpc_id("vpc-1").health_check_path("/ready").send().await;
        created.expect("a target group").target_groups()[0].clone()
    }

    async fn listener(&self, balancer: &LoadBalancer, port: i32, action: Action) -> String {
        let create = self.elb.create_listener().load_balancer_arn(arn(balancer)).protocol(ProtocolEnum::Http);
        let created = create.port(port).default_actions(action).send().await.expect("a listener");
        created.listeners()[0].listener_arn().expect("an ARN").to_owned()
    }

    /// Sends a form and returns the status with the error's code and message.
    async fn refusal(&self, form: &str) -> (u16, String, String) {
        let form = format!("Version=2015-12-01&{form}");
        let answer = self.front.send(&Request::form("elasticloadbalancing", &form)).await;
        let part = |tag: &str| {
            let (_, rest) = answer.body.split_once(&format!("<{tag}>"))?;
            rest.split_once(&format!("</{tag}>")).map(|(text, _)| text.to_owned())
        };
        let (code, message) = (part("Code"), part("Message"));
        (answer.status, code.unwrap_or_else(|| answer.body.clone()), message.unwrap_or_default())
    }
}

fn arn(balancer: &LoadBalancer) -> &str {
    balancer.load_balancer_arn().expect("an ARN")
}

fn group_arn(group: &TargetGroup) -> &str {
    group.target_group_arn().expect("an ARN")
}

fn forward(group: &TargetGroup) -> Action {
    Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(group_arn(group)).build()
}

fn path(pattern: &str) -> RuleCondition {
    RuleCondition::builder().field("path-pattern").values(pattern).build()
}

fn target(port: i32) -> TargetDescription {
    TargetDescription::builder().id("127.0.0.1").port(port).build()
}

#[tokio::test]
async fn a_load_balancer_is_made_shown_and_deleted() {
    let it = start().await;
    let made = it.balancer("web").await;
    assert!(arn(&made).starts_with("arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/"));
    assert_eq!(made.dns_name(), Some("127.0.0.1"));
    assert_eq!(made.state().and_then(|state| state.code()), Some(&LoadBalancerStateEnum::Active));
    assert_eq!(made.availability_zones().len(), 2);
    assert_eq!(made.created_time().map(|time| time.secs()), Some(1_790_000_000));
    assert_eq!(it.balancer("web").await, made, "the same settings give the same load balancer");

    let on = it.listener(&made, 8080, not_found()).await;
    let closed = BalancerReport::Listener { arn: on, outcome: Err("Address already in use".to_owned()) };
    let driver = it.world.drive();
    it.world.balancer.report(closed);
    common::wait("the report", || it.world.engine.read_all(|_, volatile| !volatile.closed_listeners.is_empty()));
    let found = it.elb.describe_load_balancers().names("web").send().await.expect("an answer");
    let state = found.load_balancers()[0].state().cloned().expect("a state");
    assert_eq!(state.code(), Some(&LoadBalancerStateEnum::ActiveImpaired));
    assert_eq!(state.reason(), Some("Port 8080 is not open: Address already in use"));
    drop(driver);

    it.elb.delete_load_balancer().load_balancer_arn(arn(&made)).send().await.expect("deleted");
    let missing = it.elb.describe_load_balancers().names("web").send().await.expect_err("gone");
    assert_eq!(missing.code(), Some("LoadBalancerNotFound"));
    let all = it.elb.describe_load_balancers().send().await.expect("an answer");
    assert_eq!(all.load_balancers().len(), 0);
    it.front.stop().await;
}

fn not_found() -> Action {
    let response = aws_sdk_elasticloadbalancingv2::types::FixedResponseActionConfig::builder()
        .status_code("404")
        .content_type("text/plain")
        .message_body("No service answers here.\n")
        .build();
    Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(response).build()
}

#[tokio::test]
async fn forwards_show_their_target_group_twice_unless_they_are_weighted() {
    let it = start().await;
    let (balancer, one, two) = (it.balancer("web").await, it.group("one").await, it.group("two").await);
    let on = it.listener(&balancer, 8080, forward(&one)).await;
    let shown = it.elb.describe_listeners().load_balancer_arn(arn(&balancer)).send().await.expect("an answer");
    let action = &shown.listeners()[0].default_actions()[0];
    assert_eq!(action.target_group_arn(), Some(group_arn(&one)));
    let config = action.forward_config().expect("a configuration");
    assert_eq!((config.target_groups().len(), config.target_groups()[0].weight()), (1, Some(1)));
    assert_eq!(config.target_group_stickiness_config().and_then(|sticky| sticky.enabled()), Some(false));

    let tuple = |group, weight| TargetGroupTuple::builder().target_group_arn(group_arn(group)).weight(weight).build();
    let sticky = TargetGroupStickinessConfig::builder().enabled(true).duration_seconds(60).build();
    let config = ForwardActionConfig::builder().target_groups(tuple(&one, 95)).target_groups(tuple(&two, 5));
    let config = config.target_group_stickiness_config(sticky).build();
    let weighted = Action::builder().r#type(ActionTypeEnum::Forward).forward_config(config.clone()).build();
    let modified = it.elb.modify_listener().listener_arn(&on).default_actions(weighted).send().await;
    let modified = modified.expect("an answer");
    let action = &modified.listeners()[0].default_actions()[0];
    assert_eq!((action.target_group_arn(), action.forward_config()), (None, Some(&config)));

    let groups = it.elb.describe_target_groups().load_balancer_arn(arn(&balancer)).send().await.expect("an answer");
    assert_eq!(groups.target_groups().len(), 2);
    assert_eq!(groups.target_groups()[0].load_balancer_arns(), [arn(&balancer)]);
    it.front.stop().await;
}

#[tokio::test]
async fn rules_are_made_reordered_paged_and_deleted() {
    let it = start().await;
    let (balancer, group) = (it.balancer("web").await, it.group("g").await);
    let on = it.listener(&balancer, 8080, not_found()).await;
    let query = QueryStringConditionConfig::builder()
        .values(QueryStringKeyValuePair::builder().key("beta").value("1").build())
        .build();
    let query = RuleCondition::builder().field("query-string").query_string_config(query).build();
    let first = it.elb.create_rule().listener_arn(&on).priority(10).conditions(path("/api/*")).conditions(query);
    let first = first.actions(forward(&group)).send().await.expect("a rule").rules()[0].clone();
    assert_eq!((first.priority(), first.is_default()), (Some("10"), Some(false)));
    let redirect =
        RedirectActionConfig::builder().path("/new").status_code(RedirectActionStatusCodeEnum::Http301).build();
    let redirect = Action::builder().r#type(ActionTypeEnum::Redirect).redirect_config(redirect).build();
    let second = it.elb.create_rule().listener_arn(&on).priority(20).conditions(path("/old")).actions(redirect);
    let second = second.send().await.expect("a rule").rules()[0].clone();
    let shown = second.actions()[0].redirect_config().expect("a redirect");
    assert_eq!((shown.host(), shown.port(), shown.query()), (Some("#{host}"), Some("#{port}"), Some("#{query}")));

    let pair = |rule: &Rule, priority| {
        RulePriorityPair::builder().rule_arn(rule.rule_arn().expect("an ARN")).priority(priority).build()
    };
    let swap = it.elb.set_rule_priorities().rule_priorities(pair(&first, 20)).rule_priorities(pair(&second, 10));
    assert_eq!(swap.send().await.expect("an answer").rules().len(), 2);

    let mut priorities = Vec::new();
    let mut marker = None;
    loop {
        let page = it.elb.describe_rules().listener_arn(&on).page_size(1).set_marker(marker).send().await;
        let page = page.expect("a page");
        priorities.extend(
            page.rules().iter().map(|rule| (rule.priority().map(str::to_owned), rule.rule_arn().map(str::to_owned))),
        );
        marker = page.next_marker().map(str::to_owned);
        if marker.is_none() {
            break;
        }
    }
    let shown: Vec<_> = priorities.iter().map(|(priority, _)| priority.as_deref().unwrap_or_default()).collect();
    assert_eq!(shown, ["10", "20", "default"]);
    let default = priorities[2].1.clone().expect("an ARN");
    let found = it.elb.describe_rules().rule_arns(&default).send().await.expect("an answer");
    assert_eq!(found.rules()[0].is_default(), Some(true));
    let refused = it.elb.delete_rule().rule_arn(&default).send().await.expect_err("the default rule");
    assert_eq!(refused.code(), Some("OperationNotPermitted"));

    let modified = it.elb.modify_rule().set_rule_arn(first.rule_arn().map(str::to_owned)).conditions(path("/v2/*"));
    let modified = modified.send().await.expect("an answer");
    assert_eq!(modified.rules()[0].conditions()[0].path_pattern_config().expect("values").values(), ["/v2/*"]);
    it.elb.delete_rule().set_rule_arn(second.rule_arn().map(str::to_owned)).send().await.expect("deleted");
    let left = it.elb.describe_rules().listener_arn(&on).send().await.expect("an answer");
    assert_eq!(left.rules().len(), 2);
    it.front.stop().await;
}

#[tokio::test]
async fn target_groups_have_elbs_defaults_and_take_changes() {
    let it = start().await;
    let group = it.group("g").await;
    assert_eq!(group.health_check_path(), Some("/ready"));
    assert_eq!((group.health_check_interval_seconds(), group.health_check_timeout_seconds()), (Some(30), Some(5)));
    assert_eq!((group.healthy_threshold_count(), group.unhealthy_threshold_count()), (Some(5), Some(2)));
    assert_eq!((group.health_check_port(), group.protocol_version()), (Some("traffic-port"), Some("HTTP1")));
    assert_eq!(group.matcher().and_then(|matcher| matcher.http_code()), Some("200"));

    let matcher = Matcher::builder().http_code("200-299,404").build();
    let modified = it.elb.modify_target_group().target_group_arn(group_arn(&group)).matcher(matcher);
    let modified =
        modified.health_check_interval_seconds(10).health_check_port("9000").send().await.expect("an answer");
    let modified = &modified.target_groups()[0];
    assert_eq!(modified.matcher().and_then(|matcher| matcher.http_code()), Some("200-299,404"));
    assert_eq!((modified.health_check_port(), modified.health_check_path()), (Some("9000"), Some("/ready")));

    let attribute = |key: &str, value: &str| TargetGroupAttribute::builder().key(key).value(value).build();
    let change = it.elb.modify_target_group_attributes().target_group_arn(group_arn(&group));
    let change = change.attributes(attribute("deregistration_delay.timeout_seconds", "5"));
    change.attributes(attribute("seatrial.settle_time.seconds", "2")).send().await.expect("an answer");
    let all = it.elb.describe_target_group_attributes().target_group_arn(group_arn(&group)).send().await;
    let all = all.expect("an answer");
    let value = |key: &str| {
        let found = all.attributes().iter().find(|attribute| attribute.key() == Some(key));
        found.and_then(|attribute| attribute.value()).map(str::to_owned)
    };
    assert_eq!(value("deregistration_delay.timeout_seconds").as_deref(), Some("5"));
    assert_eq!(value("seatrial.settle_time.seconds").as_deref(), Some("2"));
    assert_eq!(value("stickiness.type").as_deref(), Some("lb_cookie"));

    it.elb.delete_target_group().target_group_arn(group_arn(&group)).send().await.expect("deleted");
    let missing = it.elb.describe_target_groups().names("g").send().await.expect_err("gone");
    assert_eq!(missing.code(), Some("TargetGroupNotFound"));
    it.front.stop().await;
}

#[tokio::test]
async fn targets_show_their_state_and_reason() {
    let it = start().await;
    let (balancer, group) = (it.balancer("web").await, it.group("g").await);
    let group_arn = group_arn(&group);
    let register = it.elb.register_targets().target_group_arn(group_arn);
    register.targets(target(9001)).targets(target(9002)).send().await.expect("registered");
    let unused = it.elb.describe_target_health().target_group_arn(group_arn).send().await.expect("an answer");
    let first = &unused.target_health_descriptions()[0];
    assert_eq!(first.target().and_then(|target| target.port()), Some(9001));
    let health = first.target_health().expect("health");
    assert_eq!(health.reason(), Some(&TargetHealthReasonEnum::NotInUse));

    it.listener(&balancer, 8080, forward(&group)).await;
    let _driver = it.world.drive();
    let id = TargetId { address: [127, 0, 0, 1].into(), port: 9001 };
    it.world.balancer.report_health(group_arn, id, TargetHealth::healthy());
    it.world.until("the target to be healthy", |state| {
        let group = state.target_groups.get(TargetGroupArn::new(group_arn).as_str()).expect("the group");
        group.targets.iter().any(|target| target.health.is_healthy())
    });
    let asked = it.elb.describe_target_health().target_group_arn(group_arn).targets(target(9001)).targets(target(1));
    let asked = asked.send().await.expect("an answer");
    let states: Vec<_> = asked
        .target_health_descriptions()
        .iter()
        .filter_map(|found| {
            found.target_health().and_then(|health| Some((health.state()?.clone(), health.reason().cloned())))
        })
        .collect();
    assert_eq!(states[0], (TargetHealthStateEnum::Healthy, None));
    assert_eq!(states[1], (TargetHealthStateEnum::Unused, Some(TargetHealthReasonEnum::NotRegistered)));

    it.elb.deregister_targets().target_group_arn(group_arn).targets(target(9001)).send().await.expect("deregistered");
    let draining = it.elb.describe_target_health().target_group_arn(group_arn).targets(target(9001)).send().await;
    let draining = draining.expect("an answer");
    let health = draining.target_health_descriptions()[0].target_health().expect("health");
    assert_eq!(health.state(), Some(&TargetHealthStateEnum::Draining));
    it.front.stop().await;
}

#[tokio::test]
async fn tags_attributes_and_limits_are_read_back() {
    let it = start().await;
    let balancer = it.balancer("web").await;
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    let on = it.listener(&balancer, 8080, not_found()).await;
    let add = it.elb.add_tags().resource_arns(arn(&balancer)).resource_arns(&on).tags(tag("team", "blue"));
    add.tags(tag("empty", "")).send().await.expect("added");
    it.elb.remove_tags().resource_arns(&on).tag_keys("team").send().await.expect("removed");
    let tags = it.elb.describe_tags().resource_arns(arn(&balancer)).resource_arns(&on).send().await.expect("an answer");
    let counts: Vec<_> = tags.tag_descriptions().iter().map(|found| found.tags().len()).collect();
    assert_eq!(counts, [2, 1]);
    assert_eq!(tags.tag_descriptions()[0].tags()[1], tag("team", "blue"));

    let attributes = it.elb.describe_load_balancer_attributes().load_balancer_arn(arn(&balancer)).send().await;
    assert!(attributes.expect("an answer").attributes().len() > 15);
    let attributes = it.elb.describe_listener_attributes().listener_arn(&on).send().await.expect("an answer");
    assert_eq!(attributes.attributes().len(), 11);
    let limits = it.elb.describe_account_limits().send().await.expect("an answer");
    assert!(limits.limits().iter().any(|limit| limit.name() == Some("target-groups") && limit.max() == Some("3000")));
    let groups = it.elb.set_security_groups().load_balancer_arn(arn(&balancer)).security_groups("sg-1").send().await;
    assert_eq!(groups.expect("an answer").security_group_ids(), ["sg-1"]);
    it.front.stop().await;
}

#[tokio::test]
async fn refusals_have_elbs_codes() {
    let it = start().await;
    let (balancer, group) = (it.balancer("web").await, it.group("g").await);
    let on = it.listener(&balancer, 8080, forward(&group)).await;
    let (lb, tg) = (arn(&balancer), group_arn(&group));
    let listen = format!("Action=CreateListener&LoadBalancerArn={lb}&Port=8081");
    let answer =
        "DefaultActions.member.1.Type=fixed-response&DefaultActions.member.1.FixedResponseConfig.StatusCode=404";
    let rule = format!(
        "Action=CreateRule&ListenerArn={on}&Actions.member.1.Type=forward&Actions.member.1.TargetGroupArn={tg}"
    );
    let create = "Action=CreateTargetGroup&Name=new&Port=80&Protocol=HTTP";
    let cases = [
        ("UnsupportedProtocol", format!("{listen}&Protocol=HTTPS&{answer}")),
        ("ValidationError", format!("{listen}&Protocol=GOPHER&{answer}")),
        ("ValidationError", format!("{listen}&{answer}")),
        ("ValidationError", format!("{listen}&Protocol=HTTP")),
        ("ValidationError", format!("{listen}&Protocol=HTTP&SslPolicy=x&{answer}")),
        ("ValidationError", format!("Action=CreateListener&LoadBalancerArn={lb}&Port=0&Protocol=HTTP&{answer}")),
        ("ValidationError", format!("Action=CreateListener&LoadBalancerArn={lb}&Port=x&Protocol=HTTP&{answer}")),
        ("DuplicateListener", format!("Action=CreateListener&LoadBalancerArn={lb}&Port=8080&Protocol=HTTP&{answer}")),
        ("ValidationError", format!("{rule}&Priority=1")),
        (
            "ValidationError",
            format!(
                "{rule}&Priority=50001&Conditions.member.1.Field=path-pattern&Conditions.member.1.Values.member.1=/"
            ),
        ),
        (
            "InvalidConfigurationRequest",
            format!(
                "{rule}&Priority=1&Transforms.member.1.Type=url-rewrite&Conditions.member.1.Field=path-pattern&Conditions.member.1.Values.member.1=/"
            ),
        ),
        ("InvalidConfigurationRequest", format!("{create}&TargetType=instance")),
        ("InvalidConfigurationRequest", format!("{create}&TargetType=lambda")),
        ("InvalidConfigurationRequest", create.to_owned()),
        ("InvalidConfigurationRequest", format!("{create}&TargetType=ip&HealthCheckEnabled=false")),
        ("ValidationError", format!("{create}&TargetType=ip&HealthCheckTimeoutSeconds=30")),
        ("ValidationError", format!("{create}&TargetType=ip&HealthCheckIntervalSeconds=301")),
        ("ValidationError", format!("{create}&TargetType=ip&Matcher.HttpCode=500")),
        ("ValidationError", format!("{create}&TargetType=ip&Tags.member.1.Key=aws:x&Tags.member.1.Value=1")),
        ("DuplicateTagKeys", format!("{create}&TargetType=ip&Tags.member.1.Key=x&Tags.member.2.Key=x")),
        ("ValidationError", "Action=CreateTargetGroup&Name=a_b&Port=80&Protocol=HTTP&TargetType=ip".to_owned()),
        (
            "InvalidConfigurationRequest",
            "Action=CreateTargetGroup&Name=a&Port=80&Protocol=TCP&TargetType=ip".to_owned(),
        ),
        ("InvalidConfigurationRequest", "Action=CreateLoadBalancer&Name=a&Type=network".to_owned()),
        ("InvalidScheme", "Action=CreateLoadBalancer&Name=a&Scheme=public".to_owned()),
        ("ValidationError", "Action=CreateLoadBalancer".to_owned()),
        ("ResourceInUse", format!("Action=DeleteTargetGroup&TargetGroupArn={tg}")),
        ("ValidationError", "Action=DeleteTargetGroup&TargetGroupArn=g".to_owned()),
        ("ValidationError", format!("Action=RegisterTargets&TargetGroupArn={tg}")),
        ("ValidationError", format!("Action=RegisterTargets&TargetGroupArn={tg}&Targets.member.1.Id=i-123")),
        ("InvalidTarget", format!("Action=RegisterTargets&TargetGroupArn={tg}&Targets.member.1.Id=1.1.1.1")),
        (
            "ValidationError",
            format!(
                "Action=RegisterTargets&TargetGroupArn={tg}&Targets.member.1.Id=127.0.0.1&Targets.member.1.Port=70000"
            ),
        ),
        ("ValidationError", "Action=DescribeListeners".to_owned()),
        ("ValidationError", format!("Action=DescribeListeners&LoadBalancerArn={lb}&PageSize=401")),
        ("ValidationError", format!("Action=DescribeListeners&LoadBalancerArn={lb}&Marker=zzzz")),
        ("ValidationError", "Action=DescribeRules".to_owned()),
        (
            "ListenerNotFound",
            format!("Action=DescribeRules&ListenerArn={}", on.replace("listener/app/web", "listener/app/wub")),
        ),
        ("ValidationError", format!("Action=ModifyTargetGroupAttributes&TargetGroupArn={tg}")),
        ("ValidationError", format!("Action=DescribeTargetGroups&LoadBalancerArn={lb}&Names.member.1=g")),
        ("InvalidAction", "Action=CreateTrustStore&Name=a".to_owned()),
    ];
    for (code, form) in cases {
        let (status, found, message) = it.refusal(&form).await;
        assert_eq!((status, found.as_str()), (400, code), "{form}: {message}");
        assert!(!message.is_empty(), "{form}");
    }
    let (_, _, message) = it.refusal("Action=CreateTrustStore&Name=a").await;
    assert_eq!(
        message,
        "The operation CreateTrustStore of Elastic Load Balancing v2 is not implemented by this engine."
    );
    let (_, _, message) = it.refusal(&format!("{listen}&Protocol=HTTPS&{answer}")).await;
    assert_eq!(message, "A listener with protocol 'HTTPS' is not implemented by this engine; use HTTP");
    it.front.stop().await;
}
