use proptest::prelude::*;

use super::*;
use crate::parameter::{ParameterName, Reference, Selector, VERSIONS_MAX, label};

/// What can happen to a parameter.
#[derive(Clone, Debug)]
enum Step {
    Put,
    Label(u64, Vec<String>),
    Unlabel(u64, Vec<String>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let labels = || prop::collection::vec("[a-c][0-9]?", 1..4);
    let step = prop_oneof![
        6 => Just(Step::Put),
        2 => (1u64..130, labels()).prop_map(|(version, labels)| Step::Label(version, labels)),
        1 => (1u64..130, labels()).prop_map(|(version, labels)| Step::Unlabel(version, labels)),
    ];
    prop::collection::vec(step, 1..250)
}

proptest! {
    /// Whatever happens: versions are consecutive and few enough, every label is on a version that is there, no version has too many.
    #[test]
    fn versions_and_labels_always_fit_together(steps in steps()) {
        let mut parameter = with_versions("a", 1);
        for step in steps {
            match step {
                Step::Put => {
                    let again = PutRequest { overwrite: Overwrite::Allowed, ..request("a", "x") };
                    let before = parameter.latest().number;
                    if let Ok(fresh) = put(Some(parameter.clone()), again) {
                        prop_assert_eq!(fresh.latest().number, before + 1);
                        parameter = fresh;
                    }
                }
                Step::Label(version, labels) => drop(parameter.label(Some(version), &labels)),
                Step::Unlabel(version, labels) => drop(parameter.unlabel(version, &labels)),
            }
            let numbers: Vec<u64> = parameter.versions().map(|version| version.number).collect();
            prop_assert!(numbers.len() <= VERSIONS_MAX);
            prop_assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]));
            for (label, on) in &parameter.labels {
                prop_assert!(numbers.contains(on));
                prop_assert_eq!(parameter.select(Some(&Selector::Label(label.clone()))).map(|version| version.number), Ok(*on));
            }
            prop_assert!(numbers.iter().all(|number| parameter.labels_of(*number).len() <= label::LABELS_MAX));
        }
    }

    /// A name that may be made is found by itself and by its ARN.
    #[test]
    fn a_name_is_found_by_its_arn(name in "(/[a-z0-9._-]{1,5}){1,15}|[b-q][a-z0-9._-]{0,9}") {
        if let Ok(name) = ParameterName::parse(&name, &scope()) {
            for text in [name.as_str().to_owned(), name.arn(&scope())] {
                let reference = Reference::parse(&text, &scope()).expect("a reference");
                prop_assert!(reference.names().any(|candidate| candidate == name.as_str()));
            }
        }
    }

    #[test]
    fn nothing_that_is_typed_panics(text in ".{0,60}") {
        drop(Reference::parse(&text, &scope()));
        drop(put(None, request(&text, &text)));
        drop(crate::parameter::policy::parse(&text));
    }
}
