//! Infrastructure by CloudFormation and the CDK in a release. CloudFormation and S3 are moto's.

mod harness;

use std::process::Command;

use harness::Trial;
use harness::moto::Moto;
use harness::provisioned::{greeting, newest, parsed, step, write};

const WITH_STACK: &str = r#"
app: trial
infra:
  cloudformation:
    stack: trial-dev
    template: template.yml
    parameters: { Greeting: "{{ env('GREETING', 'hello') }}" }
    tags: { team: shop }
services:
  web:
    command: seatrial demo-app
    port: 8080
    health_check: { path: /health/ready, interval: 5s }
    listener: { port: @PORT@ }
    environment: { GREETING: "{{ infra.Topic }}" }
environments:
  dev: { target: embedded, stage: dev }
"#;

const TEMPLATE: &str = r#"
Parameters:
  Greeting: { Type: String }
Resources:
  Topic: { Type: 'AWS::SNS::Topic', Properties: { TopicName: !Ref Greeting } }
  Orders: { Type: 'AWS::SQS::Queue', Properties: { QueueName: orders } }
Outputs:
  Topic: { Value: !GetAtt Topic.TopicName }
"#;

fn cloudformation(moto: &Moto) -> (&str, &str) {
    ("AWS_ENDPOINT_URL_CLOUDFORMATION", &moto.endpoint)
}

fn with_stack() -> (Trial, Moto) {
    let trial = Trial::new(WITH_STACK);
    write(&trial, "template.yml", TEMPLATE);
    trial.run(&["engine", "start", "--port", "0"], &[]).exits(0);
    (trial, Moto::start())
}

#[test]
fn a_stack_is_made_changed_and_left_alone_and_its_outputs_reach_the_services() {
    let (trial, moto) = with_stack();
    let here = cloudformation(&moto);
    let planned = trial.run(&["infra", "plan"], &[here]).exits(0);
    assert!(planned.says("+ Orders (AWS::SQS::Queue): create") && planned.says("2 to create"), "{planned:?}");
    let planned = trial.run(&["infra", "plan"], &[here]).exits(0);
    assert!(planned.says("2 to create"), "the first look has left nothing behind: {planned:?}");
    assert!(trial.run(&["infra", "outputs"], &[here]).exits(0).says("there is none"));

    let first = trial.deploy(&[here]).exits(0);
    assert!(first.says("+ Topic created"), "{first:?}");
    assert_eq!(greeting(&trial), "hello");
    let made = step(&newest(&trial), "infra")["details"].to_string();
    assert!(made.contains("2 to create"), "{made}");
    let nothing = trial.run(&["infra", "plan", "--detailed-exitcode"], &[here]).exits(0);
    assert!(nothing.says("nothing to change"), "{nothing:?}");
    assert!(trial.deploy(&[here]).exits(0).says("nothing to do"));

    let changed = trial.deploy(&[here, ("GREETING", "goodbye")]).exits(0);
    assert!(changed.says("~ Topic changed"), "{changed:?}");
    assert_eq!(greeting(&trial), "goodbye");
    assert!(step(&newest(&trial), "infra")["details"].to_string().contains("1 to replace"), "a topic holds nothing");
    let outputs = parsed(&trial.run(&["infra", "outputs", "-o", "json"], &[here]).exits(0));
    assert_eq!(outputs["Topic"], "goodbye");
}

#[test]
fn a_stack_loses_what_holds_data_only_with_somebodys_word() {
    let (trial, moto) = with_stack();
    let here = cloudformation(&moto);
    trial.deploy(&[here]).exits(0);
    let without: String =
        TEMPLATE.lines().filter(|line| !line.contains("Orders")).map(|line| format!("{line}\n")).collect();
    write(&trial, "template.yml", &without);
    let refused = trial.deploy(&[here]).exits(7);
    assert!(
        refused.says("Orders (AWS::SQS::Queue) to destroy") && refused.says("--allow-replace 'Orders'"),
        "{refused:?}"
    );
    let shown = trial.run(&["infra", "plan"], &[here]).exits(7);
    assert!(shown.says("Orders holds data"), "{shown:?}");
    let done = trial.run(&["infra", "apply", "--allow-replace", "Orders"], &[here]).exits(0);
    assert!(done.says("1 to destroy"), "{done:?}");
}

