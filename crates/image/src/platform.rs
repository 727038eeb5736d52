//! For which machines an image is, and which image of an index is this machine's.

use std::fmt;

use seatrial_model::image::{Digest, InvalidManifest, MANIFEST_BYTES_MAX, REFERENCES_MAX};
use serde::{Deserialize, Serialize};

/// How many platforms an error names.
const SHOWN_MAX: usize = 20;

/// An operating system, an architecture in Go's words, and its variant where there are several.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    #[serde(default)]
    pub os: String,
    #[serde(default)]
    pub architecture: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

/// Why an index has no image for a machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoImageForPlatform {
    #[error("the index cannot be read")]
    Invalid(#[source] InvalidManifest),
    #[error("the index has no image for {wanted}, only for {available}: build the image for {wanted} too")]
    Absent { wanted: Platform, available: String },
}

#[derive(Deserialize)]
struct Index {
    manifests: Option<Vec<Child>>,
}

#[derive(Deserialize)]
struct Child {
    digest: Digest,
    platform: Option<ChildPlatform>,
}

#[derive(Deserialize)]
struct ChildPlatform {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
}

impl Platform {
    /// Returns the platform of containers on this machine: they are Linux's, whatever the machine itself runs.
    pub fn of_this_machine() -> Self {
        let (architecture, variant) = match std::env::consts::ARCH {
            "x86_64" => ("amd64", None),
            "x86" => ("386", None),
            "aarch64" => ("arm64", Some("v8")),
            "arm" => ("arm", Some("v7")),
            "powerpc64" => ("ppc64le", None),
            "loongarch64" => ("loong64", None),
            other => (other, None),
        };
        Platform { os: "linux".to_owned(), architecture: architecture.to_owned(), variant: variant.map(str::to_owned) }
    }

    /// Finds the image for this platform in the bytes of an index. An index with one child that names no platform is an image by
    /// another name.
    pub fn choose(&self, index: &[u8]) -> Result<Digest, NoImageForPlatform> {
        let children = children(index).map_err(NoImageForPlatform::Invalid)?;
        let ranked = children.iter().filter_map(|child| {
            let platform = child.platform.as_ref()?;
            Some((self.rank(platform)?, &child.digest))
        });
        // The first of equals, as other clients choose.
        let best = ranked.reduce(|best, next| if next.0 > best.0 { next } else { best });
        match (best, &children[..]) {
            (Some((_, digest)), _) => Ok(digest.clone()),
            (None, [Child { digest, platform: None }]) => Ok(digest.clone()),
            (None, _) => Err(NoImageForPlatform::Absent { wanted: self.clone(), available: available(&children) }),
        }
    }

    /// Tells whether an image for another platform runs on this one.
    pub fn runs(&self, other: &Platform) -> bool {
        let Platform { os, architecture, variant } = other.clone();
        self.rank(&ChildPlatform { os: Some(os), architecture: Some(architecture), variant }).is_some()
    }

    /// Tells how well a child fits, more being better; `None` when it does not run here.
    fn rank(&self, child: &ChildPlatform) -> Option<u32> {
        let is_ours = child.os.as_ref() == Some(&self.os) && child.architecture.as_ref() == Some(&self.architecture);
        if !is_ours {
            return None;
        }
        let offered = generation(&self.architecture, child.variant.as_deref())?;
        let ours = generation(&self.architecture, self.variant.as_deref())?;
        // Later generations run what was built for earlier ones.
        (offered <= ours).then_some(offered)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(formatter, "/{variant}"))
    }
}

/// Returns the number of a variant such as `v7`; without one it is what the architecture began with.
fn generation(architecture: &str, variant: Option<&str>) -> Option<u32> {
    match variant.filter(|variant| !variant.is_empty()) {
        Some(variant) => variant.strip_prefix('v')?.parse().ok(),
        None => Some(match architecture {
            "arm64" => 8,
            "arm" => 7,
            _ => 1,
        }),
    }
}

