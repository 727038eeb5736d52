"""What the stories share: boto3 clients whose every answer is checked, and ways to wait and to be refused."""
import contextlib
import socket
import time

import boto3
import botocore.config
import botocore.exceptions

from strict import Strict

strict = Strict()
# A waiter's own pace is made for machines that take minutes.
QUICK = {"Delay": 1, "MaxAttempts": 60}


def client(service, endpoint=None, **settings):
    """Makes a client from the variables of `seatrial engine env`, which tries every request once."""
    credentials = {name: settings.pop(name) for name in ("aws_access_key_id", "aws_secret_access_key") if name in settings}
    config = botocore.config.Config(retries={"total_max_attempts": 1}, **settings)
    return strict.watch(boto3.client(service, endpoint_url=endpoint, config=config, **credentials))


autoscaling, cloudwatch, ecr, ecs, elbv2, logs, secretsmanager, ssm, sts = (client(service) for service in (
    "application-autoscaling", "cloudwatch", "ecr", "ecs", "elbv2", "logs", "secretsmanager", "ssm", "sts"))
# Sends what boto3 would not let through.
unchecked = {service: client(service, parameter_validation=False) for service in ("ecr", "ecs", "elbv2", "logs")}


def refused(code, call, **arguments):
    """Calls, and returns the message of the expected error, which is an exception of its own class where the model has one."""
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        assert type(error) is call.__self__.exceptions.from_code(code), type(error)
        return error.response["Error"]["Message"]
    raise AssertionError(f"{code} was expected of {call.__name__}({arguments})")


def until(what, limit, condition):
    """Returns the first true value of a condition; fails after `limit` seconds."""
    deadline = time.monotonic() + limit
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {limit} s for {what}"
        time.sleep(0.1)
    return value


def pages(client, operation, member, size, **arguments):
    """Returns all items of a listing, fetched by boto3's paginator in pages of a size."""
    given = [page[member] for page in client.get_paginator(operation).paginate(
        PaginationConfig={"PageSize": size}, **arguments)]
    assert all(len(page) <= size for page in given), (operation, given)
    return [item for page in given for item in page]


def free_port():
    with contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