#[test]
fn a_stack_that_fails_tells_the_first_cause_and_what_to_do() {
    let (trial, moto) = with_stack();
    let here = cloudformation(&moto);
    let taken = [here, ("GREETING", "taken")];
    let failed = trial.deploy(&taken).exits(1);
    let why =
        "the stack trial-dev is ROLLBACK_COMPLETE: Topic (AWS::SNS::Topic): somebody has a topic of this name already";
    assert!(failed.says(why) && failed.says("delete-stack --stack-name trial-dev"), "{failed:?}");
    assert!(!failed.says("cancelled:"), "{failed:?}");
    assert_eq!(step(&newest(&trial), "infra")["outcome"], "failed");
    let still = trial.run(&["infra", "plan"], &taken).exits(1);
    assert!(still.says("it could not be made, and cannot be changed into what it should be"), "{still:?}");

    moto.aws(&["cloudformation", "delete-stack", "--stack-name", "trial-dev"]);
    trial.deploy(&[here]).exits(0);
    let failed = trial.deploy(&taken).exits(1);
    assert!(failed.says("UPDATE_ROLLBACK_COMPLETE") && failed.says("the stack is what it was before"), "{failed:?}");
    assert_eq!(greeting(&trial), "hello");
    trial.deploy(&[here, ("GREETING", "free")]).exits(0);
    assert_eq!(greeting(&trial), "free");
}

#[test]
fn what_is_wrong_with_a_stack_is_told() {
    let (trial, moto) = with_stack();
    let here = cloudformation(&moto);
    let elsewhere = trial.run(&["infra", "plan"], &[]).exits(1);
    assert!(elsewhere.says("looking at the stack trial-dev"), "{elsewhere:?}");
    write(&trial, "template.yml", &"#".repeat(60_000));
    let large = trial.run(&["infra", "plan"], &[here]).exits(1);
    assert!(large.says("has more than 51200 bytes") && large.says("name a bucket"), "{large:?}");
    std::fs::remove_file(trial.directory().join("template.yml")).expect("it is there");
    let missing = trial.run(&["infra", "apply"], &[here]).exits(1);
    assert!(missing.says("template.yml cannot be read"), "{missing:?}");
}

#[test]
fn a_large_template_goes_by_way_of_a_bucket() {
    let (trial, moto) = with_stack();
    let with_buckets = [cloudformation(&moto), ("AWS_ENDPOINT_URL_S3", &moto.endpoint)];
    write(&trial, "template.yml", &format!("{TEMPLATE}{}\n", format!("# {}\n", "x".repeat(70)).repeat(1000)));
    let path = trial.directory().join("seatrial.yml");
    let text = std::fs::read_to_string(&path).expect("written");
    std::fs::write(&path, text.replace("template: template.yml", "template: template.yml\n    bucket: templates"))
        .expect("writable");
    let none = trial.run(&["infra", "plan"], &with_buckets).exits(1);
    assert!(none.says("there is no bucket templates to upload to"), "{none:?}");
    moto.aws(&["s3api", "create-bucket", "--bucket", "templates"]);
    trial.deploy(&with_buckets).exits(0);
    assert_eq!(greeting(&trial), "hello");
    let nothing = trial.run(&["infra", "plan"], &with_buckets).exits(0);
    assert!(nothing.says("nothing to change"), "{nothing:?}");
    let there = moto.aws(&["s3api", "list-objects-v2", "--bucket", "templates", "--query", "Contents[].Key"]);
    assert!(there.starts_with("seatrial/trial-dev/") && there.lines().count() == 1, "it is uploaded once: {there}");
}

