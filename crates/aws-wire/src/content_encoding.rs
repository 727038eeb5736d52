//! The encodings in which clients send the bodies of large requests (Smithy's `requestCompression`), undone within a limit.

use std::io::Read;

use flate2::bufread::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use crate::common_error::CommonError;

/// How a body is encoded. A signature is over the encoded bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentEncoding {
    Identity,
    Gzip,
}

impl ContentEncoding {
    /// Returns the encoding the headers announce; several, or another one, are refused.
    pub fn announced(headers: &HeaderMap) -> Result<Self, CommonError> {
        let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
        let (encoding, further) = (encodings.next(), encodings.next());
        let Some(encoding) = encoding else {
            return Ok(ContentEncoding::Identity);
        };
        let is = |name: &[u8]| further.is_none() && encoding.as_bytes().trim_ascii().eq_ignore_ascii_case(name);
        if is(b"identity") || is(b"") {
            Ok(ContentEncoding::Identity)
        } else if is(b"gzip") {
            Ok(ContentEncoding::Gzip)
        } else {
            let text = "This engine reads bodies with the Content-Encoding gzip or none; send the request without Content-Encoding.";
            Err(CommonError::MalformedInput(text.to_owned()))
        }
    }

    /// Undoes the encoding of a body. More than `length_max` bytes are refused as soon as they are reached, so that a small body cannot
    /// unfold into a large one.
    pub fn decode(self, body: Vec<u8>, length_max: usize) -> Result<Vec<u8>, CommonError> {
        match self {
            ContentEncoding::Identity if body.len() > length_max => Err(too_large(length_max)),
            ContentEncoding::Identity => Ok(body),
            ContentEncoding::Gzip => gunzip(&body, length_max),
        }
    }
}

fn gunzip(body: &[u8], length_max: usize) -> Result<Vec<u8>, CommonError> {
    let mut decoded = Vec::new();
    let mut decoder = MultiGzDecoder::new(body).take(length_max as u64 + 1);
    decoder
        .read_to_end(&mut decoded)
        .map_err(|error| CommonError::MalformedInput(format!("The request body is not valid gzip: {error}")))?;
    if decoded.len() > length_max { Err(too_large(length_max)) } else { Ok(decoded) }
}

fn too_large(length_max: usize) -> CommonError {
    CommonError::RequestTooLarge(format!("The request body is larger than {length_max} bytes when decoded."))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    fn announced(values: &[&'static str]) -> Option<ContentEncoding> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(CONTENT_ENCODING, HeaderValue::from_static(value));
        }
        ContentEncoding::announced(&headers).ok()
    }

    #[test]
    fn gzip_and_none_are_the_encodings_there_are() {
        assert_eq!(announced(&[]), Some(ContentEncoding::Identity));
        assert_eq!(announced(&["identity"]), Some(ContentEncoding::Identity));
        assert_eq!(announced(&["GZIP"]), Some(ContentEncoding::Gzip));
        for unreadable in [&["br"][..], &["gzip, gzip"], &["gzip", "gzip"], &["aws-chunked"]] {
            assert_eq!(announced(unreadable), None, "{unreadable:?}");
        }
    }

    #[test]
    fn a_body_that_unfolds_beyond_the_limit_is_refused() {
        let bomb = gzip(&vec![0; 1 << 20]);
        assert!(bomb.len() < 4096);
        let refused = ContentEncoding::Gzip.decode(bomb.clone(), (1 << 20) - 1);
        assert!(matches!(refused, Err(CommonError::RequestTooLarge(_))), "{refused:?}");
        assert_eq!(ContentEncoding::Gzip.decode(bomb, 1 << 20).map(|body| body.len()), Ok(1 << 20));
    }

    #[test]
    fn a_body_that_is_cut_or_changed_is_refused() {
        let mut body = gzip(b"Action=PutMetricData");
        let cut = body[..body.len() - 1].to_vec();
        assert!(matches!(ContentEncoding::Gzip.decode(cut, 100), Err(CommonError::MalformedInput(_))));
        let checksum = body.len() - 8;
        body[checksum] ^= 1;
        assert!(matches!(ContentEncoding::Gzip.decode(body, 100), Err(CommonError::MalformedInput(_))));
        assert!(matches!(ContentEncoding::Gzip.decode(Vec::new(), 100), Err(CommonError::MalformedInput(_))));
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_back(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert_eq!(ContentEncoding::Gzip.decode(gzip(&bytes), 2000), Ok(bytes));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in any::<prop::sample::Index>()) {
            let mut body = gzip(b"some text that repeats, some text that repeats");
            body.truncate(cut.index(body.len()));
            body.extend_from_slice(&bytes);
            let _ = ContentEncoding::Gzip.decode(body, 1000);
        }
    }
}
