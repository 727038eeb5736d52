//! All that can be wrong with a CBOR body, and the limit of its own that it has to keep to.

use crate::input::INPUT_DEPTH_MAX;

/// The most lists and structures in one body. A PutMetricData call with 1000 metrics of 30 dimensions needs 32,000; an empty one takes
/// one byte of the body and up to 700 of memory.
pub const CONTAINERS_MAX: usize = 65_536;

/// Why bytes are no input, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {at}")]
pub struct InvalidCbor {
    /// The position of the data item that is wrong, counted from zero.
    pub at: usize,
    pub problem: CborProblem,
}

/// What is wrong with a data item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CborProblem {
    #[error("the body ends within a value")]
    Truncated,
    #[error("a length that goes beyond the body")]
    LengthBeyondBody,
    #[error("more than one value")]
    TrailingBytes,
    #[error("reserved bits in the head of a value")]
    Reserved,
    #[error("an indefinite length where none can be, or the end of one that was not begun")]
    UnexpectedIndefinite,
    #[error("a part of an indefinite string that is no string of its kind")]
    WrongChunk,
    #[error("a text that is not UTF-8")]
    NotUtf8,
    #[error("a key that is not a text")]
    KeyNotText,
    #[error("a key that is given twice")]
    DuplicateKey,
    #[error("an integer below -2^63")]
    IntegerTooSmall,
    #[error("the tag {0}, which this protocol does not have,")]
    UnknownTag(u64),
    #[error("a timestamp that is not a finite number")]
    InvalidTimestamp,
    #[error("the simple value {0}, which this protocol does not have,")]
    UnknownSimple(u64),
    #[error("nesting deeper than {INPUT_DEPTH_MAX} levels")]
    TooDeep,
    #[error("more than {CONTAINERS_MAX} lists and structures")]
    TooManyContainers,
}
