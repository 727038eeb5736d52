//! Reads CBOR into a JSON value: what is said of the body in [`InvalidCbor`] is all that can happen to it.
//!
//! Nothing is allocated for what is merely announced: a length that goes beyond the body is refused before anything is read, and
//! containers grow item by item. Recursion ends at [`INPUT_DEPTH_MAX`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use super::problem::{CONTAINERS_MAX, CborProblem, InvalidCbor};
use crate::double;
use crate::input::INPUT_DEPTH_MAX;

/// The only tag the protocol has: the number under it counts seconds since the epoch.
const TAG_EPOCH_SECONDS: u64 = 1;

const MAJOR_UNSIGNED: u8 = 0;
const MAJOR_NEGATIVE: u8 = 1;
const MAJOR_BYTES: u8 = 2;
const MAJOR_TEXT: u8 = 3;
const MAJOR_LIST: u8 = 4;
const MAJOR_MAP: u8 = 5;
const MAJOR_TAG: u8 = 6;
const MAJOR_SIMPLE: u8 = 7;

const BREAK: u8 = 0xff;

/// Decodes a body that is one value. Byte strings become base64, floats without a JSON number the texts that JSON clients send for
/// them, timestamps their number.
pub(crate) fn decode(body: &[u8]) -> Result<Value, InvalidCbor> {
    let mut reader = Reader { bytes: body, at: 0, containers_left: CONTAINERS_MAX };
    let value = reader.value(INPUT_DEPTH_MAX)?;
    if reader.at < body.len() {
        return Err(InvalidCbor { at: reader.at, problem: CborProblem::TrailingBytes });
    }
    Ok(value)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    containers_left: usize,
}

/// The first bytes of a data item: its kind, and the number that is its value, its length or its tag.
#[derive(Clone, Copy)]
struct Head {
    /// Where the item begins.
    at: usize,
    major: u8,
    info: u8,
    /// Absent when the length is indefinite.
    argument: Option<u64>,
}

impl Head {
    fn refuse(self, problem: CborProblem) -> InvalidCbor {
        InvalidCbor { at: self.at, problem }
    }

    /// Returns the argument of an item that cannot be of indefinite length.
    fn definite(self) -> Result<u64, InvalidCbor> {
        self.argument.ok_or_else(|| self.refuse(CborProblem::UnexpectedIndefinite))
    }
}

impl<'a> Reader<'a> {
    /// Reads a value that may nest `depth` levels.
    fn value(&mut self, depth: usize) -> Result<Value, InvalidCbor> {
        let head = self.head()?;
        match head.major {
            MAJOR_UNSIGNED | MAJOR_NEGATIVE => integer(head).map(Value::Number),
            MAJOR_BYTES => self.byte_string(head).map(|bytes| Value::String(STANDARD.encode(bytes))),
            MAJOR_TEXT => self.text(head).map(Value::String),
            MAJOR_LIST => {
                let depth = self.enter(head, depth)?;
                self.list(head, depth)
            }
            MAJOR_MAP => {
                let depth = self.enter(head, depth)?;
                self.map(head, depth)
            }
            MAJOR_TAG => self.timestamp(head),
            _ => simple(head),
        }
    }

