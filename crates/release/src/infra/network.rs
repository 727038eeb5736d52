//! Where tasks, load balancer and database are: a network of their own, or the subnets that the environment names; and who may connect
//! to whom.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::template::{Resource, attribute, reference};
use super::{Draft, Nat, Part};
use crate::config::Scheme;
use crate::plan::{ListenerPlan, Network, PublicAddress, RulePurpose};

/// The two zones of the network: an Application Load Balancer and a database need two.
const ZONES: [&str; 2] = ["A", "B"];

/// The address range of a new network: four subnets of 4,096 addresses and room for more.
const VPC_CIDR: &str = "10.0.0.0/16";
const SUBNET_BITS: u8 = 12;

/// Clients of what is not for the internet, where the network's own range is unknown: all private addresses of the first block.
const PRIVATE_CIDR: &str = "10.0.0.0/8";

const EVERYWHERE: &str = "0.0.0.0/0";

const POSTGRES_PORT: i32 = 5432;

/// Where things are put.
pub(super) struct Place {
    pub vpc: Json,
    pub balancer_subnets: Json,
    pub balancer_groups: Json,
    pub scheme: Scheme,
    pub task_subnets: Json,
    pub task_groups: Json,
    pub public_address: PublicAddress,
    pub database_subnets: Json,
    /// The group of the tasks; the first one where the environment names several.
    pub task_group: Json,
    pub origin: Origin,
    /// What has to be there before a task can fetch its image.
    pub ways_out: Vec<String>,
}

/// Whose network it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Made,
    /// The environment names the subnets, the template makes security groups.
    GivenSubnets,
    /// The environment names the subnets and the security groups.
    Given,
}

/// Adds the network, unless the environment names one, and the security groups.
pub(super) fn add(draft: &mut Draft<'_>) -> Place {
    let (scheme, given) = match given(draft) {
        None => (Scheme::InternetFacing, None),
        Some(network) if network.subnets.iter().any(|subnet| draft.replaces(Part::Network, subnet)) => {
            (network.scheme, None)
        }
        Some(network) if draft.choices.make.contains(&Part::SecurityGroups) => {
            (network.scheme, Some(Network { security_groups: Vec::new(), ..network }))
        }
        Some(network) => (network.scheme, Some(network)),
    };
    let mut place = match given {
        None => made(draft, scheme),
        Some(network) => on(draft, &network),
    };
    if place.origin != Origin::Given {
        security_groups(draft, &mut place);
    }
    place
}

/// The network of the plan: the load balancer's, else that of the first service that has one.
fn given(draft: &Draft<'_>) -> Option<Network> {
    if let Some(balancer) = &draft.plan.load_balancer {
        return Some(balancer.network.clone());
    }
    let texts = |value: &Json| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Json::as_str).map(ToOwned::to_owned).collect()
    };
    let configurations =
        draft.plan.services.iter().map(|service| &service.service["networkConfiguration"]["awsvpcConfiguration"]);
    configurations
        .filter(|configuration| configuration.is_object())
        .map(|configuration| Network {
            subnets: texts(&configuration["subnets"]),
            security_groups: texts(&configuration["securityGroups"]),
            public_address: match configuration["assignPublicIp"].as_str() {
                Some("ENABLED") => PublicAddress::Assigned,
                Some(_) | None => PublicAddress::None,
            },
            scheme: Scheme::InternetFacing,
        })
        .next()
}

/// Builds on subnets that are there.
fn on(draft: &mut Draft<'_>, network: &Network) -> Place {
    draft.template.parameter(
        "VpcId",
        json!({ "Type": "AWS::EC2::VPC::Id", "Description": "The network that the subnets of seatrial.yml are in" }),
    );
    let (subnets, groups) = (json!(network.subnets), json!(network.security_groups));
    let origin = if network.security_groups.is_empty() { Origin::GivenSubnets } else { Origin::Given };
    if origin == Origin::Given {
        let text = "the security groups of seatrial.yml are used as they are; what they let in, nobody has looked at";
        draft.remarks.push(text.to_owned());
    }
    Place {
        vpc: reference("VpcId"),
        balancer_subnets: subnets.clone(),
        balancer_groups: groups.clone(),
        scheme: network.scheme,
        task_subnets: subnets.clone(),
        task_group: groups.get(0).cloned().unwrap_or(Json::Null),
        task_groups: groups,
        public_address: network.public_address,
        database_subnets: subnets,
        origin,
        ways_out: Vec::new(),
    }
}

