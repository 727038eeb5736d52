//! An application of the AWS CDK: its assembly, read through its manifest, is a list of CloudFormation stacks.
//!
//! Files that an assembly wants uploaded are, before the stack that needs them; images are refused.

mod assets;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value as Json;

use super::Workshop;
use super::child::{Limit, Program, read, shortened};
use super::kind::{CdkApp, CdkPlan, LargeTemplate, Script, StackPlan};
use super::scratch::Scratch;
use crate::error::ReleaseError;

/// It compiles and runs a program, and looks things up in the account.
const SYNTHESIS: Limit = Limit { what: "the synthesis of the CDK application", limit: Duration::from_secs(15 * 60) };

/// The largest manifest; one of a hundred stacks has a few hundred kilobytes.
const MANIFEST_MAX: u64 = 64 * 1024 * 1024;

const MANIFEST: &str = "manifest.json";
const STACK: &str = "aws:cloudformation:stack";
const ASSETS: &str = "cdk:asset-manifest";
const NESTED: &str = "cdk:cloud-assembly";

/// What the CDK's own tool agrees to on somebody's behalf.
const CAPABILITIES: [&str; 3] = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"];

/// A synthesised application.
pub(super) struct Assembly {
    /// In an order in which none comes before one that it depends on.
    pub stacks: Vec<StackPlan>,
    /// Holds what was synthesised for as long as it is used.
    _directory: Option<Arc<Scratch>>,
}

#[derive(Debug, Deserialize)]
struct Manifest {
    #[serde(default)]
    artifacts: BTreeMap<String, Artifact>,
    /// What would have had to be looked up in the account: the templates hold stand-ins for it.
    #[serde(default)]
    missing: Vec<Json>,
    #[expect(dead_code, reason = "its presence is what is checked")]
    version: String,
}

#[derive(Debug, Deserialize)]
struct Artifact {
    #[serde(rename = "type")]
    kind: String,
    /// Such as `aws://123456789012/eu-central-1`.
    environment: Option<String>,
    #[serde(default)]
    properties: Json,
    #[serde(default)]
    dependencies: Vec<String>,
    #[serde(rename = "displayName", default)]
    display_name: Option<String>,
}

/// A stack of an assembly before the wanted ones are chosen.
#[derive(Debug)]
struct Found {
    id: String,
    display_name: String,
    dependencies: Vec<String>,
    /// The artifact's.
    environment: Option<String>,
    plan: StackPlan,
}

/// Where the stacks would be made.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    region: String,
    /// None where it cannot be found out.
    account: Option<String>,
}

impl Assembly {
    /// Reads the assembly of an application, synthesising it first where the configuration says how.
    pub async fn of(workshop: &Workshop<'_>, plan: &CdkPlan) -> Result<Self, ReleaseError> {
        // Not everybody may ask whose credentials these are; the region alone is checked then.
        let account = workshop.connection.account().await.ok().filter(|account| !account.is_empty());
        let place = Place { region: workshop.connection.region().to_owned(), account };
        match &plan.app {
            CdkApp::Assembly(path) => Ok(Self { stacks: stacks(path, plan, &place)?, _directory: None }),
            CdkApp::Command(script) => {
                let scratch = Arc::new(Scratch::new()?);
                let directory = scratch.file("cdk.out");
                synthesise(workshop, script, &place, &directory, scratch.clone()).await?;
                Ok(Self { stacks: stacks(&directory, plan, &place)?, _directory: Some(scratch) })
            }
        }
    }
}

impl Place {
    /// Why a stack cannot be made here; what an application leaves open is `unknown-account` or `unknown-region`.
    fn refuses(&self, environment: &str) -> Option<String> {
        let (account, region) = environment.strip_prefix("aws://")?.split_once('/')?;
        let is_other = |named: &str, here: &str| !named.starts_with("unknown-") && named != here;
        if is_other(region, &self.region) {
            return Some(format!("is for the region {region}, and the target's is {}", self.region));
        }
        let here = self.account.as_deref().filter(|here| is_other(account, here))?;
        Some(format!("is for the account {account}, and the credentials are of {here}"))
    }
}

