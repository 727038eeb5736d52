use std::time::Duration;

use serde_json::{Value as Json, json};

use super::*;
use crate::aws::answering::{Answer, Answering, refusal};
use crate::plan::{BuildKind, FilesBuild};

const ARN: &str = "arn:aws:ecr:eu-west-1:123456789012:repository/shop/web";

/// What becomes of a repository, by an ECR that answers so; and what it was asked.
async fn ensured(
    is_named: bool,
    answer: impl Fn(&str, &Json) -> Answer + Send + Sync + 'static,
) -> (Result<Change, ReleaseError>, Vec<String>) {
    let ecr = Answering::start(answer).await;
    let connection = Connection::to_endpoint(&ecr.endpoint);
    let build = BuildPlan {
        repository: "shop/web".to_owned(),
        is_named,
        before: Vec::new(),
        test: Vec::new(),
        timeout: Duration::from_secs(60),
        kind: BuildKind::Files(FilesBuild::default()),
    };
    let (app, service) = ("shop".parse().expect("a name"), "web".parse().expect("a name"));
    (ensure(&connection, &app, &service, &build).await, ecr.asked())
}

/// ECR with the repository, which has the application's tag or none.
fn owned(app: Option<&'static str>) -> impl Fn(&str, &Json) -> Answer + Send + Sync {
    move |operation, _| match operation {
        "DescribeRepositories" => (200, json!({ "repositories": [{ "repositoryArn": ARN }] })),
        "ListTagsForResource" => {
            let tags: Vec<Json> = app.iter().map(|app| json!({ "Key": APP_TAG, "Value": app })).collect();
            (200, json!({ "tags": tags }))
        }
        other => panic!("{other} is not needed"),
    }
}

#[tokio::test]
async fn a_missing_repository_is_made_and_one_that_somebody_has_just_made_is_taken() {
    let answer = |made: fn() -> Answer| {
        move |operation: &str, _: &Json| match operation {
            "DescribeRepositories" => refusal(REPOSITORY_MISSING, "there is none"),
            "CreateRepository" => made(),
            other => panic!("{other} is not needed"),
        }
    };
    let asked_for = ["DescribeRepositories", "CreateRepository"];
    let (made, asked) = ensured(false, answer(|| (200, json!({ "repository": { "repositoryArn": ARN } })))).await;
    assert!(matches!(made, Ok(Change::Created(_))), "{made:?}");
    assert_eq!(asked, asked_for);
    let (taken, asked) = ensured(false, answer(|| refusal(REPOSITORY_EXISTS, "since a moment"))).await;
    assert!(matches!(taken, Ok(Change::Unchanged)), "{taken:?}");
    assert_eq!(asked, asked_for);
}

#[tokio::test]
async fn a_repository_is_used_by_its_owner_and_by_whoever_names_one_without() {
    for (app, is_named, conflict) in [
        (Some("shop"), false, None),
        (None, true, None),
        (None, false, Some("exists and was not made by a release")),
        (Some("other"), true, Some("belongs to the application other")),
    ] {
        let (result, asked) = ensured(is_named, owned(app)).await;
        match (conflict, result) {
            (None, Ok(Change::Unchanged)) => {}
            (Some(words), Err(ReleaseError::NotPossible { what, .. })) => assert!(what.contains(words), "{what}"),
            (expected, other) => panic!("{app:?}: {expected:?}, not {other:?}"),
        }
        assert_eq!(asked, ["DescribeRepositories", "ListTagsForResource"]);
    }
}

#[tokio::test]
async fn whoever_may_not_make_repositories_hears_which_permission_that_needs() {
    let denied = "User: arn:aws:iam::1:user/ci is not authorized to perform: ecr:CreateRepository on resource: \
                  arn:aws:ecr:eu-west-1:1:repository/shop/web because no identity-based policy allows it";
    let (result, _) = ensured(false, move |operation, _| match operation {
        "DescribeRepositories" => refusal(REPOSITORY_MISSING, "there is none"),
        _ => refusal("AccessDeniedException", denied),
    })
    .await;
    let advice = result.expect_err("nothing is made").advice().expect("there is a way out");
    assert!(
        advice.contains("\"Action\":\"ecr:CreateRepository\"") && advice.contains("repository/shop/web"),
        "{advice}"
    );
}
