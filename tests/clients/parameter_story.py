"""Parameter Store and Secrets Manager, by boto3 and the AWS CLI: put, get, list in pages, label, tag, delete, restore."""
import uuid

from cli_story import aws
from context import pages, refused, secretsmanager, ssm


def run():
    put_and_got()
    chosen_and_listed()
    typed()
    kept_secret()
    deleted()
    typed_secret()


def put_and_got():
    assert ssm.put_parameter(Name="/shop/url", Value="https://example.com", Type="String")["Version"] == 1
    ssm.put_parameter(Name="/shop/zones", Value="a,b", Type="StringList", Tags=[{"Key": "team", "Value": "blue"}])
    ssm.put_parameter(Name="/shop/db/password", Value="correct horse", Type="SecureString", Description="of the database",
                      AllowedPattern="^[a-z ]+$", KeyId="alias/shop")
    assert ssm.put_parameter(Name="/shop/db/password", Value="battery staple", Overwrite=True) | {"ResponseMetadata": 0} == {
        "Version": 2, "Tier": "Standard", "ResponseMetadata": 0}
    sealed = ssm.get_parameter(Name="/shop/db/password")["Parameter"]
    assert "staple" not in sealed["Value"] and sealed["Type"] == "SecureString", sealed
    opened = ssm.get_parameter(Name=sealed["ARN"], WithDecryption=True)["Parameter"]
    assert opened["Value"] == "battery staple" and opened["DataType"] == "text", opened
    refused("ParameterAlreadyExists", ssm.put_parameter, Name="/shop/url", Value="x", Type="String")
    refused("ParameterPatternMismatchException", ssm.put_parameter, Name="/shop/db/password", Value="123", Overwrite=True)
    refused("HierarchyTypeMismatchException", ssm.put_parameter, Name="/shop/url", Value="x", Type="SecureString", Overwrite=True)
    refused("HierarchyLevelLimitExceededException", ssm.put_parameter, Name="/l" * 16, Value="x", Type="String")
    refused("ParameterNotFound", ssm.get_parameter, Name="/shop/none")
    refused("ParameterVersionNotFound", ssm.get_parameter, Name="/shop/url:9")
    refused("ValidationException", ssm.put_parameter, Name="/shop/large", Value="x" * 4097, Type="String")
    expiry = '[{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"2099-01-01T00:00:00.000Z"}}]'
    tiered = ssm.put_parameter(Name="/shop/large", Value="x" * 4097, Type="String", Tier="Intelligent-Tiering", Policies=expiry)
    assert tiered["Tier"] == "Advanced", tiered


def chosen_and_listed():
    labelled = ssm.label_parameter_version(Name="/shop/db/password", ParameterVersion=1, Labels=["good", "1st"])
    assert labelled["InvalidLabels"] == ["1st"], labelled
    by_label = ssm.get_parameter(Name="/shop/db/password:good", WithDecryption=True)["Parameter"]
    assert (by_label["Value"], by_label["Selector"]) == ("correct horse", ":good"), by_label
    several = ssm.get_parameters(Names=["/shop/url", "/shop/none", "/shop/db/password:1"], WithDecryption=True)
    assert several["InvalidParameters"] == ["/shop/none"] and len(several["Parameters"]) == 2, several
    below = pages(ssm, "get_parameters_by_path", "Parameters", 2, Path="/shop", Recursive=True)
    assert [it["Name"] for it in below] == ["/shop/db/password", "/shop/large", "/shop/url", "/shop/zones"], below
    level = pages(ssm, "get_parameters_by_path", "Parameters", 10, Path="/shop/db", WithDecryption=True,
                  ParameterFilters=[{"Key": "Label", "Values": ["good"]}])
    assert [it["Value"] for it in level] == ["correct horse"], level
    history = pages(ssm, "get_parameter_history", "Parameters", 1, Name="/shop/db/password", WithDecryption=True)
    assert [(it["Version"], it["Value"], it["Labels"]) for it in history] == [
        (1, "correct horse", ["good"]), (2, "battery staple", [])], history
    secure = pages(ssm, "describe_parameters", "Parameters", 1, ParameterFilters=[{"Key": "KeyId", "Values": ["alias/shop"]}])
    assert [it["Description"] for it in secure] == ["of the database"], secure
    found = pages(ssm, "describe_parameters", "Parameters", 1, ParameterFilters=[
        {"Key": "Path", "Option": "Recursive", "Values": ["/shop"]}, {"Key": "Type", "Option": "BeginsWith", "Values": ["String"]}])
    assert len(found) == 3, found
    tagged = ssm.describe_parameters(ParameterFilters=[{"Key": "tag:team", "Values": ["blue"]}])["Parameters"]
    assert [it["Name"] for it in tagged] == ["/shop/zones"], tagged
    refused("InvalidFilterKey", ssm.describe_parameters, ParameterFilters=[{"Key": "Label", "Values": ["good"]}])
    of = {"ResourceType": "Parameter", "ResourceId": "/shop/zones"}
    ssm.add_tags_to_resource(**of, Tags=[{"Key": "stage", "Value": "dev"}])
    ssm.remove_tags_from_resource(**of, TagKeys=["team"])
    assert ssm.list_tags_for_resource(**of)["TagList"] == [{"Key": "stage", "Value": "dev"}]
    refused("InvalidResourceId", ssm.list_tags_for_resource, ResourceType="Parameter", ResourceId="/shop/none")
    gone = ssm.unlabel_parameter_version(Name="/shop/db/password", ParameterVersion=1, Labels=["good"])
    assert gone["RemovedLabels"] == ["good"], gone