fn children(index: &[u8]) -> Result<Vec<Child>, InvalidManifest> {
    if index.len() > MANIFEST_BYTES_MAX {
        return Err(InvalidManifest::TooLarge(index.len()));
    }
    let index: Index = serde_json::from_slice(index).map_err(|error| InvalidManifest::Malformed(error.to_string()))?;
    let children = index.manifests.ok_or(InvalidManifest::Missing("manifests"))?;
    if children.len() > REFERENCES_MAX { Err(InvalidManifest::TooManyReferences(children.len())) } else { Ok(children) }
}

fn available(children: &[Child]) -> String {
    let unstated = || "?".to_owned();
    let platforms = children.iter().filter_map(|child| child.platform.as_ref()).map(|platform| {
        let platform = Platform {
            os: platform.os.clone().unwrap_or_else(unstated),
            architecture: platform.architecture.clone().unwrap_or_else(unstated),
            variant: platform.variant.clone(),
        };
        platform.to_string()
    });
    // What tools attach to an index (attestations) has a platform that is none.
    let named: Vec<String> = platforms.filter(|name| !name.starts_with("unknown/")).take(SHOWN_MAX).collect();
    if named.is_empty() { "no platform at all".to_owned() } else { named.join(", ") }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn child(digit: char, os: &str, architecture: &str, variant: Option<&str>) -> Value {
        json!({"digest": digest(digit), "platform": {"os": os, "architecture": architecture, "variant": variant}})
    }

    fn digest(digit: char) -> String {
        format!("sha256:{}", digit.to_string().repeat(64))
    }

    fn choose(architecture: &str, variant: Option<&str>, children: &[Value]) -> Result<char, NoImageForPlatform> {
        let variant = variant.map(str::to_owned);
        let platform = Platform { os: "linux".to_owned(), architecture: architecture.to_owned(), variant };
        let index = json!({"schemaVersion": 2, "manifests": children}).to_string();
        platform.choose(index.as_bytes()).map(|digest| digest.hex().chars().next().expect("a digit"))
    }

    #[test]
    fn the_image_of_the_machine_is_chosen() {
        let children = [
            child('0', "unknown", "unknown", None),
            child('1', "windows", "amd64", None),
            child('2', "linux", "amd64", Some("v3")),
            child('3', "linux", "amd64", None),
            child('4', "linux", "arm", Some("v5")),
            child('5', "linux", "arm", Some("v6")),
            child('6', "linux", "arm", Some("v7")),
            child('7', "linux", "arm64", Some("v8")),
            child('8', "linux", "amd64", None),
        ];
        let cases = [
            ("amd64", None, '3'),
            ("amd64", Some("v3"), '2'),
            ("arm", Some("v7"), '6'),
            ("arm", Some("v6"), '5'),
            ("arm64", Some("v8"), '7'),
            ("arm64", None, '7'),
        ];
        for (architecture, variant, wanted) in cases {
            assert_eq!(choose(architecture, variant, &children), Ok(wanted), "{architecture} {variant:?}");
        }
        let error = choose("riscv64", None, &children).expect_err("none").to_string();
        assert!(error.contains("no image for linux/riscv64, only for windows/amd64, linux/amd64/v3"), "{error}");
    }

    #[test]
    fn an_only_child_needs_no_platform() {
        let bare = json!({"digest": digest('a')});
        assert_eq!(choose("amd64", None, std::slice::from_ref(&bare)), Ok('a'));
        assert!(choose("amd64", None, &[bare.clone(), bare]).is_err());
        assert!(choose("amd64", None, &[]).is_err());
    }

    #[test]
    fn what_is_no_index_is_told_so() {
        let platform = Platform::of_this_machine();
        for bytes in [&b"{}"[..], b"[", &vec![b' '; MANIFEST_BYTES_MAX + 1]] {
            assert!(matches!(platform.choose(bytes), Err(NoImageForPlatform::Invalid(_))));
        }
    }
}
