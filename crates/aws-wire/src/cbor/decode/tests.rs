use proptest::prelude::*;
use serde_json::json;

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex.replace(' ', "")).expect("hex")
}

fn value(hex: &str) -> Value {
    decode(&bytes(hex)).expect(hex)
}

fn problem(hex: &str) -> CborProblem {
    decode(&bytes(hex)).expect_err(hex).problem
}

#[test]
fn integers_have_every_width() {
    for (hex, expected) in [
        ("00", json!(0)),
        ("17", json!(23)),
        ("1818", json!(24)),
        ("1805", json!(5)),
        ("1903e8", json!(1000)),
        ("1a000f4240", json!(1_000_000)),
        ("1bffffffffffffffff", json!(u64::MAX)),
        ("20", json!(-1)),
        ("3863", json!(-100)),
        ("3b7fffffffffffffff", json!(i64::MIN)),
    ] {
        assert_eq!(value(hex), expected, "{hex}");
    }
    assert_eq!(problem("3b8000000000000000"), CborProblem::IntegerTooSmall);
}

/// The values are those of RFC 8949, appendix A.
#[test]
fn floats_have_every_width() {
    for (hex, expected) in [
        ("f90000", json!(0.0)),
        ("f93c00", json!(1.0)),
        ("f93e00", json!(1.5)),
        ("f97bff", json!(65504.0)),
        ("f90001", json!(5.960_464_477_539_063e-8)),
        ("f90400", json!(0.000_061_035_156_25)),
        ("f9c400", json!(-4.0)),
        ("fa47c35000", json!(100_000.0)),
        ("fa7f7fffff", json!(3.402_823_466_385_288_6e38)),
        ("fb3ff199999999999a", json!(1.1)),
        ("fbc010666666666666", json!(-4.1)),
        ("f97c00", json!("Infinity")),
        ("f9fc00", json!("-Infinity")),
        ("f97e00", json!("NaN")),
        ("fa7f800000", json!("Infinity")),
        ("fb7ff8000000000000", json!("NaN")),
    ] {
        assert_eq!(value(hex), expected, "{hex}");
    }
}

#[test]
fn containers_and_strings_have_definite_or_indefinite_lengths() {
    assert_eq!(value("83 01 82 02 03 80"), json!([1, [2, 3], []]));
    assert_eq!(value("9f 01 9f ff 82 02 03 ff"), json!([1, [], [2, 3]]));
    assert_eq!(value("a2 61 61 01 61 62 f5"), json!({"a": 1, "b": true}));
    assert_eq!(value("bf 61 61 01 7f 61 62 61 63 ff f6 ff"), json!({"a": 1, "bc": null}));
    assert_eq!(value("7f 62 c3 a9 60 61 78 ff"), json!("éx"));
    assert_eq!(value("44 01 02 03 04"), json!("AQIDBA=="));
    assert_eq!(value("5f 42 01 02 42 03 04 ff"), json!("AQIDBA=="));
    assert_eq!(value("82 f6 f7"), json!([null, null]));
}

#[test]
fn timestamps_are_their_number() {
    assert_eq!(value("c1 1a 697deec0"), json!(1_769_860_800));
    assert_eq!(value("c1 fb 41da5f7bb0200000"), json!(1_769_860_800.5));
    assert_eq!(value("c1 38 3b"), json!(-60));
    for not_a_number in ["c1 60", "c1 f6", "c1 f97e00", "c1 80", "c1 c1 00", "c1 f4"] {
        assert_eq!(problem(not_a_number), CborProblem::InvalidTimestamp, "{not_a_number}");
    }
}

#[test]
fn tags_and_simple_values_of_other_protocols_are_refused() {
    assert_eq!(problem("c2 49 010000000000000000"), CborProblem::UnknownTag(2), "a big integer");
    assert_eq!(problem("c4 82 21 19 6ab3"), CborProblem::UnknownTag(4), "a decimal fraction");
    assert_eq!(problem("c0 60"), CborProblem::UnknownTag(0));
    assert_eq!(problem("d9 d9f7 00"), CborProblem::UnknownTag(55799));
    assert_eq!(problem("e0"), CborProblem::UnknownSimple(0));
    assert_eq!(problem("f8 ff"), CborProblem::UnknownSimple(255));
    assert_eq!(problem("f8 14"), CborProblem::UnknownSimple(20), "a second way to write false");
}

#[test]
fn what_is_cut_or_goes_on_is_refused() {
    for (hex, expected) in [
        ("", CborProblem::Truncated),
        ("18", CborProblem::Truncated),
        ("1b 00000000", CborProblem::Truncated),
        ("fb 00", CborProblem::Truncated),
        ("c1", CborProblem::Truncated),
        ("9f 01", CborProblem::Truncated),
        ("7f 61 61", CborProblem::Truncated),
        ("bf 61 61", CborProblem::Truncated),
        ("62 61", CborProblem::LengthBeyondBody),
        ("82 00", CborProblem::LengthBeyondBody),
        ("a1 60", CborProblem::LengthBeyondBody),
        ("00 00", CborProblem::TrailingBytes),
        ("80 ff", CborProblem::TrailingBytes),
    ] {
        assert_eq!(problem(hex), expected, "{hex}");
    }
}

