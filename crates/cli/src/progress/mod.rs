//! Progress on standard error: a live view on a terminal, plain lines everywhere else.

mod live;
mod plain;

use std::io::IsTerminal;
use std::sync::Arc;

use seatrial_release::report::{Event, Reporter};

use crate::arguments::Common;
use crate::printer::Printer;
use crate::show::steps::Detail;

use live::Live;
use plain::Plain;

/// Shows what a command does while it does it.
#[derive(Clone)]
pub struct Display(Arc<Kind>);

enum Kind {
    Live(Live),
    Plain(Plain),
}

impl Display {
    /// The display that fits where standard error goes.
    pub fn new(printer: &Printer, common: &Common) -> Self {
        let detail = if common.verbosity() > 0 { Detail::Everything } else { Detail::Changes };
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let kind = if std::io::stderr().is_terminal() && !set("CI") && !dumb {
            Kind::Live(Live::new(detail, printer.remarks()))
        } else {
            Kind::Plain(Plain::new(detail, printer.remarks()))
        };
        Self(Arc::new(kind))
    }

    /// A reporter that feeds this display.
    pub fn reporter(&self) -> Reporter {
        let display = self.clone();
        Reporter::new(move |event| display.show(&event))
    }

    /// Takes the live view away, so that what follows stands below plain text.
    pub fn end(&self) {
        match &*self.0 {
            Kind::Live(live) => live.end(),
            Kind::Plain(_) => {}
        }
    }

    fn show(&self, event: &Event) {
        match &*self.0 {
            Kind::Live(live) => live.show(event),
            Kind::Plain(plain) => plain.show(event),
        }
    }
}
