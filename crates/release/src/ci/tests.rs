use super::*;

fn written(text: &str, tests: Tests) -> String {
    github(Path::new("seatrial.yml"), text, "main", tests).expect("a workflow")
}

const FILE: &str = "app: shop
services:
  web: { image: \"x:{{ must_env('TAG') }}\", port: 80, environment: { A: \"{{ env('A', 'b') }}\", S: \"{{ env('DB_PASSWORD') }}\" } }
environments:
  dev: { target: embedded, stage: dev }
  staging: { target: { region: eu-west-1 }, network: { subnets: [a] } }
  prod: { target: { region: \"{{ must_env('AWS_REGION') }}\" }, approval: required, network: { subnets: [a] } }
";

#[test]
fn a_push_deploys_to_the_first_environment_on_aws_and_then_to_production() {
    let text = written(FILE, Tests::Cargo);
    let first = text.split("  deploy:\n").nth(1).and_then(|rest| rest.split("  changes:\n").next()).expect("a job");
    assert!(first.contains("environment: \"staging\"") && first.contains("aws-region: \"eu-west-1\""), "{first}");
    assert!(first.contains("seatrial deploy ||"), "{first}");
    let production = text.split("  production:\n").nth(1).expect("a job");
    assert!(production.contains("environment: \"prod\"") && production.contains("aws-region: ${{ vars.AWS_REGION }}"));
    assert!(production.contains("seatrial deploy --yes ||"), "{production}");
    assert!(text.contains("cancel-in-progress: false") && text.contains("permissions: {}"));
}

#[test]
fn variables_without_a_default_come_from_github() {
    let text = written(FILE, Tests::None);
    assert!(
        text.contains("TAG: ${{ vars.TAG }}") && text.contains("DB_PASSWORD: ${{ secrets.DB_PASSWORD }}"),
        "{text}"
    );
    assert!(!text.contains("vars.A }}"), "one with a default would lose it");
    assert_eq!(needed_variables("# must_env('X')\na: {{ must_env( \"Y\" ) }}"), BTreeSet::from(["Y".to_owned()]));
}

#[test]
fn every_action_is_pinned_to_a_commit() {
    let files = |names: &[&str]| Tests::of_files(&names.iter().map(|name| (*name).to_owned()).collect());
    let all = [&["Cargo.toml"][..], &["package.json", "package-lock.json"], &["pom.xml", "mvnw"], &[]];
    for names in all {
        let text = written(FILE, files(names));
        for line in text.lines().filter_map(|line| line.trim().strip_prefix("- uses: ")) {
            let (_, commit) = line.split_once('@').expect("a version");
            let (commit, tag) = commit.split_once(" # v").expect("its release");
            assert!(commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()) && !tag.is_empty(), "{line}");
        }
    }
    assert_eq!(files(&["pom.xml", "mvnw"]), Tests::Maven { has_wrapper: HasFile::Yes });
    assert_eq!(files(&["Makefile"]), Tests::None);
}

#[test]
fn without_aws_the_deployment_is_a_rehearsal() {
    let text = written("app: a\nservices: { web: { command: x } }\n", Tests::None);
    assert!(text.contains("environment: \"dev\"") && text.contains("seatrial engine start"), "{text}");
    assert!(!text.contains("production:\n") && !text.contains("id-token"), "{text}");
}