#[test]
fn what_is_malformed_is_refused_with_its_place() {
    for (hex, at, expected) in [
        ("1c", 0, CborProblem::Reserved),
        ("81 3e", 1, CborProblem::Reserved),
        ("ff", 0, CborProblem::UnexpectedIndefinite),
        ("1f", 0, CborProblem::UnexpectedIndefinite),
        ("df 00", 0, CborProblem::UnexpectedIndefinite),
        ("81 ff", 1, CborProblem::UnexpectedIndefinite),
        ("bf 61 61 ff", 3, CborProblem::UnexpectedIndefinite),
        ("7f 41 61 ff", 1, CborProblem::WrongChunk),
        ("7f 7f ff ff", 1, CborProblem::WrongChunk),
        ("5f 00 ff", 1, CborProblem::WrongChunk),
        ("61 ff", 0, CborProblem::NotUtf8),
        ("7f 61 c3 61 a9 ff", 1, CborProblem::NotUtf8),
        ("a1 01 02", 1, CborProblem::KeyNotText),
        ("a2 61 61 01 61 61 02", 4, CborProblem::DuplicateKey),
        ("bf 61 61 01 7f 61 61 ff 02 ff", 4, CborProblem::DuplicateKey),
    ] {
        assert_eq!(decode(&bytes(hex)), Err(InvalidCbor { at, problem: expected }), "{hex}");
    }
}

#[test]
fn a_length_beyond_the_body_is_refused_before_anything_is_allocated() {
    for hex in
        ["5bffffffffffffffff", "7b7fffffffffffffff", "9b00ffffffffffffff", "bbffffffffffffffff", "9a 7fffffff 00"]
    {
        assert_eq!(problem(hex), CborProblem::LengthBeyondBody, "{hex}");
    }
}

#[test]
fn nesting_has_a_limit_however_it_is_written() {
    for (open, close) in [("81", ""), ("9f", "ff"), ("a1 60", ""), ("bf 60", "ff")] {
        let nested = |depth: usize| bytes(&format!("{}f5{}", open.repeat(depth), close.repeat(depth)));
        assert!(decode(&nested(INPUT_DEPTH_MAX)).is_ok(), "{open}");
        let refused = |depth| decode(&nested(depth)).expect_err("nests too deep").problem;
        assert_eq!(refused(INPUT_DEPTH_MAX + 1), CborProblem::TooDeep, "{open}");
        assert_eq!(refused(500_000), CborProblem::TooDeep, "{open}");
    }
}

#[test]
fn the_number_of_containers_has_a_limit() {
    let list = |length: usize| [&b"\x9f"[..], &b"\xa0".repeat(length), b"\xff"].concat();
    assert!(decode(&list(CONTAINERS_MAX - 1)).is_ok());
    let refused = decode(&list(CONTAINERS_MAX)).expect_err("too many containers");
    assert_eq!(refused.problem, CborProblem::TooManyContainers);
}

proptest! {
    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&body);
    }

    /// Bytes that are mostly heads of items reach deeper than random ones.
    #[test]
    fn no_heads_panic(
        body in prop::collection::vec(
            prop::sample::select(bytes("00 18 1f 20 38 41 5f 61 60 7f 78 81 9f 98 a1 bf b8 c1 c2 f4 f6 f9 fb ff 01 02 3b 5b 9b bb")),
            0..120,
        ),
    ) {
        let _ = decode(&body);
    }

    #[test]
    fn a_cut_body_is_refused_and_never_read_as_less(
        list in prop::collection::vec((".{0,10}", any::<f64>(), any::<i64>()), 1..10),
        cut in any::<prop::sample::Index>(),
    ) {
        let value: Value = list.iter().map(|(text, double, integer)| json!([text, double, {"n": integer}])).collect();
        let body = crate::cbor::encode(&value, crate::answer_form::AnswerForms::NONE);
        prop_assert!(decode(&body[..cut.index(body.len())]).is_err());
    }

    #[test]
    fn a_half_float_has_the_value_its_bits_say(sign in 0u16..2, exponent in 1u16..31, fraction in 0u16..1024) {
        let magnitude = (1.0 + f64::from(fraction) / 1024.0) * 2f64.powi(i32::from(exponent) - 15);
        let expected = if sign == 0 { magnitude } else { -magnitude };
        prop_assert_eq!(half(sign << 15 | exponent << 10 | fraction), expected);
    }
}
