//! Helpers as small scripts.

use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use super::*;

const LONG: Duration = Duration::from_secs(30);

async fn get(script: &str, limit: Duration) -> Result<Option<Credential>, HelperError> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("docker-credential-script");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("made executable");
    let program = path.display().to_string();
    loop {
        match run(&program, "a.io", &directory.path().join("config.json"), limit).await {
            // Another test forked while the script was being written.
            Err(HelperError::Start { source, .. }) if source.kind() == io::ErrorKind::ExecutableFileBusy => {}
            result => return result,
        }
    }
}

#[test]
fn a_name_is_no_path() {
    for name in ["desktop", "ecr-login", "osxkeychain", "a.b_c"] {
        assert!(HelperName::parse(name).is_some(), "{name}");
    }
    for name in ["", "../x", "/bin/sh", "a b", "a\0b", "a;b", &"a".repeat(65)] {
        assert!(HelperName::parse(name).is_none(), "{name}");
    }
}

#[tokio::test]
async fn a_helper_is_asked_for_a_server_and_answers_with_a_credential() {
    let script =
        r#"read server; echo "{\"ServerURL\":\"$server\",\"Username\":\"$1-$server\",\"Secret\":\"hunter2\"}""#;
    let credential = get(script, LONG).await.expect("an answer").expect("a credential");
    assert_eq!(credential, Credential::password("get-a.io", SecretText::new("hunter2")));
    assert!(!format!("{credential:?}").contains("hunter2"));
    let token = get(r#"echo '{"Username":"<token>","Secret":"abc"}'"#, LONG).await.expect("an answer");
    assert_eq!(token, Some(Credential::IdentityToken(SecretText::new("abc"))));
}

#[tokio::test]
async fn a_helper_that_knows_nothing_is_no_error() {
    for script in ["echo credentials not found in native keychain; exit 1", r#"echo '{"Username":"","Secret":""}'"#] {
        assert_eq!(get(script, LONG).await.expect("an answer"), None, "{script}");
    }
}

#[tokio::test]
async fn a_helper_that_fails_is_told_without_its_secrets() {
    for (script, expected) in [
        ("echo the keychain is locked; exit 3", "exit status: 3): the keychain is locked"),
        ("echo '{\"Secret\":\"hunter2\"}'; exit 1", "it did not say why"),
        ("echo hunter2", "something else than credentials for a.io"),
        ("echo '{\"Secret\":\"hunter2\"}'", "something else than credentials for a.io"),
        ("cat /dev/zero", "something else than credentials"),
    ] {
        let error = get(script, LONG).await.expect_err(script);
        let told = format!("{error} {error:?}");
        assert!(told.contains(expected) && told.contains("docker-credential-script"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
    let missing = run("docker-credential-of-nobody", "a.io", Path::new("/etc/config.json"), LONG).await;
    let told = missing.expect_err("it is not there").to_string();
    assert!(told.contains("could not start docker-credential-of-nobody, which /etc/config.json names"), "{told}");
}

#[tokio::test]
async fn a_helper_that_takes_too_long_is_ended() {
    let begin = Instant::now();
    let error = get("exec sleep 600", Duration::from_millis(100)).await.expect_err("too long");
    assert!(matches!(error, HelperError::TimedOut { .. }), "{error}");
    assert!(begin.elapsed() < LONG);
}
