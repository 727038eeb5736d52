//! Pages of a listing and the opaque tokens that continue one.
//!
//! A token names the last item given, not an offset, so that items that come or go between two calls neither repeat nor hide
//! others. It belongs to one listing (operation and filters): used with another, changed or cut, it is refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// The longest token accepted; tokens made here are far shorter, as they hold one key.
pub const TOKEN_LENGTH_MAX: usize = 4096;

/// How many bytes of digest bind a token to its listing: enough to notice any accident. Tokens guard nothing secret.
const SEAL_LENGTH: usize = 8;

/// One page of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// The token for the next page; absent on the last one.
    pub next_token: Option<String>,
}

/// A token that this listing never gave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pagination token is not valid for this request")]
pub struct InvalidPageToken;

/// What is listed: the operation and whatever filters it, so that a token cannot wander between listings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing(Vec<u8>);

impl Listing {
    /// Names a listing by its operation and filters. The order of the filters matters.
    pub fn new<'a>(operation: &str, filters: impl IntoIterator<Item = &'a str>) -> Self {
        let mut name = operation.as_bytes().to_vec();
        for filter in filters {
            name.push(0);
            name.extend_from_slice(filter.as_bytes());
        }
        Listing(name)
    }

    /// Returns the page that begins after `token`, at most `size` items long.
    ///
    /// `items` must come in ascending order of `key`; wrap the key in [`std::cmp::Reverse`] for newest-first listings.
    pub fn page<T, K>(
        &self,
        items: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> K,
        token: Option<&str>,
        size: usize,
    ) -> Result<Page<T>, InvalidPageToken>
    where
        K: Ord + Serialize + DeserializeOwned,
    {
        let after: Option<K> = token.map(|token| self.open(token)).transpose()?;
        let mut items = items.into_iter().filter(|item| after.as_ref().is_none_or(|after| key(item) > *after)).fuse();
        let page: Vec<T> = items.by_ref().take(size).collect();
        let next_token = match (items.next(), page.last()) {
            (Some(_), Some(last)) => Some(self.seal(&key(last))),
            (Some(_) | None, _) => None,
        };
        Ok(Page { items: page, next_token })
    }

    /// Makes the token that continues after `key`.
    pub fn seal<K: Serialize>(&self, key: &K) -> String {
        let payload = serde_json::to_vec(key).expect("listing keys are texts and numbers");
        let mut token = self.digest(&payload).to_vec();
        token.extend_from_slice(&payload);
        URL_SAFE_NO_PAD.encode(token)
    }

    /// Reads the key out of a token made by [`Listing::seal`] of the same listing.
    pub fn open<K: DeserializeOwned>(&self, token: &str) -> Result<K, InvalidPageToken> {
        if token.len() > TOKEN_LENGTH_MAX {
            return Err(InvalidPageToken);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| InvalidPageToken)?;
        let (seal, payload) = bytes.split_at_checked(SEAL_LENGTH).ok_or(InvalidPageToken)?;
        if seal != self.digest(payload) {
            return Err(InvalidPageToken);
        }
        serde_json::from_slice(payload).map_err(|_| InvalidPageToken)
    }

    fn digest(&self, payload: &[u8]) -> [u8; SEAL_LENGTH] {
        let digest = Sha256::new().chain_update(&self.0).chain_update([0]).chain_update(payload).finalize();
        std::array::from_fn(|index| digest[index])
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;

    use proptest::prelude::*;

    use super::*;

    fn walk(listing: &Listing, items: &[u32], size: usize) -> Vec<u32> {
        let mut seen = Vec::new();
        let mut token = None;
        loop {
            let page =
                listing.page(items.iter().copied(), |item| *item, token.as_deref(), size).expect("our own token");
            seen.extend(page.items);
            match page.next_token {
                Some(next) => token = Some(next),
                None => return seen,
            }
        }
    }

    #[test]
    fn items_that_come_and_go_neither_repeat_nor_hide_others() {
        let listing = Listing::new("ListServices", ["hello"]);
        let first = listing.page([2, 4, 6, 8], |n| *n, None, 2).expect("a page");
        assert_eq!(first.items, [2, 4]);
        let second = listing.page([1, 3, 5, 6, 8], |n| *n, first.next_token.as_deref(), 10).expect("a page");
        assert_eq!((second.items, second.next_token), (vec![5, 6, 8], None));
    }

    #[test]
    fn newest_first_listings_are_paged_by_a_reversed_key() {
        let listing = Listing::new("ListServiceDeployments", []);
        let first = listing.page([9, 7, 5], |n| Reverse(*n), None, 1).expect("a page");
        let second = listing.page([11, 9, 7, 5], |n| Reverse(*n), first.next_token.as_deref(), 1).expect("a page");
        assert_eq!(second.items, [7]);
    }

    #[test]
    fn a_token_of_another_listing_is_refused() {
        let token = Listing::new("ListServices", ["a"]).seal(&1);
        assert_eq!(Listing::new("ListServices", ["b"]).open::<u32>(&token), Err(InvalidPageToken));
        assert_eq!(Listing::new("ListTasks", ["a"]).open::<u32>(&token), Err(InvalidPageToken));
        assert_eq!(Listing::new("ListServices", ["a"]).open::<u32>(&token), Ok(1));
    }

    proptest! {
        #[test]
        fn pages_of_any_size_give_every_item_once(mut items in prop::collection::vec(any::<u32>(), 0..50), size in 1usize..20) {
            items.sort_unstable();
            items.dedup();
            prop_assert_eq!(walk(&Listing::new("L", []), &items, size), items);
        }

        #[test]
        fn no_token_panics_and_no_invented_token_is_accepted(token in ".{0,80}") {
            prop_assert!(Listing::new("L", []).open::<String>(&token).is_err());
        }

        #[test]
        fn a_changed_token_is_refused(key in ".{0,20}", at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_-]") {
            let listing = Listing::new("L", []);
            let token = listing.seal(&key);
            let at = at.index(token.len());
            let mut changed = token.clone();
            changed.replace_range(at..=at, &to);
            prop_assume!(changed != token);
            prop_assert!(listing.open::<String>(&changed).is_err());
        }
    }
}
