//! Files as Docker and Podman write them, and files that are none.

use serde_json::json;

use super::*;

fn read(text: &str) -> Result<AuthFile, FileError> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("config.json");
    std::fs::write(&path, text).expect("written");
    AuthFile::read(&path).map(|file| file.expect("it is there"))
}

fn find(document: &serde_json::Value, image: &str) -> Vec<String> {
    let image = ImageName::parse(image).expect("a name");
    let kept = read(&document.to_string()).and_then(|file| file.find(&image)).expect("a file that can be used");
    kept.into_iter().map(|kept| tell(&kept)).collect()
}

fn tell(kept: &Kept) -> String {
    match kept {
        Kept::Written(Credential::Password { user, password }) => format!("{user}:{}", password.expose()),
        Kept::Written(Credential::IdentityToken(token)) => format!("token {}", token.expose()),
        Kept::Helper(name) => name.program(),
    }
}

fn auth(user: &str) -> serde_json::Value {
    json!({"auth": LENIENT.encode(format!("{user}:pass:word"))})
}

#[test]
fn the_most_specific_key_counts() {
    let document = json!({"auths": {
        "a.io": auth("host"), "a.io/shop": auth("shop"), "a.io/shop/web": auth("web"), "b.io": auth("b"),
        "a.io/sho": auth("wrong"),
    }});
    for (image, user) in
        [("a.io/shop/web:v1", "web"), ("a.io/shop/other", "shop"), ("a.io/shopping", "host"), ("b.io/shop/web", "b")]
    {
        assert_eq!(find(&document, image), [format!("{user}:pass:word")], "{image}");
    }
    assert!(find(&document, "c.io/shop/web").is_empty());
    assert!(find(&document, "a.io:5000/shop/web").is_empty(), "another port is another registry");
}

#[test]
fn a_registry_has_several_spellings() {
    for key in ["https://index.docker.io/v1/", "index.docker.io/v1/", "docker.io", "registry-1.docker.io"] {
        assert_eq!(find(&json!({"auths": {key: auth("hub")}}), "nginx"), ["hub:pass:word"], "{key}");
    }
    for key in ["https://a.io", "http://a.io/v2/", "a.io/"] {
        assert_eq!(find(&json!({"auths": {key: auth("me")}}), "a.io/web"), ["me:pass:word"], "{key}");
    }
}

#[test]
fn helpers_come_before_what_is_written() {
    let document = json!({"auths": {"a.io": {}, "b.io": auth("b"), "c.io": null}, "credsStore": "desktop",
        "credHelpers": {"a.io": "ecr-login", "https://index.docker.io/v1/": "hub"}});
    assert_eq!(find(&document, "a.io/web"), ["docker-credential-ecr-login", "docker-credential-desktop"]);
    assert_eq!(find(&document, "b.io/web"), ["docker-credential-desktop", "b:pass:word"]);
    assert_eq!(find(&document, "c.io/web"), ["docker-credential-desktop"]);
    assert_eq!(find(&document, "nginx")[0], "docker-credential-hub");
}

#[test]
fn other_forms_of_an_entry_are_read() {
    let entry = |entry: serde_json::Value| find(&json!({"auths": {"a.io": entry}}), "a.io/web");
    assert_eq!(entry(json!({"username": "me", "password": "secret"})), ["me:secret"]);
    assert_eq!(entry(json!({"auth": "bWU6c2VjcmV0", "identitytoken": "abc"})), ["token abc"]);
    assert_eq!(entry(json!({"auth": "bWU6c2VjcmV0AAA"})), ["me:secret"], "no padding, a zero byte");
    assert!(entry(json!({"email": "me@a.io", "auth": ""})).is_empty());
}

#[test]
fn a_file_that_cannot_be_used_says_which_and_no_secret() {
    let image = ImageName::parse("a.io/web").expect("a name");
    for text in [
        r#"{"auths": {"a.io": {"auth": "hunter2hunter2!"}}}"#,
        r#"{"auths": {"a.io": {"auth": "aHVudGVyMg=="}}}"#,
        r#"{"auths": {"a.io": "hunter2"}}"#,
        r#"{"auths": ["hunter2"]}"#,
        r#"{"credsStore": "../hunter2"}"#,
        "hunter2",
    ] {
        let error = read(text).and_then(|file| file.find(&image)).expect_err(text);
        let told = format!("{error} {error:?}");
        assert!(told.contains("config.json") && !told.contains("hunter2"), "{told}");
    }
    assert!(read(" \n").and_then(|file| file.find(&image)).expect("an empty file is none").is_empty());
    assert!(matches!(read(&" ".repeat(5 << 20)), Err(FileError::TooLarge(_))));
}