/// Makes a network: public subnets for the load balancer, private ones for tasks and database.
fn made(draft: &mut Draft<'_>, scheme: Scheme) -> Place {
    let tags = draft.tags(None);
    let template = &mut draft.template;
    template.parameter(
        "VpcCidr",
        json!({ "Type": "String", "Default": VPC_CIDR, "Description": "The address range of the network, a /16" }),
    );
    template.resource(
        "Vpc",
        Resource::new(
            "AWS::EC2::VPC",
            json!({ "CidrBlock": reference("VpcCidr"), "EnableDnsHostnames": true, "EnableDnsSupport": true, "Tags": tags }),
        ),
    );
    template.resource("InternetGateway", Resource::new("AWS::EC2::InternetGateway", json!({ "Tags": tags })));
    template.resource(
        "InternetGatewayAttachment",
        Resource::new(
            "AWS::EC2::VPCGatewayAttachment",
            json!({ "VpcId": reference("Vpc"), "InternetGatewayId": reference("InternetGateway") }),
        ),
    );
    let public = subnets(draft, "Public", 0);
    let private = subnets(draft, "Private", ZONES.len());
    let gateway = json!({ "GatewayId": reference("InternetGateway") });
    routes(draft, "Public", Some(gateway), &["InternetGatewayAttachment"]);
    let nat = draft.choices.nat;
    let way_out = match nat {
        Nat::One => Some(nat_gateway(draft)),
        Nat::None => None,
    };
    routes(draft, "Private", way_out, &[]);
    let balancer_subnets = match scheme {
        Scheme::InternetFacing => &public,
        Scheme::Internal => &private,
    };
    let (kind, task_subnets, public_address) = match nat {
        Nat::One => ("Private", &private, PublicAddress::None),
        Nat::None => ("Public", &public, PublicAddress::Assigned),
    };
    for (zone, subnet) in ZONES.iter().zip(task_subnets.as_array().into_iter().flatten()) {
        draft.template.output(&format!("TaskSubnet{zone}"), "A subnet of the tasks", subnet.clone());
    }
    Place {
        vpc: reference("Vpc"),
        balancer_subnets: balancer_subnets.clone(),
        balancer_groups: json!([]),
        scheme,
        task_subnets: task_subnets.clone(),
        task_groups: json!([]),
        task_group: Json::Null,
        public_address,
        database_subnets: private,
        origin: Origin::Made,
        ways_out: std::iter::once(format!("{kind}Route"))
            .chain(ZONES.iter().map(|zone| format!("{kind}Subnet{zone}Routes")))
            .collect(),
    }
}

/// A subnet in each zone; `first` is the place of its address range in the network's.
fn subnets(draft: &mut Draft<'_>, kind: &str, first: usize) -> Json {
    let tags = draft.tags(None);
    let all = 2 * ZONES.len();
    let subnet = |(index, zone): (usize, &&str)| {
        let ranges = json!({ "Fn::Cidr": [attribute("Vpc", "CidrBlock"), all, SUBNET_BITS] });
        let properties = json!({
            "VpcId": reference("Vpc"),
            "CidrBlock": { "Fn::Select": [first + index, ranges] },
            "AvailabilityZone": { "Fn::Select": [index, { "Fn::GetAZs": "" }] },
            "Tags": tags,
        });
        (format!("{kind}Subnet{zone}"), Resource::new("AWS::EC2::Subnet", properties))
    };
    let resources: Vec<(String, Resource)> = ZONES.iter().enumerate().map(subnet).collect();
    resources.into_iter().map(|(id, resource)| reference(&draft.template.resource(id, resource))).collect()
}