async fn synthesise(
    workshop: &Workshop<'_>,
    script: &Script,
    place: &Place,
    directory: &Path,
    scratch: Arc<Scratch>,
) -> Result<(), ReleaseError> {
    let mut environment = workshop.connection.environment().await?;
    environment.push(("CDK_OUTDIR".into(), Some(directory.to_string_lossy().into_owned())));
    environment.push(("CDK_DEFAULT_REGION".into(), Some(place.region.clone())));
    if place.account.is_some() {
        environment.push(("CDK_DEFAULT_ACCOUNT".into(), place.account.clone()));
    }
    environment.push(("CDK_CONTEXT_JSON".into(), Some(context(&script.directory)?)));
    let (program, arguments) = script.program();
    let program =
        Program { workshop, program: program.into(), directory: script.directory.clone(), environment, scratch };
    let ended = program.run(arguments, None, SYNTHESIS, &mut |_| ()).await?;
    if ended.code == Some(0) {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.document()?).into_owned() + " " + &ended.complaint();
    let what = format!("the CDK application could not be synthesised: {}", shortened(&said));
    Err(ReleaseError::not_possible(what, format!("run it yourself: {}", script.words.join(" "))))
}

/// What an application is told of itself: what `cdk.json` sets (feature flags among it), and what has been looked up before.
fn context(directory: &Path) -> Result<String, ReleaseError> {
    let settings = settings(&directory.join("cdk.json"))?;
    let mut context = settings["context"].as_object().cloned().unwrap_or_default();
    // What somebody has set goes before what was looked up.
    let found = self::settings(&directory.join("cdk.context.json"))?;
    for (name, value) in found.as_object().into_iter().flatten() {
        context.entry(name.clone()).or_insert_with(|| value.clone());
    }
    Ok(Json::Object(context).to_string())
}

/// A file beside an application, which need not be there.
fn settings(path: &Path) -> Result<Json, ReleaseError> {
    if !path.exists() {
        return Ok(Json::Null);
    }
    serde_json::from_slice(&read(path, MANIFEST_MAX)?).map_err(|error| {
        ReleaseError::not_possible(format!("{} is not JSON: {error}", path.display()), "correct the file")
    })
}

/// The stacks of an assembly that are meant, in their order.
fn stacks(directory: &Path, plan: &CdkPlan, place: &Place) -> Result<Vec<StackPlan>, ReleaseError> {
    let mut found = Vec::new();
    collect(directory, plan, place, &mut found)?;
    let is_meant = |one: &Found, name: &str| one.id == name || one.display_name == name || one.plan.stack == name;
    if let Some(unknown) = plan.stacks.iter().find(|name| !found.iter().any(|one| is_meant(one, name))) {
        let names: Vec<&str> = found.iter().map(|one| one.display_name.as_str()).collect();
        let what = format!("the CDK application has no stack `{unknown}`");
        return Err(ReleaseError::not_possible(what, format!("it has {}", names.join(", "))));
    }
    let meant =
        found.into_iter().filter(|one| plan.stacks.is_empty() || plan.stacks.iter().any(|name| is_meant(one, name)));
    let meant: Vec<Found> = meant.collect();
    for one in &meant {
        if let Some(why) = one.environment.as_deref().and_then(|environment| place.refuses(environment)) {
            let what = format!("the stack `{}` {why}", one.display_name);
            let advice = "name the stacks of this target under `stacks`, or correct `env` in the application";
            return Err(ReleaseError::not_possible(what, advice));
        }
    }
    Ok(in_order(meant).into_iter().map(|one| one.plan).collect())
}

/// Puts a stack behind those it depends on; the others keep their order.
fn in_order(mut waiting: Vec<Found>) -> Vec<Found> {
    let mut ordered: Vec<Found> = Vec::new();
    while !waiting.is_empty() {
        let open: BTreeSet<String> = waiting.iter().map(|one| one.id.clone()).collect();
        let is_free = |one: &Found| !one.dependencies.iter().any(|id| open.contains(id));
        // A circle is something that CloudFormation refuses in its own words.
        let next = waiting.iter().position(is_free).unwrap_or(0);
        ordered.push(waiting.remove(next));
    }
    ordered
}

