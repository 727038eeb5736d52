"""A load balancer of its own: rules that decide, targets that come and go, ports that are taken."""
import contextlib
import http.server
import socket
import threading
import urllib.error
import urllib.request

from context import QUICK, elbv2, free_port, pages, refused, until


class Upstream(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "6")
        self.end_headers()
        self.wfile.write(b"ashore")

    def log_message(self, *_):
        pass


def get(port, path):
    """Returns the status and body of an answer to a request through the listener."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def run():
    balancer = elbv2.create_load_balancer(
        Name="harbour", Subnets=["subnet-1", "subnet-2"], Tags=[{"Key": "team", "Value": "sea"}])["LoadBalancers"][0]
    arn = balancer["LoadBalancerArn"]
    elbv2.get_waiter("load_balancer_exists").wait(Names=["harbour"], WaiterConfig=QUICK)
    elbv2.get_waiter("load_balancer_available").wait(Names=["harbour"], WaiterConfig=QUICK)
    groups = [elbv2.create_target_group(
        Name=name, Protocol="HTTP", Port=80, TargetType="ip", VpcId=balancer["VpcId"], HealthCheckPath="/",
        HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2)["TargetGroups"][0]["TargetGroupArn"]
        for name in ("boats", "buoys")]
    port = free_port()
    listener = elbv2.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=port, DefaultActions=[
        {"Type": "forward", "TargetGroupArn": groups[0]}])["Listeners"][0]["ListenerArn"]
    rules(listener, port, groups)
    targets(groups[0], port)
    settings(arn, listener, groups[0])
    listings(arn, listener)
    ports(arn, port, listener, groups[0])
    elbv2.delete_load_balancer(LoadBalancerArn=arn)
    elbv2.get_waiter("load_balancers_deleted").wait(Names=["harbour"], WaiterConfig=QUICK)
    for group in groups:
        elbv2.delete_target_group(TargetGroupArn=group)
    assert get(port, "/")[0] == 0, "the port is closed"


def rules(listener, port, groups):
    fixed = [{"Type": "fixed-response", "FixedResponseConfig": {
        "StatusCode": "200", "ContentType": "text/plain", "MessageBody": "fixed"}}]
    conditions = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/fixed"]}},
                  {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "a", "Value": "b"}]}}]
    rule = elbv2.create_rule(ListenerArn=listener, Priority=5, Conditions=conditions, Actions=fixed)["Rules"][0]["RuleArn"]
    until("the rule", 10, lambda: get(port, "/fixed?a=b") == (200, "fixed"))
    assert get(port, "/fixed?a=c")[0] == 503, "no target"
    refused("PriorityInUse", elbv2.create_rule, ListenerArn=listener, Priority=5, Conditions=conditions[:1], Actions=fixed)
    away = [{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_302", "Path": "/fixed", "Query": "a=b"}}]
    elbv2.modify_rule(RuleArn=rule, Conditions=[{"Field": "path-pattern", "Values": ["/fixed"]}])
    second = elbv2.create_rule(
        ListenerArn=listener, Priority=9, Conditions=[{"Field": "path-pattern", "Values": ["/away"]}], Actions=away)
    until("the redirect", 10, lambda: get(port, "/away") == (200, "fixed"))
    weighted = [{"Type": "forward", "ForwardConfig": {"TargetGroups": [
        {"TargetGroupArn": groups[0], "Weight": 100}, {"TargetGroupArn": groups[1], "Weight": 0}]}}]
    elbv2.modify_rule(RuleArn=second["Rules"][0]["RuleArn"], Actions=weighted)
    elbv2.set_rule_priorities(RulePriorities=[{"RuleArn": rule, "Priority": 11}])
    assert [r["Priority"] for r in elbv2.describe_rules(ListenerArn=listener)["Rules"]] == ["9", "11", "default"]
    default = elbv2.describe_rules(ListenerArn=listener)["Rules"][-1]["RuleArn"]
    refused("OperationNotPermitted", elbv2.delete_rule, RuleArn=default)
    elbv2.delete_rule(RuleArn=rule)
    refused("RuleNotFound", elbv2.describe_rules, RuleArns=[rule])


def targets(group, port):
    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    target = {"Id": "127.0.0.1", "Port": upstream.server_port}
    serving = threading.Thread(target=upstream.serve_forever, daemon=True)
    serving.start()
    try:
        elbv2.register_targets(TargetGroupArn=group, Targets=[target])
        elbv2.get_waiter("target_in_service").wait(TargetGroupArn=group, Targets=[target], WaiterConfig=QUICK)
        assert get(port, "/") == (200, "ashore")
        changed = elbv2.modify_target_group_attributes(
            TargetGroupArn=group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}])["Attributes"]
        assert {"Key": "deregistration_delay.timeout_seconds", "Value": "1"} in changed
        elbv2.deregister_targets(TargetGroupArn=group, Targets=[target])
        elbv2.get_waiter("target_deregistered").wait(TargetGroupArn=group, Targets=[target], WaiterConfig=QUICK)
        assert elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"] == []
        assert get(port, "/")[0] == 503
    finally:
        upstream.shutdown()
        upstream.server_close()
        serving.join()


def settings(balancer, listener, group):
    elbv2.modify_load_balancer_attributes(
        LoadBalancerArn=balancer, Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "30"}])
    attributes = elbv2.describe_load_balancer_attributes(LoadBalancerArn=balancer)["Attributes"]
    assert {"Key": "idle_timeout.timeout_seconds", "Value": "30"} in attributes
    name = elbv2.describe_listener_attributes(ListenerArn=listener)["Attributes"][0]
    elbv2.modify_listener_attributes(ListenerArn=listener, Attributes=[name])
    assert elbv2.describe_target_group_attributes(TargetGroupArn=group)["Attributes"]
    changed = elbv2.modify_target_group(TargetGroupArn=group, HealthCheckPath="/ready", Matcher={"HttpCode": "200-299"})
    assert changed["TargetGroups"][0]["HealthCheckPath"] == "/ready"
    elbv2.set_subnets(LoadBalancerArn=balancer, Subnets=["subnet-3", "subnet-4"])
    elbv2.set_security_groups(LoadBalancerArn=balancer, SecurityGroups=["sg-1"])
    elbv2.set_ip_address_type(LoadBalancerArn=balancer, IpAddressType="ipv4")
    shown = elbv2.describe_load_balancers(LoadBalancerArns=[balancer])["LoadBalancers"][0]
    assert shown["SecurityGroups"] == ["sg-1"] and shown["CreatedTime"].tzinfo
    elbv2.add_tags(ResourceArns=[balancer, group], Tags=[{"Key": "stage", "Value": "dev"}])
    elbv2.remove_tags(ResourceArns=[balancer], TagKeys=["team"])
    tags = elbv2.describe_tags(ResourceArns=[balancer, group])["TagDescriptions"]
    assert [t["Tags"] for t in tags] == [[{"Key": "stage", "Value": "dev"}]] * 2, tags


def listings(balancer, listener):
    assert len(pages(elbv2, "describe_load_balancers", "LoadBalancers", 1)) == 1
    assert [g["TargetGroupName"] for g in pages(elbv2, "describe_target_groups", "TargetGroups", 1)] == ["boats", "buoys"]
    assert len(pages(elbv2, "describe_listeners", "Listeners", 1, LoadBalancerArn=balancer)) == 1
    assert len(pages(elbv2, "describe_rules", "Rules", 1, ListenerArn=listener)) == 2
    assert len(pages(elbv2, "describe_account_limits", "Limits", 3)) > 3
    assert elbv2.describe_listener_certificates(ListenerArn=listener)["Certificates"] == []


def ports(balancer, port, listener, group):
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    refused("DuplicateListener", elbv2.create_listener, LoadBalancerArn=balancer, Protocol="HTTP", Port=port, DefaultActions=[
        {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}])
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        message = refused("InvalidConfigurationRequest", elbv2.create_listener, LoadBalancerArn=balancer, Protocol="HTTP",
                          Port=taken.getsockname()[1], DefaultActions=forward)
        assert str(taken.getsockname()[1]) in message, message
    refused("UnsupportedProtocol", elbv2.create_listener, LoadBalancerArn=balancer, Protocol="HTTPS", Port=free_port(),
            DefaultActions=forward)
    for _ in range(5):
        elbv2.delete_listener(ListenerArn=listener)
        listener = elbv2.create_listener(
            LoadBalancerArn=balancer, Protocol="HTTP", Port=port, DefaultActions=forward)["Listeners"][0]["ListenerArn"]
    moved = free_port()
    elbv2.modify_listener(ListenerArn=listener, Port=moved)
    until("the listener on its new port", 10, lambda: get(moved, "/")[0] == 503)
