//! Names that people write, and what is none.

use proptest::prelude::*;

use super::*;

fn digest() -> String {
    format!("sha256:{}", "0a".repeat(32))
}

#[test]
fn what_is_left_out_is_what_docker_takes_it_for() {
    for (text, full, reference) in [
        ("nginx", "docker.io/library/nginx", "latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27", "1.27"),
        ("shop/web", "docker.io/shop/web", "latest"),
        ("docker.io/nginx", "docker.io/library/nginx", "latest"),
        ("index.docker.io/shop/web:a", "docker.io/shop/web:a", "a"),
        ("localhost/web", "localhost/web", "latest"),
        ("localhost:5000/web:v1", "localhost:5000/web:v1", "v1"),
        ("127.0.0.1:5000/a/b/c", "127.0.0.1:5000/a/b/c", "latest"),
        ("[::1]:5000/web:v1", "[::1]:5000/web:v1", "v1"),
        ("[::1]/web", "[::1]/web", "latest"),
        ("Registry.Example.com/a--b/c__d", "registry.example.com/a--b/c__d", "latest"),
    ] {
        let name = ImageName::parse(text).expect(text);
        assert_eq!((name.to_string().as_str(), name.reference().to_string().as_str()), (full, reference));
        assert_eq!(ImageName::parse(full), Ok(name), "the full name means the same");
    }
    let text = format!("123.dkr.ecr.eu-central-1.amazonaws.com/web:v1@{}", digest());
    let name = ImageName::parse(&text).expect("a name");
    assert_eq!((name.to_string(), name.reference().to_string()), (text, digest()), "a digest counts more than a tag");
}

#[test]
fn requests_to_docker_hub_go_elsewhere() {
    assert_eq!(ImageName::parse("nginx").expect("a name").registry.authority(), "registry-1.docker.io");
    assert_eq!(ImageName::parse("a.io:1/nginx").expect("a name").registry.authority(), "a.io:1");
}

#[test]
fn only_this_machine_is_loopback() {
    for (host, is_local) in [
        ("localhost", true),
        ("localhost:5000", true),
        ("127.0.0.1:5000", true),
        ("127.8.9.10", true),
        ("[::1]:5000", true),
        ("localhost.example.com", false),
        ("127.0.0.1.example.com", false),
        ("128.0.0.1", false),
        ("[::2]:5000", false),
    ] {
        assert_eq!(RegistryHost::parse(host).expect(host).is_loopback(), is_local, "{host}");
    }
}

#[test]
fn what_is_no_name_is_told_why() {
    for (text, why) in [
        ("", "no repository"),
        ("Nginx", "no repository"),
        ("a.io/", "no repository"),
        ("a.io//web", "no repository"),
        ("shop/../web", "no repository"),
        ("a.io:0/web", "no port"),
        ("a.io:70000/web", "no port"),
        ("a.io:/web", "no port"),
        ("-a.io/web", "no host"),
        ("a..io/web", "no host"),
        ("[::1/web", "no host"),
        ("user@a.io/web", "digest"),
        ("web:", "tag"),
        ("web:-a", "tag"),
        ("web@sha256:0", "digest"),
        ("https://a.io/web", "leave out what stands before the host"),
        (&format!("web:{}", "t".repeat(2000)), "more than"),
    ] {
        let error = ImageName::parse(text).expect_err(text).to_string();
        assert!(error.contains(why), "{error} should say {why}");
    }
}

proptest! {
    #[test]
    fn no_text_panics_and_what_parses_is_no_path_upwards(text in "[a-zA-Z0-9:/._@\\[\\]é -]{0,60}") {
        if let Ok(name) = ImageName::parse(&text) {
            prop_assert!(!name.repository.as_str().contains("..") && !name.repository.as_str().starts_with('/'));
            prop_assert_eq!(ImageName::parse(&name.to_string()), Ok(name));
        }
    }
}