/// A route table for the subnets of a kind, with a way out or without.
fn routes(draft: &mut Draft<'_>, kind: &str, way_out: Option<Json>, after: &[&str]) {
    let tags = draft.tags(None);
    let template = &mut draft.template;
    let properties = json!({ "VpcId": reference("Vpc"), "Tags": tags });
    let table = template.resource(format!("{kind}RouteTable"), Resource::new("AWS::EC2::RouteTable", properties));
    if let Some(mut properties) = way_out {
        properties["RouteTableId"] = reference(&table);
        properties["DestinationCidrBlock"] = json!(EVERYWHERE);
        let after = after.iter().map(|id| (*id).to_owned()).collect();
        template.resource(format!("{kind}Route"), Resource::new("AWS::EC2::Route", properties).after(after));
    }
    for zone in ZONES {
        let properties =
            json!({ "RouteTableId": reference(&table), "SubnetId": reference(&format!("{kind}Subnet{zone}")) });
        let association = Resource::new("AWS::EC2::SubnetRouteTableAssociation", properties);
        template.resource(format!("{kind}Subnet{zone}Routes"), association);
    }
}

/// One gateway for both zones: half the price of two, and tasks of the other zone reach nothing outside while its zone is out.
fn nat_gateway(draft: &mut Draft<'_>) -> Json {
    let tags = draft.tags(None);
    let after = vec!["InternetGatewayAttachment".to_owned()];
    let address = json!({ "Domain": "vpc", "Tags": tags });
    let address = draft.template.resource("NatAddress", Resource::new("AWS::EC2::EIP", address).after(after));
    let gateway = json!({
        "AllocationId": attribute(&address, "AllocationId"), "SubnetId": reference("PublicSubnetA"), "Tags": tags,
    });
    let gateway = draft.template.resource("NatGateway", Resource::new("AWS::EC2::NatGateway", gateway));
    json!({ "NatGatewayId": reference(&gateway) })
}

/// The groups of load balancer and tasks. Rules between the two are resources of their own, since each names the other.
fn security_groups(draft: &mut Draft<'_>, place: &mut Place) {
    if draft.plan.load_balancer.is_some() {
        let ingress = balancer_ingress(draft, place);
        let what = "The load balancer: takes the connections of its clients";
        // A group that names no way out has all of them.
        let properties = json!({
            "GroupDescription": what,
            "VpcId": place.vpc,
            "SecurityGroupIngress": ingress,
            "SecurityGroupEgress": nothing(),
            "Tags": draft.tags(None),
        });
        let group = Resource::new("AWS::EC2::SecurityGroup", properties);
        let group = draft.template.resource("LoadBalancerSecurityGroup", group);
        place.balancer_groups = json!([attribute(&group, "GroupId")]);
    }
    let properties = json!({
        "GroupDescription": "The tasks: take connections of the load balancer only",
        "VpcId": place.vpc,
        "SecurityGroupEgress": [{
            "IpProtocol": "-1", "CidrIp": EVERYWHERE, "Description": "Images, logs, and whatever the tasks call",
        }],
        "Tags": draft.tags(None),
    });
    let group = draft.template.resource("TaskSecurityGroup", Resource::new("AWS::EC2::SecurityGroup", properties));
    place.task_group = attribute(&group, "GroupId");
    place.task_groups = json!([place.task_group]);
    draft.template.output("TaskSecurityGroupId", "The security group of the tasks", place.task_group.clone());
    let balancings = draft.plan.services.iter().filter_map(|service| service.balancing.as_ref());
    let ports: BTreeSet<i32> = balancings.map(|balancing| balancing.container_port).collect();
    for port in ports {
        let balancer = attribute("LoadBalancerSecurityGroup", "GroupId");
        let range = json!({ "IpProtocol": "tcp", "FromPort": port, "ToPort": port });
        let mut ingress = range.clone();
        ingress["GroupId"] = place.task_group.clone();
        ingress["SourceSecurityGroupId"] = balancer.clone();
        ingress["Description"] = json!("From the load balancer");
        let [ingress_id, egress_id] = ways_in(port);
        draft.template.resource(ingress_id, Resource::new("AWS::EC2::SecurityGroupIngress", ingress));
        let mut egress = range;
        egress["GroupId"] = balancer;
        egress["DestinationSecurityGroupId"] = place.task_group.clone();
        egress["Description"] = json!("To the tasks");
        draft.template.resource(egress_id, Resource::new("AWS::EC2::SecurityGroupEgress", egress));
    }
}

