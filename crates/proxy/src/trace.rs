//! Owns `X-Amzn-Trace-Id`: begun as `Root=…`, continued with `Self=…` in front, as ELB does.

/// The parts of a trace id: `1-` time `-` 96 random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceId {
    /// Seconds since the Unix epoch.
    pub seconds: u32,
    pub high: u32,
    pub low: u64,
}

impl TraceId {
    /// Appends the field's value; `former` is what the client sent.
    pub fn write(self, former: Option<&[u8]>, out: &mut Vec<u8>) {
        let continues =
            former.is_some_and(|former| former.windows(5).any(|window| window.eq_ignore_ascii_case(b"root=")));
        out.extend_from_slice(if continues { b"Self=1-" } else { b"Root=1-" });
        hexadecimal(u64::from(self.seconds), 8, out);
        out.push(b'-');
        hexadecimal(u64::from(self.high), 8, out);
        hexadecimal(self.low, 16, out);
        if let Some(former) = former {
            out.push(b';');
            out.extend_from_slice(former);
        }
    }
}

fn hexadecimal(number: u64, digits: u32, out: &mut Vec<u8>) {
    let digit = |position: u32| b"0123456789abcdef"[(number >> (4 * position)) as usize & 15];
    out.extend((0..digits).rev().map(digit));
}