def typed():
    of = ("--resource-type", "Parameter", "--resource-id", "/shop/url")
    aws("ssm", "add-tags-to-resource", *of, "--tags", "Key=stage,Value=dev")
    assert aws("ssm", "list-tags-for-resource", *of)["TagList"] == [{"Key": "stage", "Value": "dev"}]
    aws("ssm", "remove-tags-from-resource", *of, "--tag-keys", "stage")
    got = aws("ssm", "get-parameter", "--name", "/shop/db/password", "--with-decryption", "--query", "Parameter.Value")
    assert got == "battery staple", got
    assert len(aws("ssm", "get-parameters-by-path", "--path", "/", "--recursive", "--max-items", "2")["Parameters"]) == 2
    assert "ParameterNotFound" in aws("ssm", "get-parameter", "--name", "/shop/none", code=255)
    aws("ssm", "delete-parameter", "--name", "/shop/large")
    ssm.delete_parameter(Name="/shop/zones")
    gone = ssm.delete_parameters(Names=["/shop/url", "/shop/db/password", "/shop/large"])
    assert gone["InvalidParameters"] == ["/shop/large"] and len(gone["DeletedParameters"]) == 2, gone


def kept_secret():
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    made = secretsmanager.create_secret(Name="shop/db", SecretString='{"user":"a"}', ClientRequestToken=first,
                                        Tags=[{"Key": "team", "Value": "blue"}])
    again = secretsmanager.create_secret(Name="shop/db", SecretString='{"user":"a"}', ClientRequestToken=first)
    assert (made["ARN"], made["VersionId"]) == (again["ARN"], first), again
    put = secretsmanager.put_secret_value(SecretId=made["ARN"], SecretString="two", ClientRequestToken=second)
    assert put["VersionStages"] == ["AWSCURRENT"], put
    refused("ResourceExistsException", secretsmanager.put_secret_value, SecretId="shop/db", SecretString="x", ClientRequestToken=second)
    assert secretsmanager.get_secret_value(SecretId="shop/db")["SecretString"] == "two"
    previous = secretsmanager.get_secret_value(SecretId="shop/db", VersionStage="AWSPREVIOUS")
    assert (previous["SecretString"], previous["VersionId"]) == ('{"user":"a"}', first), previous
    secretsmanager.update_secret_version_stage(
        SecretId="shop/db", VersionStage="AWSCURRENT", RemoveFromVersionId=second, MoveToVersionId=first)
    described = secretsmanager.describe_secret(SecretId="shop/db")
    assert described["VersionIdsToStages"] == {first: ["AWSCURRENT"], second: ["AWSPREVIOUS"]}, described
    secretsmanager.update_secret(SecretId="shop/db", Description="of the shop", SecretBinary=b"\x00\x01")
    assert secretsmanager.get_secret_value(SecretId="shop/db")["SecretBinary"] == b"\x00\x01"
    versions = secretsmanager.list_secret_version_ids(SecretId="shop/db", IncludeDeprecated=True, MaxResults=2)
    rest = secretsmanager.list_secret_version_ids(
        SecretId="shop/db", IncludeDeprecated=True, MaxResults=2, NextToken=versions["NextToken"])
    assert len(versions["Versions"]) == 2 and len(rest["Versions"]) == 1 and "NextToken" not in rest, (versions, rest)
    secretsmanager.tag_resource(SecretId="shop/db", Tags=[{"Key": "stage", "Value": "dev"}])
    secretsmanager.untag_resource(SecretId="shop/db", TagKeys=["team"])
    secretsmanager.create_secret(Name="shop/other")
    listed = pages(secretsmanager, "list_secrets", "SecretList", 1, Filters=[{"Key": "name", "Values": ["shop/"]}])
    assert [it["Name"] for it in listed] == ["shop/other", "shop/db"], listed
    tagged = secretsmanager.list_secrets(Filters=[{"Key": "tag-key", "Values": ["stage"]}])["SecretList"]
    assert [it["Tags"] for it in tagged] == [[{"Key": "stage", "Value": "dev"}]], tagged
    refused("InvalidParameterException", secretsmanager.update_secret_version_stage, SecretId="shop/db", VersionStage="AWSCURRENT",
            MoveToVersionId=first)
    refused("ResourceNotFoundException", secretsmanager.get_secret_value, SecretId="shop/none")
    said = refused("InvalidRequestException", secretsmanager.rotate_secret, SecretId="shop/db", ClientRequestToken=second)
    assert "No rotation is configured" in said, said


def deleted():
    secretsmanager.delete_secret(SecretId="shop/db", RecoveryWindowInDays=7)
    refused("InvalidRequestException", secretsmanager.get_secret_value, SecretId="shop/db")
    planned = secretsmanager.list_secrets(IncludePlannedDeletion=True)["SecretList"]
    assert [it["Name"] for it in planned if "DeletedDate" in it] == ["shop/db"], planned
    secretsmanager.restore_secret(SecretId="shop/db")
    for name in ("shop/db", "shop/other"):
        secretsmanager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    refused("ResourceNotFoundException", secretsmanager.describe_secret, SecretId="shop/db")


def typed_secret():
    arn = aws("secretsmanager", "create-secret", "--name", "typed", "--secret-string", "one", "--query", "ARN")
    aws("secretsmanager", "put-secret-value", "--secret-id", "typed", "--secret-string", "two")
    got = aws("secretsmanager", "get-secret-value", "--secret-id", arn, "--query", "SecretString")
    assert got == "two", got
    assert "InvalidRequestException" in aws("secretsmanager", "rotate-secret", "--secret-id", "typed", code=255)
    aws("secretsmanager", "delete-secret", "--secret-id", "typed", "--force-delete-without-recovery")
