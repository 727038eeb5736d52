//! Where output goes: results to standard output, as a table, JSON or tab-separated values; progress, notes and errors to standard error.
//!
//! Colour is on only where it is seen: on a terminal, without `NO_COLOR` and `--no-color`.

use std::io::{self, IsTerminal, Write};

use console::{Style, measure_text_width};
use serde::Serialize;

use crate::tsv;

/// The form of results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
    /// For shell scripts: tab-separated, below a line with the names.
    Tsv,
}

/// Colours, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    On,
    Off,
}

/// Prints results and remarks.
#[derive(Clone, Debug)]
pub struct Printer {
    output: Output,
    results: Color,
    remarks: Color,
}

impl Printer {
    /// A printer for this process; `forbidden` is `--no-color`.
    pub fn new(output: Output, forbidden: bool) -> Self {
        let allowed = !forbidden && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let color = |is_terminal: bool| if allowed && is_terminal { Color::On } else { Color::Off };
        Self { output, results: color(io::stdout().is_terminal()), remarks: color(io::stderr().is_terminal()) }
    }

    pub fn output(&self) -> Output {
        self.output
    }

    /// The colours of standard output.
    pub fn results(&self) -> Paint {
        Paint(self.results)
    }

    /// The colours of standard error.
    pub fn remarks(&self) -> Paint {
        Paint(self.remarks)
    }

    /// Prints a result: `value` as JSON, or the text for people.
    pub fn result<T: Serialize>(&self, value: &T, text: impl FnOnce(Paint) -> String) -> io::Result<()> {
        let text = match self.output {
            Output::Table => text(self.results()),
            Output::Json => serde_json::to_string_pretty(value).map_err(io::Error::other)?,
            Output::Tsv => tsv::table(value).map_err(io::Error::other)?,
        };
        self.text(&text)
    }

    /// Prints text to standard output, with a line feed at its end.
    pub fn text(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        if !text.is_empty() && !text.ends_with('\n') {
            out.write_all(b"\n")?;
        }
        out.flush()
    }

    /// Prints a remark to standard error. Nobody to read it is no reason to stop.
    pub fn remark(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}

/// Colours text, or leaves it.
#[derive(Clone, Copy, Debug)]
pub struct Paint(Color);

impl Paint {
    /// Whether there are any.
    pub fn color(self) -> Color {
        self.0
    }

    /// No colours.
    pub const PLAIN: Paint = Paint(Color::Off);

    pub fn good(self, text: &str) -> String {
        self.paint(Style::new().green(), text)
    }

    pub fn bad(self, text: &str) -> String {
        self.paint(Style::new().red(), text)
    }

    pub fn doubtful(self, text: &str) -> String {
        self.paint(Style::new().yellow(), text)
    }

    pub fn strong(self, text: &str) -> String {
        self.paint(Style::new().bold(), text)
    }

    pub fn faint(self, text: &str) -> String {
        self.paint(Style::new().dim(), text)
    }

    fn paint(self, style: Style, text: &str) -> String {
        match self.0 {
            Color::On => style.force_styling(true).apply_to(text).to_string(),
            Color::Off => text.to_owned(),
        }
    }
}

/// Lays out rows in columns, two blanks apart, the last one unpadded. Cells may hold colours.
pub fn table(header: &[&str], rows: &[Vec<String>], paint: Paint) -> String {
    let header: Vec<String> = header.iter().map(|title| paint.strong(title)).collect();
    let all: Vec<&Vec<String>> = std::iter::once(&header).chain(rows).collect();
    let width = |column: usize| {
        all.iter().filter_map(|row| row.get(column)).map(|cell| measure_text_width(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let mut text = String::new();
    for row in all {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line += cell;
            line += &" ".repeat(width - measure_text_width(cell) + 2);
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_have_no_trailing_blanks() {
        let rows =
            [vec!["web".into(), "ACTIVE".into(), String::new()], vec!["a-long-name".into(), String::new(), "x".into()]];
        let text = table(&["SERVICE", "STATE", "MORE"], &rows, Paint::PLAIN);
        assert_eq!(text, "SERVICE      STATE   MORE\nweb          ACTIVE\na-long-name          x\n");
    }

    #[test]
    fn colours_do_not_count_as_width() {
        let rows = [vec![Paint(Color::On).good("web"), "x".into()]];
        let text = table(&["SERVICE", "MORE"], &rows, Paint::PLAIN);
        assert_eq!(console::strip_ansi_codes(&text), "SERVICE  MORE\nweb      x\n");
    }
}