fn collect(directory: &Path, plan: &CdkPlan, place: &Place, found: &mut Vec<Found>) -> Result<(), ReleaseError> {
    let path = directory.join(MANIFEST);
    let manifest: Manifest = document(&path)?;
    if !manifest.missing.is_empty() {
        let what = format!("{} lacks what has to be looked up in the account", directory.display());
        return Err(ReleaseError::not_possible(what, "run `cdk synth` and name cdk.out"));
    }
    let mut wanted = BTreeMap::new();
    for (id, artifact) in manifest.artifacts.iter().filter(|(_, artifact)| artifact.kind == ASSETS) {
        let file = artifact.properties["file"].as_str().ok_or_else(|| odd(&path, &format!("`{id}` names no file")))?;
        wanted.insert(id.clone(), beside(directory, file, &path)?);
    }
    for (id, artifact) in manifest.artifacts {
        let property = |name: &str| artifact.properties[name].as_str().map(ToOwned::to_owned);
        match artifact.kind.as_str() {
            STACK => {
                let file =
                    property("templateFile").ok_or_else(|| odd(&path, &format!("stack `{id}` names no template")))?;
                let mut uploads = Vec::new();
                for manifest in artifact.dependencies.iter().filter_map(|id| wanted.get(id)) {
                    uploads.extend(assets::uploads(manifest, place)?);
                }
                let url = property("stackTemplateAssetObjectUrl");
                let uploaded = url.and_then(|url| assets::template_place(&url, place));
                let stack = StackPlan {
                    stack: property("stackName").unwrap_or_else(|| id.clone()),
                    template: beside(directory, &file, &path)?,
                    parameters: texts(&artifact.properties["parameters"]),
                    capabilities: CAPABILITIES.map(ToOwned::to_owned).to_vec(),
                    role_arn: None,
                    tags: texts(&artifact.properties["tags"]),
                    protect: plan.protect.clone(),
                    uploads,
                    large: uploaded.map_or(LargeTemplate::Nowhere, LargeTemplate::Uploaded),
                };
                let display_name = artifact.display_name.unwrap_or_else(|| id.clone());
                found.push(Found {
                    id,
                    display_name,
                    dependencies: artifact.dependencies,
                    environment: artifact.environment,
                    plan: stack,
                });
            }
            NESTED => {
                let name =
                    property("directoryName").ok_or_else(|| odd(&path, &format!("`{id}` names no directory")))?;
                let nested = beside(directory, &name, &path)?;
                if nested == directory {
                    return Err(odd(&path, &format!("`{id}` is in itself")));
                }
                collect(&nested, plan, place, found)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// A path within an assembly: none leads out of it.
fn beside(directory: &Path, name: &str, manifest: &Path) -> Result<PathBuf, ReleaseError> {
    let path = Path::new(name);
    if path.components().all(|part| matches!(part, std::path::Component::Normal(_))) {
        Ok(directory.join(path))
    } else {
        Err(odd(manifest, &format!("`{name}` is no file of the assembly")))
    }
}

/// The members of an object as texts.
fn texts(object: &Json) -> BTreeMap<String, String> {
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    object.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect()
}

fn document<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, ReleaseError> {
    serde_json::from_slice(&read(path, MANIFEST_MAX)?).map_err(|error| odd(path, &error.to_string()))
}

fn odd(path: &Path, why: &str) -> ReleaseError {
    let what = format!("{} is not the manifest of a CDK assembly: {why}", path.display());
    ReleaseError::not_possible(what, "synthesise the application anew: cdk synth")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().expect("it is in a directory")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        directory
    }

    fn found(directory: &Path, names: &[&str]) -> Result<Vec<String>, String> {
        let plan = CdkPlan {
            app: CdkApp::Assembly(directory.to_owned()),
            stacks: names.iter().map(|&name| name.to_owned()).collect(),
            protect: BTreeSet::new(),
        };
        let place = Place { region: "eu-central-1".into(), account: Some("123456789012".into()) };
        let stacks = stacks(directory, &plan, &place).map_err(|error| error.to_string())?;
        Ok(stacks.into_iter().map(|stack| stack.stack).collect())
    }

    const MANIFEST_TEXT: &str = r#"{ "version": "38.0.1", "artifacts": {
        "App": { "type": "aws:cloudformation:stack", "properties": { "templateFile": "App.template.json", "stackName": "shop-app", "tags": { "a": "b" } }, "dependencies": ["Data", "App.assets"] },
        "App.assets": { "type": "cdk:asset-manifest", "properties": { "file": "App.assets.json" } },
        "Data": { "type": "aws:cloudformation:stack", "properties": { "templateFile": "Data.template.json" }, "displayName": "Shop/Data" },
        "Tree": { "type": "cdk:tree", "properties": { "file": "tree.json" } },
        "Stage": { "type": "cdk:cloud-assembly", "properties": { "directoryName": "assembly-Stage" } } } }"#;
    const STAGE: &str = r#"{ "version": "38.0.1", "artifacts": { "Inner": { "type": "aws:cloudformation:stack", "properties": { "templateFile": "Inner.template.json" } } } }"#;
    const ONLY_TEMPLATE: &str = r#"{ "files": { "x": { "source": { "path": "App.template.json", "packaging": "file" } } }, "dockerImages": {} }"#;

    #[test]
    fn stacks_come_behind_those_they_depend_on() {
        let files = [
            ("manifest.json", MANIFEST_TEXT),
            ("assembly-Stage/manifest.json", STAGE),
            ("App.assets.json", ONLY_TEMPLATE),
        ];
        let assembly = written(&files);
        assert_eq!(found(assembly.path(), &[]), Ok(vec!["Data".into(), "shop-app".into(), "Inner".into()]));
        assert_eq!(found(assembly.path(), &["Shop/Data", "shop-app"]), Ok(vec!["Data".into(), "shop-app".into()]));
        let unknown = found(assembly.path(), &["Web"]).expect_err("there is none");
        assert!(unknown.contains("no stack `Web`"), "{unknown}");
    }

    #[test]
    fn a_stack_has_the_uploads_that_it_depends_on_and_images_are_refused() {
        let assets = |bucket: &str, images: &str| {
            format!(
                r#"{{ "files": {{ "x": {{ "source": {{ "path": "asset.1", "packaging": "zip" }}, "destinations": {{
                    "here": {{ "bucketName": "{bucket}", "objectKey": "x.zip" }},
                    "there": {{ "bucketName": "elsewhere", "objectKey": "x.zip", "region": "us-east-1" }} }} }} }}, "dockerImages": {images} }}"#
            )
        };
        let uploads = |assets: &str, account: Option<&str>| {
            let files = [
                ("manifest.json", MANIFEST_TEXT),
                ("assembly-Stage/manifest.json", STAGE),
                ("App.assets.json", assets),
            ];
            let assembly = written(&files);
            let plan = CdkPlan {
                app: CdkApp::Assembly(assembly.path().to_owned()),
                stacks: Vec::new(),
                protect: BTreeSet::new(),
            };
            let place = Place { region: "eu-central-1".into(), account: account.map(ToOwned::to_owned) };
            let stacks = stacks(assembly.path(), &plan, &place).map_err(|error| error.to_string())?;
            let of = |stack: &StackPlan| (stack.stack.clone(), stack.uploads.clone());
            Ok::<_, String>(stacks.iter().map(of).collect::<BTreeMap<_, _>>())
        };
        let bucket = "cdk-${AWS::AccountId}-${AWS::Region}";
        let found = uploads(&assets(bucket, "{}"), Some("123456789012")).expect("nothing to refuse");
        let [upload] = &found["shop-app"][..] else { panic!("not one: {found:?}") };
        assert_eq!(
            (upload.place.bucket.as_str(), upload.place.key.as_str()),
            ("cdk-123456789012-eu-central-1", "x.zip")
        );
        assert!(upload.source.ends_with("asset.1") && found["Data"].is_empty(), "{found:?}");
        let unknown = uploads(&assets(bucket, "{}"), None).expect_err("whose bucket?");
        assert!(unknown.contains("cannot be told without the account"), "{unknown}");
        let refused = uploads(&assets(bucket, r#"{ "y": {} }"#), None).expect_err("nothing here builds it");
        assert!(refused.contains("wants 1 images built and pushed"), "{refused}");
    }

    #[test]
    fn a_stack_for_another_place_is_refused_if_it_is_meant() {
        let place = |account: Option<&str>| Place { region: "eu-central-1".into(), account: account.map(Into::into) };
        for (environment, account, is_refused) in [
            ("aws://123456789012/eu-central-1", Some("123456789012"), false),
            ("aws://unknown-account/unknown-region", Some("123456789012"), false),
            ("aws://unknown-account/us-east-1", None, true),
            ("aws://210987654321/eu-central-1", Some("123456789012"), true),
            ("aws://210987654321/eu-central-1", None, false),
            ("aws://", None, false),
        ] {
            assert_eq!(place(account).refuses(environment).is_some(), is_refused, "{environment} {account:?}");
        }
        let elsewhere = r#""Data": { "environment": "aws://unknown-account/us-east-1","#;
        let text = MANIFEST_TEXT.replace(r#""Data": {"#, elsewhere);
        let assembly = written(&[
            ("manifest.json", text.as_str()),
            ("assembly-Stage/manifest.json", STAGE),
            ("App.assets.json", ONLY_TEMPLATE),
        ]);
        let refused = found(assembly.path(), &[]).expect_err("one is for elsewhere");
        assert!(refused.contains("`Shop/Data` is for the region us-east-1"), "{refused}");
        assert_eq!(found(assembly.path(), &["shop-app"]), Ok(vec!["shop-app".into()]));
    }

    #[test]
    fn what_was_not_looked_up_is_refused() {
        let text = r#"{ "version": "38.0.1", "missing": [{ "key": "vpc-provider", "provider": "vpc-provider" }] }"#;
        let refused = found(written(&[("manifest.json", text)]).path(), &[]).expect_err("something is missing");
        assert!(refused.contains("lacks what has to be looked up"), "{refused}");
    }

    #[test]
    fn an_application_is_told_its_context() {
        let text = |directory: &tempfile::TempDir| context(directory.path()).map_err(|error| error.to_string());
        assert_eq!(text(&written(&[])).as_deref(), Ok("{}"));
        let settings = ("cdk.json", r#"{ "app": "node app", "context": { "a": "set" } }"#);
        let both = written(&[settings, ("cdk.context.json", r#"{ "a": "found", "b": 1 }"#)]);
        assert_eq!(text(&both).as_deref(), Ok(r#"{"a":"set","b":1}"#));
        assert!(text(&written(&[("cdk.json", "{")])).is_err());
    }

    #[test]
    fn what_is_no_assembly_is_told() {
        let out = MANIFEST_TEXT.replace("App.template.json", "../../etc/passwd");
        let itself = MANIFEST_TEXT.replace("assembly-Stage", ".");
        let cases = [
            ("{}", "version"),
            ("[", "EOF"),
            (out.as_str(), "no file of the assembly"),
            (itself.as_str(), "no file of the assembly"),
        ];
        for (text, what) in cases {
            let assembly = written(&[
                ("manifest.json", text),
                ("App.assets.json", ONLY_TEMPLATE),
                ("assembly-Stage/manifest.json", STAGE),
            ]);
            let told = found(assembly.path(), &[]).expect_err(what);
            assert!(told.contains(what), "{told}");
        }
        assert!(found(Path::new("/nowhere"), &[]).expect_err("nothing is there").contains("cannot be read"));
    }
}
