//! What infrastructure may lose: named by flags, or agreed to at the terminal by typing what it is.

use std::collections::BTreeSet;
use std::io::{IsTerminal, stdin};
use std::sync::Arc;

use clap::Args;
use seatrial_release::provision::{Question, ResourceChange, Sacrifice};

use crate::printer::Printer;

/// What infrastructure may lose.
#[derive(Args, Clone, Debug, Default)]
pub struct SacrificeArguments {
    /// Let infrastructure that holds data be replaced or destroyed: its address, as `infra plan` tells it; may be repeated
    #[arg(long, value_name = "ADDRESS", env = "SEATRIAL_ALLOW_REPLACE")]
    pub allow_replace: Vec<String>,
}

impl SacrificeArguments {
    /// What is allowed, and whom to ask about the rest.
    pub fn sacrifice(&self, printer: &Printer) -> Sacrifice {
        let is_attended = stdin().is_terminal() && std::io::stderr().is_terminal();
        let printer = printer.clone();
        let ask: Question = Arc::new(move |open| open.iter().all(|resource| is_given_up(resource, &printer)));
        Sacrifice { allowed: BTreeSet::from_iter(self.allow_replace.clone()), ask: is_attended.then_some(ask) }
    }
}

/// Asks about one resource. A letter is typed too easily.
fn is_given_up(resource: &ResourceChange, printer: &Printer) -> bool {
    printer.remark(&printer.remarks().bad(&format!("{resource}, and what it holds is lost")));
    printer.remark(&format!("Type {} to let that happen:", resource.address));
    let mut answer = String::new();
    stdin().read_line(&mut answer).is_ok() && answer.trim() == resource.address
}