#[test]
fn what_an_assembly_of_the_cdk_wants_uploaded_is_there_before_its_stack() {
    let (trial, moto) = with_stack();
    let with_buckets = [cloudformation(&moto), ("AWS_ENDPOINT_URL_S3", &moto.endpoint)];
    let manifest = r#"{ "version": "38.0.1", "artifacts": {
        "App.assets": { "type": "cdk:asset-manifest", "properties": { "file": "App.assets.json" } },
        "App": { "type": "aws:cloudformation:stack", "dependencies": ["App.assets"], "properties": { "templateFile": "App.template.json",
                 "stackName": "trial-app", "stackTemplateAssetObjectUrl": "s3://assets-${AWS::Region}/app.json" } } } }"#;
    let assets = r#"{ "version": "38.0.1", "dockerImages": {}, "files": {
        "app": { "source": { "path": "App.template.json", "packaging": "file" },
                 "destinations": { "here": { "bucketName": "assets-${AWS::Region}", "objectKey": "app.json" } } },
        "code": { "source": { "path": "asset.code", "packaging": "zip" },
                  "destinations": { "here": { "bucketName": "assets-${AWS::Region}", "objectKey": "code.zip" },
                                    "there": { "bucketName": "assets-elsewhere", "objectKey": "code.zip", "region": "ap-south-2" } } } } }"#;
    // Too large to travel with a request.
    let remark = "x".repeat(60_000);
    let app = format!(
        r#"{{ "Metadata": {{ "Remark": "{remark}" }},
        "Resources": {{ "Topic": {{ "Type": "AWS::SNS::Topic", "Properties": {{ "TopicName": "from-the-cdk" }} }} }},
        "Outputs": {{ "Topic": {{ "Value": {{ "Fn::GetAtt": ["Topic", "TopicName"] }} }} }} }}"#
    );
    let path = trial.directory().join("seatrial.yml");
    let text = std::fs::read_to_string(&path).expect("written");
    let (before, after) = text.split_once("infra:").expect("it has infrastructure");
    let after = &after[after.find("services:").expect("it has services")..];
    std::fs::write(&path, format!("{before}infra: {{ cdk: {{ app: cdk.out }} }}\n{after}")).expect("writable");
    for (name, text) in [
        ("manifest.json", manifest),
        ("App.assets.json", assets),
        ("App.template.json", &app),
        ("asset.code/index.js", "exports.handler = () => 'hello';\n"),
        ("asset.code/lib/more.js", "exports.more = 1;\n"),
    ] {
        write(&trial, &format!("cdk.out/{name}"), text);
    }
    let unbootstrapped = trial.deploy(&with_buckets).exits(1);
    assert!(
        unbootstrapped.says("there is no bucket assets-us-east-1") && unbootstrapped.says("cdk bootstrap"),
        "{unbootstrapped:?}"
    );
    moto.aws(&["s3api", "create-bucket", "--bucket", "assets-us-east-1"]);
    let deployed = trial.deploy(&with_buckets).exits(0);
    assert!(deployed.says("asset.code is uploaded to s3://assets-us-east-1/code.zip"), "{deployed:?}");
    assert_eq!(greeting(&trial), "from-the-cdk");
    let code = trial.directory().join("code.zip");
    moto.aws(&["s3", "cp", "--quiet", "s3://assets-us-east-1/code.zip", code.to_str().expect("a path of ours")]);
    let listed = Command::new("python3").args(["-m", "zipfile", "-l"]).arg(&code).output().expect("Python is there");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("index.js") && listed.contains("lib/more.js"), "{listed}");

    let images = assets.replace(r#""dockerImages": {}"#, r#""dockerImages": { "image": {} }"#);
    write(&trial, "cdk.out/App.assets.json", &images);
    let refused = trial.run(&["infra", "plan"], &with_buckets).exits(1);
    assert!(refused.says("wants 1 images built and pushed") && refused.says("`build:`"), "{refused:?}");
}

#[test]
fn an_assembly_of_the_cdk_is_a_list_of_stacks() {
    let (trial, moto) = with_stack();
    let here = cloudformation(&moto);
    let manifest = r#"{ "version": "38.0.1", "artifacts": {
        "App": { "type": "aws:cloudformation:stack", "dependencies": ["Data"],
                 "properties": { "templateFile": "App.template.json", "stackName": "trial-app" } },
        "Data": { "type": "aws:cloudformation:stack", "properties": { "templateFile": "Data.template.json", "stackName": "trial-data" } } } }"#;
    let app = r#"{ "Resources": { "Topic": { "Type": "AWS::SNS::Topic", "Properties": { "TopicName": "from-the-cdk" } } },
        "Outputs": { "Topic": { "Value": { "Fn::GetAtt": ["Topic", "TopicName"] } } } }"#;
    let data =
        r#"{ "Resources": { "Orders": { "Type": "AWS::SQS::Queue", "Properties": { "QueueName": "orders" } } } }"#;
    let path = trial.directory().join("seatrial.yml");
    let text = std::fs::read_to_string(&path).expect("written");
    let (before, after) = text.split_once("infra:").expect("it has infrastructure");
    let after = &after[after.find("services:").expect("it has services")..];
    let with = |kind: &str| {
        std::fs::write(&path, format!("{before}infra: {{ cdk: {{ {kind} }} }}\n{after}")).expect("written")
    };
    with("app: cdk.out");
    for (name, text) in [("manifest.json", manifest), ("App.template.json", app), ("Data.template.json", data)] {
        write(&trial, &format!("cdk.out/{name}"), text);
    }
    trial.deploy(&[here]).exits(0);
    assert_eq!(greeting(&trial), "from-the-cdk");
    let steps = step(&newest(&trial), "infra")["details"].to_string();
    assert!(steps.contains("created Orders") && steps.contains("2 to create"), "{steps}");

    // The same by the command that writes it, and only one of its stacks.
    with("app: [sh, -c, 'cp -r cdk.out \"$CDK_OUTDIR\"'], stacks: [App]");
    let nothing = trial.run(&["infra", "plan"], &[here]).exits(0);
    assert!(nothing.says("nothing to change"), "{nothing:?}");
    with("app: [sh, -c, 'echo no such construct >&2; exit 1']");
    let broken = trial.run(&["infra", "plan"], &[here]).exits(1);
    assert!(broken.says("could not be synthesised: no such construct"), "{broken:?}");
}
