//! What a deletion came to, as text.

use seatrial_release::{DeleteReport, Named};

use crate::printer::Paint;

/// One line about what is gone, and one about what stays.
pub fn deletion(report: &DeleteReport, what: &str, paint: Paint) -> String {
    let mut text = if report.deleted.is_empty() {
        format!("{} there was nothing to delete\n", paint.good("✔"))
    } else {
        format!("{} deleted {what}\n", paint.good("✔"))
    };
    if !report.kept.is_empty() {
        let named = |kept: &Named| format!("{} {}", kept.resource, kept.name);
        let kept: Vec<String> = report.kept.iter().map(named).collect();
        text += &format!("  {} {} (--all deletes them too)\n", paint.faint("kept:"), kept.join(", "));
    }
    if let Some(kept) = &report.kept_parameters {
        let (label, flag) = (paint.faint("kept:"), "--parameters");
        text += &format!("  {label} {} {} ({flag} deletes them too)\n", kept.resource, kept.name);
    }
    text
}

#[cfg(test)]
mod tests {
    use seatrial_release::report::Resource;

    use super::*;

    #[test]
    fn what_is_gone_and_what_stays_is_told() {
        let named = |resource, name: &str| Named { resource, name: name.into() };
        let report = |deleted, kept| DeleteReport { deleted, kept, ..DeleteReport::default() };
        let kept = vec![named(Resource::TaskDefinition, "a-dev-web"), named(Resource::LogGroup, "/ecs/a-dev/web")];
        assert_eq!(
            deletion(&report(vec![named(Resource::Service, "web")], kept), "web of a in dev", Paint::PLAIN),
            "✔ deleted web of a in dev\n  kept: task definition a-dev-web, log group /ecs/a-dev/web (--all deletes them too)\n"
        );
        assert_eq!(
            deletion(&report(vec![], vec![]), "web of a in dev", Paint::PLAIN),
            "✔ there was nothing to delete\n"
        );
        let parameters = Some(named(Resource::Parameters, "/a/dev/* (14)"));
        let report = DeleteReport { kept_parameters: parameters, ..report(vec![], vec![]) };
        assert_eq!(
            deletion(&report, "web of a in dev", Paint::PLAIN),
            "✔ there was nothing to delete\n  kept: parameters /a/dev/* (14) (--parameters deletes them too)\n"
        );
    }
}
