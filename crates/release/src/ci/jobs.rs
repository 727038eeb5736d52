//! The text of the workflow, job by job.

use super::actions::{AWS_CREDENTIALS, CHECKOUT, SETUP_JAVA, SETUP_NODE};
use super::{HasFile, Pipeline, Place, Stop, Tests};

/// Longest comment in bytes; GitHub takes 65,536 characters.
const COMMENT_MAX: usize = 60_000;

/// Which role a job takes on.
#[derive(Clone, Copy)]
enum Role {
    /// May only look.
    Plan,
    Deploy,
}

pub(super) fn workflow(pipeline: &Pipeline) -> String {
    let mut text = head(pipeline);
    text += &test(pipeline);
    if let Some(stop) = pipeline.planned() {
        text += &plan_comment(pipeline, stop);
    }
    if let Some(stop) = &pipeline.first {
        text += &deploy_first(pipeline, stop);
    }
    if let Some(stop) = &pipeline.production {
        text += &production_plan(pipeline, stop);
        text += &deploy_production(pipeline, stop);
    }
    text
}

fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

fn head(pipeline: &Pipeline) -> String {
    let Pipeline { app, branch, config, .. } = pipeline;
    let (branch, config) = (quoted(branch), quoted(config));
    format!(
        "# Written by `seatrial ci generate github` and yours to change. docs/ci.md of Seatrial says what it needs: the variables
# AWS_PLAN_ROLE_ARN (may only look), AWS_DEPLOY_ROLE_ARN (one in each GitHub environment), SEATRIAL_REPOSITORY and SEATRIAL_REVISION,
# and required reviewers on the GitHub environment of production.
# Every action is pinned to the commit of a release; the comment behind it names the release.
name: \"{app}\"

on:
  pull_request:
  push:
    branches: [{branch}]

# Each job gets what it needs and no more.
permissions: {{}}

env:
  SEATRIAL_CONFIG: {config}
  NO_COLOR: \"1\"

jobs:
"
    )
}

fn test(pipeline: &Pipeline) -> String {
    let steps = match pipeline.tests {
        Tests::None => {
            return "  # No Cargo.toml, package.json or pom.xml was found beside seatrial.yml: add a job `test` and name it in `needs`.\n".to_owned();
        }
        Tests::Cargo => "      - run: cargo test --locked\n".to_owned(),
        Tests::Npm { has_lock } => {
            let install = match has_lock {
                HasFile::Yes => "npm ci",
                HasFile::No => "npm install",
            };
            format!(
                "      - uses: {SETUP_NODE}\n        with: {{ node-version: lts/* }}\n      - run: {install}\n      - run: npm test\n"
            )
        }
        Tests::Maven { has_wrapper } => {
            let maven = match has_wrapper {
                HasFile::Yes => "./mvnw",
                HasFile::No => "mvn",
            };
            format!(
                "      - uses: {SETUP_JAVA}\n        with: {{ distribution: temurin, java-version: \"21\" }}\n      - run: {maven} --batch-mode verify\n"
            )
        }
    };
    format!(
        "  test:
    runs-on: ubuntu-latest
    timeout-minutes: 30
    permissions: {{ contents: read }}
    steps:
{}{steps}
",
        checkout()
    )
}

fn checkout() -> String {
    format!("      - uses: {CHECKOUT}\n        with: {{ persist-credentials: false }}\n")
}

/// `needs` of a job: the tests, if there are any, and others.
fn needs(pipeline: &Pipeline, others: &[&str]) -> String {
    let tests = match pipeline.tests {
        Tests::None => None,
        Tests::Cargo | Tests::Npm { .. } | Tests::Maven { .. } => Some("test"),
    };
    let all: Vec<&str> = tests.into_iter().chain(others.iter().copied()).collect();
    if all.is_empty() { String::new() } else { format!("    needs: [{}]\n", all.join(", ")) }
}