    fn head(&mut self) -> Result<Head, InvalidCbor> {
        let at = self.at;
        let truncated = InvalidCbor { at, problem: CborProblem::Truncated };
        let initial = *self.bytes.get(at).ok_or(truncated)?;
        self.at += 1;
        let (major, info) = (initial >> 5, initial & 0x1f);
        let argument = match info {
            0..=23 => Some(u64::from(info)),
            24..=27 => {
                let bytes = self.take(1 << (info - 24)).ok_or(truncated)?;
                Some(bytes.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
            }
            31 => None,
            _ => return Err(InvalidCbor { at, problem: CborProblem::Reserved }),
        };
        Ok(Head { at, major, info, argument })
    }

    /// Takes the next bytes, if there are so many.
    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let length = usize::try_from(length).ok().filter(|length| *length <= self.left())?;
        let taken = &self.bytes[self.at..self.at + length];
        self.at += length;
        Some(taken)
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Counts a list or structure and returns how deep its items may nest.
    fn enter(&mut self, head: Head, depth: usize) -> Result<usize, InvalidCbor> {
        let depth = depth.checked_sub(1).ok_or(head.refuse(CborProblem::TooDeep))?;
        self.containers_left =
            self.containers_left.checked_sub(1).ok_or(head.refuse(CborProblem::TooManyContainers))?;
        Ok(depth)
    }

    fn list(&mut self, head: Head, depth: usize) -> Result<Value, InvalidCbor> {
        let mut items = Vec::new();
        self.each_item(head, 1, |reader| {
            items.push(reader.value(depth)?);
            Ok(())
        })?;
        Ok(Value::Array(items))
    }

    fn map(&mut self, head: Head, depth: usize) -> Result<Value, InvalidCbor> {
        let mut members = Map::new();
        self.each_item(head, 2, |reader| {
            let key = reader.head()?;
            if key.major != MAJOR_TEXT {
                return Err(key.refuse(CborProblem::KeyNotText));
            }
            match members.entry(reader.text(key)?) {
                Entry::Vacant(entry) => entry.insert(reader.value(depth)?),
                Entry::Occupied(_) => return Err(key.refuse(CborProblem::DuplicateKey)),
            };
            Ok(())
        })?;
        Ok(Value::Object(members))
    }

    /// Reads the items of a list or map, each of which takes at least so many bytes.
    fn each_item(
        &mut self,
        head: Head,
        bytes_min: u64,
        mut read: impl FnMut(&mut Self) -> Result<(), InvalidCbor>,
    ) -> Result<(), InvalidCbor> {
        let Some(count) = head.argument else {
            while !self.take_break() {
                read(self)?;
            }
            return Ok(());
        };
        if count > self.left() as u64 / bytes_min {
            return Err(head.refuse(CborProblem::LengthBeyondBody));
        }
        (0..count).try_for_each(|_| read(self))
    }

    /// Takes the mark that ends an indefinite length, if it is next.
    fn take_break(&mut self) -> bool {
        let is_next = self.bytes.get(self.at) == Some(&BREAK);
        self.at += usize::from(is_next);
        is_next
    }

    fn text(&mut self, head: Head) -> Result<String, InvalidCbor> {
        let mut text = String::new();
        self.each_chunk(head, |chunk, bytes| {
            text.push_str(std::str::from_utf8(bytes).map_err(|_| chunk.refuse(CborProblem::NotUtf8))?);
            Ok(())
        })?;
        Ok(text)
    }

    fn byte_string(&mut self, head: Head) -> Result<Vec<u8>, InvalidCbor> {
        let mut string = Vec::new();
        self.each_chunk(head, |_, bytes| {
            string.extend_from_slice(bytes);
            Ok(())
        })?;
        Ok(string)
    }

    /// Reads a string: one chunk, or those up to the break, which are definite strings of the same kind.
    fn each_chunk(
        &mut self,
        head: Head,
        mut read: impl FnMut(Head, &'a [u8]) -> Result<(), InvalidCbor>,
    ) -> Result<(), InvalidCbor> {
        if let Some(length) = head.argument {
            let bytes = self.take(length).ok_or(head.refuse(CborProblem::LengthBeyondBody))?;
            return read(head, bytes);
        }
        while !self.take_break() {
            let chunk = self.head()?;
            let length = chunk.argument.filter(|_| chunk.major == head.major);
            let length = length.ok_or(chunk.refuse(CborProblem::WrongChunk))?;
            let bytes = self.take(length).ok_or(chunk.refuse(CborProblem::LengthBeyondBody))?;
            read(chunk, bytes)?;
        }
        Ok(())
    }

    fn timestamp(&mut self, head: Head) -> Result<Value, InvalidCbor> {
        let tag = head.definite()?;
        if tag != TAG_EPOCH_SECONDS {
            return Err(head.refuse(CborProblem::UnknownTag(tag)));
        }
        let seconds = self.head()?;
        let value = match seconds.major {
            MAJOR_UNSIGNED | MAJOR_NEGATIVE => Value::Number(integer(seconds)?),
            MAJOR_SIMPLE => simple(seconds)?,
            _ => Value::Null,
        };
        if value.is_number() { Ok(value) } else { Err(seconds.refuse(CborProblem::InvalidTimestamp)) }
    }
}

fn integer(head: Head) -> Result<Number, InvalidCbor> {
    let argument = head.definite()?;
    if head.major == MAJOR_UNSIGNED {
        return Ok(Number::from(argument));
    }
    let number = i64::try_from(argument).map_err(|_| head.refuse(CborProblem::IntegerTooSmall))?;
    Ok(Number::from(-1 - number))
}

/// Reads what has no length: flags, nulls and floats, whose bits are the argument.
fn simple(head: Head) -> Result<Value, InvalidCbor> {
    let argument = head.definite()?;
    match head.info {
        20 => Ok(Value::Bool(false)),
        21 => Ok(Value::Bool(true)),
        // "Undefined" is how some clients write an absent member.
        22 | 23 => Ok(Value::Null),
        25 => Ok(double::to_json(half(argument as u16))),
        26 => Ok(double::to_json(f64::from(f32::from_bits(argument as u32)))),
        27 => Ok(double::to_json(f64::from_bits(argument))),
        _ => Err(head.refuse(CborProblem::UnknownSimple(argument))),
    }
}

/// Reads a half-precision float (IEEE 754 binary16) from its bits.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (fraction + 1024.0) * 2f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests;
