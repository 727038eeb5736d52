//! Applications of a known type, from nothing: no Dockerfile, no file of Seatrial's, one question answered.

mod harness;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use harness::{Trial, is_there, node};

/// Answers what it is, and what lies beside it in its image.
const SERVER: &str = r#"
const http = require('node:http');
const fs = require('node:fs');
const { greeting } = require('greeting');
http.createServer((request, response) => {
  const files = fs.readdirSync('.').sort().join(' ');
  response.end(request.url === '/health' ? 'well' : `${greeting} as ${process.getuid()} with ${files}`);
}).listen(process.env.PORT);
"#;

/// The base image that no registry is asked for here: the Node.js and the npm of this machine, under the name it has everywhere.
fn base_image(directory: &Path, storage: &str) {
    let root = directory.join("root");
    node::gather(&root);
    node::gather_program(&root, "/bin/dash", "/bin/sh");
    node::gather_program(&root, "/usr/bin/env", "/usr/bin/env");
    let npm = fs::canonicalize("/usr/bin/npm").expect("npm is there");
    let modules = npm.ancestors().nth(2).expect("bin of npm");
    let copied = Command::new("cp").arg("-rL").arg(modules).arg(root.join("usr/npm")).status();
    assert!(copied.is_ok_and(|status| status.success()), "npm can be copied");
    symlink("../npm/bin/npm-cli.js", root.join("usr/bin/npm")).expect("writable");
    for directory in ["etc", "tmp", "home/node"] {
        fs::create_dir_all(root.join(directory)).expect("writable");
    }
    fs::write(root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n")
        .expect("writable");
    fs::write(root.join("etc/group"), "root:x:0:\nnode:x:1000:\n").expect("writable");
    fs::write(directory.join("Dockerfile"), "FROM scratch\nCOPY root/ /\nENV PATH=/usr/bin:/bin\n").expect("writable");
    let built = Command::new("buildah")
        .args(["build", "--quiet", "--tag", "public.ecr.aws/docker/library/node:20-slim"])
        .arg(directory)
        .env("CONTAINERS_STORAGE_CONF", storage)
        .output()
        .expect("buildah is there");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
}

#[test]
fn a_node_application_needs_no_dockerfile_and_one_answer() {
    if !["npm", "buildah"].into_iter().all(is_there) {
        return;
    }
    // What is in the directory of an application is in its image.
    let elsewhere = tempfile::tempdir().expect("a directory");
    let mut trial = Trial::new("");
    trial.move_home(&elsewhere.path().join("home"));
    let write = |name: &str, text: &str| {
        let path = trial.directory().join(name);
        fs::create_dir_all(path.parent().expect("it is in a directory")).expect("writable");
        fs::write(path, text).expect("writable");
    };
    fs::remove_file(trial.directory().join("seatrial.yml")).expect("nobody has written one yet");
    let store = elsewhere.path().join("builder");
    fs::create_dir_all(&store).expect("writable");
    let storage = store.join("storage.conf");
    let graph =
        format!("[storage]\ndriver = \"overlay\"\nrunroot = \"{0}/run\"\ngraphroot = \"{0}/graph\"\n", store.display());
    fs::write(&storage, graph).expect("writable");
    let storage = storage.to_str().expect("a path of ours").to_owned();
    base_image(&store, &storage);
    write("server.js", SERVER);
    write(
        "package.json",
        r#"{ "name": "shop", "version": "1.0.0", "main": "server.js", "engines": { "node": "20" },
        "scripts": { "test": "node --test" }, "dependencies": { "greeting": "file:greeting" } }"#,
    );
    write("greeting/package.json", r#"{ "name": "greeting", "version": "1.0.0" }"#);
    write("greeting/index.js", "exports.greeting = 'hello';\n");
    write(
        "server.test.js",
        "require('node:test').test('it greets', () => require('node:assert').equal(require('greeting').greeting, 'hello'));\n",
    );
    // What must never be in an image.
    write(".env", "TOKEN=hunter2\n");
    write("key.pem", "-----BEGIN PRIVATE KEY-----\n");
    let locked = Command::new("npm")
        .args(["install", "--package-lock-only", "--no-audit", "--no-fund", "--offline"])
        .current_dir(trial.directory())
        .output()
        .expect("npm is there");
    assert!(locked.status.success(), "{}", String::from_utf8_lossy(&locked.stderr));

    // A container of a build has rights that this machine may not give.
    let environment = [("CONTAINERS_STORAGE_CONF", storage.as_str()), ("BUILDAH_ISOLATION", "chroot")];
    let run = |arguments: &[&str]| trial.run(arguments, &environment);
    let url = trial.url("");
    let port = url.rsplit(':').next().expect("it has one");
    run(&["init", "--yes", "--app-type", "node-backend", "--port", port]).exits(0);
    run(&["engine", "start", "--port", "0"]).exits(0);
    let deployed = run(&["deploy"]).exits(0);
    assert!(deployed.says("there is no Dockerfile; this one is used") && deployed.says("pass 1"), "{deployed:?}");
    let answer = trial.answer().body;
    let files = "greeting node_modules package-lock.json package.json seatrial.yml server.js server.test.js";
    assert_eq!(answer, format!("hello as 1000 with {files}"));
}