/// Checks out, installs Seatrial, and takes a role on or starts the engine.
fn preparation(stop: &Stop, role: Role) -> String {
    let mut steps = checkout();
    steps += "      # There is no download of Seatrial yet, so it is built from the revision that you choose.
      - name: Install Seatrial
        run: cargo install --locked --git \"$REPOSITORY\" --rev \"$REVISION\" seatrial-cli
        env:
          REPOSITORY: ${{ vars.SEATRIAL_REPOSITORY }}
          REVISION: ${{ vars.SEATRIAL_REVISION }}
";
    match &stop.place {
        Place::Embedded => {
            steps += "      # The environment is the engine of this runner, which ends with the job: a rehearsal.
      - run: seatrial engine start
";
        }
        Place::Aws(region) => {
            let role = match role {
                Role::Plan => "AWS_PLAN_ROLE_ARN",
                Role::Deploy => "AWS_DEPLOY_ROLE_ARN",
            };
            let region = region.as_deref().map_or_else(|| "${{ vars.AWS_REGION }}".to_owned(), quoted);
            steps += &format!(
                "      - uses: {AWS_CREDENTIALS}
        with:
          role-to-assume: ${{{{ vars.{role} }}}}
          aws-region: {region}
"
            );
        }
    }
    steps
}

/// The variables of a step that runs `seatrial`.
fn step_environment(pipeline: &Pipeline, stop: &Stop) -> String {
    let mut text = format!("        env:\n          SEATRIAL_ENV: {}\n", quoted(stop.name.as_str()));
    for (name, value) in pipeline.variables() {
        text += &format!("          {name}: {value}\n");
    }
    text
}

/// What a job may do; a role is taken on with a token of its own.
fn permissions(stop: &Stop, more: &str) -> String {
    let token = match stop.place {
        Place::Embedded => "",
        Place::Aws(_) => ", id-token: write",
    };
    format!("    permissions: {{ contents: read{token}{more} }}\n")
}

fn plan_comment(pipeline: &Pipeline, stop: &Stop) -> String {
    let (app, name) = (&pipeline.app, &stop.name);
    let (permissions, preparation) = (permissions(stop, ", pull-requests: write"), preparation(stop, Role::Plan));
    let environment = step_environment(pipeline, stop);
    format!(
        "  plan:
    # A pull request from a fork gets no token with which it could look at the account.
    if: github.event_name == 'pull_request' && github.event.pull_request.head.repo.full_name == github.repository
    runs-on: ubuntu-latest
    timeout-minutes: 30
{permissions}    concurrency:
      group: seatrial-{app}-plan-${{{{ github.event.pull_request.number }}}}
      cancel-in-progress: true
    steps:
{preparation}      - name: Plan for {name}
        run: |
          printf '<!-- seatrial plan {app} {name} -->\\n### Plan for {name}\\n\\n' > comment.md
          seatrial plan --markdown > plan.md || code=$?
          case \"${{code:-0}}\" in
            0) ;;
            7) echo 'A deployment would be refused now: an alarm is firing already.' >> comment.md ;;
            *) exit \"$code\" ;;
          esac
          head -c {COMMENT_MAX} plan.md >> comment.md
{environment}      - name: Comment, or change the comment there is
        run: |
          comments=\"repos/$GITHUB_REPOSITORY/issues/$NUMBER/comments\"
          known=$(gh api --paginate \"$comments\" --jq '.[] | select(.user.type == \"Bot\" and (.body | startswith(\"<!-- seatrial plan {app} {name} -->\"))) | .id')
          # The first one, if there are several.
          known=${{known%%$'\\n'*}}
          if [ -n \"$known\" ]; then
            gh api --silent --method PATCH \"repos/$GITHUB_REPOSITORY/issues/comments/$known\" -F body=@comment.md
          else
            gh api --silent --method POST \"$comments\" -F body=@comment.md
          fi
        env:
          GH_TOKEN: ${{{{ github.token }}}}
          NUMBER: ${{{{ github.event.pull_request.number }}}}

"
    )
}

