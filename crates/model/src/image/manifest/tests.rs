//! Manifests of every kind, and what is none.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

fn part(digit: char) -> Value {
    json!({"mediaType": "application/x", "digest": digest(digit), "size": 10})
}

fn image() -> Value {
    json!({"schemaVersion": 2, "config": part('c'), "layers": [part('1'), part('2'), part('1')]})
}

fn parse(document: &Value, content_type: Option<&str>) -> Result<Manifest, InvalidManifest> {
    Manifest::parse(document.to_string().as_bytes(), content_type)
}

#[test]
fn an_image_names_its_configuration_and_layers() {
    let manifest = parse(&image(), Some("application/vnd.docker.distribution.manifest.v2+json")).expect("a manifest");
    assert_eq!(manifest.media_type, MediaType::DockerManifest);
    let blobs: Vec<&str> = manifest.blobs().into_iter().map(Digest::as_str).collect();
    assert_eq!(blobs, [digest('1'), digest('2'), digest('c')], "each once");
    assert_eq!(manifest.content_size(), 40);
    assert_eq!(manifest.artifact_type.as_deref(), Some("application/x"), "the configuration's");
}

#[test]
fn an_index_names_manifests() {
    let index = json!({"schemaVersion": 2, "manifests": [part('a')], "subject": part('b'), "artifactType": "x/y",
        "annotations": {"k": "v"}});
    let index = parse(&index, None).expect("an index without a stated type");
    assert_eq!((index.media_type, index.children.len()), (MediaType::OciIndex, 1));
    assert_eq!(index.subject.expect("a subject").as_str(), digest('b'));
    assert_eq!(index.artifact_type.as_deref(), Some("x/y"));
}

#[test]
fn a_layer_that_is_to_be_had_elsewhere_need_not_be_here() {
    let mut document = image();
    document["layers"][1]["urls"] = json!(["https://example.com/layer"]);
    let manifest = parse(&document, None).expect("a manifest");
    assert_eq!((manifest.blobs().len(), manifest.contents().count()), (2, 4));
}

#[test]
fn what_is_no_manifest_is_told_why() {
    let with = |member: &str, value: Value| {
        let mut document = image();
        document[member] = value;
        document
    };
    let cases = [
        (with("schemaVersion", json!(1)), None, "schemaVersion 1"),
        (with("config", Value::Null), None, "names no config"),
        (with("layers", Value::Null), None, "names no layers"),
        (with("layers", json!([{"digest": "sha256:1", "size": 1}])), None, "digest \"sha256:1\" is not valid"),
        (with("layers", json!([{"digest": digest('1'), "size": -1}])), None, "cannot be read"),
        (with("mediaType", json!("text/plain")), None, "\"text/plain\" are not stored"),
        (with("manifests", json!([part('a')])), None, "both an image and an index"),
        (image(), Some("application/json"), "\"application/json\" are not stored"),
        (image(), Some("application/vnd.oci.image.index.v1+json"), "names no manifests"),
        (with("mediaType", json!(MediaType::OciIndex.as_str())), Some(MediaType::OciManifest.as_str()), "was sent as"),
        (with("layers", Value::Array(vec![part('1'); REFERENCES_MAX + 1])), None, "4097 parts"),
    ];
    for (document, content_type, why) in cases {
        let error = parse(&document, content_type).expect_err(why).to_string();
        assert!(error.contains(why), "{error} should say {why}");
    }
    let mut not_utf8 = image().to_string().replace("\"schemaVersion\"", "\"x\": \"?\", \"schemaVersion\"").into_bytes();
    let at = not_utf8.iter().position(|byte| *byte == b'?').expect("it is there");
    not_utf8[at] = 0xff;
    assert!(matches!(Manifest::parse(&not_utf8, None), Err(InvalidManifest::Malformed(_))));
    assert_eq!(
        Manifest::parse(&vec![b' '; MANIFEST_BYTES_MAX + 1], None),
        Err(InvalidManifest::TooLarge(MANIFEST_BYTES_MAX + 1))
    );
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in prop::option::of(".{0,40}")) {
        let _ = Manifest::parse(&bytes, kind.as_deref());
    }

    #[test]
    fn a_manifest_with_any_member_changed_is_read_or_refused(member in "[a-zA-Z]{1,12}", text in ".{0,20}", pick in 0..6usize) {
        let mut document = image();
        let known = ["schemaVersion", "config", "layers", "subject", "annotations", &member][pick];
        document[known] = json!([text]);
        let _ = parse(&document, None);
        document[known] = json!({text: 1});
        let _ = parse(&document, None);
    }

    #[test]
    fn names_that_parse_are_spelled_as_given(text in "[a-zA-Z0-9:/._@-]{0,80}") {
        if let Ok(name) = crate::image::RepositoryName::parse(&text) {
            prop_assert_eq!(name.as_str(), text.as_str());
            prop_assert!(!text.contains(['@', ':']) && !text.contains("..") && !text.starts_with('/'));
        }
        if let Ok(reference) = crate::image::ImageReference::parse(&text) {
            prop_assert_eq!(reference.to_string(), text.clone());
            prop_assert!(!text.contains('/'));
        }
    }
}
