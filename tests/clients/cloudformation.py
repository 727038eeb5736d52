"""moto's server with what it leaves out of change sets.

By itself moto executes a change set without an event for a resource, without outputs, and without ever failing. Here each resource has
its events, outputs are those of the template, a topic with another name is replaced (as AWS does it), and a topic called `taken` cannot be made.
"""

import sys

from moto.cloudformation import models, responses
from moto.server import main

applied = models.ChangeSet.apply
differing = models.ChangeSet.diff
executed = models.CloudFormationBackend.execute_change_set
TAKEN = "taken"


def told(stack, name, kind, status, reason=None):
    stack.events.append(
        models.Event(
            stack_id=stack.stack_id,
            stack_name=stack.name,
            logical_resource_id=name,
            physical_resource_id="",
            resource_type=kind,
            resource_status=status,
            resource_status_reason=reason,
            resource_properties=None,
        )
    )


def apply(change_set):
    stack = change_set.stack
    verbs = {"Add": "CREATE", "Modify": "UPDATE", "Remove": "DELETE"}
    changes = [(one.logical_resource_id, one.resource_type, verbs[one.action]) for one in change_set.changes]
    change_set.failed = TAKEN in change_set.parameters.values()
    for name, kind, verb in changes:
        told(stack, name, kind, f"{verb}_IN_PROGRESS")
        if change_set.failed and kind == "AWS::SNS::Topic":
            told(stack, name, kind, f"{verb}_FAILED", "somebody has a topic of this name already")
            told(stack, "Other", kind, f"{verb}_FAILED", "Resource creation cancelled")
            return
    applied(change_set)
    for name, kind, verb in changes:
        told(stack, name, kind, f"{verb}_COMPLETE")
    stack.template = change_set.template
    stack.parameters = change_set.parameters
    stack._parse_template()
    stack.output_map = stack._create_output_map_of(stack.resource_map)


def output_map(stack, resources):
    return models.OutputMap(resources, stack.template_dict, stack.stack_id)


def diff(change_set):
    before = change_set.stack.parameters or {}
    changes = differing(change_set)
    known = {one.logical_resource_id for one in changes}
    resources = change_set.template_dict["Resources"]
    # A topic that is named by a parameter is another one if the parameter is.
    if before != change_set.parameters and change_set.change_set_type == "UPDATE":
        for name, resource in resources.items():
            if resource["Type"] == "AWS::SNS::Topic" and name not in known:
                changes.append(models.Change("Modify", name, resource["Type"]))
    for one in changes:
        is_topic = one.action == "Modify" and one.resource_type == "AWS::SNS::Topic"
        one.replacement = "True" if is_topic else None
    return changes


def execute_change_set(backend, change_set_name, stack_name=None):
    change_set = backend.describe_change_set(change_set_name)
    before = change_set.stack.template
    executed(backend, change_set_name, stack_name)
    if change_set.failed:
        creation = change_set.change_set_type == "CREATE"
        change_set.stack.status = "ROLLBACK_COMPLETE" if creation else "UPDATE_ROLLBACK_COMPLETE"
        change_set.stack.template = before


# AWS makes a failed change set of what changes nothing, where moto refuses it at once.
responses.CloudFormationResponse._validate_different_update = lambda *arguments, **named: None
models.Stack._create_output_map_of = output_map
models.ChangeSet.apply = apply
models.ChangeSet.diff = diff
models.CloudFormationBackend.execute_change_set = execute_change_set
main(sys.argv[1:])