fn deploy_first(pipeline: &Pipeline, stop: &Stop) -> String {
    let (app, name, needs) = (&pipeline.app, &stop.name, needs(pipeline, &[]));
    let (permissions, preparation) = (permissions(stop, ""), preparation(stop, Role::Deploy));
    let deployment = deployment(pipeline, stop, "");
    format!(
        "  deploy:
    if: github.event_name == 'push'
{needs}    runs-on: ubuntu-latest
    timeout-minutes: 60
    environment: \"{name}\"
{permissions}    # A second deployment waits for the first one; none is ended in the middle.
    concurrency:
      group: seatrial-{app}-{name}
      cancel-in-progress: false
    outputs:
      deployed: ${{{{ steps.deploy.outputs.deployed }}}}
    steps:
{preparation}{deployment}
"
    )
}

fn production_plan(pipeline: &Pipeline, stop: &Stop) -> String {
    let (condition, before) = match &pipeline.first {
        // Paused is no failure, but production does not follow it.
        Some(_) => ("needs.deploy.outputs.deployed == 'true'", vec!["deploy"]),
        None => ("github.event_name == 'push'", vec![]),
    };
    let (name, needs) = (&stop.name, needs(pipeline, &before));
    let (permissions, preparation) = (permissions(stop, ""), preparation(stop, Role::Plan));
    let environment = step_environment(pipeline, stop);
    format!(
        "  # Nobody is asked to approve what changes nothing.
  changes:
    if: {condition}
{needs}    runs-on: ubuntu-latest
    timeout-minutes: 30
{permissions}    outputs:
      changes: ${{{{ steps.plan.outputs.changes }}}}
    steps:
{preparation}      - id: plan
        name: Would anything change in {name}?
        run: |
          seatrial plan --markdown --detailed-exitcode > plan.md || code=$?
          cat plan.md >> \"$GITHUB_STEP_SUMMARY\"
          case \"${{code:-0}}\" in
            0) echo 'changes=false' >> \"$GITHUB_OUTPUT\" ;;
            2) echo 'changes=true' >> \"$GITHUB_OUTPUT\" ;;
            *) exit \"$code\" ;;
          esac
{environment}
"
    )
}

fn deploy_production(pipeline: &Pipeline, stop: &Stop) -> String {
    let (app, name) = (&pipeline.app, &stop.name);
    let (permissions, preparation) = (permissions(stop, ""), preparation(stop, Role::Deploy));
    let deployment = deployment(pipeline, stop, " --yes");
    format!(
        "  production:
    needs: [changes]
    if: needs.changes.outputs.changes == 'true'
    runs-on: ubuntu-latest
    timeout-minutes: 120
    # Waits here for the reviewers of this GitHub environment. Their word is the `--yes` below.
    environment: \"{name}\"
{permissions}    concurrency:
      group: seatrial-{app}-{name}
      cancel-in-progress: false
    steps:
{preparation}{deployment}"
    )
}

/// Deploys, and says in the summary what its exit code means.
fn deployment(pipeline: &Pipeline, stop: &Stop, flags: &str) -> String {
    let (name, environment) = (&stop.name, step_environment(pipeline, stop));
    format!(
        "      - id: deploy
        name: Deploy to {name}
        run: |
          seatrial deploy{flags} || code=$?
          case \"${{code:-0}}\" in
            0) said='Deployed.'; echo 'deployed=true' >> \"$GITHUB_OUTPUT\" ;;
            3) said='The new version failed and was **rolled back** (exit code 3): the service is healthy on its previous version. `seatrial events` says why.' ;;
            4) said='The deployment failed, and so did the rollback (exit code 4): somebody has to look, now.' ;;
            5) said='The deployment was not over in time (exit code 5). `seatrial status` says what it waits for.' ;;
            6) said='The deployment is **paused** (exit code 6) and waits for a decision: `seatrial promote` goes on, `seatrial abort` goes back.' ;;
            7) said='The deployment was **blocked** and has changed nothing (exit code 7): an alarm is firing, somebody holds the lock, or it is a freeze window.' ;;
            *) said=\"The deployment ended with exit code $code; the log says why.\" ;;
          esac
          printf '### {name}\\n\\n%s\\n' \"$said\" >> \"$GITHUB_STEP_SUMMARY\"
          # To wait for somebody's decision is no failure.
          if [ \"${{code:-0}}\" = 6 ]; then echo '::warning::paused, waiting for a decision'; exit 0; fi
          exit \"${{code:-0}}\"
{environment}"
    )
}
