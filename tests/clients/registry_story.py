"""Images by ECR's own operations: pushed layer by layer, described, kept from moving, expired by a policy, deleted."""
import base64
import hashlib
import json
import urllib.error
import urllib.request

from context import client, ecr, pages, refused, unchecked

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
NAME = "story/web"


def run():
    repositories()
    access()
    first = push("first")
    pushed(first)
    second = push("second", tag="v2")
    immutable(first)
    an_index(first, second)
    deleted(first)
    policies()
    refusals()
    ecr.delete_repository(repositoryName=NAME, force=True)
    refused("RepositoryNotFoundException", ecr.list_images, repositoryName=NAME)


def repositories():
    created = ecr.create_repository(repositoryName=NAME, tags=[{"Key": "team", "Value": "blue"}],
                                    imageScanningConfiguration={"scanOnPush": True})["repository"]
    arn = created["repositoryArn"]
    assert arn == f"arn:aws:ecr:us-east-1:123456789012:repository/{NAME}", arn
    assert created["imageTagMutability"] == "MUTABLE" and created["encryptionConfiguration"] == {"encryptionType": "AES256"}
    assert created["repositoryUri"] == ecr.meta.endpoint_url.removeprefix("http://") + "/" + NAME
    refused("RepositoryAlreadyExistsException", ecr.create_repository, repositoryName=NAME)
    for number in range(3):
        ecr.create_repository(repositoryName=f"story/other{number}")
    names = [repository["repositoryName"] for repository in pages(ecr, "describe_repositories", "repositories", 2)]
    assert names == ["story/other0", "story/other1", "story/other2", NAME], names
    for number in range(3):
        ecr.delete_repository(repositoryName=f"story/other{number}")
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "stage", "Value": "dev"}])
    ecr.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "stage", "Value": "dev"}]
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    refused("RepositoryPolicyNotFoundException", ecr.get_repository_policy, repositoryName=NAME)
    ecr.set_repository_policy(repositoryName=NAME, policyText=policy)
    assert ecr.get_repository_policy(repositoryName=NAME)["policyText"] == policy
    ecr.delete_repository_policy(repositoryName=NAME)
    ecr.put_image_scanning_configuration(repositoryName=NAME, imageScanningConfiguration={"scanOnPush": False})


def access():
    """The token lets clients of the registry in, and nothing else does."""
    data = ecr.get_authorization_token()["authorizationData"][0]
    assert data["proxyEndpoint"] == ecr.meta.endpoint_url
    assert base64.b64decode(data["authorizationToken"]).startswith(b"AWS:")
    assert ask("/v2/", data["authorizationToken"]) == (200, {})
    for wrong in (None, base64.b64encode(b"AWS:guessed").decode(), base64.b64encode(b"root:guessed").decode()):
        status, error = ask("/v2/", wrong)
        assert status == 401 and error["errors"][0]["code"] == "UNAUTHORIZED", (status, error)


def ask(path, token):
    request = urllib.request.Request(ecr.meta.endpoint_url + path, headers={"Authorization": f"Basic {token}"} if token else {})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        if error.code == 401:
            assert error.headers["WWW-Authenticate"].startswith("Basic "), error.headers
        return error.code, json.loads(error.read())


def upload(content):
    """Uploads a layer in parts, as ECR's operations have it."""
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    begun = ecr.initiate_layer_upload(repositoryName=NAME)
    size = begun["partSize"]
    for start in range(0, len(content), size):
        part = content[start:start + size]
        last = start + len(part) - 1
        given = ecr.upload_layer_part(repositoryName=NAME, uploadId=begun["uploadId"], partFirstByte=start, partLastByte=last,
                                      layerPartBlob=part)
        assert given["lastByteReceived"] == last
    ecr.complete_layer_upload(repositoryName=NAME, uploadId=begun["uploadId"], layerDigests=[digest])
    return digest


def push(text, tag=None):
    layer, config = text.encode() * 700_000, json.dumps({"text": text}).encode()
    parts = [{"mediaType": "application/octet-stream", "digest": upload(content), "size": len(content)} for content in (config, layer)]
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": parts[0], "layers": parts[1:]})
    named = {"imageTag": tag} if tag else {}
    image = ecr.put_image(repositoryName=NAME, imageManifest=manifest, **named)["image"]
    assert image["imageId"]["imageDigest"] == "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()
    return {"digest": image["imageId"]["imageDigest"], "manifest": manifest, "layer": parts[1]["digest"], "content": layer}


