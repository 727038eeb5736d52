//! Infrastructure as text: what would become of it, what it tells, what somebody has changed by hand.

use seatrial_release::provision::{Action, Applied, Drift, Outputs, Preview};

use crate::printer::{Paint, table};

/// One line for each resource, and what they come to.
pub fn preview(preview: &Preview, paint: Paint) -> String {
    let mut text = String::new();
    for resource in &preview.resources {
        let line = resource.to_string();
        let line = match resource.action {
            Action::Create | Action::Import => paint.good(&line),
            Action::Move | Action::Update | Action::Forget => paint.doubtful(&line),
            Action::PerhapsReplace | Action::Replace | Action::Delete => paint.bad(&line),
        };
        text += &format!("{line}\n");
    }
    text += &format!("{}\n", preview.in_words());
    for address in &preview.guarded {
        let what = format!("{address} holds data that would be lost: a release refuses that without");
        text += &format!("{}\n", paint.bad(&format!("{what} --allow-replace '{address}'")));
    }
    text
}

/// What was changed, and what the infrastructure tells now.
pub fn applied(applied: &Applied, paint: Paint) -> String {
    let done = if applied.preview.changes_anything() {
        format!("{} {}\n", paint.good("done:"), applied.preview.in_words())
    } else {
        "nothing to change\n".to_owned()
    };
    if applied.outputs.is_empty() { done } else { done + "\n" + &outputs(&applied.outputs, paint) }
}

/// A row for each output.
pub fn outputs(outputs: &Outputs, paint: Paint) -> String {
    let rows: Vec<Vec<String>> = outputs.iter().map(|(name, output)| vec![name.clone(), output.shown()]).collect();
    if rows.is_empty() { String::new() } else { table(&["OUTPUT", "VALUE"], &rows, paint) }
}

/// A line for each resource that is not as it was made.
pub fn drift(drift: &Drift, paint: Paint) -> String {
    let mut text = String::new();
    for resource in &drift.resources {
        let settings =
            if resource.settings.is_empty() { String::new() } else { format!(": {}", resource.settings.join(", ")) };
        let line = format!("{} ({}) is {}{settings}", resource.address, resource.kind, resource.what);
        text += &format!("{}\n", paint.doubtful(&line));
    }
    if !drift.unchecked.is_empty() {
        text += &format!("nobody can tell of {}\n", drift.unchecked.join(", "));
    }
    if drift.is_none() { text + "everything is as it was made\n" } else { text }
}

#[cfg(test)]
mod tests {
    use seatrial_release::provision::{DriftedResource, Fate, ResourceChange};

    use super::*;

    #[test]
    fn what_would_be_lost_is_told_with_the_flag_that_allows_it() {
        let resource = ResourceChange {
            address: "aws_db_instance.main".into(),
            kind: "aws_db_instance".into(),
            action: Action::Replace,
            fate: Fate::Lost,
        };
        let all = Preview { guarded: vec![resource.address.clone()], resources: vec![resource], outputs: vec![] };
        assert_eq!(
            preview(&all, Paint::PLAIN),
            "± aws_db_instance.main (aws_db_instance): replace\n1 to replace\naws_db_instance.main holds data that would be lost: \
             a release refuses that without --allow-replace 'aws_db_instance.main'\n"
        );
    }

    #[test]
    fn drift_is_told_by_resource() {
        let all = Drift {
            resources: vec![DriftedResource {
                address: "a.b".into(),
                kind: "a".into(),
                what: "changed",
                settings: vec!["tags".into()],
            }],
            unchecked: vec!["c.d".into()],
        };
        assert_eq!(drift(&all, Paint::PLAIN), "a.b (a) is changed: tags\nnobody can tell of c.d\n");
        assert_eq!(drift(&Drift::default(), Paint::PLAIN), "everything is as it was made\n");
    }
}
