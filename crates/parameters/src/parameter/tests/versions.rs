use super::*;
use crate::parameter::{Selector, VERSIONS_MAX, label};

fn labels(list: &[&str]) -> Vec<String> {
    list.iter().map(|label| (*label).to_owned()).collect()
}

#[test]
fn the_oldest_version_leaves_unless_it_has_a_label() {
    let mut parameter = with_versions("a", VERSIONS_MAX);
    let again = || PutRequest { overwrite: Overwrite::Allowed, ..request("a", "next") };
    parameter.label(Some(1), &labels(&["first"])).expect("a label");
    assert_eq!(code(put(Some(parameter.clone()), again())), "ParameterMaxVersionLimitExceeded");
    parameter.label(Some(2), &labels(&["first"])).expect("the label moves");
    let parameter = put(Some(parameter), again()).expect("there is room");
    let kept: Vec<u64> = parameter.versions().map(|version| version.number).collect();
    assert_eq!((kept.len(), kept[0], parameter.latest().number), (VERSIONS_MAX, 2, 101));
    assert_eq!(code(parameter.select(Some(&Selector::Version(1))).cloned()), "ParameterVersionNotFound");
}

#[test]
fn a_label_is_on_one_version_and_moves() {
    let mut parameter = with_versions("a", 3);
    let labelled = parameter.label(Some(1), &labels(&["prod", "9th", "aws-x", "SSM", "a b"])).expect("labels");
    assert_eq!(labelled.invalid, labels(&["9th", "aws-x", "SSM", "a b"]));
    assert_eq!(parameter.label(None, &labels(&["prod"])).map(|labelled| labelled.version), Ok(3));
    assert!(parameter.labels_of(1).is_empty());
    let chosen = parameter.select(Some(&Selector::Label("prod".to_owned()))).expect("a version");
    assert_eq!(chosen.number, 3);
    assert_eq!(code(parameter.label(Some(9), &labels(&["x"]))), "ParameterVersionNotFound");

    let ten: Vec<String> = (0..10).map(|number| format!("l{number}")).collect();
    parameter.label(Some(2), &ten).expect("as many as there may be");
    parameter.label(Some(2), &ten[..1]).expect("those it has take no room");
    assert_eq!(code(parameter.label(Some(2), &labels(&["more"]))), "ParameterVersionLabelLimitExceeded");
    assert_eq!(parameter.labels_of(2).len(), label::LABELS_MAX);

    let taken = parameter.unlabel(2, &labels(&["l0", "prod"])).expect("labels");
    assert_eq!((taken.removed, taken.invalid), (labels(&["l0"]), labels(&["prod"])));
    assert_eq!(parameter.labels_of(2).len(), 9);
}