def pushed(image):
    again = {"repositoryName": NAME, "imageManifest": image["manifest"]}
    refused("ImageAlreadyExistsException", ecr.put_image, **again)
    ecr.put_image(**again, imageTag="v1")
    ecr.put_image(**again, imageTag="latest")
    refused("ImageAlreadyExistsException", ecr.put_image, **again, imageTag="v1")
    refused("ImageDigestDoesNotMatchException", ecr.put_image, **again, imageTag="v3", imageDigest="sha256:" + "0" * 64)
    described = ecr.describe_images(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])["imageDetails"][0]
    assert described["imageTags"] == ["latest", "v1"] and described["imageManifestMediaType"] == MANIFEST, described
    assert described["imageSizeInBytes"] > len(image["content"]) and "lastRecordedPullTime" not in described
    got = ecr.batch_get_image(repositoryName=NAME, imageIds=[
        {"imageTag": "v1"}, {"imageTag": "none"}, {"imageDigest": "wrong"}, {"imageDigest": "sha256:" + "0" * 64, "imageTag": "v1"}, {}])
    assert [found["imageManifest"] for found in got["images"]] == [image["manifest"]]
    assert [failure["failureCode"] for failure in got["failures"]] == [
        "ImageNotFound", "InvalidImageDigest", "ImageTagDoesNotMatchDigest", "MissingDigestAndTag"]
    assert "lastRecordedPullTime" in ecr.describe_images(repositoryName=NAME)["imageDetails"][0]
    upload_id = ecr.initiate_layer_upload(repositoryName=NAME)["uploadId"]
    part = {"repositoryName": NAME, "uploadId": upload_id}
    ecr.upload_layer_part(**part, partFirstByte=0, partLastByte=0, layerPartBlob=b"x")
    refused("LayerAlreadyExistsException", ecr.complete_layer_upload, **part, layerDigests=[image["layer"]])
    missing = "sha256:" + "0" * 64
    layers = ecr.batch_check_layer_availability(repositoryName=NAME, layerDigests=[image["layer"], missing, "wrong"])
    assert [layer["layerAvailability"] for layer in layers["layers"]] == ["AVAILABLE", "UNAVAILABLE"]
    assert layers["failures"][0]["failureCode"] == "InvalidLayerDigest"
    url = ecr.get_download_url_for_layer(repositoryName=NAME, layerDigest=image["layer"])["downloadUrl"]
    credentials, address = url.removeprefix("http://").split("@")
    request = urllib.request.Request("http://" + address, headers={
        "Authorization": "Basic " + base64.b64encode(credentials.encode()).decode()})
    assert urllib.request.urlopen(request).read() == image["content"]


def immutable(first):
    """A tag stays where it is, unless it is excepted."""
    arguments = {"repositoryName": NAME, "imageManifest": first["manifest"]}
    ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    message = refused("ImageTagAlreadyExistsException", ecr.put_image, **arguments, imageTag="v2")
    assert "immutable" in message, message
    ecr.put_image_tag_mutability(
        repositoryName=NAME, imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "lat*"}])
    other = push("other", tag="latest")
    ecr.put_image(**arguments, imageTag="latest")
    ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": other["digest"]}])
    refused("ImageTagAlreadyExistsException", ecr.put_image, **arguments, imageTag="v2")
    refused("InvalidParameterException", ecr.put_image_tag_mutability, repositoryName=NAME, imageTagMutability="MUTABLE_WITH_EXCLUSION")
    ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="MUTABLE")


def an_index(*images):
    children = [{"mediaType": MANIFEST, "digest": image["digest"], "size": len(image["manifest"])} for image in images]
    manifest = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": children})
    index = ecr.put_image(repositoryName=NAME, imageManifest=manifest, imageTag="all")["image"]["imageId"]["imageDigest"]
    failures = ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": images[0]["digest"]}])["failures"]
    assert failures[0]["failureCode"] == "ImageReferencedByManifestList", failures
    ids = pages(ecr, "list_images", "imageIds", 2, repositoryName=NAME)
    assert sorted(found["imageTag"] for found in ids) == ["all", "latest", "v1", "v2"], ids
    assert len(pages(ecr, "describe_images", "imageDetails", 2, repositoryName=NAME, filter={"tagStatus": "TAGGED"})) == 3
    gone = ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "all"}])
    assert gone["imageIds"] == [{"imageDigest": index, "imageTag": "all"}] and not gone["failures"], gone


