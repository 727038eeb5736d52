//! In which order the manifests of an image go: what a manifest names before itself, and a subject before what refers to it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use seatrial_model::image::{Digest, InvalidManifest, Manifest};

use super::MANIFESTS_MAX;
use super::source::ImageSource;
use seatrial_image::hash::digest_of;

/// A manifest that is to be pushed.
#[derive(Clone, Debug)]
pub(super) struct Ordered {
    pub digest: Digest,
    pub bytes: Vec<u8>,
    pub manifest: Manifest,
}

/// Why there is no order.
#[derive(Debug)]
pub(super) enum OrderError {
    Unreadable(Digest, io::Error),
    Invalid(Digest, InvalidManifest),
    WrongDigest { expected: Digest, actual: Digest },
    TooMany,
}

/// What is to be done with a manifest.
enum Visit {
    /// Look what has to go before it.
    Enter(Digest),
    /// All of that is in order.
    Leave(Digest),
}

/// Reads all manifests from the roots down, and orders them. The same digest comes once.
pub(super) fn order(source: &dyn ImageSource, roots: &[Digest]) -> Result<Vec<Ordered>, OrderError> {
    let mut read = BTreeMap::new();
    let mut unread: Vec<Digest> = roots.to_vec();
    while let Some(digest) = unread.pop() {
        if read.contains_key(&digest) {
            continue;
        }
        if read.len() >= MANIFESTS_MAX {
            return Err(OrderError::TooMany);
        }
        let found = load(source, &digest)?;
        unread.extend(found.manifest.children.iter().map(|child| child.digest.clone()));
        read.insert(digest, found);
    }
    Ok(arrange(read, roots))
}

fn load(source: &dyn ImageSource, digest: &Digest) -> Result<Ordered, OrderError> {
    let bytes = source.manifest(digest).map_err(|error| OrderError::Unreadable(digest.clone(), error))?;
    let actual = digest_of(digest.algorithm(), &bytes);
    if actual != *digest {
        return Err(OrderError::WrongDigest { expected: digest.clone(), actual });
    }
    let manifest = Manifest::parse(&bytes, None).map_err(|error| OrderError::Invalid(digest.clone(), error))?;
    Ok(Ordered { digest: digest.clone(), bytes, manifest })
}

/// Goes depth first, without recursion: an index may name an index, however deep. No manifest can name itself by its digest.
fn arrange(mut read: BTreeMap<Digest, Ordered>, roots: &[Digest]) -> Vec<Ordered> {
    let mut order = Vec::new();
    let mut entered = BTreeSet::new();
    let mut visits: Vec<Visit> = roots.iter().rev().cloned().map(Visit::Enter).collect();
    while let Some(visit) = visits.pop() {
        match visit {
            Visit::Leave(digest) => order.extend(read.remove(&digest)),
            Visit::Enter(digest) => {
                let Some(found) = read.get(&digest).filter(|_| entered.insert(digest.clone())) else { continue };
                visits.push(Visit::Leave(digest));
                let children = found.manifest.children.iter().map(|child| &child.digest);
                // A subject that is not pushed along may be in the registry, or come later.
                let before = children.chain(&found.manifest.subject).filter(|before| read.contains_key(before));
                visits.extend(before.cloned().map(Visit::Enter));
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use seatrial_model::image::Algorithm;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Default)]
    struct Memory(BTreeMap<Digest, Vec<u8>>);

    impl ImageSource for Memory {
        fn manifest(&self, digest: &Digest) -> io::Result<Vec<u8>> {
            self.0.get(digest).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
        }

        fn open_blob(&self, _: &Digest) -> io::Result<(File, u64)> {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    impl Memory {
        fn put(&mut self, document: Value) -> Digest {
            let bytes = document.to_string().into_bytes();
            let digest = digest_of(Algorithm::Sha256, &bytes);
            self.0.insert(digest.clone(), bytes);
            digest
        }

        fn image(&mut self, name: &str, subject: Option<&Digest>) -> Digest {
            let part = json!({"digest": digest_of(Algorithm::Sha256, name.as_bytes()), "size": 1});
            let subject = subject.map(|digest| json!({"digest": digest, "size": 1}));
            self.put(json!({"schemaVersion": 2, "config": part, "layers": [part], "subject": subject}))
        }

        fn index(&mut self, children: &[&Digest]) -> Digest {
            let parts: Vec<Value> = children.iter().map(|digest| json!({"digest": digest, "size": 1})).collect();
            self.put(json!({"schemaVersion": 2, "manifests": parts}))
        }
    }

    fn digests(source: &Memory, roots: &[Digest]) -> Vec<Digest> {
        order(source, roots).expect("an order").into_iter().map(|ordered| ordered.digest).collect()
    }

    #[test]
    fn children_and_subjects_go_first() {
        let mut source = Memory::default();
        let (one, two) = (source.image("one", None), source.image("two", None));
        let attestation = source.image("attestation", Some(&one));
        // The attestation stands before its subject.
        let index = source.index(&[&two, &attestation, &one, &one]);
        let signature = source.image("signature", Some(&index));
        let order = digests(&source, &[signature.clone(), index.clone()]);
        let at = |digest: &Digest| order.iter().position(|other| other == digest).expect("it is there");
        assert_eq!(order.len(), 5, "each once");
        assert!(at(&one) < at(&attestation) && at(&attestation) < at(&index) && at(&two) < at(&index));
        assert!(at(&index) < at(&signature));
    }

    #[test]
    fn a_subject_that_is_elsewhere_does_not_matter() {
        let mut source = Memory::default();
        let elsewhere = digest_of(Algorithm::Sha256, b"elsewhere");
        let signature = source.image("signature", Some(&elsewhere));
        assert_eq!(digests(&source, std::slice::from_ref(&signature)), [signature]);
    }

    #[test]
    fn indexes_may_be_deep() {
        let mut source = Memory::default();
        let mut digest = source.image("image", None);
        for _ in 0..2000 {
            digest = source.index(&[&digest]);
        }
        assert_eq!(digests(&source, &[digest]).len(), 2001);
    }

    #[test]
    fn what_cannot_be_pushed_is_told() {
        let mut source = Memory::default();
        let missing = digest_of(Algorithm::Sha256, b"missing");
        let index = source.index(&[&missing]);
        assert!(matches!(order(&source, &[index]), Err(OrderError::Unreadable(digest, _)) if digest == missing));
        let text = source.put(json!("text"));
        assert!(matches!(order(&source, &[text]), Err(OrderError::Invalid(..))));
        source.0.insert(missing.clone(), b"other".to_vec());
        assert!(matches!(order(&source, &[missing]), Err(OrderError::WrongDigest { .. })));
        let many: Vec<Digest> = (0..=MANIFESTS_MAX).map(|number| source.image(&number.to_string(), None)).collect();
        assert!(matches!(order(&source, &many), Err(OrderError::TooMany)));
    }
}
