"""Runs every story against the engine that the variables of `seatrial engine env` lead to, and says what is wrong with its answers.

Argument: the process id of the engine, whose memory is watched while clients misbehave.
"""
import sys
import time

import balancing_story
import canary_story
import cli_story
import echo_story
import parameter_story
import refusal_story
import registry_story
import rude_story
import scaling_story
import service_story
import task_story
from context import strict

# Every operation of the engine; each is to be called, and to succeed, in some story.
OPERATIONS = {
    "ecs": """
        CreateCluster DeleteCluster DescribeClusters ListClusters PutClusterCapacityProviders UpdateCluster
        UpdateClusterSettings
        RegisterTaskDefinition DescribeTaskDefinition DeregisterTaskDefinition DeleteTaskDefinitions ListTaskDefinitions
        ListTaskDefinitionFamilies
        CreateService UpdateService DeleteService DescribeServices ListServices
        RunTask StopTask DescribeTasks ListTasks
        ListServiceDeployments DescribeServiceDeployments DescribeServiceRevisions StopServiceDeployment
        ContinueServiceDeployment
        TagResource UntagResource ListTagsForResource
        ListAccountSettings PutAccountSetting PutAccountSettingDefault DeleteAccountSetting
    """,
    "ecr": """
        CreateRepository DescribeRepositories DeleteRepository GetAuthorizationToken
        DescribeImages ListImages PutImage BatchGetImage BatchDeleteImage
        PutImageTagMutability PutImageScanningConfiguration SetRepositoryPolicy GetRepositoryPolicy DeleteRepositoryPolicy
        PutLifecyclePolicy GetLifecyclePolicy DeleteLifecyclePolicy StartLifecyclePolicyPreview GetLifecyclePolicyPreview
        BatchCheckLayerAvailability InitiateLayerUpload UploadLayerPart CompleteLayerUpload GetDownloadUrlForLayer
        TagResource UntagResource ListTagsForResource
    """,
    "elbv2": """
        CreateLoadBalancer DescribeLoadBalancers DeleteLoadBalancer SetSubnets SetSecurityGroups SetIpAddressType
        DescribeLoadBalancerAttributes ModifyLoadBalancerAttributes
        CreateListener DescribeListeners ModifyListener DeleteListener DescribeListenerCertificates
        DescribeListenerAttributes ModifyListenerAttributes
        CreateRule DescribeRules ModifyRule DeleteRule SetRulePriorities
        CreateTargetGroup DescribeTargetGroups ModifyTargetGroup DeleteTargetGroup DescribeTargetGroupAttributes
        ModifyTargetGroupAttributes
        RegisterTargets DeregisterTargets DescribeTargetHealth
        AddTags RemoveTags DescribeTags DescribeAccountLimits
    """,
    "logs": """
        CreateLogGroup DeleteLogGroup DescribeLogGroups PutRetentionPolicy DeleteRetentionPolicy DescribeLogStreams GetLogEvents
        FilterLogEvents TagResource UntagResource ListTagsForResource
    """,
    "secretsmanager": """
        CreateSecret GetSecretValue PutSecretValue UpdateSecret DescribeSecret ListSecrets ListSecretVersionIds
        UpdateSecretVersionStage DeleteSecret RestoreSecret TagResource UntagResource
    """,
    "ssm": """
        PutParameter GetParameter GetParameters GetParametersByPath GetParameterHistory DescribeParameters DeleteParameter
        DeleteParameters LabelParameterVersion UnlabelParameterVersion AddTagsToResource RemoveTagsFromResource ListTagsForResource
    """,
    "application-autoscaling": """
        RegisterScalableTarget DeregisterScalableTarget DescribeScalableTargets PutScalingPolicy DeleteScalingPolicy
        DescribeScalingPolicies DescribeScalingActivities TagResource UntagResource ListTagsForResource
    """,
    "sts": "GetCallerIdentity",
}

engine = int(sys.argv[1])
for name, story in [
    ("tasks", task_story.run),
    ("a service", service_story.run),
    ("a load balancer", balancing_story.run),
    ("every member", echo_story.run),
    ("images", registry_story.run),
    ("refusals", refusal_story.run),
    ("the AWS CLI", cli_story.run),
    ("parameters and secrets", parameter_story.run),
    ("auto scaling", scaling_story.run),
    ("a canary", canary_story.run),
    ("rude clients", lambda: rude_story.run(engine)),
]:
    began = time.monotonic()
    story()
    print(f"{name}: {time.monotonic() - began:.1f} s", flush=True)

wanted = {(service, operation) for service, names in OPERATIONS.items() for operation in names.split()}
assert not wanted - strict.operations, f"no story calls {sorted(wanted - strict.operations)}"
assert not strict.complaints, "\n".join(dict.fromkeys(strict.complaints))
print(f"{strict.answers} answers of {len(strict.operations)} operations, each as its model says")
