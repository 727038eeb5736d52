use serde_json::json;

use super::*;
use crate::aws::answering::{Answer, Answering, refusal};

const REGISTRY: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
const DENIED: &str =
    "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecr:DescribeImages on resource: *";

fn own() -> OwnRegistry {
    OwnRegistry { address: REGISTRY.to_owned(), name: REGISTRY.to_owned() }
}

fn aws() -> Target {
    Target::Aws { region: "eu-west-1".to_owned(), profile: None }
}

/// What is found of an image, by an ECR that answers so; and what it was asked.
async fn found(
    target: &Target,
    image: &str,
    answer: impl Fn(&str, &Json) -> Answer + Send + Sync + 'static,
) -> (Result<Option<Missing>, CallError>, Vec<String>) {
    let ecr = Answering::start(answer).await;
    let connection = Connection::to_endpoint(&ecr.endpoint);
    let service = "web".parse().expect("a name");
    let image = format!("{REGISTRY}/{image}");
    let found = missing_image(&connection, &own(), target, &service, &image, false).await;
    (found, ecr.asked())
}

/// ECR with these pull-through cache rules and no repository.
fn caching(prefixes: &'static [&'static str]) -> impl Fn(&str, &Json) -> Answer + Send + Sync {
    move |operation, _| match operation {
        "DescribeImages" => refusal("RepositoryNotFoundException", "there is none"),
        "DescribePullThroughCacheRules" => {
            let rules: Vec<Json> = prefixes.iter().map(|prefix| json!({ "ecrRepositoryPrefix": prefix })).collect();
            (200, json!({ "pullThroughCacheRules": rules }))
        }
        other => panic!("{other} is not needed"),
    }
}

#[tokio::test]
async fn whoever_may_not_use_the_registry_has_none() {
    for code in ["AccessDeniedException", "AccessDenied"] {
        let ecr = Answering::start(move |_, _| refusal(code, DENIED)).await;
        let found = OwnRegistry::find(&Connection::to_endpoint(&ecr.endpoint)).await;
        assert!(matches!(found, Ok(None)), "{code}: {found:?}");
        assert_eq!(ecr.asked(), ["GetAuthorizationToken"]);
    }
}

#[tokio::test]
async fn another_refusal_of_the_registry_is_an_error() {
    let ecr = Answering::start(|_, _| refusal("ServerException", "no")).await;
    let found = OwnRegistry::find(&Connection::to_endpoint(&ecr.endpoint)).await;
    assert!(matches!(&found, Err(ReleaseError::Call(error)) if error.has_code("ServerException")), "{found:?}");
}

#[tokio::test]
async fn an_image_that_nobody_may_look_for_is_left_to_ecs() {
    let (found, asked) = found(&aws(), "shop/web:1", |_, _| refusal("AccessDeniedException", DENIED)).await;
    assert!(matches!(found, Ok(None)), "{found:?}");
    assert_eq!(asked, ["DescribeImages"]);
    let strange = self::found(&aws(), "shop/web:1", |_, _| refusal("InvalidParameterException", "odd")).await.0;
    assert!(strange.is_err_and(|error| error.has_code("InvalidParameterException")));
}

#[tokio::test]
async fn what_a_pull_through_cache_brings_is_not_missing() {
    for (prefixes, repository, is_missing) in [
        (&["docker-hub"][..], "docker-hub/library/nginx", false),
        (&["quay", "docker-hub"], "docker-hub/library/nginx", false),
        (&["ROOT"], "library/nginx", false),
        (&["docker"], "docker-hub/library/nginx", true),
        (&["docker-hub"], "docker-hub", true),
        (&[], "shop/web", true),
    ] {
        let (found, asked) = found(&aws(), &format!("{repository}:1"), caching(prefixes)).await;
        let missing = found.expect("it can be told");
        assert_eq!(missing.is_some(), is_missing, "{prefixes:?} {repository}");
        assert_eq!(asked, ["DescribeImages", "DescribePullThroughCacheRules"]);
        let instead = missing.map(|missing| missing.instead);
        assert!(instead.is_none_or(|instead| instead == format!("there is no repository {repository}")));
    }
}

#[tokio::test]
async fn rules_that_nobody_may_see_are_none_and_the_engine_is_not_asked_for_any() {
    let denied = |operation: &str, _: &Json| match operation {
        "DescribeImages" => refusal("RepositoryNotFoundException", "there is none"),
        _ => refusal("AccessDeniedException", DENIED),
    };
    let missing = found(&aws(), "docker-hub/nginx:1", denied).await.0.expect("it can be told");
    assert!(missing.is_some_and(|missing| !missing.has_others));
    let (found, asked) = found(&Target::Embedded, "docker-hub/nginx:1", caching(&["docker-hub"])).await;
    assert!(found.is_ok_and(|missing| missing.is_some()));
    assert_eq!(asked, ["DescribeImages"]);
}

#[tokio::test]
async fn a_tag_that_the_cache_has_not_fetched_yet_is_not_missing_either() {
    let answer = |prefix: &'static str| {
        move |operation: &str, input: &Json| match operation {
            "DescribeImages" if !input["imageIds"].is_null() => refusal("ImageNotFoundException", "not there"),
            "DescribeImages" => (200, json!({ "imageDetails": [{ "imageDigest": "sha256:1", "imageTags": ["7"] }] })),
            _ => (200, json!({ "pullThroughCacheRules": [{ "ecrRepositoryPrefix": prefix }] })),
        }
    };
    let cached = found(&aws(), "docker-hub/nginx:8", answer("docker-hub")).await.0;
    assert!(matches!(cached, Ok(None)), "{cached:?}");
    let missing = found(&aws(), "docker-hub/nginx:8", answer("quay")).await.0.expect("it can be told");
    let missing = missing.expect("nobody brings it");
    assert!(
        missing.has_others && missing.instead == "the newest in the repository docker-hub/nginx are 7",
        "{missing:?}"
    );
}
