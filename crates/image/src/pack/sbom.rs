//! A list of an image's files (SPDX 2.3), kept beside the image as an artifact that refers to it.
//!
//! It lists what was packed, not what a base brought along, and knows no packages or licences.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use seatrial_model::image::MediaType;
use serde_json::{Value, json};

use super::builder::{BuiltImage, rfc3339};
use super::error::PackError;
use super::layer::PackedFile;
use crate::layout::{IndexEntry, LayoutWriter};

const SPDX_TYPE: &str = "application/spdx+json";
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
const EMPTY: &[u8] = b"{}";

/// Writes the list of an image's files into the image's layout and names it there. `name` is what people call the image, and `created`
/// when the list was made, in seconds since 1970.
///
/// A layout that has an artifact besides an image has two entries: tools that take the only image of a layout want a name then.
pub fn attach_sbom(
    layout: &LayoutWriter,
    image: &BuiltImage,
    name: &str,
    created: u64,
) -> Result<IndexEntry, PackError> {
    let document = text(document(image, name, &rfc3339(created)?));
    let list = layout.put(document.as_bytes())?;
    let empty = layout.put(EMPTY)?;
    let media_type = MediaType::OciManifest.as_str().to_owned();
    let subject = &image.entry;
    let annotations = BTreeMap::from([("org.opencontainers.image.created".to_owned(), rfc3339(created)?)]);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "artifactType": SPDX_TYPE,
        "config": {"mediaType": EMPTY_TYPE, "digest": empty, "size": EMPTY.len()},
        "layers": [{"mediaType": SPDX_TYPE, "digest": list, "size": document.len()}],
        "subject": {"mediaType": subject.media_type, "digest": subject.digest, "size": subject.size},
        "annotations": annotations,
    });
    let manifest = text(manifest);
    let entry = IndexEntry {
        media_type,
        digest: layout.put(manifest.as_bytes())?,
        size: manifest.len() as u64,
        platform: None,
        artifact_type: Some(SPDX_TYPE.to_owned()),
        annotations: Some(annotations),
    };
    layout.add(&entry, None)?;
    Ok(entry)
}

/// Writes JSON with its members in order, however this was compiled.
fn text(mut value: Value) -> String {
    value.sort_all_objects();
    value.to_string()
}

fn document(image: &BuiltImage, name: &str, created: &str) -> Value {
    // A file of a later layer is the one that the image has.
    let files: BTreeMap<&str, &PackedFile> =
        image.layers.iter().flat_map(|layer| &layer.files).map(|file| (file.path.as_str(), file)).collect();
    let listed: Vec<Value> = files.values().enumerate().map(|(number, file)| file_of(number, file)).collect();
    let contains = listed.iter().map(|file| relation("SPDXRef-Image", "CONTAINS", &file["SPDXID"]));
    let described = relation("SPDXRef-DOCUMENT", "DESCRIBES", &json!("SPDXRef-Image"));
    let relations: Vec<Value> = std::iter::once(described).chain(contains).collect();
    let mut package = json!({
        "SPDXID": "SPDXRef-Image",
        "name": name,
        "versionInfo": image.entry.digest,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": !files.is_empty(),
        "primaryPackagePurpose": "CONTAINER",
    });
    if !files.is_empty() {
        package["packageVerificationCode"] = json!({"packageVerificationCodeValue": verification_code(&files)});
    }
    json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        // It has to be unique to the document, and need not lead anywhere.
        "documentNamespace": format!("https://spdx.org/spdxdocs/seatrial-{}", image.entry.digest.hex()),
        "creationInfo": {"created": created, "creators": ["Tool: seatrial"]},
        "packages": [package],
        "files": listed,
        "relationships": relations,
    })
}

fn file_of(number: usize, file: &PackedFile) -> Value {
    json!({
        "SPDXID": format!("SPDXRef-File-{number}"),
        "fileName": format!(".{}", file.path),
        // SPDX asks for SHA-1 of every file.
        "checksums": [
            {"algorithm": "SHA1", "checksumValue": file.sha1},
            {"algorithm": "SHA256", "checksumValue": file.sha256.hex()},
        ],
        "licenseConcluded": "NOASSERTION",
        "copyrightText": "NOASSERTION",
    })
}

fn relation(element: &str, kind: &str, related: &Value) -> Value {
    json!({"spdxElementId": element, "relationshipType": kind, "relatedSpdxElement": related})
}

/// SPDX's code over all files of a package: the SHA-1 of their SHA-1s, sorted.
fn verification_code(files: &BTreeMap<&str, &PackedFile>) -> String {
    let mut sums: Vec<&str> = files.values().map(|file| file.sha1.as_str()).collect();
    sums.sort_unstable();
    let code = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, sums.concat().as_bytes());
    code.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