def deleted(first):
    """Deleting a tag deletes the image with the last of them."""
    delete = lambda tag: ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": tag}])["imageIds"]
    assert delete("latest") == [{"imageDigest": first["digest"], "imageTag": "latest"}]
    assert ecr.describe_images(repositoryName=NAME, imageIds=[{"imageDigest": first["digest"]}])["imageDetails"][0]["imageTags"] == ["v1"]
    delete("v1")
    refused("ImageNotFoundException", ecr.describe_images, repositoryName=NAME, imageIds=[{"imageDigest": first["digest"]}])
    refused("RepositoryNotEmptyException", ecr.delete_repository, repositoryName=NAME)


def policies():
    push("third", tag="v3")
    rule = {"rulePriority": 1, "description": "keeps one", "action": {"type": "expire"}, "selection": {
        "tagStatus": "tagged", "tagPatternList": ["v*"], "countType": "imageCountMoreThan", "countNumber": 1}}
    text = json.dumps({"rules": [rule]})
    refused("LifecyclePolicyNotFoundException", ecr.get_lifecycle_policy, repositoryName=NAME)
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=text)
    assert ecr.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"] == text
    refused("LifecyclePolicyPreviewNotFoundException", ecr.get_lifecycle_policy_preview, repositoryName=NAME)
    ecr.start_lifecycle_policy_preview(repositoryName=NAME)
    ecr.get_waiter("lifecycle_policy_preview_complete").wait(repositoryName=NAME)
    preview = ecr.get_lifecycle_policy_preview(repositoryName=NAME)
    assert [(found["imageTags"], found["appliedRulePriority"]) for found in preview["previewResults"]] == [(["v2"], 1)], preview
    assert preview["summary"]["expiringImageTotalCount"] == 1
    rule["selection"]["countType"] = "sinceImagePulled"
    message = refused("InvalidParameterException", ecr.put_lifecycle_policy, repositoryName=NAME,
                      lifecyclePolicyText=json.dumps({"rules": [rule]}))
    assert "sinceImagePulled" in message, message
    ecr.delete_lifecycle_policy(repositoryName=NAME)


def refusals():
    missing = "sha256:" + "0" * 64
    refused("RepositoryNotFoundException", ecr.describe_repositories, repositoryNames=["story/none"])
    refused("RepositoryNotFoundException", ecr.initiate_layer_upload, repositoryName="story/none")
    refused("InvalidParameterException", ecr.create_repository, repositoryName="no--name")
    refused("InvalidParameterException", ecr.list_images, repositoryName=NAME, nextToken="of another listing")
    refused("InvalidParameterException", ecr.list_images, repositoryName=NAME, registryId="999999999999")
    refused("InvalidParameterException", unchecked["ecr"].list_images, repositoryName=NAME, maxResults=1001)
    refused("LayersNotFoundException", ecr.get_download_url_for_layer, repositoryName=NAME, layerDigest=missing)
    part = {"mediaType": "application/octet-stream", "digest": missing, "size": 1}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": part, "layers": []}
    message = refused("LayersNotFoundException", ecr.put_image, repositoryName=NAME, imageManifest=json.dumps(manifest))
    assert missing in message, message
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [part]}
    refused("ReferencedImagesNotFoundException", ecr.put_image, repositoryName=NAME, imageManifest=json.dumps(index))
    refused("InvalidParameterException", ecr.put_image, repositoryName=NAME, imageManifest="{}")
    refused("ScanNotFoundException", ecr.describe_image_scan_findings, repositoryName=NAME, imageId={"imageTag": "v3"})
    refused("ImageNotFoundException", ecr.start_image_scan, repositoryName=NAME, imageId={"imageTag": "none"})
    assert "no image scanner" in refused("ValidationException", ecr.start_image_scan, repositoryName=NAME, imageId={"imageTag": "v3"})

    upload_id = ecr.initiate_layer_upload(repositoryName=NAME)["uploadId"]
    refused("EmptyUploadException", ecr.complete_layer_upload, repositoryName=NAME, uploadId=upload_id, layerDigests=[missing])
    refused("InvalidLayerPartException", ecr.upload_layer_part, repositoryName=NAME, uploadId=upload_id, partFirstByte=5, partLastByte=8,
            layerPartBlob=b"part")
    ecr.upload_layer_part(repositoryName=NAME, uploadId=upload_id, partFirstByte=0, partLastByte=3, layerPartBlob=b"part")
    refused("InvalidLayerException", ecr.complete_layer_upload, repositoryName=NAME, uploadId=upload_id, layerDigests=[missing])
    refused("UploadNotFoundException", ecr.complete_layer_upload, repositoryName=NAME, uploadId=upload_id, layerDigests=[missing])
    says = refused("UnknownOperationException", client("ecr").describe_registry)
    assert "DescribeRegistry" in says, says
