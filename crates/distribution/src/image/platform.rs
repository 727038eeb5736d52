//! Which variant of an image is wanted, and which its index has.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an image runs on, in the words of Go, as ECS's `runtimePlatform` does not have them: `linux`, `amd64`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    pub os: String,
    pub architecture: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

/// Which of an image's variants to pull.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlatformChoice {
    All,
    One(Platform),
}

impl Platform {
    pub fn linux(architecture: impl Into<String>) -> Self {
        Platform { os: "linux".to_owned(), architecture: architecture.into(), variant: None }
    }

    /// Tells whether an image for `offered` runs here. Where no variant is wanted, any will do; 64-bit ARM's `v8` goes without saying.
    pub(super) fn takes(&self, offered: &Platform) -> bool {
        let is_usual = |variant: &str| self.architecture == "arm64" && variant == "v8";
        let fits = match (&self.variant, &offered.variant) {
            (None, _) => true,
            (Some(wanted), Some(offered)) => wanted == offered,
            (Some(wanted), None) => is_usual(wanted),
        };
        fits && self.os == offered.os && self.architecture == offered.architecture
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        let mut parts = text.split('/').map(str::to_owned);
        let mut part = || parts.next();
        Platform { os: part().expect("a system"), architecture: part().expect("an architecture"), variant: part() }
    }

    #[test]
    fn a_variant_matters_only_where_it_is_wanted() {
        for (wanted, offered, expected) in [
            ("linux/amd64", "linux/amd64", true),
            ("linux/amd64", "linux/amd64/v2", true),
            ("linux/amd64", "windows/amd64", false),
            ("linux/amd64", "linux/arm64", false),
            ("linux/arm/v7", "linux/arm/v6", false),
            ("linux/arm/v7", "linux/arm", false),
            ("linux/arm64/v8", "linux/arm64", true),
        ] {
            assert_eq!(platform(wanted).takes(&platform(offered)), expected, "{wanted} {offered}");
        }
        assert_eq!(platform("linux/arm/v7").to_string(), "linux/arm/v7");
    }
}
