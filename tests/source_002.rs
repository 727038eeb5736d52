//! A whole pipeline, from a push to traffic: an application of a known type, its tests, its image, the infrastructure around it with a
//! database, a rolling update under load, a version that does not work, and what is known of it all afterwards.

mod harness;

use std::fs;
use std::process::Command;

use harness::postgres::Postgres;
use harness::{Ran, Trial, is_there, node};
use seatrial_load::{Length, LoadHandle, LoadPlan};
use serde_json::Value as Json;

const CONFIGURATION: &str = r#"
app: trial
infra:
  terraform:
    directory: infra
    variables: { port: "{{ env('DATABASE_PORT') }}" }
services:
  web:
    app_type: node-backend
    secrets: { PGPASSWORD: database-password }
    environment: { PGPORT: "{{ infra.database_port }}", PGHOST: "{{ infra.database_host }}", PGUSER: shop, PGDATABASE: postgres }
    health_check: { interval: 5s }
    listener: { port: @PORT@ }
    minimum_healthy_percent: 100
    maximum_percent: 200
environments:
  dev: { target: embedded, stage: dev }
"#;

/// What an application's infrastructure tells of its database; the server itself is started by the test.
const TERRAFORM: &str = r#"
variable "port" { type = number }
resource "terraform_data" "database" { input = { host = "127.0.0.1", port = var.port } }
output "database_host" { value = terraform_data.database.output.host }
output "database_port" { value = terraform_data.database.output.port }
"#;

const SERVER: &str = r#"
const http = require('node:http');
const { Pool } = require('pg');
const { greeting } = require('./greeting.js');
const pool = new Pool({ max: 2 });
if (greeting() === 'broken') { console.error('cannot start'); process.exit(3); }
const server = http.createServer(async (request, response) => {
  try {
    if (request.url === '/health') { await pool.query('select 1'); return response.end('well'); }
    const { rows } = await pool.query('select current_user as name');
    response.end(`${greeting()} ${rows[0].name} in ${process.env.NODE_ENV}`);
  } catch (error) { response.statusCode = 500; response.end(String(error)); }
});
server.listen(process.env.PORT, '127.0.0.1');
process.on('SIGTERM', () => server.close(() => pool.end()));
"#;

fn write(trial: &Trial, name: &str, text: &str) {
    let path = trial.directory().join(name);
    fs::create_dir_all(path.parent().expect("it is in a directory")).expect("writable");
    fs::write(path, text).expect("writable");
}

fn says(trial: &Trial, greeting: &str) {
    write(trial, "greeting.js", &format!("exports.greeting = () => '{greeting}';\n"));
}

fn parsed(ran: &Ran) -> Json {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("not JSON: {ran:?}"))
}

#[test]
fn from_a_push_to_traffic_and_back_from_a_version_that_does_not_work() {
    let programs = ["npm", "buildah", "terraform"];
    let Some(database) = Postgres::start("hush-hush").filter(|_| programs.into_iter().all(is_there)) else { return };
    let trial = Trial::new(CONFIGURATION);
    let port = database.port.to_string();
    let environment = [("DATABASE_PORT", port.as_str())];
    let run = |arguments: &[&str]| trial.run(arguments, &environment);
    run(&["engine", "start", "--port", "0"]).exits(0);
    // The repository of the application.
    write(&trial, "infra/main.tf", TERRAFORM);
    write(&trial, "server.js", SERVER);
    write(
        &trial,
        "package.json",
        r#"{ "name": "trial", "version": "1.0.0", "main": "server.js", "scripts": { "test": "node --test test.js" }, "dependencies": { "pg": "8.11.3" } }"#,
    );
    write(
        &trial,
        "test.js",
        "const { test } = require('node:test'); const assert = require('node:assert'); const { greeting } = require('./greeting.js'); test('it greets', () => assert.notEqual(greeting(), ''));",
    );
    write(&trial, ".dockerignore", "infra\nseatrial.yml\n");
    // No registry of base images is asked: Node.js itself is brought along.
    node::gather(&trial.directory().join("root"));
    write(
        &trial,
        "Dockerfile",
        "FROM scratch\nCOPY root/ /\nCOPY package.json server.js greeting.js /app/\nCOPY node_modules /app/node_modules\nWORKDIR /app\nCMD [\"/usr/bin/node\", \"server.js\"]\n",
    );
    says(&trial, "hello");
    let locked = Command::new("npm")
        .args(["install", "--package-lock-only", "--no-audit", "--no-fund"])
        .current_dir(trial.directory())
        .output()
        .expect("npm is there");
    assert!(locked.status.success(), "{}", String::from_utf8_lossy(&locked.stderr));

    // Its pipeline.
    run(&["deploy", "--pipeline-only", "-c", "seatrial.yml"]).exits(0);
    let workflow = fs::read_to_string(trial.directory().join(".github/workflows/seatrial.yml")).expect("written");
    assert!(workflow.contains("seatrial deploy") && workflow.contains("npm"), "{workflow}");

    // What is missing is said before a service is touched (the infrastructure might have made it); a test that fails ends it at once.
    let missing = run(&["deploy"]).exits(1);
    assert!(missing.says("database-password") && missing.says("seatrial config set"), "{missing:?}");
    let made = parsed(&run(&["show", "-o", "json"]).exits(0));
    assert!(made["steps"].to_string().contains("created terraform_data.database"), "{made}");
    run(&["config", "set", "database-password", "hush-hush", "--secret"]).exits(0);
    says(&trial, "");
    let untested = run(&["deploy"]).exits(1);
    assert!(untested.says("test web failed"), "{untested:?}");
    let clusters = harness::aws::Aws::of(&trial).ecs("ListClusters", serde_json::json!({}));
    assert_eq!(clusters["clusterArns"], serde_json::json!([]), "no service was touched");

    // The first version, with its image and its database.
    says(&trial, "hello");
    run(&["deploy"]).exits(0);
    assert_eq!(trial.answer().body, "hello shop in production");
    let record = parsed(&run(&["show", "-o", "json"]).exits(0));
    let steps: Vec<&str> =
        record["steps"].as_array().expect("a list").iter().filter_map(|step| step["name"].as_str()).collect();
    let before = ["before web", "test web", "build web", "infra", "registry web", "push web"];
    assert_eq!(steps, [&before[..], &["target", "service web", "finish"]].concat(), "{record}");
    assert!(!record.to_string().contains("hush-hush"), "secrets are written down nowhere");

    // The next one, while requests come in: none of them fails.
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let target = trial.url("/").parse().expect("a loopback URL is a target");
    let plan = LoadPlan::new(target, "50".parse().expect("a rate"), Length::UntilStopped);
    let load = runtime.block_on(LoadHandle::start(plan)).expect("the load can start");
    says(&trial, "good day");
    run(&["deploy"]).exits(0);
    assert_eq!(trial.answer().body, "good day shop in production");

    // One that does not start goes back by itself.
    says(&trial, "broken");
    let back = run(&["deploy"]).exits(3);
    assert!(back.says("rolled back"), "{back:?}");
    assert_eq!(trial.answer().body, "good day shop in production");
    let report = runtime.block_on(load.stop());
    assert_eq!(report.failed(), 0, "{}", report.render());

    // And who wants to know what happened is told.
    let audit = run(&["audit"]).exits(0);
    for told in ["not begun: test web failed", "deployed", "rolled back"] {
        assert!(audit.says(told), "{told}: {audit:?}");
    }
}
