//! Pages of listings: how many items, after which one, and the link to the next page.

use http::HeaderValue;

use super::query::Query;
use super::refusal::{Code, Refusal};
use crate::limits::PAGE_MAX;

/// Which page is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub size: usize,
    pub after: Option<String>,
}

impl Page {
    /// Reads `n` and `last`. More than [`PAGE_MAX`] items are as many: the link leads to the rest.
    pub fn parse(query: &Query) -> Result<Self, Refusal> {
        let size = match query.get("n") {
            None => PAGE_MAX,
            Some(text) => {
                let number = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
                let number = number
                    .and_then(|text| text.parse::<usize>().ok())
                    .ok_or_else(|| Refusal::new(Code::PaginationNumberInvalid, "The parameter n must be a number."))?;
                number.min(PAGE_MAX)
            }
        };
        Ok(Page { size, after: query.get("last").map(str::to_owned) })
    }

    /// Returns how many items to look for: one more than the page has tells whether there is another page.
    pub fn limit(&self) -> usize {
        if self.size == 0 { 0 } else { self.size + 1 }
    }

    /// Cuts the items found to the page, and returns the `Link` to the next one if there is one.
    pub fn cut<T: AsRef<str>>(&self, items: &mut Vec<T>, path: &str, more: &[(&str, &str)]) -> Option<HeaderValue> {
        if items.len() <= self.size {
            return None;
        }
        items.truncate(self.size);
        let last = items.last()?.as_ref();
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("n", &self.size.to_string()).append_pair("last", last);
        for (name, value) in more {
            query.append_pair(name, value);
        }
        HeaderValue::from_str(&format!("<{path}?{}>; rel=\"next\"", query.finish())).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> Result<Page, u16> {
        let query = Query::parse(Some(query)).map_err(|refusal| refusal.status().as_u16())?;
        Page::parse(&query).map_err(|refusal| refusal.status().as_u16())
    }

    #[test]
    fn a_page_has_a_size_and_a_beginning() {
        assert_eq!(page(""), Ok(Page { size: PAGE_MAX, after: None }));
        assert_eq!(page("n=2&last=a%2Fb"), Ok(Page { size: 2, after: Some("a/b".to_owned()) }));
        assert_eq!(page("n=999999"), Ok(Page { size: PAGE_MAX, after: None }));
        for wrong in ["n=", "n=-1", "n=many", "n=99999999999999999999999"] {
            assert_eq!(page(wrong), Err(400), "{wrong}");
        }
    }

    #[test]
    fn a_page_that_is_not_the_last_leads_to_the_next() {
        let first = page("n=2").expect("a page");
        let mut items = vec!["a", "b&c", "d"];
        let link = first.cut(&mut items, "/v2/x/tags/list", &[]).expect("there is more");
        assert_eq!(link, "</v2/x/tags/list?n=2&last=b%26c>; rel=\"next\"");
        assert_eq!(items, ["a", "b&c"]);
        assert_eq!(first.cut(&mut items, "/v2/x/tags/list", &[]), None);
        let none = page("n=0").expect("a page");
        assert_eq!(none.limit(), 0);
    }
}
