//! Numbers as tar archives write them: octal digits, or GNU's binary form for what they have no room for.

use super::error::LayerError;

const MALFORMED: LayerError = LayerError::Malformed("a number in a header has other characters than octal digits");
const TOO_LARGE: LayerError = LayerError::Malformed("a number in a header is too large");

/// Reads a field that cannot be negative; an empty one is zero.
pub(super) fn unsigned(field: &[u8]) -> Result<u64, LayerError> {
    u64::try_from(signed(field)?).map_err(|_| LayerError::Malformed("a number in a header is negative"))
}

/// Reads a field; an empty one is zero.
pub(super) fn signed(field: &[u8]) -> Result<i64, LayerError> {
    match field.first() {
        Some(0x80..) => binary(field),
        Some(_) | None => octal(field),
    }
}

/// Reads a decimal number of an extended header.
pub(super) fn decimal(value: &[u8]) -> Result<u64, LayerError> {
    let number = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    number.ok_or(LayerError::Malformed("a number in an extended header has other characters than digits"))
}

fn octal(field: &[u8]) -> Result<i64, LayerError> {
    let is_padding = |byte: &u8| *byte == b' ' || *byte == 0;
    let digits = field.iter().skip_while(|byte| is_padding(byte));
    let mut number = 0_i64;
    let mut ended = false;
    for byte in digits {
        match byte {
            b'0'..=b'7' if !ended => {
                number = number.checked_mul(8).ok_or(TOO_LARGE)? | i64::from(byte - b'0');
            }
            byte if is_padding(byte) => ended = true,
            _ => return Err(MALFORMED),
        }
    }
    Ok(number)
}

/// Two's complement, the highest byte first, with the first bit as a mark and the second as the sign.
fn binary(field: &[u8]) -> Result<i64, LayerError> {
    let is_negative = field.first().is_some_and(|first| first & 0x40 != 0);
    let mut number: i64 = if is_negative { -1 } else { 0 };
    for (position, byte) in field.iter().enumerate() {
        let byte = match (position, is_negative) {
            (0, true) => byte | 0x80,
            (0, false) => byte & 0x3f,
            (_, _) => *byte,
        };
        number = number.checked_mul(256).ok_or(TOO_LARGE)? | i64::from(byte);
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_and_binary_fields_are_read() {
        let cases: [(&[u8], i64); 9] = [
            (b"0000644\0", 0o644),
            (b"   755 \0", 0o755),
            (b"", 0),
            (b"\0\0\0\0", 0),
            (b"77777777777", 0o77_777_777_777),
            (b"\x80\0\0\0\0\0\0\x01\0\0\0\0", 1 << 32),
            (b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", i64::MAX),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", -1),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00", -256),
        ];
        for (field, number) in cases {
            assert_eq!(signed(field).expect("a number"), number, "{field:?}");
        }
    }

    #[test]
    fn what_is_no_number_or_too_large_is_refused() {
        let fields: [&[u8]; 6] =
            [b"12x", b"8", b"7 7", b"-1", b"777777777777777777777777", b"\x80\0\0\0\x80\0\0\0\0\0\0\0"];
        for field in fields {
            assert!(signed(field).is_err(), "{field:?}");
        }
        assert!(unsigned(b"\xff\xff\xff\xff\xff\xff\xff\xff").is_err());
    }

    #[test]
    fn decimal_numbers_have_digits_only() {
        assert_eq!(decimal(b"8589934592").expect("a number"), 8_589_934_592);
        for value in [&b""[..], b"-1", b"1.5", b"\xff", b"18446744073709551616"] {
            assert!(decimal(value).is_err(), "{value:?}");
        }
    }
}
