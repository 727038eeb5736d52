//! What stories about infrastructure look at: files of the application, the newest release and its steps, what has reached the services.

use std::path::PathBuf;

use serde_json::Value as Json;

use super::{Ran, Trial};

pub fn write(trial: &Trial, name: &str, text: &str) -> PathBuf {
    let path = trial.directory().join(name);
    std::fs::create_dir_all(path.parent().expect("it is in a directory")).expect("made");
    std::fs::write(&path, text).expect("written");
    path
}

pub fn parsed(ran: &Ran) -> Json {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("not JSON: {ran:?}"))
}

pub fn newest(trial: &Trial) -> Json {
    parsed(&trial.run(&["show", "-o", "json"], &[]).exits(0))
}

pub fn step<'a>(release: &'a Json, name: &str) -> &'a Json {
    let steps = release["steps"].as_array().expect("steps");
    steps.iter().rfind(|step| step["name"] == name).unwrap_or_else(|| panic!("no step {name}: {release}"))
}

/// The variable that the newest task definition gives to its container.
pub fn greeting(trial: &Trial) -> String {
    let aws = super::aws::Aws::of(trial);
    let found = aws.ecs("DescribeTaskDefinition", serde_json::json!({ "taskDefinition": "trial-dev-web" }));
    let variables = found["taskDefinition"]["containerDefinitions"][0]["environment"].as_array().expect("variables");
    let variable = variables.iter().find(|one| one["name"] == "GREETING").expect("it is set");
    variable["value"].as_str().expect("text").to_owned()
}
