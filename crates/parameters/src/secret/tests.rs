use proptest::prelude::*;
use seatrial_model::arn::Scope;
use seatrial_model::{AccountId, Region};

use super::deletion::DeletionWish;
use super::*;

fn scope() -> Scope {
    Scope {
        region: Region::parse("us-east-1").expect("a region"),
        account: AccountId::parse("123456789012").expect("an account"),
    }
}

fn secret(name: &str) -> Secret {
    let name = SecretName::parse(name).expect("a name");
    let arn = name.arn(&scope(), 0x5ea7_1a1d_0000_0001);
    Secret::new(name, arn, Timestamp::EPOCH)
}

fn id(number: usize) -> VersionId {
    VersionId::parse("VersionId", &format!("{number:032}")).expect("an id")
}

fn add(secret: &mut Secret, number: usize, stages: Option<&[&str]>) {
    let stages = stages.map(|list| list.iter().map(|text| Stage::parse(text).expect("a stage")).collect());
    let value = StoredValue::Sealed("sealed".to_owned());
    secret.add(id(number), Form::Text, value, stages, Timestamp::EPOCH).expect("there is room");
}

fn code<T>(outcome: Result<T, Refused>) -> &'static str {
    outcome.err().map_or("", |refused| refused.code)
}

/// The stages of every version that has any, as a text.
fn staged(secret: &Secret) -> String {
    let with = secret.versions().filter(|version| !version.stages.is_empty());
    let shown = with.map(|version| {
        let stages: Vec<&str> = version.stages.iter().map(Stage::as_str).collect();
        format!("{}:{}", version.id.as_str().trim_start_matches('0'), stages.join("+"))
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_new_value_becomes_current_and_leaves_the_former_as_previous() {
    let mut it = secret("db");
    add(&mut it, 1, Some(&["BLUE"]));
    assert_eq!(staged(&it), "1:AWSCURRENT+BLUE");
    add(&mut it, 2, None);
    assert_eq!(staged(&it), "1:AWSPREVIOUS+BLUE 2:AWSCURRENT");
    add(&mut it, 3, Some(&["AWSPENDING"]));
    add(&mut it, 4, None);
    assert_eq!(staged(&it), "1:BLUE 2:AWSPREVIOUS 3:AWSPENDING 4:AWSCURRENT");
    assert_eq!(it.select(None, None).map(|version| version.id.clone()), Ok(id(4)));
    assert_eq!(it.select(None, Some(&Stage::previous())).map(|version| version.id.clone()), Ok(id(2)));
    assert_eq!(code(it.select(Some(&id(1)), Some(&Stage::current())).cloned()), "InvalidRequestException");
    assert_eq!(code(it.select(Some(&id(9)), None).cloned()), "ResourceNotFoundException");
}

#[test]
fn a_stage_moves_only_from_the_version_that_is_named() {
    let mut it = secret("db");
    (1..=3).for_each(|number| add(&mut it, number, None));
    let current = Stage::current();
    let mut moved = |from: Option<usize>, to: Option<usize>| {
        let (from, to) = (from.map(id), to.map(id));
        code(it.move_stage(&current, from.as_ref(), to.as_ref(), Timestamp::EPOCH))
    };
    assert_eq!(moved(None, Some(1)), "InvalidParameterException");
    assert_eq!(moved(Some(1), Some(2)), "InvalidParameterException");
    assert_eq!(moved(Some(3), None), "InvalidParameterException");
    assert_eq!(moved(Some(9), Some(1)), "ResourceNotFoundException");
    assert_eq!(moved(Some(3), Some(1)), "");
    assert_eq!(staged(&it), "1:AWSCURRENT 3:AWSPREVIOUS");
    let fresh = Stage::parse("TRIED").expect("a stage");
    assert_eq!(code(it.move_stage(&fresh, None, Some(&id(2)), Timestamp::EPOCH)), "");
    assert_eq!(code(it.move_stage(&fresh, Some(&id(2)), None, Timestamp::EPOCH)), "");
    assert_eq!(staged(&it), "1:AWSCURRENT 3:AWSPREVIOUS");
}

#[test]
fn old_versions_without_stages_leave_after_a_day() {
    let mut it = secret("db");
    (1..=150).for_each(|number| add(&mut it, number, None));
    assert_eq!(it.versions().count(), 150, "they are young");
    let later = Timestamp::EPOCH + VERSION_AGE_MIN;
    it.add(id(151), Form::Text, StoredValue::Sealed(String::new()), None, later).expect("there is room");
    assert_eq!(it.versions().count(), VERSIONS_KEPT);
    assert_eq!(staged(&it), "150:AWSPREVIOUS 151:AWSCURRENT");
}

#[test]
fn a_secret_is_named_by_name_arn_or_partial_arn() {
    let secrets = [secret("db"), secret("app/db")];
    let find = |text: &str| SecretId::new(text).find(secrets.iter()).map(|secret| secret.name().as_str().to_owned());
    let home = "arn:aws:secretsmanager:us-east-1:123456789012:secret";
    assert_eq!(find("app/db").as_deref(), Some("app/db"));
    assert_eq!(find(secrets[0].arn()).as_deref(), Some("db"));
    assert_eq!(find(&format!("{home}:app/db")).as_deref(), Some("app/db"));
    assert_eq!(find(&format!("{home}:app")), None);
    assert_eq!(find("other"), None);
    let (_, suffix) = secrets[0].arn().rsplit_once('-').expect("a suffix");
    assert!(suffix.len() == 6 && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{suffix}");
    assert_eq!(code(SecretName::parse("a b")), "InvalidParameterException");
}

#[test]
fn a_deleted_secret_can_be_restored_within_its_window() {
    let mut it = secret("db");
    assert_eq!(DeletionWish::parse(None, None), Ok(DeletionWish::After(30)));
    assert_eq!(DeletionWish::parse(None, Some(true)), Ok(DeletionWish::AtOnce));
    for (days, force) in [(6, None), (31, None), (7, Some(true))] {
        assert_eq!(code(DeletionWish::parse(Some(days), force)), "InvalidParameterException");
    }
    assert_eq!(it.mark(7, Timestamp::EPOCH), Timestamp::from_millis(7 * 24 * 3_600_000));
    assert_eq!(code(it.check_in_use()), "InvalidRequestException");
    it.restore(Timestamp::EPOCH);
    assert_eq!(code(it.check_in_use()), "");
}

#[test]
fn filters_are_beginnings_and_can_be_turned_round() {
    let mut it = secret("app/db");
    it.describe(Some("The Database".to_owned()), None, Timestamp::EPOCH).expect("described");
    it.tags_mut().insert("team".to_owned(), "blue".to_owned());
    for (key, value, found) in [
        ("name", "app", true),
        ("name", "App", false),
        ("name", "!app", false),
        ("name", "!web", true),
        ("description", "the data", true),
        ("tag-key", "te", true),
        ("tag-value", "red", false),
        ("owning-service", "rds", false),
        ("all", "BLUE data", true),
        ("all", "green", false),
    ] {
        let filter = Filter::parse(key, vec![value.to_owned()]).expect("a filter");
        assert_eq!(filter.admits(&it), found, "{key} {value}");
    }
    assert_eq!(code(Filter::parse("colour", vec!["x".to_owned()])), "InvalidParameterException");
}

proptest! {
    /// Whatever is put and moved: each stage is on one version, and there is always a current one.
    #[test]
    fn every_stage_is_on_one_version(steps in prop::collection::vec((0usize..3, 0usize..8, 0usize..8), 1..40)) {
        let mut it = secret("db");
        add(&mut it, 1, None);
        for (index, (stage, from, to)) in steps.into_iter().enumerate() {
            let text = ["AWSCURRENT", "AWSPREVIOUS", "OTHER"][stage];
            if from == to {
                add(&mut it, index + 2, Some(&[text]));
            } else {
                let stage = Stage::parse(text).expect("a stage");
                drop(it.move_stage(&stage, Some(&id(from)), Some(&id(to)), Timestamp::EPOCH));
            }
            let stages: Vec<&Stage> = it.versions().flat_map(|version| &version.stages).collect();
            let different: BTreeSet<&&Stage> = stages.iter().collect();
            prop_assert_eq!(stages.len(), different.len());
            prop_assert!(it.select(None, None).is_ok());
        }
    }
}