/// The logical ids of what lets requests through to a port of the tasks.
pub(super) fn ways_in(port: i32) -> [String; 2] {
    [format!("TaskIngress{port}"), format!("LoadBalancerEgress{port}")]
}

/// Who may connect to which port of the load balancer.
fn balancer_ingress(draft: &mut Draft<'_>, place: &Place) -> Json {
    let within = if place.origin == Origin::Made { VPC_CIDR } else { PRIVATE_CIDR };
    let clients = match place.scheme {
        Scheme::InternetFacing => EVERYWHERE,
        Scheme::Internal => within,
    };
    let listeners = draft.plan.load_balancer.iter().flat_map(|balancer| &balancer.listeners);
    let listeners: Vec<(u16, bool)> = listeners.map(|listener| (listener.port, is_for_tests(listener))).collect();
    let rule = |(port, is_for_tests): &(u16, bool)| {
        let (parameter, default, who) = if *is_for_tests {
            ("TestClients", within, "Addresses that may try a new version before it has production traffic")
        } else {
            ("Clients", clients, "Addresses that may connect to the load balancer")
        };
        draft.template.parameter(parameter, json!({ "Type": "String", "Default": default, "Description": who }));
        json!({
            "IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": reference(parameter), "Description": "Clients",
        })
    };
    listeners.iter().map(rule).collect()
}

/// Whether a listener serves versions under test and nothing else.
fn is_for_tests(listener: &ListenerPlan) -> bool {
    listener.default_service.is_none() && listener.rules.iter().all(|rule| rule.purpose == RulePurpose::Test)
}

/// The group of the database: takes connections of the tasks only and makes none.
pub(super) fn database_group(draft: &mut Draft<'_>, place: &Place) -> Json {
    let properties = json!({
        "GroupDescription": "The database: takes connections of the tasks only",
        "VpcId": place.vpc,
        "SecurityGroupIngress": [{
            "IpProtocol": "tcp", "FromPort": POSTGRES_PORT, "ToPort": POSTGRES_PORT,
            "SourceSecurityGroupId": place.task_group, "Description": "From the tasks",
        }],
        "SecurityGroupEgress": nothing(),
        "Tags": draft.tags(None),
    });
    let group = draft.template.resource("DatabaseSecurityGroup", Resource::new("AWS::EC2::SecurityGroup", properties));
    attribute(&group, "GroupId")
}

/// No way out: CloudFormation adds all of them to a group that names none, so it names one that leads nowhere.
fn nothing() -> Json {
    json!([{ "IpProtocol": "-1", "CidrIp": "127.0.0.1/32", "Description": "Nothing" }])
}

/// The network part of a service, as the template has it.
pub(super) fn configuration(draft: &Draft<'_>, place: &Place, planned: &Json) -> Json {
    let planned = &planned["awsvpcConfiguration"];
    let names = |list: &Json| list.as_array().is_some_and(|items| !items.is_empty());
    let subnets = planned["subnets"].as_array().into_iter().flatten().filter_map(Json::as_str);
    let is_replaced = subnets.into_iter().any(|subnet| draft.replaces(Part::Network, subnet));
    let address = |address| match address {
        PublicAddress::Assigned => "ENABLED",
        PublicAddress::None => "DISABLED",
    };
    let configuration = if is_replaced {
        json!({
            "Subnets": place.task_subnets, "SecurityGroups": place.task_groups, "AssignPublicIp": address(place.public_address),
        })
    } else {
        let keeps_groups = names(&planned["securityGroups"]) && !draft.choices.make.contains(&Part::SecurityGroups);
        let groups = if keeps_groups { &planned["securityGroups"] } else { &place.task_groups };
        let public = planned["assignPublicIp"].as_str().unwrap_or("DISABLED");
        json!({ "Subnets": planned["subnets"], "SecurityGroups": groups, "AssignPublicIp": public })
    };
    json!({ "AwsvpcConfiguration": configuration })
}
